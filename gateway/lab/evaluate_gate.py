"""`plumbline evaluate gate`: the core's activity gate on walking bouts timed by a reference system.

The recordings are mobgap's example data (from Mobilise-D): a sensor on the lower back, and walking bouts from INDIP, a
reference of several wearable sensors, or from motion capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.frames import HOP_MS

from .evaluate_peers import skdh_walking
from .evaluate_report import EvaluationError, Report, figures_table, needed, or_missing
from .orientation import Floats
from .progress import Step
from .replay_csv import Recording
from .replay_fusion import fuse
from .replay_run import moving_hops

Bools = NDArray[np.bool_]

STANDARDS: Final = ("INDIP", "Stereophoto")
"""Reference systems, the preferred one first."""
BOUTS: Final = ("ContinuousWalkingPeriod", "MicroWB")
EDGE_S: Final = 1.0
SD_WINDOW_S: Final = 2.0
SD_G: Final = 0.10

CANNOT_JUDGE: Final = [
    "the place where a clip is worn: these sensors sat on the lower back, which shakes less than collar or upper back",
    "people: two are far too few, and their bouts are short (4 to 23 s)",
    "stairs, bending to lift and reaching overhead: the reference marks level walking, all else counts as not walking",
]


@dataclass(frozen=True)
class Walk:
    """One recording: acc_g and gyro_dps (N, 3), and the reference's bouts, seconds from the start."""

    name: str
    rate_hz: float
    acc_g: Floats
    gyro_dps: Floats
    standard: str
    bouts: list[tuple[float, float]]

    @property
    def walking(self) -> Bools:
        """(N,) whether the reference saw walking."""
        t = np.arange(len(self.acc_g)) / self.rate_hz
        out = np.zeros(len(t), dtype=np.bool_)
        for begin, end in self.bouts:
            out |= (t >= begin) & (t <= end)
        return out


