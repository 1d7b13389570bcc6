"""`plumbline prove`: what it is asked for and does not have is said before anything runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from server.demo import prove

APP = typer.Typer()
APP.command()(prove.prove)


def call(*arguments: str) -> Any:
    return CliRunner().invoke(APP, arguments, env={"COLUMNS": "600"})


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def take(step: prove.Step) -> prove.Result:
        names.append(step.name)
        return prove.Result(step.name, passed=True, wall_s=0.0, detail=None)

    monkeypatch.setattr(prove, "take", take)
    return names


def test_a_name_that_no_step_has_proves_nothing(ran: list[str]) -> None:
    result = call("--only", "sitting")
    assert result.exit_code == 2
    assert "check-mosquitto, check-amqtt" in result.output, "each kind of step once, whatever its seeds"
    assert "with --recordings there are more" in result.output
    assert ran == []


def test_steps_on_recordings_come_with_a_folder_of_them(ran: list[str], tmp_path: Path) -> None:
    result = call("--only", "sitting", "--recordings", str(tmp_path), "--report", str(tmp_path / "report.json"))
    assert result.exit_code == 0
    assert ran == ["sitting"]
    assert json.loads((tmp_path / "report.json").read_text())["passed"]
    assert call("--recordings", str(tmp_path / "none")).exit_code == 2


def test_a_report_that_cannot_be_written_is_said_before_the_work(ran: list[str], tmp_path: Path) -> None:
    result = call("--report", str(tmp_path / "none" / "report.json"))
    assert result.exit_code == 2
    assert "there is no folder" in result.output
    assert ran == []


def test_a_step_on_32_bits_is_told_where_the_interpreter_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(prove.ENV_32, "/opt/micropython")
    prove.micropython32.cache_clear()
    says = (sys.executable, "-c", f"import os; print(os.environ['{prove.ENV_32}'])")
    assert prove.take(prove.Step("firmware", says, micropython32=True)).detail == "/opt/micropython\n"
    monkeypatch.delenv(prove.ENV_32)
    monkeypatch.chdir(tmp_path)  # no checkout, from which one could be fetched
    prove.micropython32.cache_clear()
    result = prove.take(prove.Step("firmware", says, micropython32=True))
    prove.micropython32.cache_clear()
    assert result.skipped
    assert prove.take(prove.Step("fuzz", (sys.executable, "-c", "raise SystemExit(1)"))).passed is False
