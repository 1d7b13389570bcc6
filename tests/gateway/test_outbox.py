"""The outbox's invariants: nothing leaves it but what was handed out, acknowledged, and in range."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import deque
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway import messages, store
from gateway.outbox import Batch, Outbox, OutboxError
from gateway.store import MAX_KEPT

CLIP = "00000000c11b0001"


def now() -> int:
    return 1_790_000_000_000


def rows(*numbers: int) -> list[messages.Unreadable]:
    return [messages.Unreadable(clip=CLIP, journal_id=n) for n in numbers]


def waiting(outbox: Outbox) -> dict[int, int]:
    """Journal id by row number of everything that waits, by a look past the outbox's own bookkeeping."""
    return rows_in(outbox, "waiting")


def rows_in(outbox: Outbox, table: str) -> dict[int, int]:
    found = outbox._db.execute(f"SELECT n, record FROM {table} ORDER BY n").fetchall()
    return {n: json.loads(record)["journal_id"] for n, record in found}


class OutboxMachine(RuleBasedStateMachine):
    """Against a model: what waits, what was handed out, what was rejected."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "gateway.db"
        self.outbox = Outbox(self.path, now)
        self.model: dict[int, int] = {}
        self.rejected: dict[int, int] = {}
        self.settled: dict[int, int] = {}
        self.batches: list[Batch] = []
        self.away: set[int] = set()
        self.count = 0
        self.highest = 0
        self.position: int | None = None

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()

    @rule(n=st.integers(1, 5), fail=st.booleans())
    def put(self, n: int, fail: bool) -> None:
        ids = range(self.count, self.count + n)
        self.count += n
        with suppress(KeyError), self.outbox.transaction():
            self.outbox.put(rows(*ids))
            self.outbox.set("clip", {"position": str(self.count).encode()})
            if fail:
                raise KeyError
        if fail:
            return
        for number, journal_id in waiting(self.outbox).items():
            if number not in self.model:
                assert number > self.highest
                self.model[number] = journal_id
        self.highest = max(self.model)
        self.position = self.count

    @rule(limit=st.integers(1, 7))
    def hand_out(self, limit: int) -> None:
        batch = self.outbox.next_batch(limit)
        free = self.model.keys() - self.away
        assert (batch is None) == (not free)
        if batch is None:
            return
        numbers = list(batch.numbers)
        assert set(numbers) <= free
        assert numbers == [n for n in self.model if batch.first <= n <= batch.last]
        assert min(free) in numbers or max(free) in numbers
        assert [row.record["journal_id"] for row in batch.rows] == [self.model[n] for n in numbers]
        self.away |= set(numbers)
        self.batches.append(batch)

    @rule()
    def take_back(self) -> None:
        self.outbox.take_back()
        self.away.clear()

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        if not self.batches:
            return
        batch = data.draw(st.sampled_from(self.batches))
        low = data.draw(st.sampled_from(batch.numbers))
        high = data.draw(st.sampled_from([n for n in batch.numbers if n >= low]))
        rejected = data.draw(st.sets(st.sampled_from([*batch.numbers, 10_000])))
        settled = self.outbox.settle(
            self.outbox.spool, low, high, [messages.Rejected(n=n, reason="no") for n in rejected]
        )
        assert list(settled) == [n for n in batch.numbers if low <= n <= high and n in self.model]
        for n in settled:
            (self.rejected if n in rejected else self.settled)[n] = self.model.pop(n)

    @rule(first=st.integers(-5, 60), length=st.integers(0, 1000))
    def acknowledge_anything(self, first: int, length: int) -> None:
        handed = {n for batch in self.batches for n in batch.numbers}
        settled = self.outbox.settle(self.outbox.spool, first, first + length)
        assert set(settled) <= handed
        assert self.outbox.settle("0" * 32, first, first + length) == ()
        for n in settled:
            self.settled[n] = self.model.pop(n)

    @rule()
    def reopen(self) -> None:
        spool = self.outbox.spool
        self.outbox.close()
        self.outbox = Outbox(self.path, now)
        self.batches.clear()
        self.away.clear()
        assert self.outbox.spool == spool

    @invariant()
    def holds_exactly_the_model(self) -> None:
        assert waiting(self.outbox) == self.model
        assert self.outbox.waiting == len(self.model)
        assert rows_in(self.outbox, "rejected") == self.rejected
        assert rows_in(self.outbox, "settled") == self.settled
        assert self.outbox.rejected == len(self.rejected)
        if self.position is not None:
            assert self.outbox.get("clip", "position") == str(self.position).encode()


OutboxMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestOutboxMachine = OutboxMachine.TestCase


def test_an_acknowledgement_beyond_the_batch_settles_nothing(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        outbox.put(rows(1, 2, 3))
        batch = outbox.next_batch(2)
        assert batch is not None
        assert outbox.settle(outbox.spool, 0, 10**9) == ()
        assert outbox.settle(outbox.spool, batch.first, batch.last + 1) == ()
        assert outbox.settle(outbox.spool, batch.first, batch.last) == batch.numbers
        assert outbox.settle(outbox.spool, batch.first, batch.last) == ()
        assert outbox.waiting == 1


def test_the_kept_are_bounded_and_counted(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        with outbox.transaction():
            for n in range(MAX_KEPT + 20):
                outbox.keep("stream", "reason", n.to_bytes(4, "big") * 2000)
        outbox.keep("mqtt", "x" * 500, b"p")
        assert outbox.malformed == {"mqtt": 1, "stream": MAX_KEPT + 20}
        door, reason, payload, at = outbox.kept(1)[0]
        assert (door, len(reason), payload, at) == ("mqtt", 200, b"p", now())
        assert len(outbox.kept(10_000)) == MAX_KEPT
        assert max(len(kept[2]) for kept in outbox.kept(10_000)) == 4096


def test_rejected_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.outbox.MAX_REJECTED", 5)
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        outbox.put(rows(*range(9)))
        batch = outbox.next_batch(9)
        assert batch is not None
        outbox.settle(
            outbox.spool, batch.first, batch.last, [messages.Rejected(n=n, reason="r") for n in batch.numbers]
        )
        assert outbox.rejected == 5
        assert outbox.waiting == 0


def test_answers_are_remembered(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        reply = messages.Reply(schema="reply/1", id="a", clip=CLIP, result="done")
        assert outbox.answered("a") is None
        outbox.answer(reply)
        assert outbox.answered("a") == reply


def test_a_file_that_is_no_database_or_newer_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(OutboxError, match="cannot use"):
        Outbox(path, now)
    newer = tmp_path / "newer.db"
    Outbox(newer, now).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(OutboxError, match="schema 99"):
        Outbox(newer, now)


def test_a_fresh_row_is_in_one_of_the_next_two_batches_however_much_waits(tmp_path: Path) -> None:
    """Days without a server, then four batches of 200 always on their way; something happens after every few
    acknowledgements. The oldest rows come nearer with every other batch."""
    with Outbox(tmp_path / "gateway.db", now) as outbox:
        days = outbox.put(rows(*range(21_600)))
        count, in_flight, waits = days, deque[Batch](), dict[int, int]()
        fresh: dict[int, int] = {}  # journal id: batches handed out since it was put
        oldest: list[int] = []
        while outbox.waiting:
            while len(in_flight) < 4 and (batch := outbox.next_batch(200)) is not None:
                in_flight.append(batch)
                sent = {row.record["journal_id"] for row in batch.rows}
                for journal_id in list(fresh):
                    fresh[journal_id] += 1
                    if journal_id in sent:
                        waits[journal_id] = fresh.pop(journal_id)
            done = in_flight.popleft()
            assert outbox.settle(outbox.spool, done.first, done.last) == done.numbers
            oldest.append(min(waiting(outbox), default=days) if len(oldest) % 10 == 0 else oldest[-1])
            if len(waits) + len(fresh) < 40 and len(oldest) % 2 == 0:
                outbox.put(rows(count))
                fresh[count] = 0
                count += 1
        assert len(waits) == 40
        assert max(waits.values()) <= 2
        assert all(later >= earlier + 800 for earlier, later in pairwise(oldest[:80:10]))
        assert rows_in(outbox, "settled").keys() == set(range(1, count + 1))


def test_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    record = '{"kind":"event","clip":"00000000c11b0001","utc_ms":1790000000000}'
    with closing(sqlite3.connect(path)) as db:
        for statement in store._STEPS[0]:
            db.execute(statement)
        db.execute("INSERT INTO spool VALUES ('ab')")
        db.execute("INSERT INTO waiting (record) VALUES (?)", (record,))
        db.execute("INSERT INTO state VALUES ('clip', 'position', x'31')")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    for waiting_rows in (1, 2):
        with Outbox(path, now) as outbox:
            assert (outbox.spool, outbox.waiting, outbox.get("clip", "position")) == ("ab", waiting_rows, b"1")
            assert outbox._db.execute("SELECT clip, kind, put_utc_ms FROM waiting").fetchone() == (
                *(CLIP, "event", 1_790_000_000_000),
            )
            outbox.put(rows(1))
