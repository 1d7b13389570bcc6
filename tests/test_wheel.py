"""The built distribution holds everything that the programs open at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("plumbline-*-py3-none-any.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_every_tracked_file_of_the_packages(held: set[str]) -> None:
    packages = ["firmware", "gateway", "server"]
    listing = subprocess.run(["git", "ls-files", *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in listing.stdout.splitlines() if (ROOT / name).exists()}
    assert len(tracked) > 200
    assert tracked <= held


@pytest.mark.parametrize(
    "name",
    [
        "firmware/clip/main.py",
        "firmware/clip/wire/stream.py",
        "firmware/virtual/standins/bluetooth.py",
        "firmware/virtual/standins/cpython/asyncio/core.py",
        "server/pages/static/plumbline.css",
        "server/pages/static/day.js",
        "server/pages/templates/day.html",
        "server/store/migrations/env.py",
        "server/store/migrations/versions/r0001_first.py",
    ],
)
def test_the_wheel_holds_what_is_read_rather_than_imported(held: set[str], name: str) -> None:
    assert name in held


def test_the_wheel_holds_nothing_else(held: set[str]) -> None:
    kinds = {name.split("/", maxsplit=1)[0] for name in held}
    assert {kind for kind in kinds if not kind.endswith(".dist-info")} == {"firmware", "gateway", "server"}
    assert not [name for name in held if "__pycache__" in name or name.endswith((".pyc", ".db", ".log"))]


def test_the_wheel_brings_the_command_and_the_licence(held: set[str]) -> None:
    assert {name.split("/", maxsplit=1)[1] for name in held if ".dist-info/" in name} >= {
        "METADATA",
        "entry_points.txt",
        "licenses/.license/LICENSE",
    }
