"""Epochs into their hours, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from gateway import messages
from server.ingest.outcome import Outcome, weigh
from server.store import epoch_blob
from server.store.tables import epoch_hour, unplaced_epoch
from server.store.upsert import upsert

_MINUTE_MS = 60_000

_Hour = tuple[int, str, int]
"""Patient id, clip, UTC hour."""

_Known = tuple[str, bytes]
"""Clip and identity of a row."""


class EpochBook:
    """The hours that a batch touches. A minute whose placement moved is found in the neighbouring hours too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loaded: set[tuple[str, int]] = set()
        self._loaded_boots: set[tuple[str, str]] = set()
        self._hours: dict[_Hour, list[bytes]] = {}
        self._added: dict[_Hour, dict[bytes, bytes]] = {}
        self._removed: dict[_Hour, set[bytes]] = {}
        self._row: dict[_Known, bytes] = {}
        self._where: dict[_Known, _Hour | None] = {}
        self._unplaced_changed: dict[_Known, int | None] = {}
        self.touched: set[tuple[int, int, int]] = set()
        """(patient id, start, end) of every minute that changed, UTC milliseconds."""

    def load(self, epochs: Iterable[messages.Epoch]) -> None:
        """Read, and lock, what is stored around these epochs."""
        hours: dict[str, set[int]] = {}
        boots: dict[str, set[str]] = {}
        for epoch in epochs:
            boots.setdefault(epoch.clip, set()).add(epoch.boot)
            if epoch.utc_ms is not None:
                hour = epoch.utc_ms // epoch_blob.HOUR_MS
                hours.setdefault(epoch.clip, set()).update((hour - 1, hour, hour + 1))
        for clip in sorted(hours):
            self._load_hours(clip, {hour for hour in hours[clip] if (clip, hour) not in self._loaded})
        for clip in sorted(boots):
            self._load_unplaced(clip, {boot for boot in boots[clip] if (clip, boot) not in self._loaded_boots})

    def _load_hours(self, clip: str, hours: set[int]) -> None:
        self._loaded.update((clip, hour) for hour in hours)
        rows = self._connection.execute(
            select(epoch_hour)
            .where(epoch_hour.c.clip == clip, epoch_hour.c.hour.in_(sorted(hours)))
            .order_by(epoch_hour.c.patient_id, epoch_hour.c.hour)
            .with_for_update()
        )
        for patient_id, _, hour, blob in rows:
            key = (patient_id, clip, hour)
            self._hours[key] = epoch_blob.rows_of(epoch_blob.decode(blob))
            for row in self._hours[key]:
                self._row[clip, epoch_blob.identity(row)] = row
                self._where[clip, epoch_blob.identity(row)] = key

    def _load_unplaced(self, clip: str, boots: set[str]) -> None:
        self._loaded_boots.update((clip, boot) for boot in boots)
        rows = self._connection.scalars(
            select(unplaced_epoch.c.packed).where(
                unplaced_epoch.c.clip == clip, unplaced_epoch.c.boot.in_(sorted(boots))
            )
        )
        for row in rows:
            known = (clip, epoch_blob.identity(row))
            self._row.setdefault(known, row)
            self._where.setdefault(known, None)

    def apply(self, patient_id: int, epoch: messages.Epoch) -> Outcome:
        """Take an epoch in. It must have been part of a `load`."""
        row = epoch_blob.pack_row(epoch)
        known = (epoch.clip, epoch_blob.identity(row))
        old = self._row.get(known)
        if old is not None:
            outcome = weigh(
                epoch_blob.rev(old),
                epoch.rev,
                same_content=epoch_blob.content(old) == epoch_blob.content(row),
                better_placed=epoch_blob.better(old, row) is row,
            )
            if outcome is not Outcome.STORED:
                return outcome
            self._take_out(known)
        self._put_in(known, patient_id, row)
        return Outcome.STORED

    def _take_out(self, known: _Known) -> None:
        key = self._where[known]
        if key is None:
            self._unplaced_changed[known] = None
            return
        self._touch(key[0], self._row[known])
        self._removed.setdefault(key, set()).add(known[1])
        self._added.get(key, {}).pop(known[1], None)

    def _put_in(self, known: _Known, patient_id: int, row: bytes) -> None:
        self._row[known] = row
        utc_ms = epoch_blob.utc_ms(row)
        if utc_ms is None:
            self._where[known] = None
            self._unplaced_changed[known] = patient_id
            return
        key = (patient_id, known[0], utc_ms // epoch_blob.HOUR_MS)
        self._where[known] = key
        self._added.setdefault(key, {})[known[1]] = row
        self._touch(patient_id, row)

    def _touch(self, patient_id: int, row: bytes) -> None:
        utc_ms = epoch_blob.utc_ms(row)
        if utc_ms is not None:
            self.touched.add((patient_id, utc_ms, utc_ms + _MINUTE_MS))

    def flush(self) -> None:
        """Write every hour that changed."""
        for key in sorted(self._added.keys() | self._removed.keys()):
            removed = self._removed.get(key, set())
            stays = (row for row in self._hours.get(key, ()) if epoch_blob.identity(row) not in removed)
            self._write(key, epoch_blob.merge(stays, self._added.get(key, {}).values()))
        for known, patient_id in self._unplaced_changed.items():
            self._write_unplaced(known, patient_id)

    def _write(self, key: _Hour, rows: list[bytes]) -> None:
        patient_id, clip, hour = key
        if not rows:
            self._connection.execute(
                delete(epoch_hour).where(
                    epoch_hour.c.patient_id == patient_id, epoch_hour.c.clip == clip, epoch_hour.c.hour == hour
                )
            )
            return
        statement = upsert(self._connection, epoch_hour).values(
            patient_id=patient_id, clip=clip, hour=hour, blob=epoch_blob.encode(rows)
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["patient_id", "clip", "hour"], set_={"blob": statement.excluded.blob}
            )
        )

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
                insert(unplaced_epoch).values(**where, patient_id=patient_id, rev=epoch_blob.rev(row), packed=row)
            )
