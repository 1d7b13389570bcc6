"""`plumbline evaluate sitting`: angles by the core's own code, rates, and what it says of a file it cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gateway.lab.evaluate import app
from gateway.lab.evaluate_sitting import Person, measure, read_gravity

HEADER = "subject,posture,trial,site,ax_g,ay_g,az_g"


def gravity(lean_deg: float, tilt_deg: float = 0.0, turn_deg: float = 0.0) -> str:
    """x up and z out of the back; leaning forward brings the sky towards z. `tilt_deg` is how the sensor sits,
    `turn_deg` how it is turned about its own x."""
    angle, turn = np.radians([lean_deg + tilt_deg, turn_deg])
    x, z = np.cos(angle), np.sin(angle)
    return f"{x:.5f},{-z * np.sin(turn):.5f},{z * np.cos(turn):.5f}"


def write(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    (folder / "gravity.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def person(subject: int, site: str, slouch: float, again: float, **how: float) -> list[str]:
    return [
        f"{subject},slouched,13,{site},{gravity(slouch, **how)}",
        f"{subject},upright,9,{site},{gravity(again, **how)}",
        f"{subject},upright,2,{site},{gravity(0, **how)}",
    ]


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["sitting", *map(str, arguments)])


def test_the_lower_trial_is_the_reference_however_the_sensor_sits(tmp_path: Path) -> None:
    rows = person(1, "T4", 20, -3, tilt_deg=15) + person(1, "C7", 12.5, 4, tilt_deg=-20)
    vectors = read_gravity(write(tmp_path, rows))
    (at_t4,) = measure(vectors, "T4")
    (at_c7,) = measure(vectors, "C7")
    assert at_t4.slouched == pytest.approx(20, abs=0.01)
    assert at_t4.second == pytest.approx(-3, abs=0.01)
    assert at_c7.slouched == pytest.approx(12.5, abs=0.01)
    assert not at_t4.axis_from_bend


@pytest.mark.parametrize(("bend", "from_bend"), [(30.0, True), (12.0, False)])
def test_a_bend_that_is_a_bow_gives_the_sagittal_axis(tmp_path: Path, bend: float, from_bend: bool) -> None:
    """The sensor sits 30 deg turned: without a bow the sensor's own axis sees less of the slouch."""
    rows = [*person(1, "T4", 20, 1, turn_deg=30), f"1,forward_bend,14,T4,{gravity(bend, turn_deg=30)}"]
    (found,) = measure(read_gravity(write(tmp_path, rows)), "T4")
    assert found.axis_from_bend is from_bend
    seen = 20 if from_bend else np.degrees(np.arctan(np.tan(np.radians(20)) * np.cos(np.radians(30))))
    assert found.slouched == pytest.approx(seen, abs=0.01)


def test_rates_and_the_recommendation(tmp_path: Path) -> None:
    rows = []
    for subject, (slouch, again) in enumerate([(6.0, 11.0), (20.0, 0.0), (14.0, 3.0), (30.0, -4.0)]):
        rows += person(subject, "C7", slouch, again) + person(subject, "T4", slouch + 10, again / 4)
    out = json.loads(evaluate(write(tmp_path, rows), "--json", "-").stdout)
    c7, t4 = out["sites"]["C7"], out["sites"]["T4"]
    assert out["default_deg"] == 10.0
    assert c7["at_default"] == {"sensitivity": 0.75, "false_rate": 0.25}
    assert t4["at_default"] == {"sensitivity": 1.0, "false_rate": 0.0}
    assert [row["deg"] for row in c7["roc"]] == list(range(5, 21))
    assert c7["roc"][0] == {"deg": 5, "sensitivity": 1.0, "false_rate": 0.25}
    assert c7["auc"] == pytest.approx(15 / 16)
    assert c7["second_upright_abs"]["median"] == pytest.approx(3.5, abs=0.01)
    assert out["recommended"] == "T4"


def test_a_table_for_people_says_posed(tmp_path: Path) -> None:
    result = evaluate(write(tmp_path, person(1, "T4", 20, 1) + person(2, "T4", 25, 1)))
    assert result.exit_code == 0, result.output
    assert "posed" in result.stdout
    assert "10 (default)" in result.stdout
    assert "Cannot judge" in result.stdout


def test_one_without_an_upright_is_left_out(tmp_path: Path) -> None:
    rows = [*person(2, "T4", 20, 1), f"1,slouched,13,T4,{gravity(20)}", f"3,upright,1,T4,{gravity(0)}"]
    assert measure(read_gravity(write(tmp_path, rows)), "T4")[1] == Person("3", None, None, axis_from_bend=False)
    assert json.loads(evaluate(tmp_path, "--json", "-").stdout)["sites"]["T4"]["slouched"]["n"] == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nothing", "no such file"),
        (lambda folder: folder, "no such file"),
        (lambda folder: write(folder, [], "a,b"), "does not name"),
        (lambda folder: write(folder, ["1,upright,2,T4,x,0,0"]), "line 2"),
        (lambda folder: write(folder, ["1,upright,2,T4,1,0"]), "line 2"),
        (lambda folder: write(folder, [f"1,upright,2,T4,{gravity(0)}", "1,upright,3,T4,9.81,0,0"]), "line 3: 9.81 g"),
        (lambda folder: write(folder, [f"1,upright,2,T4,{gravity(0)}"]), "nobody"),
    ],
    ids=["absent", "empty", "header", "number", "short", "units", "nobody"],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, make: Any, says: str) -> None:
    result = evaluate(make(tmp_path))
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.recordings
def test_on_real_people(recordings: Path) -> None:
    out = json.loads(evaluate(recordings / "sitting_postures", "--json", "-").stdout)
    assert out["sites"]["T4"]["slouched"]["n"] == 17
    assert out["sites"]["T4"]["slouched"]["median"] == pytest.approx(23.4, abs=0.5)
    assert out["sites"]["C7"]["second_upright_abs"]["median"] == pytest.approx(3.2, abs=0.3)
    assert out["sites"]["T4"]["at_default"]["sensitivity"] >= 0.95
    assert out["recommended"] == "T4"
