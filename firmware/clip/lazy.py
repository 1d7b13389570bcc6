"""Modules that are needed now and then only: the memory of their code is given back."""

import sys


def drop(*names: str) -> None:
    """Forget modules of this package, such as "wire.pairing"; whoever imports them again gets them anew."""
    package = __name__.rpartition(".")[0]
    for name in names:
        full = package + "." + name
        # A dictionary keeps the value of an entry that was removed until it has use for the entry: so it gets none first.
        if full in sys.modules:
            sys.modules[full] = None  # type: ignore[assignment]
            del sys.modules[full]
        home, _, module = full.rpartition(".")
        if hasattr(sys.modules[home], module):
            setattr(sys.modules[home], module, None)
            delattr(sys.modules[home], module)
