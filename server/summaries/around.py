"""The posture around moments: how the minutes before and after each were spent, read from stored minutes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection, select

from gateway.messages import CATEGORIES
from server.store.epoch_blob import HOUR_MS, NO_ANGLE, ROW, Rows, decode
from server.store.tables import epoch_hour
from server.summaries.painting import MINUTE_MS, SECOND_MS, paint
from server.summaries.types import NOT_WORN

REACH_MS: Final = 5 * MINUTE_MS
"""How long before and after a moment belongs to it: five minutes, so that one posture is told and not the whole day."""
_PLAIN: Final = np.dtype((np.void, ROW.itemsize))


@dataclass(frozen=True)
class Around:
    """Seconds by category (only those that occurred) of `told_s` seconds around a moment; `median_deg` is the middle of
    the inclination there, None without angles."""

    at_ms: int
    seconds: dict[str, int]
    told_s: int
    median_deg: float | None

    @property
    def worn_s(self) -> int:
        """Seconds on the body."""
        return sum(count for name, count in self.seconds.items() if name not in NOT_WORN)


def around(db: Connection, patient_id: int, moments: Iterable[int], now_ms: int) -> dict[int, Around]:
    """The posture REACH_MS before and after each of these moments (UTC ms), as far as it has come at `now_ms`. What was
    not told is `lost`."""
    found: dict[int, Around] = {}
    for at_ms in sorted(set(moments)):
        start_ms, end_ms = at_ms - REACH_MS, min(at_ms + REACH_MS, now_ms)
        if start_ms < end_ms:
            found[at_ms] = _told(at_ms, _rows(db, patient_id, start_ms, end_ms), start_ms, end_ms)
    return found


def _rows(db: Connection, patient_id: int, start_ms: int, end_ms: int) -> dict[str, Rows]:
    c = epoch_hour.c
    hours = db.execute(
        select(c.clip, c.blob)
        .where(c.patient_id == patient_id)
        .where(c.hour.between((start_ms - MINUTE_MS) // HOUR_MS, (end_ms - 1) // HOUR_MS))
        .order_by(c.clip, c.hour)
    )
    parts: dict[str, list[Rows]] = {}
    for clip, blob in hours:
        parts.setdefault(clip, []).append(decode(blob))
    return {clip: np.concatenate([one.view(_PLAIN) for one in some]).view(ROW) for clip, some in parts.items()}


def _told(at_ms: int, rows: dict[str, Rows], start_ms: int, end_ms: int) -> Around:
    whole = (end_ms - start_ms) // SECOND_MS * SECOND_MS
    painted = paint(rows, [(start_ms, start_ms + whole)])
    counts = np.bincount(painted.codes, minlength=len(CATEGORIES)).tolist()
    angles = painted.sagittal[painted.sagittal != NO_ANGLE]
    return Around(
        at_ms,
        {name: count for name, count in zip(CATEGORIES, counts, strict=True) if count},
        len(painted.codes),
        float(np.median(angles)) if len(angles) else None,
    )
