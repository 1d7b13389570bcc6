"""The house rules that tools can check: style, types, and who may import whom."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ruff", "check", "."],
        [sys.executable, "-m", "ruff", "format", "--check", "."],
        [sys.executable, "-m", "mypy", "--python-version", "{}.{}".format(*sys.version_info)],
        [str(SCRIPTS / "lint-imports"), "--no-cache"],
    ],
    ids=["lint", "format", "types", "imports"],
)
def test_checker_finds_nothing(command: list[str]) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_top_level_is_as_agreed() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/", maxsplit=1)[0] for line in listing.splitlines()}
    agreed = {"firmware", "gateway", "server", "tests", "docker-compose.yml", "pyproject.toml", "README.md"}
    assert {name for name in top if not name.startswith(".")} <= agreed


def test_the_lock_names_no_address() -> None:
    lock = (ROOT / ".ci" / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--hash=sha256:" in lock
