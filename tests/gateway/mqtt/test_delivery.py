"""Rows on their way, with time as an argument: whatever is lost, late or refused, each gets there, once in effect."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import messages
from gateway.mqtt.delivery import BATCHES_IN_FLIGHT, ROWS_A_BATCH, Delivery
from gateway.mqtt.timing import Timing
from gateway.outbox import Outbox
from tests.gateway.mqtt.at_broker import fill

TIMING = Timing()
UTC_MS = 1_790_000_000_000


class Line:
    """A broker and a server behind it, of which either may be away."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(folder / "o.db", lambda: UTC_MS)
        self.delivery = Delivery(self.outbox, TIMING, self._send)
        self.now_s = 0.0
        self.up = True
        self.batches: list[messages.Records] = []
        self.acks: deque[messages.Ack] = deque()
        self.stored: dict[int, dict[str, object]] = {}
        self.put = 0

    def _send(self, batch: messages.Records) -> bool:
        if self.up:
            self.batches.append(batch)
        return self.up

    def add(self, rows: int) -> None:
        fill(self.outbox, rows)
        self.put += rows

    def server_takes(self, batch: messages.Records) -> None:
        for row in batch.rows:
            assert self.stored.setdefault(row.n, row.record) == row.record  # a number is one record for ever
        self.acks.append(messages.Ack(schema="ack/1", spool=batch.spool, first=batch.first, last=batch.last))

    def look(self, seconds: float) -> None:
        self.now_s += seconds
        if self.up:
            self.delivery.take_back_overdue(self.now_s)
            self.delivery.fill(self.now_s)

    def settle(self) -> None:
        self.delivery.settle(self.acks.popleft(), self.now_s)

    def until_all_is_there(self) -> None:
        self.up = True
        for _ in range(100):
            self.look(TIMING.resend_longest_s + 1)
            while self.batches:
                self.server_takes(self.batches.pop(0))
            while self.acks:
                self.settle()
            if not self.outbox.waiting:
                break
        assert self.outbox.waiting == 0
        assert len(self.stored) == self.put


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from(["add", "look", "wait", "lost", "taken", "ack", "late", "down", "up", "ask again"]),
        max_size=40,
    )
)
def test_nothing_is_lost_and_nothing_counts_twice(events: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder))
        with line.outbox:
            for event in events:
                if event == "add":
                    line.add(150)
                elif event == "look":
                    line.look(1)
                elif event == "wait":
                    line.look(TIMING.resend_s + 1)
                elif event == "lost" and line.batches:
                    line.batches.pop(0)
                elif event == "taken" and line.batches:
                    line.server_takes(line.batches.pop(0))
                elif event == "ack" and line.acks:
                    line.settle()
                elif event == "late" and line.acks:
                    line.acks.rotate()
                elif event == "down":
                    line.up = False
                    line.delivery.down()
                elif event == "up":
                    line.up = True
                elif event == "ask again":
                    line.delivery.take_back()
                assert line.outbox.waiting >= line.put - len(line.stored)
            line.until_all_is_there()


def test_a_broker_that_is_away_for_an_hour_costs_nothing(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with line.outbox:
        line.add(10)
        line.look(0)
        line.up = False
        line.delivery.down()
        for _ in range(60):
            line.add(12)
            line.look(60)
        assert line.delivery.problem(line.now_s) == ""  # that there is no connection is said elsewhere
        line.until_all_is_there()
        assert len(line.stored) == 10 + 60 * 12


def test_a_silent_server_is_asked_less_and_less_and_told_of(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with line.outbox:
        line.add(ROWS_A_BATCH)
        for _ in range(3600):
            line.look(1)
        assert len(line.batches) <= 2 + 3600 / TIMING.resend_longest_s + 2
        assert "no records for 60 minutes" in line.delivery.problem(line.now_s)
        assert line.outbox.waiting == ROWS_A_BATCH
        line.server_takes(line.batches[-1])
        line.settle()
        assert line.delivery.problem(line.now_s) == ""
        assert line.outbox.waiting == 0


def test_only_so_many_are_on_their_way(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with line.outbox:
        line.add(ROWS_A_BATCH * 6)
        line.delivery.fill(0, at_most=1)
        assert len(line.batches) == 1
        line.look(1)
        assert len(line.batches) == BATCHES_IN_FLIGHT
        line.until_all_is_there()
