"""`plumbline evaluate orientation`: what it measures, what it says when something is missing, and its bars."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gateway.lab import evaluate_orientation, evaluate_report
from gateway.lab.evaluate import app
from gateway.lab.evaluate_orientation import backwards, turned
from gateway.lab.evaluate_peers import accelerometer_up
from gateway.lab.evaluate_sensor import Fault, gravity_alone_deg, sensor_errors
from gateway.lab.orientation import Floats, Trial, angle_deg, up_in_sensor, up_rmse

pytest.importorskip("scipy")

HZ = 2000 / 7


def swing(rest_s: float = 6.0, seconds: float = 16.0, hz: float = HZ) -> dict[str, Any]:
    """The fields of a trial: rest, then a swing about y from upright to 40 deg and back, and again."""
    t = np.arange(round(seconds * hz)) / hz
    moving = t >= rest_s
    angle = np.where(moving, math.radians(20) * (1 - np.cos(2.0 * (t - rest_s))), 0.0)
    # As late as the fusion expects a gyroscope to be.
    late = t - 0.0035
    rate = np.where(late >= rest_s, math.radians(20) * 2.0 * np.sin(2.0 * (late - rest_s)), 0.0)
    zero = np.zeros(len(t))
    return {
        "sampling_rate": hz,
        "imu_acc": 9.80665 * np.stack((-np.sin(angle), zero, np.cos(angle)), axis=1),
        "imu_gyr": np.stack((zero, rate, zero), axis=1),
        "opt_quat": np.stack((np.cos(angle / 2), zero, np.sin(angle / 2), zero), axis=1),
        "movement": moving,
    }


def save(folder: Path, name: str = "01_undisturbed_swing", **fields: Any) -> Path:
    path = folder / f"{name}.mat"
    scipy_io: Any = import_module("scipy.io")
    scipy_io.savemat(str(path), {**swing(), **fields})
    return path


def trial() -> Trial:
    fields = swing()
    return Trial(
        "t", HZ, fields["imu_acc"] / 9.80665, np.degrees(fields["imu_gyr"]), fields["opt_quat"], fields["movement"]
    )


@pytest.fixture
def no_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the simulated sensor errors out, which take seconds and have a test of their own."""
    monkeypatch.setattr(evaluate_orientation, "sensor_errors", lambda _report, _step: None)


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["orientation", *map(str, arguments)])


@pytest.mark.usefixtures("no_simulation")
def test_the_figures_are_those_of_the_trial(tmp_path: Path) -> None:
    save(tmp_path)
    result = evaluate(tmp_path, "--json", "-")
    assert result.exit_code in {0, 1}, result.output
    out = json.loads(result.stdout)
    (row,) = out["trials"]
    assert row["trial"] == "01_undisturbed_swing"
    for rate in ("50 Hz", "native"):
        assert row[rate]["plumbline"]["moving"] < 0.2
        assert row[rate]["plumbline"]["rest"] < 0.05
        assert row[rate]["accelerometer"]["moving"] < 0.2  # this accelerometer feels nothing but gravity
        assert row[rate]["saturated"] == 0
    assert row["bias"]["rest"]["plumbline"] < 0.05
    assert out["summary"]["50 Hz"]["plumbline"]["mean"] == row["50 Hz"]["plumbline"]["moving"]
    assert out["cannot_judge"]
    assert {bar["holds"] for bar in out["bars"]} <= {True, False}


@pytest.mark.usefixtures("no_simulation")
def test_a_table_for_people_and_a_file_for_machines(tmp_path: Path) -> None:
    path = save(tmp_path)
    out = tmp_path / "out.json"
    result = evaluate(path, "--json", out, "--thorough")
    assert "swing" in result.stdout
    assert "Cannot judge" in result.stdout
    written = json.loads(out.read_text())
    assert written["holds"] == (result.exit_code == 0)
    assert written["trials"][0]["26 Hz"]["plumbline"]["moving"] < 0.5
    assert written["summary"]["50 Hz, backwards"]["vqf"] is not None


@pytest.mark.usefixtures("no_simulation")
def test_cut_samples_are_counted(tmp_path: Path) -> None:
    fields = swing()
    fields["imu_gyr"][3000:3010, 0] = math.radians(2500)
    save(tmp_path, imu_gyr=fields["imu_gyr"])
    assert json.loads(evaluate(tmp_path, "--json", "-").stdout)["trials"][0]["native"]["saturated"] == 10


