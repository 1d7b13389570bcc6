"""Episodes, reminders and other events as rows, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from gateway import messages
from server.ingest.outcome import Outcome, Stored, weigh
from server.store.tables import clip_event, episode, reminder

EventRecord = messages.Episode | messages.Reminder | messages.Event

_CONTENT: Final[dict[str, tuple[str, ...]]] = {
    "episode": ("plan", "calibration", "duration_ms", "peak_deg", "mean_deg", "end_reason"),
    "reminder": ("plan", "calibration", "since_ms", "angle_deg", "reason", "response", "response_ms"),
    "clip_event": ("plan", "calibration", "kind", "value"),
}

_TABLES: Final = {table.name: table for table in (episode, reminder, clip_event)}
_SAME: Final = {
    name: select(table).where(
        table.c.clip == bindparam("clip"),
        table.c.boot == bindparam("boot"),
        table.c.start_ms.in_(bindparam("starts", expanding=True)),
    )
    for name, table in _TABLES.items()
}


def table_of(record: EventRecord) -> Table:
    """Where records of this kind are kept."""
    return _TABLES.get(record.kind, clip_event)


_Key = tuple[str, str, str, str, int]
"""Identity of an event: kind, clip, boot, judge, start."""


class EventBook:
    """The events that a batch tells of, held against those that are stored by the rule of revisions. Nothing is written
    before `flush`."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._known: dict[_Key, Mapping[str, Any] | None] = {}
        self._new: dict[_Key, dict[str, Any]] = {}
        self._changed: dict[_Key, dict[str, Any]] = {}
        self.touched: set[tuple[int, int, int]] = set()
        """(patient id, start, end) of every record that changed, UTC milliseconds."""

    def load(self, records: Iterable[EventRecord]) -> None:
        """Read what is stored of these events."""
        wanted: dict[tuple[str, str, str], set[int]] = {}
        for record in records:
            key = _key(record)
            if key not in self._known:
                self._known[key] = None
                wanted.setdefault((table_of(record).name, record.clip, record.boot), set()).add(record.start_ms)
        for (name, clip, boot), starts in sorted(wanted.items()):
            same = {"clip": clip, "boot": boot, "starts": sorted(starts)}
            for row in self._connection.execute(_SAME[name], same).mappings():
                kind = row["kind"] if name == clip_event.name else name
                self._known[kind, clip, boot, row["judge"], row["start_ms"]] = dict(row)

    def stored(self, record: EventRecord) -> Stored | None:
        """Whose this event is so far, and when; None where it is not stored."""
        old = self._known[_key(record)]
        return None if old is None else Stored(old["patient_id"], old["utc_ms"], old["received_ms"])

    def apply(self, gateway_id: str, patient_id: int, record: EventRecord, *, fixed: bool = False) -> Outcome:
        """Take a record in. It must have been part of a `load`. `fixed`: its sender may not change what is stored."""
        key, table = _key(record), table_of(record)
        old = self._known[key]
        new = _values(table, record)
        if old is not None:
            outcome = weigh(
                old["rev"],
                record.rev,
                same_content=all(old[name] == new[name] for name in _CONTENT[table.name]),
                better_placed=_certainty(new) > _certainty(old),
                fixed=fixed,
            )
            if outcome is not Outcome.STORED:
                return outcome
            self._touch(old["patient_id"], old["utc_ms"])
        new |= {"patient_id": patient_id, "gateway": gateway_id, "received_ms": self._now_ms}
        if old is None or key in self._new:
            self._new[key] = new
        else:
            new["id"] = old["id"]
            self._changed[key] = new
        self._known[key] = new
        self._touch(patient_id, record.utc_ms)
        return Outcome.STORED

    def _touch(self, patient_id: int, utc_ms: int | None) -> None:
        if utc_ms is not None:
            self.touched.add((patient_id, utc_ms, utc_ms))

    def flush(self) -> None:
        """Write every event that is new or changed."""
        for table in _TABLES.values():
            new = [row for key, row in self._new.items() if _TABLES.get(key[0], clip_event) is table]
            if new:
                self._connection.execute(insert(table), new)
            changed = [
                {**row, "_id": row["id"]}
                for key, row in self._changed.items()
                if _TABLES.get(key[0], clip_event) is table
            ]
            if changed:
                self._connection.execute(
                    update(table)
                    .where(table.c.id == bindparam("_id"))
                    .values({column: bindparam(column) for column in changed[0] if column not in ("id", "_id")}),
                    changed,
                )


def _key(record: EventRecord) -> _Key:
    return record.kind, record.clip, record.boot, record.judge, record.start_ms


_FIELDS: Final = {
    name: ("clip", "boot", "judge", "start_ms", "rev", "utc_ms", "utc_error_ms", "simulated", *content)
    for name, content in _CONTENT.items()
}
_GETTERS: Final = {name: attrgetter(*fields) for name, fields in _FIELDS.items()}


def _values(table: Table, record: EventRecord) -> dict[str, Any]:
    return dict(zip(_FIELDS[table.name], _GETTERS[table.name](record), strict=True))


def _certainty(row: Mapping[str, Any]) -> tuple[bool, bool, int, int]:
    """Higher is better: placed, with a known error, with less error, earlier."""
    utc, error = row["utc_ms"], row["utc_error_ms"]
    return (
        utc is not None,
        error is not None,
        -error if isinstance(error, int) else 0,
        -utc if isinstance(utc, int) else 0,
    )
