"""Epochs into their hours, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, insert, select

from gateway import messages
from server.ingest.outcome import Outcome, Stored, weigh
from server.store import epoch_blob
from server.store.tables import boot_span, epoch_hour, unplaced_epoch
from server.store.upsert import upsert

_MINUTE_MS = 60_000
_LAST_HOUR = 2**31 - 1

_Hour = tuple[int, str, int]
"""Patient id, clip, UTC hour."""

_Boot = tuple[str, str]
"""Clip and boot."""

_Known = tuple[str, bytes]
"""Clip and identity of a row."""


_SPAN: Final = select(boot_span.c.low_ms, boot_span.c.high_ms).where(
    boot_span.c.clip == bindparam("clip"), boot_span.c.boot == bindparam("boot")
)
_HOURS: Final = (
    select(epoch_hour.c.patient_id, epoch_hour.c.hour, epoch_hour.c.blob)
    .where(epoch_hour.c.clip == bindparam("clip"))
    .where(epoch_hour.c.hour.between(bindparam("first"), bindparam("last")))
    .order_by(epoch_hour.c.patient_id, epoch_hour.c.hour)
    .with_for_update()
)
_UNPLACED: Final = select(unplaced_epoch.c.packed, unplaced_epoch.c.patient_id, unplaced_epoch.c.received_ms).where(
    unplaced_epoch.c.clip == bindparam("clip"), unplaced_epoch.c.boot == bindparam("boot")
)


class EpochBook:
    """The hours that a batch touches. Where a boot's minutes may lie is known from `boot_span`, so that one that is
    placed anew, or comes without a place, is found wherever it was put before."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._spans: dict[_Boot, tuple[int, int] | None] = {}
        self._spans_changed: set[_Boot] = set()
        self._hours: dict[_Hour, list[bytes]] = {}
        self._added: dict[_Hour, dict[bytes, bytes]] = {}
        self._removed: dict[_Hour, set[bytes]] = {}
        self._row: dict[_Known, bytes] = {}
        self._where: dict[_Known, _Hour | Stored] = {}
        self._unplaced_changed: dict[_Known, int | None] = {}
        self.touched: set[tuple[int, int, int]] = set()
        """(patient id, start, end) of every minute that changed, UTC milliseconds."""

    def load(self, epochs: Iterable[messages.Epoch]) -> None:
        """Read, and lock, what is stored of these minutes and around them."""
        by_boot: dict[_Boot, list[messages.Epoch]] = {}
        for epoch in epochs:
            by_boot.setdefault((epoch.clip, epoch.boot), []).append(epoch)
        for boot, minutes in sorted(by_boot.items()):
            if boot not in self._spans:
                self._spans[boot] = self._load_span(boot)
                self._load_unplaced(boot)
            offsets = {epoch.utc_ms - epoch.start_ms for epoch in minutes if epoch.utc_ms is not None}
            offsets.update(self._spans[boot] or ())
            if offsets:
                starts = [epoch.start_ms for epoch in minutes]
                first_ms, last_ms = min(starts) + min(offsets), max(starts) + max(offsets)
                self._load_hours(boot[0], first_ms // epoch_blob.HOUR_MS, last_ms // epoch_blob.HOUR_MS)

    def _load_span(self, boot: _Boot) -> tuple[int, int] | None:
        row = self._connection.execute(_SPAN, {"clip": boot[0], "boot": boot[1]}).one_or_none()
        return None if row is None else (row.low_ms, row.high_ms)

    def _load_hours(self, clip: str, first: int, last: int) -> None:
        rows = self._connection.execute(_HOURS, {"clip": clip, "first": first, "last": last})
        for patient_id, hour, blob in rows:
            key = (patient_id, clip, hour)
            if key not in self._hours:
                self._hours[key] = epoch_blob.rows_of(epoch_blob.decode(blob))
                for row in self._hours[key]:
                    self._row[clip, epoch_blob.identity(row)] = row
                    self._where[clip, epoch_blob.identity(row)] = key

    def _load_unplaced(self, boot: _Boot) -> None:
        rows = self._connection.execute(_UNPLACED, {"clip": boot[0], "boot": boot[1]})
        for row, patient_id, received_ms in rows:
            self._row[boot[0], epoch_blob.identity(row)] = row
            self._where[boot[0], epoch_blob.identity(row)] = Stored(patient_id, None, received_ms)

    def stored(self, epoch: messages.Epoch) -> Stored | None:
        """Whose this minute is so far, and when; None where it is not stored."""
        known = (epoch.clip, epoch_blob.identity(epoch_blob.pack_row(epoch)))
        place = self._where.get(known)
        if place is None or isinstance(place, Stored):
            return place
        return Stored(place[0], epoch_blob.utc_ms(self._row[known]))

    def apply(self, patient_id: int, epoch: messages.Epoch, *, fixed: bool = False) -> Outcome:
        """Take an epoch in. It must have been part of a `load`. `fixed`: its sender may not change what is stored."""
        row = epoch_blob.pack_row(epoch)
        known = (epoch.clip, epoch_blob.identity(row))
        old = self._row.get(known)
        if old is not None:
            outcome = weigh(
                epoch_blob.rev(old),
                epoch.rev,
                same_content=epoch_blob.content(old) == epoch_blob.content(row),
                better_placed=epoch_blob.better(old, row) is row,
                fixed=fixed,
            )
            if outcome is not Outcome.STORED:
                return outcome
            self._take_out(known)
        self._put_in(known, epoch.boot, patient_id, row)
        return Outcome.STORED

    def move(self, clip: str, patient_id: int, from_ms: int) -> None:
        """Give the patient whatever of the clip is stored of `from_ms` (UTC ms) or later, whose ever it was."""
        self._load_hours(clip, from_ms // epoch_blob.HOUR_MS, _LAST_HOUR)
        for key, rows in list(self._hours.items()):
            for row in rows if key[0] != patient_id else ():
                if (epoch_blob.utc_ms(row) or 0) >= from_ms:
                    known, boot = (clip, epoch_blob.identity(row)), (clip, epoch_blob.boot_of(row))
                    self._spans.setdefault(boot, self._load_span(boot))
                    self._take_out(known)
                    self._put_in(known, boot[1], patient_id, row)

    def _take_out(self, known: _Known) -> None:
        key = self._where[known]
        if isinstance(key, Stored):
            self._unplaced_changed[known] = None
            return
        self._touch(key[0], epoch_blob.utc_ms(self._row[known]))
        self._removed.setdefault(key, set()).add(known[1])
        self._added.get(key, {}).pop(known[1], None)

    def _put_in(self, known: _Known, boot: str, patient_id: int, row: bytes) -> None:
        self._row[known] = row
        utc_ms = epoch_blob.utc_ms(row)
        if utc_ms is None:
            self._where[known] = Stored(patient_id, None, self._now_ms)
            self._unplaced_changed[known] = patient_id
            return
        key = (patient_id, known[0], utc_ms // epoch_blob.HOUR_MS)
        self._where[known] = key
        self._added.setdefault(key, {})[known[1]] = row
        self._touch(patient_id, utc_ms)
        self._widen((known[0], boot), utc_ms - epoch_blob.start_of(row))

    def _widen(self, boot: _Boot, offset_ms: int) -> None:
        span = self._spans[boot]
        if span is None or not span[0] <= offset_ms <= span[1]:
            low, high = span or (offset_ms, offset_ms)
            self._spans[boot] = (min(low, offset_ms), max(high, offset_ms))
            self._spans_changed.add(boot)

    def _touch(self, patient_id: int, utc_ms: int | None) -> None:
        if utc_ms is not None:
            self.touched.add((patient_id, utc_ms, utc_ms + _MINUTE_MS))

    def flush(self) -> None:
        """Write every hour that changed."""
        filled: list[dict[str, object]] = []
        for key in sorted(self._added.keys() | self._removed.keys()):
            removed = self._removed.get(key, set())
            stays = (row for row in self._hours.get(key, ()) if epoch_blob.identity(row) not in removed)
            rows = epoch_blob.merge(stays, self._added.get(key, {}).values())
            patient_id, clip, hour = key
            if rows:
                filled.append({"patient_id": patient_id, "clip": clip, "hour": hour, "blob": epoch_blob.encode(rows)})
            else:
                self._connection.execute(
                    delete(epoch_hour).where(
                        epoch_hour.c.patient_id == patient_id, epoch_hour.c.clip == clip, epoch_hour.c.hour == hour
                    )
                )
        self._write(epoch_hour, filled, ("patient_id", "clip", "hour"), ("blob",))
        for known, patient in self._unplaced_changed.items():
            self._write_unplaced(known, patient)
        self._write(boot_span, list(self._span_rows()), ("clip", "boot"), ("low_ms", "high_ms"))

    def _span_rows(self) -> Iterator[dict[str, object]]:
        for clip, boot in sorted(self._spans_changed):
            low, high = self._spans[clip, boot] or (0, 0)
            yield {"clip": clip, "boot": boot, "low_ms": low, "high_ms": high}

    def _write(
        self, table: Table, rows: list[dict[str, object]], identity: tuple[str, ...], content: tuple[str, ...]
    ) -> None:
        if rows:
            statement = upsert(self._connection, table)
            new = {name: statement.excluded[name] for name in content}
            self._connection.execute(statement.on_conflict_do_update(index_elements=list(identity), set_=new), rows)

    def _write_unplaced(self, known: _Known, patient_id: int | None) -> None:
        row = self._row[known]
        where = {
            "clip": known[0],
            "boot": epoch_blob.boot_of(row),
            "judge": epoch_blob.judge_of(row),
            "start_ms": epoch_blob.start_of(row),
        }
        self._connection.execute(delete(unplaced_epoch).filter_by(**where))
        if patient_id is not None:
            self._connection.execute(
                insert(unplaced_epoch).values(
                    **where,
                    patient_id=patient_id,
                    rev=epoch_blob.rev(row),
                    packed=row,
                    received_ms=self._now_ms,
                )
            )
