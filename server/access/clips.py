"""The clip that a patient wears now, as its gateways last told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from server.store.tables import assignment, clip_status, gateway

STALE_MS: Final = 5 * 60_000
"""A gateway that has not been heard for this long is not believed to be live. Records come each minute while it is."""
LOW_BATTERY_PCT: Final = 20
LINKS: Final = {
    "searching": "Out of reach",
    "connecting": "Connecting",
    "authenticating": "Connecting",
    "syncing": "Catching up",
    "live": "Live",
    "draining": "Catching up",
    "asleep": "Asleep",
}


@dataclass(frozen=True)
class ClipState:
    """A clip assigned to a patient. `seen_ms` is when its gateway was last heard, None when never."""

    clip: str
    link: str | None
    online: bool
    live: bool
    battery_pct: int | None
    firmware: str | None
    journal_waiting: int
    plan_version: int | None
    calibration_version: int | None
    seen_ms: int | None
    simulated: bool

    @property
    def link_words(self) -> str:
        """The link in words for people."""
        if self.link is None:
            return "Not seen yet"
        return LINKS.get(self.link, self.link) if self.online else "Gateway offline"

    @property
    def battery_low(self) -> bool:
        """Whether the clip should be charged soon."""
        return self.battery_pct is not None and self.battery_pct <= LOW_BATTERY_PCT


def clips_of(db: Connection, patient_ids: list[int], now_ms: int) -> dict[int, list[ClipState]]:
    """The clips that these patients wear now, by patient, the most lately seen first."""
    worn, told, by = assignment.c, clip_status.c, gateway.c
    query = (
        select(
            worn.patient_id,
            worn.clip,
            told.link,
            told.battery_pct,
            told.firmware,
            told.journal_waiting,
            told.plan_version,
            told.calibration_version,
            told.simulated,
            by.online,
            by.seen_ms,
        )
        .select_from(
            assignment.outerjoin(clip_status, told.clip == worn.clip).outerjoin(gateway, by.id == told.gateway)
        )
        .where(
            worn.patient_id.in_(patient_ids),
            worn.start_ms <= now_ms,
            worn.end_ms.is_(None) | (worn.end_ms > now_ms),
        )
    )
    best: dict[tuple[int, str], ClipState] = {}
    for row in db.execute(query):
        online = bool(row.online) and row.seen_ms is not None and now_ms - row.seen_ms < STALE_MS
        state = ClipState(
            row.clip,
            row.link,
            online,
            online and row.link == "live",
            row.battery_pct,
            row.firmware,
            row.journal_waiting or 0,
            row.plan_version,
            row.calibration_version,
            row.seen_ms,
            bool(row.simulated),
        )
        key = (row.patient_id, row.clip)
        if key not in best or _rank(state) > _rank(best[key]):
            best[key] = state
    found: dict[int, list[ClipState]] = {}
    for (patient_id, _), state in sorted(best.items(), key=lambda item: _rank(item[1]), reverse=True):
        found.setdefault(patient_id, []).append(state)
    return found


def _rank(state: ClipState) -> tuple[bool, int]:
    return state.live, state.seen_ms or 0
