"""Scores of the corpus against what is asked of the product."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gateway.lab.evaluate_report import Bar

from .score import NEVER, Score, code

WORKDAY_H: Final = 8.0


def figures(total: Score) -> dict[str, Any]:
    """Everything that adds up, without the single errors and cases."""
    return {
        "worn_hours": round(total.worn_h, 2),
        "slouches": {
            "scored": total.scored,
            "reminded": total.reminded,
            "through_holes_not_scored": total.through_holes,
            "reported": {band: {"slouches": n, "reminded": k} for band, (n, k) in total.reported.items()},
        },
        "reminders": {
            "given": total.given,
            "false": total.false,
            "relaxed": total.relaxed,
            "while_the_clip_was_turned": total.while_turned,
        },
        "onset": {
            "sudden_s": _spread(total.sudden_errors_s),
            "gradual_deg": _spread(total.gradual_errors_deg),
        },
        "shifts": dict(zip(("found", "missed", "too_many"), total.shifts, strict=True)),
        "removals": dict(zip(("found", "missed"), total.removals, strict=True)),
        "called_removals": dict(zip(("rightly", "wrongly"), total.called_removals, strict=True)),
        "still_sitting_s": dict(zip(("all", "taken_for_not_worn"), total.still_s, strict=True)),
        "percentile_errors_deg": _spread(total.percentile_errors_deg),
        "told_s": total.told,
        "walking_s": dict(zip(("told", "not_told", "rest_not_told", "rest_told"), total.walking, strict=True)),
        "slips": {
            "by_hand": dict(zip(("found", "missed"), total.handled_slips, strict=True)),
            "silent": dict(zip(("suspected", "missed"), total.silent_slips, strict=True)),
            "false": dict(zip(("told", "suspected", "in_long_slouches"), total.slip_alarms, strict=True)),
        },
        "calibrations": dict(zip(("taken", "refused"), total.calibrations, strict=True)),
    }


def bars(total: Score) -> list[Bar]:
    """What must hold."""
    hit, missed, extra = total.shifts
    slouched = {n: row[code.SLOUCHED] / sum(row) for n, row in total.told.items() if n in NEVER and any(row)}
    worst = max(sorted(slouched), key=slouched.__getitem__, default=NEVER[0])
    walked, walk_missed, rested, rest_missed = total.walking
    return [
        Bar("slouches of 13 deg and more reminded, share", _share(total.reminded, total.scored), 0.95, at_least=True),
        Bar("false reminders in 8 h", _per_day(total.false, total), 1.0),
        Bar("onset of sudden slouches, p95 of the error, s", _p95(total.sudden_errors_s), 2.0),
        Bar("onset of gradual slouches, p95 of the error, deg", _p95(total.gradual_errors_deg), 1.5),
        Bar("posture shifts, F1", _share(2 * hit, 2 * hit + missed + extra), 0.9, at_least=True),
        Bar("removals of 5 min and more, recall", _recall(total.removals), 0.9, at_least=True),
        Bar("removals told, precision", _recall(total.called_removals), 0.9, at_least=True),
        Bar("still sitting taken for not worn, share of time", _share(total.still_s[1], total.still_s[0]), 0.02),
        Bar("P10, P50 and P90 of a day, largest error, deg", max(total.percentile_errors_deg, default=None), 1.0),
        Bar(f"walking to lying called slouched, most: {worst.replace('_', ' ')}", slouched.get(worst), 0.02),
        Bar("walking and stairs told as moving, sensitivity", _share(walked, walked + walk_missed), 0.9, at_least=True),
        Bar("rest not told as moving, specificity", _share(rested, rested + rest_missed), 0.9, at_least=True),
        Bar("slips by hand found within 2 min, recall", _recall(total.handled_slips), 0.9, at_least=True),
        Bar("silent slips suspected within 3 walks, recall", _recall(total.silent_slips), 0.9, at_least=True),
        Bar("slips told that were none, in 8 h", _per_day(total.slip_alarms[0], total), 0.1),
        Bar("slips suspected that were none, in 8 h", _per_day(total.slip_alarms[1], total), 0.5),
        Bar("slips told or suspected in slouches of 30 min", float(total.slip_alarms[2]), 0.0),
    ]


def notes(total: Score, days: int) -> list[str]:
    """Sentences for people."""
    made = (
        f"SIMULATED: {days} workdays, each of another wearer and another clip, worn for {total.worn_h:.1f} h in all. "
        "Train mode, 10 deg, dwell 60 s, every due reminder given, no cap, no back-off, repeated after 60 s."
    )
    reminders = (
        f"{total.given} reminders, {total.false} of them false: within the dwell before, the wearer was not slouched "
        "by the plan's own rule with its angle lessened by 2 deg, or was moving, lying or without the clip. "
        f"{total.relaxed} more came in slouches relaxed to less than that, but not below recovery."
    )
    left_out = (
        f"Not scored: {total.through_holes} slouches through holes in the stream of more than 5 s, and "
        f"{total.while_turned} reminders while the clip sat otherwise than calibrated."
    )
    return [made, reminders, left_out]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _recall(found_missed: list[int]) -> float | None:
    return _share(found_missed[0], sum(found_missed))


def _per_day(count: int, total: Score) -> float | None:
    return _share(count * WORKDAY_H, total.worn_h)


def _p95(errors: list[float]) -> float | None:
    return float(np.percentile(errors, 95)) if errors else None


def _spread(errors: list[float]) -> dict[str, float | int] | None:
    if not errors:
        return None
    p50, p95 = np.percentile(errors, (50, 95)).tolist()
    return {"count": len(errors), "p50": round(p50, 3), "p95": round(p95, 3), "max": round(max(errors), 3)}
