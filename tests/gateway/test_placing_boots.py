"""Whatever boots there were, which of them were met, and in whatever order their records come: each record is placed
where it happened, within the stated error, or nowhere. Of a computer's clock that was set meanwhile no more can be
asked than that a record lies where one of its readings puts it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from firmware.clip import protocol
from gateway import placing
from gateway.ledger import Ledger
from gateway.outbox import Outbox

records = protocol.records
SERIAL: Final = "00000000c11b0001"
START_MS: Final = 1_774_429_200_000
HOUR_MS: Final = 3_600_000
LIFE_MS: Final = 40 * 24 * HOUR_MS
"""A clip begins a new boot before its times run out."""


@dataclass
class Boot:
    """One boot: when it began, how fast its clock goes, and how far the computer's clock was off when it was met."""

    id: bytes
    began_ms: float
    ppm: float
    met: list[float] = field(default_factory=list)

    def clip_ms(self, true_ms: float) -> int:
        return int((true_ms - self.began_ms) * (1 + self.ppm * 1e-6))


@dataclass(frozen=True)
class Written:
    boot: Boot
    true_ms: float
    record: bytes


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.true_ms = float(START_MS)
        self.off_ms = 0.0
        self.boots: list[Boot] = []
        self.journal: list[Written] = []
        self.outbox = self.open()
        self.ledger = Ledger(self.outbox, SERIAL)
        self.boot_up(0, 0.0)

    def open(self) -> Outbox:
        return Outbox(Path(self.folder.name) / "gateway.db", lambda: int(self.true_ms + self.off_ms))

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()

    @property
    def boot(self) -> Boot:
        return self.boots[-1]

    @rule(hours=st.floats(0.001, 60))
    def pass_time(self, hours: float) -> None:
        if self.boot.clip_ms(self.true_ms + hours * HOUR_MS) < LIFE_MS:
            self.true_ms += hours * HOUR_MS

    @rule(hours_off=st.floats(0, 200), ppm=st.floats(-45, 45))
    def boot_up(self, hours_off: float, ppm: float) -> None:
        """The battery was empty, or the watchdog bit."""
        self.true_ms += 1000 + hours_off * HOUR_MS
        self.boots.append(Boot(len(self.boots).to_bytes(8, "big"), self.true_ms, ppm))

    @precondition(lambda self: len(self.boots) < 12)
    @rule(exchanges=st.integers(1, 6), trip_ms=st.floats(1, 400), apart_s=st.sampled_from([0.1, 15.0, 600.0]))
    def meet(self, exchanges: int, trip_ms: float, apart_s: float) -> None:
        for _ in range(exchanges):
            there = self.true_ms + trip_ms / 3
            self.ledger.clock(self.boot.id.hex()).exchange(
                int(self.true_ms + self.off_ms), self.boot.clip_ms(there), int(self.true_ms + trip_ms + self.off_ms)
            )
            self.true_ms += trip_ms + apart_s * 1000
        self.boot.met.append(self.off_ms)
        self.ledger.commit([])

    @rule(by_s=st.one_of(st.floats(-300_000, -3), st.floats(3, 300_000)))
    def set_the_computers_clock(self, by_s: float) -> None:
        self.off_ms += by_s * 1000

    @rule()
    def restart_the_gateway(self) -> None:
        self.outbox.close()
        self.outbox = self.open()
        self.ledger = Ledger(self.outbox, SERIAL)

    @rule(times=st.integers(1, 3))
    def write(self, times: int) -> None:
        """The clip writes something down, gateway or no gateway."""
        for _ in range(times):
            at = self.boot.clip_ms(self.true_ms)
            event = records.pack_event(records.RESUMED, self.boot.id, at, 1, 1, 0)
            self.journal.append(Written(self.boot, self.true_ms, event))
            self.true_ms += 61_000

    @precondition(lambda self: self.journal)
    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        """Some of the journal comes in, in any order, and stays to come again."""
        for written in data.draw(st.permutations(self.journal))[:8]:
            told = placing.journal(written.record, self.ledger.origin)
            met = written.boot.met
            if not met:
                assert (told.utc_ms, told.utc_error_ms) == (None, None)
                continue
            assert told.utc_ms is not None
            assert told.utc_error_ms is not None
            off = told.utc_ms - written.true_ms
            assert min(met) - told.utc_error_ms - 2 <= off <= max(met) + told.utc_error_ms + 2
        self.ledger.commit([])


TestLives = Lives.TestCase
TestLives.settings = settings(settings.default, stateful_step_count=30)