def load_walks(folder: Path) -> Iterator[Walk]:
    """The recordings of every `data.mat` under the folder. Raises EvaluationError."""
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: there is no such folder")
    files = sorted(folder.rglob("data.mat"))
    if not files:
        raise EvaluationError(
            f"{folder}: no data.mat in it; name the folder with mobgap's recordings (HA_001/data.mat, …)"
        )
    scipy_io = needed("scipy.io")
    for path in files:
        try:
            data = scipy_io.loadmat(str(path), squeeze_me=True, struct_as_record=False)["data"]
            person = path.parent.name if path.parent == folder else path.parent.relative_to(folder).as_posix()
            found = [_walk(f"{person} {name}", trial) for name, trial in _trials(data)]
        except (
            scipy_io.matlab.MatReadError,
            NotImplementedError,
            LookupError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:
            raise EvaluationError(f"{path}: not a recording of mobgap ({error})") from error
        if not found:
            raise EvaluationError(f"{path}: holds no trial with a lower-back sensor and reference bouts")
        yield from found


def gate_report(folder: Path, step: Step) -> Report:
    """Run gate and peers over the recordings. Raises EvaluationError, OSError."""
    walks = list(load_walks(folder))
    gates: dict[str, Callable[[Walk], Bools]] = {
        "plumbline": our_gate,
        "at once": partial(our_gate, live=True),
        "skdh": lambda walk: skdh_walking(walk.acc_g, walk.rate_hz),
        f"SD > {SD_G:g} g": sd_gate,
    }
    missing: dict[str, str] = {}
    counts: dict[str, dict[str, NDArray[np.int64]]] = {name: {} for name in gates}
    for i, walk in enumerate(walks):
        step("gate", i / len(walks))
        for name, gate in gates.items():
            said = or_missing(partial(gate, walk), missing, name)
            if said is not None:
                counts[name][walk.name] = np.stack((_confusion(walk, said), _confusion(walk, said, EDGE_S)))
    return _report(walks, counts, missing)


def our_gate(walk: Walk, *, live: bool = False) -> Bools:
    """(N,) moving, by the clip's fusion and the core's activity gate: as the epochs tell it, some seconds later, or
    with `live` as reminders go by it."""
    n = len(walk.acc_g)
    recording = Recording(np.arange(n) / walk.rate_hz, walk.acc_g, walk.gyro_dps, walk.rate_hz, 0, 0, 0.0)
    moving = moving_hops(fuse(recording).stream, live=live)
    if not len(moving):
        return np.zeros(n, dtype=np.bool_)
    at = np.minimum((np.arange(n) / walk.rate_hz * 1000 / HOP_MS).astype(np.int64), len(moving) - 1)
    return moving[at]


def sd_gate(walk: Walk) -> Bools:
    """(N,) whether |a| varies by more than SD_G (standard deviation) over the 2 s around each sample: the measure at
    its best, for it sees a second of what is still to come."""
    norm = np.linalg.norm(walk.acc_g, axis=1) - 1
    sums = np.concatenate((np.zeros((1, 2)), np.cumsum(np.stack((norm, norm**2), axis=1), axis=0)))
    half = round(SD_WINDOW_S * walk.rate_hz / 2)
    at = np.arange(len(norm))
    begin, end = np.maximum(at - half, 0), np.minimum(at + half, len(norm))
    mean, square = ((sums[end] - sums[begin]) / (end - begin)[:, None]).T
    over: Bools = np.sqrt(np.maximum(square - mean**2, 0)) > SD_G
    return over


def _trials(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(name, struct) of every trial in a `data` struct with a lower-back sensor and a reference, however deep."""
    for field in node._fieldnames:
        child = getattr(node, field)
        path = f"{name} {field}".strip()
        if hasattr(child, "SU"):
            if hasattr(child.SU, "LowerBack") and hasattr(child, "Standards"):
                yield path.removeprefix("TimeMeasure1 "), child
        elif hasattr(child, "_fieldnames"):
            yield from _trials(child, path)


def _walk(name: str, trial: Any) -> Walk:
    sensor = trial.SU.LowerBack
    acc, gyro = (np.asarray(values, np.float64) for values in (sensor.Acc, sensor.Gyr))
    if acc.ndim != 2 or acc.shape != gyro.shape or acc.shape[1] != 3 or not np.isfinite(acc + gyro).all():
        raise ValueError(f"{name}: Acc and Gyr are not (N, 3) finite numbers")
    for standard in STANDARDS:
        periods = [getattr(getattr(trial.Standards, standard, None), bouts, None) for bouts in BOUTS]
        found = next((period for period in periods if period is not None), None)
        if found is not None:
            bouts = [(float(bout.Start), float(bout.End)) for bout in np.atleast_1d(found)]
            return Walk(name, float(sensor.Fs.Acc), acc, gyro, standard, bouts)
    raise ValueError(f"{name}: no walking bouts of {' or '.join(STANDARDS)}")


def _confusion(walk: Walk, said: Bools, edge_s: float = 0.0) -> NDArray[np.int64]:
    """Samples (walking called so, walking, rest called so, rest); within `edge_s` of a bout's ends none counts."""
    t = np.arange(len(said)) / walk.rate_hz
    use = np.ones(len(t), dtype=np.bool_)
    for edge in np.ravel(walk.bouts):
        use &= np.abs(t - edge) >= edge_s
    walking = walk.walking
    return np.array(
        [(said & walking & use).sum(), (walking & use).sum(), (~said & ~walking & use).sum(), (~walking & use).sum()],
        dtype=np.int64,
    )


def _rates(confusion: NDArray[np.int64]) -> dict[str, float | None]:
    hit, walking, quiet, rest = confusion.tolist()
    return {
        "sensitivity": round(hit / walking, 4) if walking else None,
        "specificity": round(quiet / rest, 4) if rest else None,
    }


def _report(walks: list[Walk], counts: dict[str, dict[str, NDArray[np.int64]]], missing: dict[str, str]) -> Report:
    table = figures_table(
        "Walking, sensitivity / specificity of every sample", "recording", "bouts", "walking s", *counts
    )
    rows = []
    for walk in walks:
        rates = {name: _rates(of[walk.name][0]) if walk.name in of else None for name, of in counts.items()}
        seconds = float(walk.walking.sum()) / walk.rate_hz
        rows.append(
            {
                "recording": walk.name,
                "seconds": round(len(walk.acc_g) / walk.rate_hz, 1),
                "reference": walk.standard,
                "bouts": len(walk.bouts),
                "walking_s": round(seconds, 1),
                "gates": rates,
            }
        )
        table.add_row(walk.name, str(len(walk.bouts)), f"{seconds:.0f}", *(_pair(rate) for rate in rates.values()))
    table.add_section()
    total = {name: sum(of.values(), np.zeros((2, 4), dtype=np.int64)) if of else None for name, of in counts.items()}
    pooled: dict[str, Any] = {}
    for key, label, which in (("every_sample", "all", 0), ("inside", f"all, {EDGE_S:g} s off the bouts' ends", 1)):
        pooled[key] = {name: None if of is None else _rates(of[which]) for name, of in total.items()}
        table.add_row(label, "", "", *(_pair(rate) for rate in pooled[key].values()))
    return Report(
        "gate",
        {"recordings": rows, "pooled": pooled, "missing": missing},
        tables=[table],
        notes=[
            "plumbline is what the epochs tell, up to 3 s later; at once, what reminders go by, knows the 2 s before.",
            "skdh classifies windows of 3 s afterwards; SD takes the 2 s around each sample.",
            *(f"{name}: {why}" for name, why in missing.items()),
        ],
        cannot_judge=CANNOT_JUDGE,
    )


def _pair(rates: dict[str, float | None] | None) -> str:
    if rates is None:
        return "not installed"
    return " / ".join("-" if value is None else f"{value:.2f}" for value in rates.values())
