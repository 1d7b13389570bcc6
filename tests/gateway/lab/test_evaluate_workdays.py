"""`plumbline evaluate workdays`: what it prints, writes and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.lab import evaluate_workdays
from gateway.lab.corpus.score import Score
from gateway.lab.evaluate import app
from gateway.lab.evaluate_workdays import score_seed, workdays_report

HOURS = 0.4


def silent(what: str, share: float) -> None:
    del what, share


@pytest.fixture(scope="module")
def half_hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Score, Path]:
    """A day of a development seed cut short, and the folder with its stream."""
    folder = tmp_path_factory.mktemp("streams")
    return score_seed(109, HOURS, folder), folder


def test_half_an_hour_through_the_whole_line(half_hour: tuple[Score, Path]) -> None:
    score, _ = half_hour
    assert score.scored >= 1
    assert score.reminded == score.scored
    assert score.false == 0
    assert score.removals == [1, 0]
    assert score.calibrations[1] == 0
    assert max(score.percentile_errors_deg) < 1.0
    assert 0.3 < score.worn_h < 0.7


def test_a_kept_stream_is_used_again(half_hour: tuple[Score, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    score, folder = half_hour
    (kept,) = folder.iterdir()
    assert kept.name.startswith("simulated-109-")
    monkeypatch.setattr("gateway.lab.corpus.store.stream", lambda *_: pytest.fail("fused again"))
    assert score_seed(109, HOURS, folder) == score


def test_the_report_says_that_it_is_simulated(half_hour: tuple[Score, Path]) -> None:
    _, folder = half_hour
    report = workdays_report(range(109, 110), HOURS, folder, silent, cases=True)
    told = report.as_json()
    assert told["simulated"] is True
    assert told["seeds"] == [109, 109]
    assert told["slouches"]["scored"] >= 1
    assert any("SIMULATED" in note for note in told["notes"])
    assert any("simulated" in line for line in told["cannot_judge"])
    assert len(told["bars"]) == 17
    assert "imulated" in str(report.tables[0].title)


def test_a_missed_bar_ends_in_1_and_json_can_be_read(
    half_hour: tuple[Score, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    score, _ = half_hour
    monkeypatch.setattr(evaluate_workdays, "score_seed", lambda *_: score)
    arguments = ["workdays", "--first", "109", "--seeds", "1", "--hours", str(HOURS), "--json", "-"]
    result = CliRunner().invoke(app, arguments)
    told = json.loads(result.stdout)
    assert result.exit_code == (0 if told["holds"] else 1)
    missed = Score(scored=10, reminded=5)
    monkeypatch.setattr(evaluate_workdays, "score_seed", lambda *_: missed)
    result = CliRunner().invoke(app, arguments[:-2])
    assert result.exit_code == 1
    assert "MISSED" in result.stdout


def test_a_folder_that_cannot_be_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["workdays", "--first", "109", "--seeds", "1", "--hours", "0.3", "--streams", str(tmp_path / "file")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "error: " in result.stderr
    assert str(tmp_path / "file") in result.stderr
