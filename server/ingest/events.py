"""Episodes, reminders and other events as rows, inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, RowMapping, Table, and_, insert, select, update

from gateway import messages
from server.ingest.outcome import Outcome, weigh
from server.store.tables import clip_event, episode, reminder

EventRecord = messages.Episode | messages.Reminder | messages.Event

_CONTENT: Final[dict[str, tuple[str, ...]]] = {
    "episode": ("plan", "calibration", "duration_ms", "peak_deg", "mean_deg", "end_reason"),
    "reminder": ("plan", "calibration", "since_ms", "angle_deg", "reason", "response", "response_ms"),
    "clip_event": ("plan", "calibration", "kind", "value"),
}


def table_of(record: EventRecord) -> Table:
    """Where records of this kind are kept."""
    if isinstance(record, messages.Episode):
        return episode
    return reminder if isinstance(record, messages.Reminder) else clip_event


class EventBook:
    """Looks an event's identity up and stores it by the rule of revisions."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self.touched: set[tuple[int, int, int]] = set()
        """(patient id, start, end) of every record that changed, UTC milliseconds."""

    def apply(self, gateway_id: str, patient_id: int, record: EventRecord) -> Outcome:
        """Take a record in."""
        table = table_of(record)
        old = self._find(table, record)
        new = _values(table, record)
        if old is not None:
            outcome = weigh(
                old["rev"],
                record.rev,
                same_content=all(old[name] == new[name] for name in _CONTENT[table.name]),
                better_placed=_certainty(new) > _certainty(old),
            )
            if outcome is not Outcome.STORED:
                return outcome
            self._touch(old["patient_id"], old["utc_ms"])
        new |= {"patient_id": patient_id, "gateway": gateway_id, "received_ms": self._now_ms}
        if old is None:
            self._connection.execute(insert(table).values(**new))
        else:
            self._connection.execute(update(table).where(table.c.id == old["id"]).values(**new))
        self._touch(patient_id, record.utc_ms)
        return Outcome.STORED

    def _find(self, table: Table, record: EventRecord) -> RowMapping | None:
        same = [table.c[name] == getattr(record, name) for name in ("clip", "boot", "judge", "start_ms")]
        if "kind" in table.c:
            same.append(table.c.kind == record.kind)
        return self._connection.execute(select(table).where(and_(*same))).mappings().one_or_none()

    def _touch(self, patient_id: int, utc_ms: int | None) -> None:
        if utc_ms is not None:
            self.touched.add((patient_id, utc_ms, utc_ms))


def _values(table: Table, record: EventRecord) -> dict[str, object]:
    fields: Sequence[str] = (
        "clip",
        "boot",
        "judge",
        "start_ms",
        "rev",
        "utc_ms",
        "utc_error_ms",
        "simulated",
        *_CONTENT[table.name],
    )
    return {name: getattr(record, name) for name in fields}


def _certainty(row: Mapping[str, object] | RowMapping) -> tuple[bool, bool, int, int]:
    """Higher is better: placed, with a known error, with less error, earlier."""
    utc, error = row["utc_ms"], row["utc_error_ms"]
    return (
        utc is not None,
        error is not None,
        -error if isinstance(error, int) else 0,
        -utc if isinstance(utc, int) else 0,
    )
