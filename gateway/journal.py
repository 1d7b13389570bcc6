"""The clip's journal: read on from where it was committed, commit, and only then acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from firmware.clip import protocol
from gateway import messages, placing
from gateway.judging import Judging
from gateway.ledger import Ledger
from gateway.link import Link
from gateway.outbox import OutboxError

GATHER_S: Final = 0.5
"""Records that come within this time share a commit and an acknowledgement."""
GATHER_MAX: Final = 64
HELD_MAX: Final = 4096
"""Records held in memory while the disk takes none; the clip sends those after them again."""
RETRY_S: Final = 10.0
REREADS: Final = 3
"""Readings of a missing record before it is given up as unreadable."""
GAP_MAX: Final = 4096
"""As many records as the clip's flash holds: one with a number further ahead cannot be there yet."""
_UNREADABLE: Final = bytes([protocol.records.UNREADABLE])


class Journal:
    """The journal over one connection."""

    def __init__(
        self,
        link: Link,
        ledger: Ledger,
        judging: Judging,
        on_rows: Callable[[], None],
        on_event: Callable[[messages.Event], None],
    ) -> None:
        """`on_event` hears of each event once it has been committed."""
        self._link = link
        self._ledger = ledger
        self._judging = judging
        self._on_rows = on_rows
        self._on_event = on_event
        self._next = 0
        self._records: list[messages.Model] = []
        self._news = asyncio.Event()
        self._rereading = False
        self._missing = (-1, 0)  # the record last missed, and how often it was
        self.empty = asyncio.Event()
        """Set when the clip has said that there is nothing more for now."""

    async def run(self, first: int, following: int) -> None:
        """Read the journal, whose oldest record is `first` and whose next will be `following`, until cancelled.

        Raises LinkError.
        """
        if self._ledger.forsaken:
            self._ledger.step_over(following - 1)
        committed = self._ledger.position
        if committed is None or committed >= following:
            committed = first - 1  # never read before, or the clip has begun a new journal
        self._next = max(committed + 1, first)
        await self._link.subscribe(protocol.uuids.JOURNAL, self._on_frame)
        if first < self._next:
            await self._acknowledge(self._next - 1)
        await self._read(self._next)
        while True:
            await self._news.wait()
            if len(self._records) < GATHER_MAX and not self.empty.is_set():
                await asyncio.sleep(GATHER_S)
            self._news.clear()
            if self._records and not await self._settle():
                await asyncio.sleep(RETRY_S)
                self._news.set()
                continue
            if self._rereading:
                await self._read(self._next)
                self._rereading = False

    async def _read(self, at: int) -> None:
        await self._link.operate(
            protocol.control.JOURNAL_READ, protocol.control.pack(protocol.control.JOURNAL_READ, at)
        )

    async def _acknowledge(self, up_to: int) -> None:
        await self._link.operate(
            protocol.control.JOURNAL_ACK, protocol.control.pack(protocol.control.JOURNAL_ACK, up_to)
        )

    async def _settle(self) -> bool:
        """Commit what has come, then acknowledge exactly that. False when the disk did not take it: nothing is consumed
        then, and the clip keeps it."""
        up_to = self._next - 1
        try:
            self._ledger.commit(self._records, core=self._judging.state, position=up_to)
        except OutboxError:
            return False
        self._rereading = self._rereading or len(self._records) >= HELD_MAX
        records, self._records = self._records, []
        self._on_rows()
        for record in records:
            if isinstance(record, messages.Event):
                self._on_event(record)
        await self._acknowledge(up_to)
        return True

    def _on_frame(self, data: bytes) -> None:
        try:
            number, record = protocol.records.parse_journal_frame(self._link.without_tag(data))
        except protocol.MalformedError as error:
            self._ledger.keep("journal", str(error), data)
            return
        if number - self._next > GAP_MAX:
            self._ledger.keep("journal", f"record {number}, while the clip is at {self._next}", data)
            return
        if number > self._next and (len(self._records) >= HELD_MAX or not self._step_over(number)):
            return
        if not record:
            self.empty.set()
            self._news.set()
        elif number == self._next and len(self._records) < HELD_MAX:
            self._records.append(self._parse(number, record))
            self._next += 1
            self._news.set()

    def _step_over(self, number: int) -> bool:
        """Ask again for the records before `number`; whether that was done often enough to give them up instead."""
        if self._rereading:
            return False  # still an answer to the reading before
        times = self._missing[1] + 1 if self._missing[0] == self._next else 1
        self._missing = (self._next, times)
        if times <= REREADS:
            self._rereading = True
            self._news.set()
            return False
        for missing in range(self._next, number):
            self._ledger.keep("journal", "the clip does not send this record", missing.to_bytes(4, "little"))
            self._records.append(messages.Unreadable(clip=self._ledger.serial, journal_id=missing))
        self._next = number
        return True

    def _parse(self, number: int, record: bytes) -> messages.Model:
        if record != _UNREADABLE:
            try:
                return placing.journal(record, self._ledger.origin)
            except protocol.MalformedError as error:
                self._ledger.keep("journal", str(error), record)
        return messages.Unreadable(clip=self._ledger.serial, journal_id=number)
