"""Modules that are needed now and then only: the memory of their code is given back."""

import sys


def drop(*names: str) -> None:
    """Forget modules of this package, such as "wire.pairing"; whoever imports them again gets them anew."""
    package = __name__.rpartition(".")[0]
    for name in names:
        full = package + "." + name
        sys.modules.pop(full, None)
        home, _, module = full.rpartition(".")
        if hasattr(sys.modules[home], module):
            delattr(sys.modules[home], module)
