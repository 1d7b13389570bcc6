"""Settling batches of outbox rows: one transaction, exactly once in effect, an answer for exactly what it settled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, update

from gateway import messages
from server.enrolment.adoption import adopt
from server.ingest import quarantine
from server.ingest.alarms import Kind, raise_alarm
from server.ingest.epochs import EpochBook
from server.ingest.events import EventBook, EventRecord
from server.ingest.outcome import Outcome
from server.ingest.wearers import Wearers
from server.rights.refusing import clips_named
from server.store import writing
from server.store.tables import gateway, unreadable
from server.store.upsert import upsert
from server.summaries.stale import mark_spans

EARLIEST_MS: Final = 946_684_800_000
LATEST_MS: Final = 4_102_444_800_000
"""2000 and 2100: a record outside was placed by a clock that had not been set."""
WITHDRAWN: Final = "withdrawn"
"""Why a record is rejected of which nothing is kept: its patient was erased, or has not consented to it."""

MALFORMED: Final = "malformed"
FAILED: Final = "failed"
_ALARMING: Final = {"conflict": Kind.CONFLICT, "not_assigned": Kind.NOT_ASSIGNED, "revoked": Kind.REVOKED}
"""Reasons for a rejection that somebody should look at."""

AnyRecord = messages.Epoch | messages.Episode | messages.Reminder | messages.Event | messages.Unreadable


class _Parsed(NamedTuple):
    row: messages.Row
    record: AnyRecord | None
    problem: str


def settle(engine: Engine, gateway_id: str, records: messages.Records, now_ms: int) -> messages.Ack:
    """Store the rows of one message in one transaction and return the acknowledgement, to be sent now that it is
    committed. A database error is passed on and leaves nothing stored."""
    return settle_all(engine, [(gateway_id, records)], now_ms)[0]


def settle_all(
    engine: Engine, batches: Sequence[tuple[str, messages.Records]], now_ms: int
) -> tuple[messages.Ack, ...]:
    """`settle` of several messages (gateway id, message) in one transaction; an acknowledgement each, in order."""
    parsed = [(gateway_id, records, [_parse(row) for row in records.rows]) for gateway_id, records in batches]
    with writing(engine) as connection:
        # Locks are taken in one order by every worker: assignments, gateways, hours, then counts and alarms at the end.
        told: dict[str, set[str]] = {}
        for gateway_id, _, rows in parsed:
            told.setdefault(gateway_id, set()).update(item.record.clip for item in rows if item.record is not None)
        clips = {clip for its in told.values() for clip in its}
        for gateway_id, its in told.items():  # records may come before the status that tells of their clip
            adopt(connection, gateway_id, its, now_ms)
        for item in (item for _, _, rows in parsed for item in rows if item.record is None):
            clips |= clips_named(connection, _payload(item))
        wearers = Wearers(connection, clips, (gateway_id for gateway_id, _ in batches), now_ms, lock=True)
        _note_seen(connection, {gateway_id for gateway_id, _ in batches}, now_ms)
        settlement = _Settlement(connection, wearers, now_ms)
        settlement.load([item.record for _, _, rows in parsed for item in rows if item.record is not None])
        acks = tuple(settlement.settle(gateway_id, records, rows) for gateway_id, records, rows in parsed)
        settlement.finish()
    return acks


def refuse(
    engine: Engine, gateway_id: str, kind: str, payload: bytes, *, problem: str, now_ms: int, ours: bool = False
) -> None:
    """Count and keep a message that cannot be read at all, or (`ours`) not be stored for a reason of ours.
    `gateway_id` '' for a topic that names none, and for a sender that is not enrolled."""
    reason = FAILED if ours else MALFORMED
    with writing(engine) as connection:
        text = payload.decode(errors="replace")
        wearers = Wearers(connection, clips_named(connection, text), [gateway_id], now_ms, lock=True)
        if not wearers.unkept(gateway_id, text, read=False):
            quarantine.keep(connection, gateway_id, kind, reason, detail=problem, payload=text, now_ms=now_ms)
        quarantine.count(connection, gateway_id, reason)
        if ours:
            raise_alarm(connection, Kind.FAILED, now_ms, gateway=gateway_id, detail=problem)
        _trim(connection, gateway_id, now_ms)


def _note_seen(connection: Connection, gateways: Iterable[str], now_ms: int) -> None:
    for gateway_id in sorted(gateways):
        connection.execute(update(gateway).where(gateway.c.id == gateway_id).values(seen_ms=now_ms))


def _trim(connection: Connection, sender: str, now_ms: int) -> None:
    unseen = quarantine.trim(connection, sender)
    if unseen:
        raise_alarm(connection, Kind.OVERFLOW, now_ms, gateway=sender, by=unseen)


def _parse(row: messages.Row) -> _Parsed:
    try:
        return _Parsed(row, messages.parse_record(row.record), "")
    except messages.MalformedMessageError as error:
        return _Parsed(row, None, str(error))


def _payload(item: _Parsed) -> str:
    return json.dumps(item.row.record, default=str)


def _plausible(utc_ms: int | None) -> bool:
    return utc_ms is None or EARLIEST_MS <= utc_ms < LATEST_MS


class _Settlement:
    def __init__(self, connection: Connection, wearers: Wearers, now_ms: int) -> None:
        self._connection = connection
        self._wearers = wearers
        self._now_ms = now_ms
        self._epochs = EpochBook(connection, now_ms)
        self._events = EventBook(connection, now_ms)
        self._refused: set[str] = set()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._alarms: Counter[tuple[Kind, str, str]] = Counter()

    def load(self, records: Sequence[AnyRecord]) -> None:
        """Read, and lock, what is stored of these, in as few questions as can be."""
        self._epochs.load(record for record in records if record.kind == "epoch" and _plausible(record.utc_ms))
        self._events.load(
            record for record in records if isinstance(record, messages.Episode | messages.Reminder | messages.Event)
        )

    def settle(self, gateway_id: str, records: messages.Records, rows: Sequence[_Parsed]) -> messages.Ack:
        rejected = []
        for item in rows:
            reason = f"malformed: {item.problem}" if item.record is None else self._store(gateway_id, item.record)
            if reason:
                self._refuse(gateway_id, item, reason)
                rejected.append(messages.Rejected(n=item.row.n, reason=reason[:200]))
        return messages.Ack(
            schema="ack/1", spool=records.spool, first=records.first, last=records.last, rejected=tuple(rejected)
        )

    def _store(self, gateway_id: str, record: AnyRecord) -> str:
        """Why the record is rejected; "" when it is not."""
        utc_ms = None if record.kind == "unreadable" else record.utc_ms
        plausible = _plausible(utc_ms)
        if self._wearers.withdrawn(record.clip, utc_ms if plausible else None):
            return WITHDRAWN
        if not plausible:
            return "implausible_time"
        patient_id = self._wearers.at(gateway_id, record.clip, utc_ms)
        if patient_id is None:
            return "revoked" if self._wearers.revoked(gateway_id) else "not_assigned"
        if record.kind == "unreadable":
            self._count_unreadable(gateway_id, record)
            return ""
        fixed = self._wearers.changed_hands(record.clip) and self._is_anothers(gateway_id, patient_id, record)
        if record.kind == "epoch":
            outcome = self._epochs.apply(patient_id, record, fixed=fixed)
        else:
            outcome = self._events.apply(gateway_id, patient_id, record, fixed=fixed)
        return "conflict" if outcome is Outcome.CONFLICT else ""

    def _is_anothers(self, gateway_id: str, patient_id: int, record: messages.Epoch | EventRecord) -> bool:
        """Whether a record is stored as another patient's of whom this gateway may not tell: telling it again as its
        own patient's must not take it away from them."""
        old = self._epochs.stored(record) if record.kind == "epoch" else self._events.stored(record)
        if old is None or old.patient_id == patient_id:
            return False
        if old.utc_ms is None:  # of a time before it came
            return record.utc_ms is None or record.utc_ms > old.came_ms
        return self._wearers.at(gateway_id, record.clip, old.utc_ms) != old.patient_id

    def _count_unreadable(self, gateway_id: str, record: messages.Unreadable) -> None:
        statement = upsert(self._connection, unreadable).values(
            clip=record.clip, journal_id=record.journal_id, gateway=gateway_id, received_ms=self._now_ms
        )
        new = statement.on_conflict_do_nothing().returning(unreadable.c.journal_id)
        if self._connection.execute(new).first() is not None:
            self._counts[gateway_id, "unreadable"] += 1

    def _refuse(self, gateway_id: str, item: _Parsed, reason: str) -> None:
        # Senders that are not enrolled share one bound, so that inventing ids gains nothing.
        sender = gateway_id if self._wearers.known(gateway_id) else ""
        name, _, detail = reason.partition(": ")
        payload = _payload(item)
        kind = item.record.kind if item.record is not None else "row"
        if name == WITHDRAWN or self._wearers.unkept(gateway_id, payload, read=item.record is not None):
            self._counts[sender, name] += 1
            return
        if quarantine.keep(self._connection, sender, kind, name, detail=detail, payload=payload, now_ms=self._now_ms):
            self._counts[sender, name] += 1
            self._alarm(sender, name, item.record)
        self._refused.add(sender)

    def _alarm(self, sender: str, reason: str, record: AnyRecord | None) -> None:
        if not sender:
            self._alarms[Kind.UNKNOWN_GATEWAY, "", ""] += 1
        elif reason in _ALARMING and not self._brought_along(sender, reason, record):
            clip = record.clip if record is not None and self._wearers.assigned(record.clip) else ""
            self._alarms[_ALARMING[reason], sender, clip] += 1

    def _brought_along(self, sender: str, reason: str, record: AnyRecord | None) -> bool:
        if reason != "not_assigned" or record is None or isinstance(record, messages.Unreadable):
            return False
        return self._wearers.before(sender, record.clip, record.utc_ms)

    def finish(self) -> None:
        self._epochs.flush()
        self._events.flush()
        mark_spans(self._connection, self._epochs.touched | self._events.touched)
        for (sender, reason), number in sorted(self._counts.items()):
            quarantine.count(self._connection, sender, reason, number)
        for (kind, sender, clip), number in sorted(self._alarms.items()):
            raise_alarm(self._connection, kind, self._now_ms, gateway=sender, clip=clip, by=number)
        for sender in sorted(self._refused):
            _trim(self._connection, sender, self._now_ms)
