"""`plumbline evaluate orientation`: the clip's fusion and its peers on trials of BROAD.

All get the same samples. Ours are quantised and cut at the clip's ranges first, and go through the very file that runs
on the clip, with its one set of constants; the peers get them as they are, with their own defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from . import orientation
from .evaluate_peers import accelerometer_up, imufusion_up, vqf_bias, vqf_up
from .evaluate_report import Bar, EvaluationError, Report, figures_table, needed, number, or_missing
from .evaluate_sensor import sensor_errors
from .orientation import Floats, RecordingError, Trial, load_broad, resample, saturated, up_in_sensor, up_rmse
from .progress import Step

REST_MARGIN_DEG: Final = 0.03
REST_S: Final = 5.0
"""A trial that begins with less rest than this says nothing of the bias."""
OURS: Final = "plumbline"
PEERS: Final[dict[str, Callable[[Trial], Floats]]] = {
    "vqf": vqf_up,
    "imufusion": imufusion_up,
    "accelerometer": accelerometer_up,
}
BROAD_HZ: Final = 2000 / 7
RATES: Final = {"50 Hz": orientation.TO_50_HZ, "native": (1, 1)}
VARIANTS: Final = {
    "26 Hz": (91, 1000),
    "104 Hz": (91, 250),
    "208 Hz": (91, 125),
}
"""To the rates of the clip's sensor."""
_WIDE: Final = (488, 140_000)
"""The clip's sensor at +-16 g and +-4000 deg/s."""
_SEED: Final = 100

CANNOT_JUDGE: Final = [
    "the clip on a person: BROAD's sensor is another one, moved by hand, far more violently than a trunk moves",
    "the clip's own sensor: its noise, its filter's delay and its errors are simulated only",
    "hours: a trial lasts a few minutes at one temperature",
]


def orientation_report(paths: Sequence[Path], step: Step, *, thorough: bool = False) -> Report:
    """Run everything over the trials. Raises EvaluationError, RecordingError, OSError."""
    needed("scipy.io"), needed("scipy.signal")
    files = find_trials(paths)
    missing: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for i, path in enumerate(files):
        step("orientation", i / len(files))
        rows.append(_trial(_load(path), missing, thorough=thorough))
    report = Report("orientation", {"trials": rows, "missing": missing}, cannot_judge=CANNOT_JUDGE)
    for rate in RATES:
        report.tables.append(_table(rate, rows, missing))
        report.bars += _bars(rate, rows, missing)
    report.notes += [f"{name}: {why}" for name, why in missing.items()]
    report.notes.append(_bias_note(rows))
    report.figures["summary"] = {rate: _summary(rows, rate) for rate in (*RATES, *_variant_names(thorough))}
    if thorough:
        report.tables.append(_variants_table(report.figures["summary"]))
    sensor_errors(report, step)
    return report


