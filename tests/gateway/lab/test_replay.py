"""The replay command, from the file to the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.core import Calibration
from gateway.core.orientation import inclination, sky_in_sensor
from gateway.lab.replay_csv import check
from gateway.lab.replay_fusion import fuse

OPTIONS = ["--upright", "2:9", "--bow", "10:16"]


def _call(*arguments: object) -> Any:
    return CliRunner().invoke(cli.main, ["replay", *map(str, arguments)])


def _json(*arguments: object) -> dict[str, Any]:
    result = _call(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def _samples(path: Path) -> dict[str, list[str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("rate", [10, 50, 104, 250])
def test_a_wearing_at_many_rates(wearing: Any, table: Any, write_csv: Any, tmp_path: Path, rate: float) -> None:
    out = _json(write_csv(table(wearing, rate)), *OPTIONS, "--samples", tmp_path / "samples.csv")
    slouch = next(e for e in out["episodes"] if e["start_s"] > 20)
    assert slouch["start_s"] == pytest.approx(36.6, abs=1)
    assert slouch["end_s"] == pytest.approx(111.6, abs=1)
    assert slouch["mean_deg"] == pytest.approx(20, abs=1)
    given = [r for r in out["reminders"] if r["since_s"] > 20]
    assert [(r["reason"], r["response"]) for r in given] == [("given", "later")]
    assert given[0]["t_s"] - given[0]["since_s"] == pytest.approx(60, abs=0.05)
    seconds = out["summary"]["seconds"]
    assert sum(seconds.values()) == int(wearing.duration_s)
    assert seconds["slouched"] == pytest.approx(75, abs=3)  # the bow is a movement
    assert seconds["moving"] == pytest.approx(22, abs=6)
    assert seconds["leaning_back"] == pytest.approx(19, abs=3)
    assert seconds["lost"] == 0
    assert out["calibration"]["axis_from"] == "bow"
    table_out = _samples(tmp_path / "samples.csv")
    t = np.array(table_out["t_s"], dtype=float)
    assert len(t) == int(wearing.duration_s * rate)
    still = (t > 20) & ((t < 130) | (t > 155))
    sagittal, lateral = wearing.angles(t)
    for name, true in (("sagittal_deg", sagittal), ("lateral_deg", lateral)):
        error = np.abs(np.array(table_out[name], dtype=float) - true)[still]
        assert np.percentile(error, 95) < 1.5
    q = np.array([table_out[c] for c in ("qw", "qx", "qy", "qz")], dtype=float)
    np.testing.assert_allclose(np.linalg.norm(q, axis=0), 1, atol=1e-5)
    calibration = Calibration(1, np.array(out["calibration"]["up"]), np.array(out["calibration"]["forward"]))
    again, _, _ = inclination(sky_in_sensor(q.T), calibration)
    np.testing.assert_allclose(again, np.array(table_out["sagittal_deg"], dtype=float), atol=0.02)
    assert set(table_out["moving"]) == {"0", "1"}
    assert set(table_out["worn"]) == {"1"}
    assert {"slouched", "upright", "moving", "leaning_back"} <= set(table_out["category"])
    assert table_out["category"][int(70 * rate)] == "slouched"


def test_the_axis_is_found_from_the_bend_or_from_walking_and_said(wearing: Any, table: Any, write_csv: Any) -> None:
    rows = table(wearing, 100)
    bend = _json(write_csv(rows))
    assert bend["calibration"]["axis_from"] == "largest bend"
    assert bend["calibration"]["upright_found"]
    assert "assumed upright" in bend["reference"]
    walking = _json(write_csv(rows[rows[:, 0] > 20], "later.csv"), "--upright", "5:12")
    assert walking["calibration"]["axis_from"] == "walking"
    true = wearing.calibration().forward
    for out, limit in ((bend, 3), (walking, 25)):
        assert np.degrees(np.arccos(np.array(out["calibration"]["forward"]) @ true)) < limit


def test_without_an_axis_nothing_is_made_up(wearing: Any, table: Any, write_csv: Any, tmp_path: Path) -> None:
    rows = table(wearing, 50)
    still = rows[(rows[:, 0] > 19.99) & (rows[:, 0] < 34.99)]
    out = _json(write_csv(still), "--samples", tmp_path / "s.csv")
    assert out["calibration"] is None
    assert out["summary"]["seconds"]["uncalibrated"] == 15
    assert out["summary"]["sagittal_p50_deg"] is None
    assert set(_samples(tmp_path / "s.csv")["sagittal_deg"]) == {""}


def test_gaps_are_counted_and_lost(wearing: Any, table: Any, write_csv: Any) -> None:
    rows = table(wearing, 100)
    t = rows[:, 0]
    rows[(t > 50) & (t < 50.05), 2] = np.nan
    keep = ~((t > 60.2) & (t < 64.7)) & ~((t > 80) & (t < 80.08))
    out = _json(write_csv(rows[keep]), *OPTIONS)
    about = out["recording"]
    assert (about["gaps"], about["dropped_rows"], about["restarts"]) == (3, 4, 1)
    assert about["gap_s"] == pytest.approx(4.5 + 0.08 + 0.05, abs=0.05)
    assert out["summary"]["seconds"]["lost"] in {4, 5}
    ends = [(round(e["end_s"]), e["end_reason"]) for e in out["episodes"] if e["start_s"] > 20]
    assert ends[0] == (60, "lost") or ends[0] == (61, "lost")


def test_jitter_does_not_bend_the_angles(wearing: Any, table: Any) -> None:
    rows = table(wearing, 60)
    even = fuse(check(rows))
    rng = np.random.default_rng(3)
    late = rows[:, 0] + rng.uniform(-0.4, 0.4, len(rows)) / 60
    jittered = np.column_stack([late] + [np.interp(late, rows[:, 0], column) for column in rows[:, 1:].T])
    uneven = fuse(check(jittered))
    a, b = (np.stack(sky_in_sensor(f.quaternion), axis=1) for f in (even, uneven))
    angle = np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))
    assert np.percentile(angle, 95) < 0.7


def test_what_the_clip_would_clip_is_counted(wearing: Any, table: Any) -> None:
    rows = table(wearing, 50)
    rows[100:103, 4] = 2400
    assert fuse(check(rows)).saturated == 3


def test_a_plan_changes_what_is_a_slouch(wearing: Any, table: Any, write_csv: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"angle_deg": 25, "dwell_s": 10}))
    out = _json(write_csv(table(wearing, 50)), *OPTIONS, "--plan", plan)
    assert [e for e in out["episodes"] if e["start_s"] > 20] == []
    assert out["plan"]["angle_deg"] == 25
    plan.write_text(json.dumps({"mode": "track", "dwell_s": 10}))
    out = _json(write_csv(table(wearing, 50)), *OPTIONS, "--plan", plan)
    assert {r["reason"] for r in out["reminders"]} == {"track_mode"}
    assert out["recording"]["notes"] == []
    plan.write_text(json.dumps({"dwell_s": 10, "quiet_start": "09:00", "quiet_end": "17:00", "probe_every": 2}))
    out = _json(write_csv(table(wearing, 50)), *OPTIONS, "--plan", plan)
    assert {r["reason"] for r in out["reminders"]} == {"given"}
    assert "probe_every, quiet_end, quiet_start" in out["recording"]["notes"][0], "what had no say is told"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "an object"),
        ('{"angel_deg": 10}', "unknown field 'angel_deg'"),
        ('{"angle_deg": 3}', "angle_deg"),
        ('{"recovery_deg": 12}', "error: plan: recovery_deg must be below"),
    ],
)
def test_a_bad_plan_is_refused(
    write_csv: Any, table: Any, wearing: Any, tmp_path: Path, text: str, message: str
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    result = _call(write_csv(table(wearing, 20)), "--plan", plan)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""


def test_errors_name_the_trouble_and_exit_with_one(wearing: Any, table: Any, write_csv: Any, tmp_path: Path) -> None:
    rows = table(wearing, 20)
    good = write_csv(rows)
    for arguments, message in (
        ((tmp_path / "none.csv",), "No such file"),
        ((write_csv(rows * (1, 9.81, 9.81, 9.81, 1, 1, 1), "ms2.csv"),), "m/s2"),
        ((good, "--upright", "36:38"), "too short"),
        ((good, "--upright", "5000:6000"), "s long"),
        ((good, "--upright", "9:16"), "moved"),
        ((good, "--upright", "2:9", "--bow", "20:30"), "bow too small"),
        ((good, "--upright", "2:9", "--bow", "500:600"), "no samples"),
    ):
        result = _call(*arguments)
        assert result.exit_code == 1, arguments
        assert message in result.stderr
    for span in ("9:2", "a:b", "3", "-1:4"):
        assert _call(good, "--upright", span).exit_code == 2


def test_the_text_report_says_what_matters(wearing: Any, table: Any, write_csv: Any) -> None:
    result = _call(write_csv(table(wearing, 50)), *OPTIONS)
    assert result.exit_code == 0
    for word in ("direct", "sagittal axis from bow", "slouched", "a tenth of the time below", "reminder", "given"):
        assert word in result.stdout


def test_through_the_firmware_the_same_comes_out(wearing: Any, table: Any, write_csv: Any, tmp_path: Path) -> None:
    pytest.importorskip("bumble")
    rows = table(wearing, 104)
    path = write_csv(rows[rows[:, 0] < 150])
    results = []
    for name, extra in (("direct", []), ("firmware", ["--through-firmware"])):
        out = _json(path, *OPTIONS, "--samples", tmp_path / f"{name}.csv", *extra)
        assert out["way"] == name
        angles = _samples(tmp_path / f"{name}.csv")["sagittal_deg"]
        results.append((out, np.array([float(a) if a else np.nan for a in angles])))
    (direct, a), (firmware, b) = results
    known = np.isfinite(b)
    assert known.mean() > 0.99
    assert np.percentile(np.abs(a - b)[known], 95) < 1
    assert len(direct["episodes"]) == len(firmware["episodes"])
    for one, other in zip(direct["episodes"], firmware["episodes"], strict=True):
        assert one["start_s"] == pytest.approx(other["start_s"], abs=0.5)
    assert firmware["recording"]["malformed"] == 0
    for name, seconds in direct["summary"]["seconds"].items():
        assert firmware["summary"]["seconds"][name] == pytest.approx(seconds, abs=2)
