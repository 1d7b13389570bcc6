"""`plumbline evaluate gate`: its counting, its reading of mobgap's files, and the gate itself on shaking."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gateway.lab import evaluate_report
from gateway.lab.evaluate import app
from gateway.lab.evaluate_gate import Walk, _confusion, _rates, load_walks, our_gate, sd_gate

pytest.importorskip("scipy")

HZ = 100.0
BOUTS = [(10.0, 20.0), (30.0, 42.0)]


def walk(seconds: float = 60.0) -> Walk:
    """Upright along x; in the bouts |a| swings by 0.3 g twice a second, as it does with steps."""
    t = np.arange(round(seconds * HZ)) / HZ
    stepping = np.zeros(len(t), dtype=bool)
    for begin, end in BOUTS:
        stepping |= (t >= begin) & (t <= end)
    acc = np.zeros((len(t), 3))
    acc[:, 0] = 1 + 0.3 * np.sin(2 * np.pi * 2 * t) * stepping
    gyro = np.zeros((len(t), 3))
    return Walk("w", HZ, acc, gyro, "INDIP", BOUTS)


def save(folder: Path, **fields: Any) -> Path:
    w = walk()
    bouts = {"Start": np.array([b for b, _ in BOUTS]), "End": np.array([e for _, e in BOUTS])}
    periods = np.array(list(zip(*bouts.values(), strict=True)), dtype=[("Start", "f8"), ("End", "f8")])
    trial = {
        "SU": {"LowerBack": {"Acc": w.acc_g, "Gyr": w.gyro_dps, "Fs": {"Acc": 100, "Gyr": 100}}},
        "Standards": {
            "Stereophoto": {"ContinuousWalkingPeriod": {"Start": 0.0, "End": 1.0}},
            "INDIP": {"ContinuousWalkingPeriod": periods},
        },
        **fields,
    }
    folder.mkdir(parents=True, exist_ok=True)
    scipy_io: Any = import_module("scipy.io")
    scipy_io.savemat(str(folder / "data.mat"), {"data": {"TimeMeasure1": {"Test5": {"Trial1": trial}}}})
    return folder


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["gate", *map(str, arguments)])


def test_counting() -> None:
    w = walk()
    said = np.zeros(6000, dtype=bool)
    said[1000:2000] = True  # the first bout but its last sample
    said[5000:5100] = True  # and a second of nothing
    assert _confusion(w, said).tolist() == [1000, 1001 + 1201, 6000 - 2202 - 100, 6000 - 2202]
    # A second on either side of an edge does not count; at the edge of 1 s itself it does.
    inside = _confusion(w, said, 1.0)
    assert inside.tolist() == [801, 801 + 1001, inside[3] - 100, 6000 - 4 * 199 - 801 - 1001]
    assert _rates(np.array([9, 10, 8, 10])) == {"sensitivity": 0.9, "specificity": 0.8}
    assert _rates(np.array([0, 0, 8, 10])) == {"sensitivity": None, "specificity": 0.8}


def test_both_gates_see_steps_and_nothing_else() -> None:
    w = walk()
    for gate, sensitivity in ((our_gate, 0.85), (sd_gate, 0.95)):
        said = gate(w)
        assert len(said) == len(w.acc_g)
        assert said[w.walking].mean() > sensitivity
        assert said[4300 + 250 : 6000].mean() == 0
        assert said[200:900].mean() == 0


def test_a_folder_of_mobgap(tmp_path: Path) -> None:
    save(tmp_path / "HA_001")
    (w,) = load_walks(tmp_path)
    assert w.name == "HA_001 Test5 Trial1"
    assert w.standard == "INDIP"
    assert w.bouts == BOUTS
    result = evaluate(tmp_path, "--json", "-")
    assert result.exit_code == 0, result.output
    out = json.loads(result.stdout)
    assert out["recordings"][0]["bouts"] == 2
    assert out["recordings"][0]["walking_s"] == pytest.approx(22, abs=0.1)
    assert out["pooled"]["every_sample"]["plumbline"]["sensitivity"] > 0.85
    assert out["pooled"]["inside"]["plumbline"]["specificity"] > 0.95
    assert out["cannot_judge"]


def test_one_bout_and_another_reference(tmp_path: Path) -> None:
    save(tmp_path, Standards={"Stereophoto": {"MicroWB": {"Start": 10.0, "End": 20.0}}})
    (w,) = load_walks(tmp_path)
    assert (w.standard, w.bouts) == ("Stereophoto", [(10.0, 20.0)])


def test_a_missing_peer_leaves_the_table_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)

    def absent(name: str) -> Any:
        if name.startswith("skdh"):
            raise ModuleNotFoundError(name)
        return import_module(name)

    monkeypatch.setattr(evaluate_report, "import_module", absent)
    result = evaluate(tmp_path)
    assert result.exit_code == 0, result.output
    assert "not installed" in result.stdout
    assert "scikit-digital-health" in result.stdout
    assert "Cannot judge" in result.stdout


def test_trials_at_any_depth_and_a_person_alone(tmp_path: Path) -> None:
    """As the free-living recordings of the whole set are: no trials below the recording."""
    save(tmp_path / "HA" / "002")
    scipy_io: Any = import_module("scipy.io")
    path = tmp_path / "HA" / "002" / "data.mat"
    fields = scipy_io.loadmat(str(path), squeeze_me=True, struct_as_record=False)
    flat = {"data": {"TimeMeasure1": {"Recording4": fields["data"].TimeMeasure1.Test5.Trial1}}}
    scipy_io.savemat(str(path), flat)
    assert [w.name for w in load_walks(tmp_path)] == ["HA/002 Recording4"]
    assert [w.name for w in load_walks(tmp_path / "HA" / "002")] == ["002 Recording4"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nothing", "no such folder"),
        (lambda folder: folder, "no data.mat"),
        (lambda folder: (folder / "data.mat").write_bytes(b"no") and folder, "not a recording of mobgap"),
        (
            lambda folder: (folder / "data.mat").write_bytes(b"MATLAB 7.3".ljust(124) + b"\x00\x02IM") and folder,
            "not a recording of mobgap",
        ),
        (lambda folder: save(folder, Standards={"Other": 1}), "no walking bouts"),
        (lambda folder: save(folder, SU={"Wrist": 1}), "no trial with a lower-back sensor"),
        (
            lambda folder: save(folder, SU={"LowerBack": {"Acc": np.zeros((5, 2)), "Gyr": np.zeros((5, 2))}}),
            "not (N, 3)",
        ),
    ],
    ids=["absent", "empty", "other", "newer form", "no reference", "no sensor", "shape"],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, make: Any, says: str) -> None:
    result = evaluate(make(tmp_path))
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.recordings
def test_on_mobgap(recordings: Path) -> None:
    out = json.loads(evaluate(recordings / "mobgap", "--json", "-").stdout)
    assert len(out["recordings"]) == 6
    ours = out["pooled"]["inside"]["plumbline"]
    assert ours["sensitivity"] >= 0.85
    assert ours["specificity"] >= 0.75