def find_trials(paths: Iterable[Path]) -> list[Path]:
    """The `.mat` files named, and those in the folders named or in their folders. Raises EvaluationError."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise EvaluationError(f"{path}: there is no such folder or file")
        inside = sorted(path.glob("*.mat")) or sorted(path.rglob("*.mat")) if path.is_dir() else [path]
        if not inside:
            raise EvaluationError(
                f"{path}: no .mat files there; name the folder with BROAD's trials (01_….mat to 39_….mat)"
            )
        found += inside
    return found


def _load(path: Path) -> Trial:
    trial = load_broad(path)
    if abs(trial.rate_hz - BROAD_HZ) > 0.5:
        raise RecordingError(f"{path.name}: sampled at {trial.rate_hz:g} Hz, BROAD at {BROAD_HZ:.3f}")
    return trial


def _trial(native: Trial, missing: dict[str, str], *, thorough: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"trial": native.name, "seconds": round(len(native.movement) / native.rate_hz, 1)}
    for rate, (up, down) in RATES.items():
        trial = native if up == down else resample(native, up, down)
        row[rate] = _methods(trial, missing)
        row[rate]["saturated"] = saturated(trial.acc_g, trial.gyro_dps)
    at_50 = resample(native, *orientation.TO_50_HZ)
    row["bias"] = _bias(at_50, missing)
    if thorough:
        for name, trial, lsb in _variants(native, at_50):
            row[name] = _methods(trial, missing, lsb, peers=("vqf",))
    return row


def _variant_names(thorough: bool) -> list[str]:
    return [*VARIANTS, "50 Hz, turned in its case", "50 Hz, backwards", "50 Hz, wide ranges"] if thorough else []


def _variants(native: Trial, at_50: Trial) -> Iterable[tuple[str, Trial, tuple[int, int] | None]]:
    """The trial as other sensors would have had it."""
    trials: list[tuple[Trial, tuple[int, int] | None]] = [
        (resample(native, *ratio), None) for ratio in VARIANTS.values()
    ]
    trials += [(turned(at_50), None), (backwards(at_50), None), (at_50, _WIDE)]
    for name, (trial, lsb) in zip(_variant_names(thorough=True), trials, strict=True):
        yield name, trial, lsb


def turned(trial: Trial) -> Trial:
    """The trial by a sensor that sits turned in its case, a random turn that depends on the trial's name alone."""
    seed = [_SEED, *trial.name.encode()]
    q = np.random.default_rng(seed).normal(size=4)
    w, x, y, z = q / np.linalg.norm(q)
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    a, b, c, d = trial.reference.T
    reference = np.stack(
        (
            a * w + b * x + c * y + d * z,
            -a * x + b * w - c * z + d * y,
            -a * y + b * z + c * w - d * x,
            -a * z - b * y + c * x + d * w,
        ),
        axis=1,
    )
    return replace(trial, acc_g=trial.acc_g @ matrix.T, gyro_dps=trial.gyro_dps @ matrix.T, reference=reference)


def backwards(trial: Trial) -> Trial:
    """The trial played backwards: another motion, and a gyroscope that is early where it was late."""
    return replace(
        trial,
        acc_g=trial.acc_g[::-1],
        gyro_dps=-trial.gyro_dps[::-1],
        reference=trial.reference[::-1],
        movement=trial.movement[::-1],
    )


def _methods(
    trial: Trial, missing: dict[str, str], lsb: tuple[int, int] | None = None, peers: Sequence[str] = tuple(PEERS)
) -> dict[str, Any]:
    """RMSE of each method, in movement and at rest."""
    ours = up_in_sensor(orientation.fuse(trial.acc_g, trial.gyro_dps, trial.rate_hz, *(lsb or ())))
    ups = {OURS: ours, **{name: or_missing(partial(PEERS[name], trial), missing, name) for name in peers}}
    return {
        name: None
        if up is None
        else {"moving": _finite(up_rmse(trial, up)), "rest": _finite(up_rmse(trial, up, moving=False))}
        for name, up in ups.items()
    }


def _bias(trial: Trial, missing: dict[str, str]) -> dict[str, Any]:
    """How far the learnt gyroscope bias is, in deg/s, from the mean rate before the movement: learnt in that rest, and
    in the movement alone by a filter that begins in it."""
    begin = int(np.argmax(trial.movement))
    end = len(trial.movement) - int(np.argmax(trial.movement[::-1]))
    if begin < REST_S * trial.rate_hz:
        return {"true_dps": None}
    true = trial.gyro_dps[:begin].mean(axis=0)
    out: dict[str, Any] = {"true_dps": true.round(4).tolist()}
    for phase, part in (("rest", slice(begin)), ("motion", slice(begin, end))):
        cut = replace(trial, acc_g=trial.acc_g[part], gyro_dps=trial.gyro_dps[part])
        learnt = {
            OURS: orientation.fuse_all(cut.acc_g, cut.gyro_dps, cut.rate_hz)[1],
            "vqf": or_missing(partial(vqf_bias, cut), missing, "vqf"),
        }
        out[phase] = {
            name: None if bias is None else round(float(np.linalg.norm(bias - true)), 4)
            for name, bias in learnt.items()
        }
    return out


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def _column(rows: list[dict[str, Any]], rate: str, method: str, what: str) -> list[float]:
    return [row[rate][method][what] for row in rows if row[rate].get(method) and row[rate][method][what] is not None]


