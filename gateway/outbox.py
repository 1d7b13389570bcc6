"""The outbox: rows wait here, on disk, until the server says that it has settled them.

Those that it has are kept as the patient's own copy until there is no more room (see `thinning`).
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway import messages, thinning
from gateway.store import OutboxError, Store
from gateway.thinning import Limits, Thinned

__all__ = ["Batch", "Limits", "Outbox", "OutboxError"]

MAX_REJECTED: Final = 10_000
MAX_HANDED: Final = 256
"""Batches whose acknowledgement is still understood after newer ones were handed out."""
AGE_EVERY_MS: Final = 3_600_000

ERASING: Final = "erasing"
"""Owner of the names of clips that are being erased: nothing of theirs is handed out."""

_BETWEEN: Final = f"""
SELECT n, record FROM waiting WHERE n > ? AND n < ifnull(?, n + 1)
AND clip NOT IN (SELECT name FROM state WHERE owner = '{ERASING}') ORDER BY n
"""  # noqa: S608
_OLDEST: Final = f"{_BETWEEN} LIMIT ?"
_NEWEST: Final = f"{_BETWEEN} DESC LIMIT ?"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Rows handed out together, in order."""

    spool: str
    numbers: tuple[int, ...]
    rows: tuple[messages.Row, ...]

    @property
    def first(self) -> int:
        """Number of the first row."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.numbers[-1]


class Outbox(Store):
    """The rows, in the file with everything else. Not for use from several threads."""

    def __init__(self, path: Path, utc_ms: Callable[[], int], limits: Limits = Limits()) -> None:  # noqa: B008
        """Open or make the file. Raises OutboxError."""
        self._limits = limits
        self._away: list[tuple[int, int]] = []  # (first, last) of batches on their way, rising
        self._handed: deque[tuple[int, int]] = deque(maxlen=MAX_HANDED)  # those that may still be acknowledged
        self._newest_next = False
        self._aged_utc_ms: int | None = None
        super().__init__(path, utc_ms)

    def put(self, records: Iterable[messages.Model]) -> int:
        """Append records; how many there were. The oldest rows make room when there is none. Raises OutboxError."""
        fields = [record.model_dump(mode="json") for record in records]
        if fields:
            with self.transaction():
                self._growing = True
                self._insert(fields)
                self._thin()
        return len(fields)

    def _insert(self, fields: list[dict[str, Any]]) -> None:
        now = self._utc_ms()
        self._db.executemany(
            "INSERT INTO waiting (record, clip, kind, put_utc_ms) VALUES (?, ?, ?, ?)",
            [(json.dumps(one, separators=(",", ":")), one.get("clip", ""), one.get("kind", ""), now) for one in fields],
        )

    # --- to the server and back ---

    def next_batch(self, limit: int) -> Batch | None:
        """At most `limit` rows that are not on their way; None when there are none.

        In turns the oldest and the newest: however much has piled up, what has just happened is in one of the next two
        batches, and the oldest comes nearer. No batch reaches over another that is on its way, so that a range of
        numbers names its rows.
        """
        newest, self._newest_next = self._newest_next, not self._newest_next
        bounds = [0, *(n for range_ in self._away for n in range_)]
        gaps = list(zip(bounds[::2], [*bounds[1::2], None], strict=True))
        for after, before in reversed(gaps) if newest else gaps:
            found = self._db.execute(_NEWEST if newest else _OLDEST, (after, before, limit)).fetchall()
            if found:
                return self._hand_out(sorted(found))
        return None

    def _hand_out(self, found: list[tuple[int, str]]) -> Batch:
        numbers = tuple(n for n, _ in found)
        self._away = sorted([*self._away, (numbers[0], numbers[-1])])
        self._handed.append((numbers[0], numbers[-1]))
        return Batch(self.spool, numbers, tuple(messages.Row(n=n, record=json.loads(record)) for n, record in found))

    def take_back(self) -> None:
        """Nothing is on its way any more. Late acknowledgements of what was are still taken."""
        self._away.clear()

    def settle(self, spool: str, first: int, last: int, rejected: Sequence[messages.Rejected] = ()) -> tuple[int, ...]:
        """Take the rows between `first` and `last`, which must lie in one batch that was handed out, from those that
        wait; those in `rejected` go to the quarantine. Their numbers: none when no such batch was handed out since the
        file was opened (its rows will be sent, and acknowledged, again). Raises OutboxError.
        """
        if spool != self.spool or not any(f <= first <= last <= to for f, to in self._handed):
            return ()
        within = (first, last)
        settled = tuple(n for (n,) in self._db.execute("SELECT n FROM waiting WHERE n BETWEEN ? AND ?", within))
        reasons = {row.n: row.reason for row in rejected}
        now = self._utc_ms()
        with self.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO rejected SELECT n, record, ?, ? FROM waiting WHERE n = ?",
                [(reasons[n], now, n) for n in settled if n in reasons],
            )
            self._db.executemany(
                "INSERT INTO settled SELECT n, record, clip, kind, put_utc_ms FROM waiting WHERE n = ?",
                [(n,) for n in settled if n not in reasons],
            )
            self._db.execute("DELETE FROM waiting WHERE n BETWEEN ? AND ?", within)
            self._db.execute(
                "DELETE FROM rejected WHERE n <= (SELECT n FROM rejected ORDER BY n DESC LIMIT 1 OFFSET ?)",
                (MAX_REJECTED,),
            )
            self._thin()
        self._away = [(f, to) for f, to in self._away if not first <= f <= to <= last]
        return settled

    @property
    def waiting(self) -> int:
        """Rows that the server has not settled."""
        return int(self._db.execute("SELECT rows FROM tally WHERE name = 'waiting'").fetchone()[0])

    @property
    def oldest_utc_ms(self) -> int | None:
        """When the oldest row that the server has not settled was put here; None when there is none."""
        row = self._db.execute("SELECT put_utc_ms FROM waiting ORDER BY n LIMIT 1").fetchone()
        return int(row[0]) if row is not None and row[0] > 0 else None

    @property
    def rejected(self) -> int:
        """Rows in the quarantine."""
        return int(self._db.execute("SELECT count(*) FROM rejected").fetchone()[0])

    # --- bounds ---

    @property
    def thinned(self) -> int:
        """Rows that made room for newer ones before the server had settled them."""
        return int(self._db.execute("SELECT coalesce(sum(rows), 0) FROM thinned WHERE NOT settled").fetchone()[0])

    def _thin(self) -> None:
        """Keep the bounds, within the transaction that has reached them."""
        now = self._utc_ms()
        gone = thinning.by_size(self._db, self._limits, self._away)
        if self._aged_utc_ms is None or abs(now - self._aged_utc_ms) >= AGE_EVERY_MS:
            gone += thinning.by_age(self._db, self._limits, self._away, now)
            self._aged_utc_ms = now
        for one in gone:
            self._tell(one, now)

    def _tell(self, gone: Thinned, now: int) -> None:
        """Leave a record of rows that went, in the file and in the log; the server hears of what it never got."""
        settled = gone.table == "settled"
        if gone.rows:
            self._account(gone, now, settled=settled)
        if settled:
            return
        notices = [self._notice(first, rows) for rows, first in gone.clips.values() if first is not None]
        self._insert([notice.model_dump(mode="json") for notice in notices])

    def _account(self, gone: Thinned, now: int, *, settled: bool) -> None:
        self._db.execute(
            "INSERT INTO thinned (utc_ms, why, settled, rows, first_n, last_n, from_utc_ms, to_utc_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (now, gone.why, settled, gone.rows, gone.first_n, gone.last_n, gone.from_utc_ms, gone.to_utc_ms),
        )
        bound = {"size": "the outbox has reached its size", "age": "they had reached their age"}[gone.why]
        if settled:
            logger.info("%d of the oldest records, all settled by the server, are removed: %s", gone.rows, bound)
        else:
            logger.warning(
                "%d of the oldest records (%d to %d) are given up before the server has settled them: %s",
                *(gone.rows, gone.first_n, gone.last_n, bound),
            )

    def _notice(self, first: dict[str, Any], rows: int) -> messages.Event:
        """What tells the server that `rows` records from that of `first` on will not come."""
        clip, start_ms = first["clip"], first["start_ms"]
        owner, name = f"thinned/{clip}", first["boot"]
        told = self.get(owner, name)
        start_ms = min(max(start_ms, int(told) + 1 if told else 0), 2**32 - 1)  # one identity each
        self.set(owner, {name: str(start_ms).encode()})
        return messages.Event(
            **{key: first[key] for key in ("clip", "boot", "utc_ms", "utc_error_ms", "plan", "calibration")},
            simulated=first["simulated"],
            judge="gateway",
            rev=1,
            start_ms=start_ms,
            kind=thinning.NOTICE,
            value=rows,
        )
