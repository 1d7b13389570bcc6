"""Putting a build onto a board over USB, with mpremote. It has not been tried on a board."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from firmware.clip import slots

from . import partitions
from .build import Built

HOW_TO_GET = "mpremote is missing; get it with: pip install mpremote"


def find_mpremote() -> list[str] | None:
    """Command that runs mpremote: from PATH, else this Python's module, else None."""
    program = shutil.which("mpremote")
    if program is not None:
        return [program]
    return [sys.executable, "-m", "mpremote"] if find_spec("mpremote") is not None else None


def commands(
    built: Built, mpremote: list[str], port: str | None, keys: Path | None, *, in_slots: bool = True
) -> list[list[str]]:
    """What to run, in order: the package first and main.py last, so that a cable pulled in between starts nothing half
    copied. What is there already goes before, because a source file would come before a compiled one. `keys` is the
    file of trusted gateways, if it is to be copied too. `in_slots`: the package goes as an image into the first slot of
    the partition, too, and runs from there; the files are the loader then, and what runs when no slot does."""
    line = [*mpremote, "connect", port if port is not None else "auto"]
    steps = [[*line, "fs", "rm", *more] for more in ([":main.py"], [f":{slots.FILE}"], ["-r", ":clip"])]
    copies = [path for path in built.files if path != "main.py"]
    folders = sorted({parent.as_posix() for path in copies for parent in Path(path).parents} - {"."})
    steps += [[*line, "fs", "mkdir", f":{folder}"] for folder in folders]
    steps += [[*line, "fs", "cp", str(built.folder / path), f":{path}"] for path in copies]
    if in_slots:
        steps.append([*line, "romfs", "deploy", str(built.image)])
        steps.append([*line, "fs", "cp", str(built.slots), f":{slots.FILE}"])
    if keys is not None:
        steps.append([*line, "fs", "cp", str(keys), ":keys.bin"])
    steps.append([*line, "fs", "cp", str(built.folder / "main.py"), ":main.py"])
    steps.append([*line, "reset"])
    return steps


def may_fail(step: list[str]) -> bool:
    """Whether a step only makes room: nothing to remove, or a folder that is there already."""
    return "rm" in step or "mkdir" in step


def lay_out(built: Built, flash: Path) -> None:
    """Leave in a folder, the flash of a virtual clip, what the commands leave on a board."""
    for path in built.files:
        target = flash / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built.folder / path, target)
    (flash / "partition.bin").write_bytes(built.image.read_bytes().ljust(partitions.SLOTS.size, b"\xff"))
    shutil.copyfile(built.slots, flash / slots.FILE)
