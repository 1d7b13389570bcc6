"""What is kept of an error that ended the firmware: where it was and of which kind, without the values in it."""

import io
import sys

from .wire.base import const

FILE = const("crash.txt")
TOLD = const("crash.old.txt")  # once the journal has an event of it
_MAX = const(1000)  # characters


def write(error: BaseException) -> None:
    """Print it and write it into a file. What cannot be written is not: the clip has to start anew either way."""
    try:
        sys.print_exception(error)  # type: ignore[attr-defined]
        text = io.StringIO()
        sys.print_exception(error, text)  # type: ignore[attr-defined]
        lines = text.getvalue().strip().split("\n")
        # Its last line is the kind and the words of the error, and words may hold anything.
        numbers = [str(arg) for arg in error.args if isinstance(arg, int)]
        lines[-1] = " ".join([type(error).__name__] + numbers)
        with open(FILE, "w") as file:
            file.write("\n".join(lines)[-_MAX:])
    except (OSError, MemoryError):
        pass
