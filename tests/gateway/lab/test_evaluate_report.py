"""Bars, their verdicts, and what the command does with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway.lab import evaluate_report
from gateway.lab.evaluate import app
from gateway.lab.evaluate_report import Bar, MissingError, Report, emit, or_missing, peer


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (Bar("x", 1.0, 1.0), True),
        (Bar("x", 1.01, 1.0), False),
        (Bar("x", 1.01, 1.0, at_least=True), True),
        (Bar("x", 0.99, 1.0, at_least=True), False),
        (Bar("x", None, 1.0), None),
        (Bar("x", 1.0, None), None),
    ],
)
def test_a_bar_holds_up_to_its_limit(bar: Bar, holds: bool | None) -> None:
    assert bar.holds is holds
    assert bar.as_json()["holds"] is holds


def test_a_missed_bar_is_an_exit_code_and_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("x", {"a": 1}, bars=[Bar("one", 1.0, 2.0), Bar("two", 3.0, 2.0), Bar("three", None, 2.0)])
    with pytest.raises(typer.Exit) as exit_:
        emit(report, tmp_path / "x.json")
    assert exit_.value.exit_code == 1
    assert "MISSED" in capsys.readouterr().out
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["a"] == 1
    assert not written["holds"]


def test_a_bar_that_could_not_be_judged_is_none_missed(capsys: pytest.CaptureFixture[str]) -> None:
    emit(Report("x", {}, bars=[Bar("one", None, 2.0, why="no peer")]), None)
    assert "no peer" in capsys.readouterr().out


def test_a_dash_prints_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    emit(Report("x", {"a": 1}), Path("-"))
    assert json.loads(capsys.readouterr().out)["a"] == 1


@pytest.mark.parametrize("command", [("workdays",), ("triggers",), ("sitting", ".")])
def test_where_the_json_cannot_go_is_said_before_the_work(command: tuple[str, ...], tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "none" / "x.json"):
        result = CliRunner().invoke(app, [*command, "--json", str(target)], env={"COLUMNS": "300"})
        assert result.exit_code == 2
        assert "folder" in result.output


def test_a_peer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def broken(name: str) -> Any:
        asked.append(name)
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(evaluate_report, "import_module", broken)
    missing: dict[str, str] = {}
    for _ in range(2):
        assert or_missing(lambda: peer("skdh", "scikit-digital-health"), missing, "skdh") is None
    assert asked == ["skdh"]
    assert "libgomp" in missing["skdh"]
    with pytest.raises(MissingError):
        peer("skdh", "scikit-digital-health")


def test_the_command_lists_what_it_evaluates() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name in ("orientation", "gate", "sitting", "workdays"):
        assert name in result.stdout
