"""`plumbline evaluate sitting`: angle thresholds on postures that real people were asked to hold.

One gravity vector a person, posture and site, from the IMU Sitting Postures set (CC BY 4.0), as `gravity.csv`: subject,
posture, trial, site, ax_g, ay_g, az_g, with x up along the spine and z out of the back. The first upright trial is the
reference; the angle is the one that the core computes.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from gateway.core import Calibration, CalibrationError, Samples, Thresholds
from gateway.core.calibration import forward
from gateway.core.orientation import inclination

from .evaluate_report import EvaluationError, Report, figures_table, number
from .orientation import Floats

COLUMNS: Final = ("subject", "posture", "trial", "site", "ax_g", "ay_g", "az_g")
UPRIGHT, SLOUCHED, BEND = "upright", "slouched", "forward_bend"
SITES: Final = ("C7", "T4")
PLACES: Final = {"C7": "the collar", "T4": "between the shoulder blades"}
THRESHOLDS_DEG: Final = range(5, 21)
_BACK: Final = np.array([0.0, 0.0, 1.0])

CANNOT_JUDGE: Final = [
    "natural slouching: these postures were asked for and held, and posed slouches are larger than natural ones",
    "time: a single still instant of each posture says nothing of minutes, movement, or a clip that shifts",
    "false reminders of a day: sitting upright a second time is the only other posture there is",
]


@dataclass(frozen=True)
class Person:
    """One person at one site: inclination in deg from the first upright trial, None where there is no such trial."""

    subject: str
    slouched: float | None
    second: float | None
    axis_from_bend: bool


def sitting_report(folder: Path) -> Report:
    """Everything about the postures in a folder's gravity.csv. Raises EvaluationError, OSError."""
    vectors = read_gravity(folder)
    persons = {site: measure(vectors, site) for site in SITES}
    if not any(person.slouched is not None for people in persons.values() for person in people):
        raise EvaluationError(f"{folder}: nobody in it has both an upright and a slouched posture")
    default = Thresholds().angle_deg
    sites = {site: _site(people, default) for site, people in persons.items()}
    better = max(SITES, key=lambda site: _merit(sites[site]))
    report = Report(
        "sitting",
        {
            "default_deg": default,
            "sites": sites,
            "persons": {
                site: [
                    {
                        "subject": person.subject,
                        "slouched_deg": _rounded(person.slouched),
                        "second_upright_deg": _rounded(person.second),
                        "axis_from_bend": person.axis_from_bend,
                    }
                    for person in people
                ]
                for site, people in persons.items()
            },
            "recommended": better,
        },
        tables=[_people_table(persons), _sites_table(sites), _roc_table(sites, default)],
        cannot_judge=CANNOT_JUDGE,
    )
    other = next(site for site in SITES if site != better)
    apart = [number(sites[site]["separation"], 1) for site in (better, other)]
    found = (
        f"Recommended: {PLACES[better]} ({better}). Slouched and upright again are {apart[0]} standard deviations "
        f"apart there, {apart[1]} at {PLACES[other]} ({other})."
    )
    axis = (
        f"The sagittal axis is the forward bend's where the core takes that as a bow ({_bends(persons)}); most are too "
        "small, and then it is the sensor's own."
    )
    report.notes += ["Static and posed: single still instants of postures that were asked for.", found, axis]
    return report