def _summary(rows: list[dict[str, Any]], rate: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for method in (OURS, *PEERS):
        moving, rest = (_column(rows, rate, method, what) for what in ("moving", "rest"))
        if moving:
            out[method] = {
                "mean": round(float(np.mean(moving)), 4),
                "median": round(float(np.median(moving)), 4),
                "rest_mean": round(float(np.mean(rest)), 4) if rest else None,
            }
    return out


def _table(rate: str, rows: list[dict[str, Any]], missing: dict[str, str]) -> Table:
    table = figures_table(
        f"Inclination RMSE in deg, {rate}: in movement, and at rest; cut: samples beyond the clip's ranges",
        "trial", "ours", "vqf", "imu- fusion", "acc. alone", "rest: ours", "rest: vqf", "cut",
    )  # fmt: skip
    columns = [(name, "moving") for name in (OURS, *PEERS)] + [(OURS, "rest"), ("vqf", "rest")]
    for row in rows:
        cells = [_cell(row[rate], name, what, missing) for name, what in columns]
        table.add_row(_short(row["trial"]), *cells, str(row[rate]["saturated"]))
    table.add_section()
    for label, over in (("mean", np.mean), ("median", np.median)):
        values = [_column(rows, rate, name, what) for name, what in columns]
        table.add_row(label, *(number(float(over(column))) if column else "-" for column in values), "")
    return table


def _cell(figures: dict[str, Any], method: str, what: str, missing: dict[str, str]) -> str:
    if method in missing:
        return "not installed"
    return number(figures[method][what])


def _short(name: str) -> str:
    return name.replace("undisturbed_", "").replace("disturbed_", "").replace("_", " ")[:28]


def _variants_table(summary: dict[str, Any]) -> Table:
    table = figures_table(
        "The same trials as other sensors would have had them, mean / median in deg",
        "variant", "ours", "vqf", "rest: ours", "rest: vqf",
    )  # fmt: skip
    for name in _variant_names(thorough=True):
        both = [summary[name].get(method) for method in (OURS, "vqf")]
        pairs = ["-" if one is None else f"{one['mean']:.2f} / {one['median']:.2f}" for one in both]
        table.add_row(name, *pairs, *(number(one and one["rest_mean"]) for one in both))
    return table


def _bars(rate: str, rows: list[dict[str, Any]], missing: dict[str, str]) -> list[Bar]:
    summary = _summary(rows, rate)
    ours, vqf = summary.get(OURS), summary.get("vqf")
    out = []
    for key, words, margin in (
        ("mean", "mean", 0.0),
        ("median", "median", 0.0),
        ("rest_mean", "at rest", REST_MARGIN_DEG),
    ):
        value = ours and ours[key]
        limit = vqf[key] + margin if vqf and vqf[key] is not None else None
        against = "vqf's" if not margin else f"vqf's + {margin:g}"
        out.append(Bar(f"{words} RMSE at {rate}, deg, against {against}", value, limit, why=missing.get("vqf", "")))
    return out


def _bias_note(rows: list[dict[str, Any]]) -> str:
    known = [row["bias"] for row in rows if row["bias"]["true_dps"] is not None]
    if not known:
        return f"No trial begins with a rest of {REST_S:g} s: the learnt bias was not judged."
    parts = []
    for phase, words in (("rest", "learnt in that rest"), ("motion", "in the movement alone")):
        for name in (OURS, "vqf"):
            off = [bias[phase][name] for bias in known if bias[phase][name] is not None]
            if off:
                parts.append(f"{words} by {name} {np.median(off):.3f} (worst {max(off):.3f})")
    return f"Gyroscope bias at 50 Hz, deg/s off the mean rate of the first rest, median: {'; '.join(parts)}."
