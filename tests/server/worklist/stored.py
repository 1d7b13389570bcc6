"""Days in figures, put into the store as they are: for what reads stored days and asks no epochs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, delete, insert

from gateway.messages import CATEGORIES
from server.store.tables import daily, stale_day
from server.summaries.floors import shortfall
from server.summaries.types import ALGO, DaySummary
from tests.server.conftest import ZONE

WINDOW_S: Final = 8 * 3600


def day_of(
    day: date,
    *,
    patient_id: int = 1,
    worn_s: int = 7 * 3600,
    window_s: int = WINDOW_S,
    rate: float = 30.0,
    uncalibrated_s: int = 0,
    **figures: Any,
) -> DaySummary:
    """A day that is over, with a window from nine o'clock and `rate` shifts an hour; what was not worn is without
    data."""
    start = int(datetime.combine(day, datetime.min.time(), ZONE).timestamp() * 1000)
    begin = start + 9 * 3_600_000
    window = (begin, begin + 1000 * window_s)
    seconds = dict.fromkeys(CATEGORIES, 0) | {"lost": window_s - worn_s, "uncalibrated": uncalibrated_s}
    seconds["slouched"] = (worn_s - uncalibrated_s) // 4
    seconds["upright"] = worn_s - uncalibrated_s - seconds["slouched"]
    values: dict[str, Any] = {
        "patient_id": patient_id,
        "date": day.isoformat(),
        "zone": ZONE.key,
        "zones": ((start, ZONE.key),),
        "day_start_ms": start,
        "day_end_ms": start + 86_400_000,
        "plan_version": 1,
        "plan_angle_deg": 12,
        "plan_zone": ZONE.key,
        "windows": (window,) if window_s else (),
        "window_start_ms": window[0] if window_s else None,
        "window_end_ms": window[1] if window_s else None,
        "until_ms": window[1] if window_s else None,
        "window_s": window_s,
        "elapsed_s": window_s,
        "so_far": False,
        "seconds": seconds,
        "worn_s": worn_s,
        "shortfall": shortfall(worn_s, window_s, window_s),
        "p10": -2.0,
        "p50": 6.0,
        "p90": 18.0,
        "shifts": round(rate * worn_s / 3600),
        "breaks": round(1.5 * worn_s / 3600),
        "longest_still_s": 2400,
        "longest_still_start_ms": begin,
        "longest_still_cut": False,
        "episodes": 12,
        "reminders_due": 8,
        "reminders_given": 7,
        "reminders_withheld": {"cap": 1},
        "responses": {"prompt": 4, "later": 3},
        "plan_versions": (1,),
        "calibration_versions": (1,),
        "clips": (),
        "simulated": True,
    }
    return DaySummary(**(values | figures))


def store(db: Connection, *summaries: DaySummary) -> None:
    """As the rebuilder would leave them, in the place of what is there."""
    for made in summaries:
        for table in (daily, stale_day):
            db.execute(delete(table).where(table.c.patient_id == made.patient_id, table.c.date == made.date))
    db.execute(insert(daily), [_row(made) for made in summaries])


def _row(made: DaySummary) -> dict[str, Any]:
    return {
        "patient_id": made.patient_id,
        "date": made.date,
        "algo": ALGO,
        "computed_ms": made.day_end_ms,
        "so_far": False,
        "window_end_ms": made.window_end_ms,
        "body_json": json.dumps(asdict(made)),
    }


def five_weeks(
    db: Connection, patient_id: int, today: date, *, seed: int = 0, rate: float = 30.0, later: float | None = None,
    gone: int = 0, **figures: Any,
) -> None:  # fmt: skip
    """Workdays of five weeks to yesterday, about `rate` shifts an hour, in the last week `later`; nothing of the last
    `gone` of them."""
    rng = np.random.default_rng(seed)
    days = [today - timedelta(days=back) for back in range(1, 36)]
    before = daily.c.patient_id == patient_id, daily.c.date.between(days[-1].isoformat(), days[0].isoformat())
    db.execute(delete(daily).where(*before))
    db.execute(delete(stale_day).where(stale_day.c.patient_id == patient_id, stale_day.c.date < today.isoformat()))
    made = [
        day_of(
            day,
            patient_id=patient_id,
            worn_s=int(rng.uniform(0.8, 0.98) * WINDOW_S),
            rate=float((later if later is not None and (today - day).days <= 7 else rate) + rng.normal(0, 2)),
            p50=float(6 + rng.normal(0, 1)),
            p90=float(18 + rng.normal(0, 2)),
            longest_still_s=int(2400 + rng.normal(0, 400)),
            **figures,
        )
        for day in [day for day in days if day.weekday() < 5][gone:]
    ]
    db.execute(insert(daily), [_row(one) for one in made])