def read_gravity(folder: Path) -> dict[tuple[str, str, str], list[Floats]]:
    """Unit vectors by (subject, site, posture), by rising trial. Raises EvaluationError, OSError."""
    path = folder / "gravity.csv" if folder.is_dir() else folder
    if not path.is_file():
        raise EvaluationError(f"{path}: there is no such file; name the folder with gravity.csv")
    found: dict[tuple[str, str, str], list[tuple[int, Floats]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise EvaluationError(f"{path}: its header does not name {', '.join(COLUMNS)}")
        for row in reader:
            try:
                vector = np.array([float(row[name]) for name in COLUMNS[4:]])
                trial = int(row["trial"])
            except (TypeError, ValueError) as error:
                raise EvaluationError(f"{path}, line {reader.line_num}: {error}") from error
            length = float(np.linalg.norm(vector))
            if not 0.5 < length < 2:
                raise EvaluationError(f"{path}, line {reader.line_num}: {length:.2f} g is not gravity at rest")
            found[row["subject"], row["site"], row["posture"]].append((trial, vector / length))
    return {key: [vector for _, vector in sorted(trials, key=lambda t: t[0])] for key, trials in found.items()}


def measure(vectors: dict[tuple[str, str, str], list[Floats]], site: str) -> list[Person]:
    """Everyone with an upright trial at the site."""
    people = []
    for subject in sorted({subject for subject, _, _ in vectors}, key=lambda name: (len(name), name)):
        upright = vectors.get((subject, site, UPRIGHT), [])
        if not upright:
            continue
        axis, from_bend = _forward(vectors.get((subject, site, BEND), []), upright[0])
        calibration = Calibration(1, upright[0], axis)
        slouched = vectors.get((subject, site, SLOUCHED), [])
        people.append(
            Person(
                subject,
                slouched=_sagittal(slouched[0], calibration) if slouched else None,
                second=_sagittal(upright[1], calibration) if len(upright) > 1 else None,
                axis_from_bend=from_bend,
            )
        )
    return people


def _forward(bends: list[Floats], up: Floats) -> tuple[Floats, bool]:
    """Forward in the sensor's axes, and whether the core took it from the bend."""
    try:
        if bends:
            return forward(_as_samples(bends[0]), up), True
    except CalibrationError:
        pass  # most of these bends are too small for a bow
    axis = -(_BACK - up * (up @ _BACK))
    unit: Floats = axis / max(float(np.linalg.norm(axis)), 1e-9)
    return unit, False


def _as_samples(up: Floats) -> Samples:
    """One sample whose sky is `up`, a unit vector."""
    w = float(np.sqrt(max(1 + up[2], 1e-12) / 2))
    quaternion = np.array([[w, up[1] / (2 * w), -up[0] / (2 * w), 0.0]])
    return Samples(np.zeros(1), quaternion, np.zeros(1), np.zeros(1, dtype=np.bool_))


def _sagittal(sky: Floats, calibration: Calibration) -> float:
    return float(inclination((sky[:1], sky[1:2], sky[2:]), calibration)[0][0])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _column(people: Sequence[Person], name: str) -> Floats:
    return np.array([value for person in people if (value := getattr(person, name)) is not None])


def _site(people: Sequence[Person], default: float) -> dict[str, Any]:
    slouched, second = _column(people, "slouched"), _column(people, "second")
    spread = np.sqrt((slouched.var(ddof=1) + second.var(ddof=1)) / 2) if min(len(slouched), len(second)) > 1 else np.nan
    return {
        "slouched": _spread(slouched),
        "second_upright": _spread(second),
        "second_upright_abs": _spread(np.abs(second)),
        "separation": None if np.isnan(spread) else round(float((slouched.mean() - second.mean()) / spread), 3),
        "roc": [{"deg": deg, **_at(slouched, second, deg)} for deg in THRESHOLDS_DEG],
        "auc": _auc(slouched, second),
        "at_default": _at(slouched, second, default),
    }


def _spread(values: Floats) -> dict[str, Any]:
    if not len(values):
        return {"n": 0, "mean": None, "median": None, "min": None, "max": None}
    return {
        "n": len(values),
        "mean": round(float(values.mean()), 2),
        "median": round(float(np.median(values)), 2),
        "min": round(float(values.min()), 2),
        "max": round(float(values.max()), 2),
    }


def _at(slouched: Floats, second: Floats, threshold: float) -> dict[str, float | None]:
    return {
        "sensitivity": round(float((slouched > threshold).mean()), 4) if len(slouched) else None,
        "false_rate": round(float((second > threshold).mean()), 4) if len(second) else None,
    }


def _auc(slouched: Floats, second: Floats) -> float | None:
    """The share of pairs in which the slouch is the larger: the area under the ROC (Mann and Whitney 1947)."""
    if not len(slouched) or not len(second):
        return None
    more = (slouched[:, None] > second[None, :]).mean() + (slouched[:, None] == second[None, :]).mean() / 2
    return round(float(more), 4)


def _merit(site: dict[str, Any]) -> float:
    separation = site["separation"]
    return -1.0 if separation is None else float(separation)


def _bends(persons: dict[str, list[Person]]) -> str:
    return ", ".join(
        f"{sum(p.axis_from_bend for p in people)} of {len(people)} at {site}" for site, people in persons.items()
    )


def _people_table(persons: dict[str, list[Person]]) -> Table:
    table = figures_table(
        "Inclination from the first upright, deg",
        "person", *(f"{site} {what}" for site in SITES for what in ("slouched", "upright again")),
    )  # fmt: skip
    by_site = {site: {person.subject: person for person in people} for site, people in persons.items()}
    for subject in dict.fromkeys(person.subject for people in persons.values() for person in people):
        cells = []
        for site in SITES:
            person = by_site[site].get(subject)
            cells += ["-", "-"] if person is None else [number(person.slouched, 1), number(person.second, 1)]
        table.add_row(subject, *cells)
    return table


def _sites_table(sites: dict[str, Any]) -> Table:
    table = figures_table("By site, deg: median (smallest to largest), people", "", *SITES)
    for key, words in (
        ("slouched", "slouched less upright"),
        ("second_upright", "second upright less first"),
        ("second_upright_abs", "the same, whichever way"),
    ):
        table.add_row(words, *(_range(sites[site][key]) for site in SITES))
    table.add_row("separation, standard deviations", *(number(sites[site]["separation"]) for site in SITES))
    table.add_row("area under the ROC", *(number(sites[site]["auc"], 3) for site in SITES))
    return table


def _range(figures: dict[str, Any]) -> str:
    if not figures["n"]:
        return "-"
    return f"{figures['median']:.1f} ({figures['min']:.1f} to {figures['max']:.1f}), {figures['n']}"


def _roc_table(sites: dict[str, Any], default: float) -> Table:
    table = figures_table("Slouches found / second uprights over the angle", "deg", *SITES)
    for k, deg in enumerate(THRESHOLDS_DEG):
        mark = " (default)" if deg == default else ""
        table.add_row(f"{deg}{mark}", *(_both(sites[site]["roc"][k]) for site in SITES))
    return table


def _both(at: dict[str, float | None]) -> str:
    return " / ".join("-" if at[key] is None else f"{at[key]:.0%}" for key in ("sensitivity", "false_rate"))