@pytest.mark.usefixtures("no_simulation")
def test_a_peer_that_is_not_there_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)

    def absent(name: str) -> Any:
        if name in {"vqf", "imufusion"}:
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(evaluate_report, "import_module", absent)
    out = tmp_path / "out.json"
    result = evaluate(tmp_path, "--json", out)
    assert result.exit_code == 0, result.output
    assert "vqf is not installed" in result.stdout
    assert "not installed" in result.stdout
    written = json.loads(out.read_text())
    assert set(written["missing"]) == {"vqf", "imufusion"}
    assert [bar["holds"] for bar in written["bars"] if "RMSE" in bar["what"]] == [None] * 6


def test_scipy_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)

    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(evaluate_report, "import_module", absent)
    result = evaluate(tmp_path)
    assert result.exit_code == 2
    assert "plumbline[evaluate]" in result.stderr


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nothing", "no such folder"),
        (lambda folder: folder, "no .mat files"),
        (lambda folder: (folder / "x.mat").write_bytes(b"no") and folder, "not a trial of BROAD"),
        (lambda folder: save(folder, sampling_rate=100.0), "sampled at 100 Hz"),
        (lambda folder: save(folder, movement=np.zeros(3)), "do not fit together"),
    ],
    ids=["absent", "empty", "other", "rate", "shapes"],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, make: Any, says: str) -> None:
    result = evaluate(make(tmp_path))
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_turned_in_its_case_means_the_same_motion() -> None:
    t = trial()
    other = turned(t)
    assert angle_deg(other.acc_g, t.acc_g).max() > 5
    assert np.allclose(up_in_sensor(other.reference), other.acc_g, atol=1e-6)
    assert np.allclose(np.linalg.norm(other.gyro_dps, axis=1), np.linalg.norm(t.gyro_dps, axis=1))
    assert np.array_equal(turned(t).acc_g, other.acc_g)


def test_backwards_is_a_motion_too() -> None:
    """Its rates are those by which its reference turns."""
    t = backwards(trial())
    angle = 2 * np.arctan2(t.reference[:, 2], t.reference[:, 0])
    rate = np.degrees(np.gradient(angle)) * HZ
    inside = slice(100, 2500)
    assert np.abs(rate - t.gyro_dps[:, 1])[inside].max() < 2


def test_no_samples_with_a_reference_make_no_figure() -> None:
    t = trial()
    blind = Trial(t.name, t.rate_hz, t.acc_g, t.gyro_dps, np.full_like(t.reference, np.nan), t.movement)
    assert math.isnan(up_rmse(blind, accelerometer_up(blind)))


def lean(begin: float, end: float) -> Floats:
    angle = np.radians([begin, end])
    return np.stack((np.cos(angle), np.zeros(2), np.sin(angle)), axis=1)


@pytest.mark.parametrize(("begin", "end", "costs"), [(0, 40, 0.564), (-20, 20, 0.737), (25, 65, 0.0)])
def test_one_axis_of_the_accelerometer_turns_gravity(begin: float, end: float, costs: float) -> None:
    """0.01 (sin 2b - sin 2a) rad, to the first order."""
    fault = Fault(acc_scale=np.array([0.02, 0.0, 0.0]))
    assert gravity_alone_deg(lean(begin, end), fault, end - begin) == pytest.approx(costs, abs=0.02)
    alike = Fault(acc_scale=np.full(3, 0.02))
    assert gravity_alone_deg(lean(begin, end), alike, end - begin) == pytest.approx(0, abs=1e-6)


def test_sensor_errors_stay_within_their_bars() -> None:
    report = evaluate_report.Report("x", {})
    sensor_errors(report, lambda _what, _share: None)
    assert len(report.bars) == 5
    assert report.holds, [bar.as_json() for bar in report.bars]
    rows = report.figures["sensor_errors"]
    assert rows["none"]["way_deg"] < 0.1
    assert rows["gyroscope scale 2 %"]["way_deg"] > 0.5  # at once it does cost something; the table says how long
    assert rows["gyroscope scale 2 %"]["until_s"] < 3


@pytest.mark.recordings
@pytest.mark.timeout(300)
def test_the_bars_hold_on_broad(recordings: Path) -> None:
    pytest.importorskip("vqf")
    result = evaluate(recordings / "broad", "--json", "-")
    out = json.loads(result.stdout)
    assert [bar for bar in out["bars"] if not bar["holds"]] == []
    assert result.exit_code == 0
