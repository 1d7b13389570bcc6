"""Putting a build onto a board over USB, with mpremote. It has not been tried on a board."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from .build import Built

HOW_TO_GET = "mpremote is missing; get it with: pip install mpremote"


def find_mpremote() -> list[str] | None:
    """Command that runs mpremote: from PATH, else this Python's module, else None."""
    program = shutil.which("mpremote")
    if program is not None:
        return [program]
    return [sys.executable, "-m", "mpremote"] if find_spec("mpremote") is not None else None


def commands(
    built: Built, mpremote: list[str], port: str | None, keys: Path | None, *, romfs: bool = False
) -> list[list[str]]:
    """What to run, in order: the package first and main.py last, so that a cable pulled in between starts nothing half
    copied. What is there already goes before, because a source file would come before a compiled one. `keys` is the
    file of trusted gateways, if it is to be copied too; with `romfs` the package goes as an image into the board's
    partition for it."""
    line = [*mpremote, "connect", port if port is not None else "auto"]
    steps = [[*line, "fs", "rm", ":main.py"], [*line, "fs", "rm", "-r", ":clip"]]
    if romfs:
        steps.append([*line, "romfs", "deploy", str(built.image)])
    else:
        copies = [path for path in built.files if path != "main.py"]
        folders = sorted({parent.as_posix() for path in copies for parent in Path(path).parents} - {"."})
        steps += [[*line, "fs", "mkdir", f":{folder}"] for folder in folders]
        steps += [[*line, "fs", "cp", str(built.folder / path), f":{path}"] for path in copies]
    if keys is not None:
        steps.append([*line, "fs", "cp", str(keys), ":keys.bin"])
    steps.append([*line, "fs", "cp", str(built.folder / "main.py"), ":main.py"])
    steps.append([*line, "reset"])
    return steps


def may_fail(step: list[str]) -> bool:
    """Whether a step only makes room: nothing to remove, or a folder that is there already."""
    return "rm" in step or "mkdir" in step
