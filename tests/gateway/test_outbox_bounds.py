"""The outbox's bounds: the oldest goes first, what goes is told, and nothing else goes."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages, thinning
from gateway.outbox import AGE_EVERY_MS, Limits, Outbox
from gateway.thinning import DAY_MS

CLIPS = ("00000000c11b0001", "00000000c11b0002")
BOOT = "00112233445566aa"
START_UTC_MS = 1_790_000_000_000
SIZE = 300_000


class Clock:
    def __init__(self) -> None:
        self.utc_ms = START_UTC_MS

    def __call__(self) -> int:
        return self.utc_ms


def epoch(minute: int, clip: str = CLIPS[0]) -> messages.Epoch:
    start = minute * 60_000
    return messages.Epoch(
        clip=clip,
        boot=BOOT,
        judge="clip",
        start_ms=start,
        rev=1,
        plan=1,
        calibration=1,
        utc_ms=START_UTC_MS + start,
        utc_error_ms=20,
        codes="0" * 60,
        sagittal=(5,) * 30,
    )


def episode(minute: int) -> messages.Episode:
    fields = epoch(minute).model_dump(include=set(messages.Placed.model_fields))
    return messages.Episode(**fields, duration_ms=90_000, peak_deg=20, mean_deg=15, end_reason="recovered")


def rows(outbox: Outbox, table: str = "waiting") -> list[dict[str, Any]]:
    return [json.loads(record) for (record,) in outbox._db.execute(f"SELECT record FROM {table} ORDER BY n")]


def minutes(outbox: Outbox, clip: str = CLIPS[0], table: str = "waiting") -> list[int]:
    found = rows(outbox, table)
    return [r["start_ms"] // 60_000 for r in found if r["kind"] == "epoch" and r["clip"] == clip]


def notices(outbox: Outbox, clip: str = CLIPS[0]) -> list[dict[str, Any]]:
    return [r for r in rows(outbox) if r["kind"] == "thinned" and r["clip"] == clip]


def accounts(outbox: Outbox) -> list[tuple[Any, ...]]:
    return outbox._db.execute("SELECT why, settled, rows, first_n, last_n FROM thinned ORDER BY id").fetchall()


def settle_all(outbox: Outbox) -> None:
    while (batch := outbox.next_batch(1000)) is not None:
        outbox.settle(outbox.spool, batch.first, batch.last)


def test_the_oldest_minutes_go_and_the_server_is_told_how_many(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        outbox.put([episode(0), messages.Unreadable(clip=CLIPS[0], journal_id=3)])
        for minute in range(0, 2000, 20):
            outbox.put([epoch(m, clip) for m in range(minute, minute + 20) for clip in CLIPS])
            assert thinning.used(outbox._db) <= SIZE + 3 * 4096  # the accounts of it take their pages
        for clip in CLIPS:
            left = minutes(outbox, clip)
            assert left == list(range(left[0], 2000))
            assert 100 < len(left) < 1000
            assert sum(notice["value"] for notice in notices(outbox, clip)) == left[0]
            told = [notice["start_ms"] for notice in notices(outbox, clip)]
            assert told == sorted(set(told))
            assert told[0] == 0
            assert notices(outbox, clip)[-1]["utc_ms"] >= START_UTC_MS + told[-2]
        kinds = [row["kind"] for row in rows(outbox)]
        assert (kinds[0], kinds[1]) == ("episode", "unreadable")
        assert outbox.thinned == sum(account[2] for account in accounts(outbox)) == 4000 - kinds.count("epoch")
        assert outbox.waiting == len(kinds)
    assert "before the server has settled them: the outbox has reached its size" in caplog.text


def test_what_the_server_has_goes_first_and_needs_no_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        outbox.put([epoch(m) for m in range(100)])
        outbox.put([episode(0)])
        unsettled = outbox.next_batch(1000)
        outbox.take_back()
        outbox.put([epoch(m) for m in range(100, 300)])
        assert unsettled is not None
        assert len(unsettled.numbers) == 101
        outbox.next_batch(101)
        assert outbox.settle(outbox.spool, 1, 50) == tuple(range(1, 51))
        outbox.take_back()
        for minute in itertools.count(300):
            outbox.put([epoch(minute)])
            if accounts(outbox):
                break
        assert accounts(outbox) == [("size", 1, 20, 1, 20)]
        assert minutes(outbox, table="settled") == list(range(20, 50))
        assert (outbox.thinned, notices(outbox)) == (0, [])
    assert "20 of the oldest records, all settled by the server, are removed" in caplog.text


def test_other_records_go_only_when_no_minutes_are_left(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        outbox.put([epoch(0)])
        for minute in range(1, 2001, 20):
            outbox.put([episode(m) for m in range(minute, minute + 20)])
        assert minutes(outbox) == []
        left = [row["start_ms"] for row in rows(outbox) if row["kind"] == "episode"]
        assert left == [m * 60_000 for m in range(2001 - len(left), 2001)]
        assert outbox.thinned == 2001 - len(left)


def test_each_notice_has_an_identity_of_its_own(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        for _ in range(60):
            outbox.put([epoch(minute % 2) for minute in range(20)])  # minutes that were told again and again
        starts = [notice["start_ms"] for notice in notices(outbox)]
        assert len(starts) > 10
        assert len(set(starts)) == len(starts)
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        for _ in range(10):
            outbox.put([epoch(0) for _ in range(20)])
        starts = [notice["start_ms"] for notice in notices(outbox)]
        assert len(set(starts)) == len(starts)


def test_what_is_on_its_way_stays(tmp_path: Path) -> None:
    with Outbox(tmp_path / "gateway.db", Clock(), Limits(size=SIZE)) as outbox:
        outbox.put([epoch(m) for m in range(100)])
        batch = outbox.next_batch(30)
        assert batch is not None
        for minute in range(100, 1500, 20):
            outbox.put([epoch(m) for m in range(minute, minute + 20)])
        assert minutes(outbox)[:30] == list(range(30))
        assert minutes(outbox)[30] > 900
        assert outbox.settle(outbox.spool, batch.first, batch.last) == batch.numbers


def test_records_that_are_too_old_go_a_day_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    with Outbox(tmp_path / "gateway.db", clock, Limits(keep_ms=10 * DAY_MS)) as outbox:
        for hour in range(0, 30 * 24, 4):
            clock.utc_ms = START_UTC_MS + hour * AGE_EVERY_MS
            outbox.put([epoch(hour)])
            if hour < 5 * 24:
                settle_all(outbox)
            kept = (minutes(outbox, table="settled") + minutes(outbox))[0]
            assert max(0, hour - 11 * 24) <= kept <= max(0, hour - 10 * 24 + 4)
        assert minutes(outbox, table="settled") == []
        assert sum(notice["value"] for notice in notices(outbox)) == outbox.thinned
        assert len(accounts(outbox)) < 24
        assert {why for why, *_ in accounts(outbox)} == {"age"}


def test_a_clock_that_is_wrong_for_a_while_ages_little(tmp_path: Path) -> None:
    clock = Clock()
    clock.utc_ms = 1000  # a computer without a clock of its own, before it has asked for the time
    with Outbox(tmp_path / "gateway.db", clock) as outbox:
        outbox.put([epoch(m) for m in range(10)])
        clock.utc_ms = START_UTC_MS
        outbox.put([epoch(m) for m in range(10, 20)])
        assert outbox.thinned == 0
        outbox.put([epoch(m) for m in range(20, 20 + thinning.MOST_BY_AGE)])
        clock.utc_ms = START_UTC_MS + 5000 * DAY_MS
        for minute in range(20_000, 20_010):
            outbox.put([epoch(minute)])
        assert outbox.thinned == thinning.MOST_BY_AGE - 10


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("epochs", "episode", "settle", "hand out", "take back")), st.integers(1, 150)),
        max_size=60,
    )
)
def test_every_record_waits_or_is_settled_or_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    put = itertools.count()
    count = 0
    batches = []
    with Outbox(tmp_path_factory.mktemp("bounds") / "gateway.db", Clock(), Limits(size=150_000)) as outbox:
        for what, size in steps:
            if what == "epochs":
                count += outbox.put([epoch(next(put)) for _ in range(size)])
            elif what == "episode":
                count += outbox.put([episode(next(put))])
            elif what == "hand out" and (batch := outbox.next_batch(size)) is not None:
                batches.append(batch)
            elif what == "take back":
                outbox.take_back()
            elif what == "settle" and batches:
                batch = batches.pop()
                outbox.settle(outbox.spool, batch.first, batch.last)
        lost = [account[2] for account in accounts(outbox) if not account[1]]
        old = [account[2] for account in accounts(outbox) if account[1]]
        own = [row for row in rows(outbox) + rows(outbox, "settled") if row["kind"] != "thinned"]
        assert len(own) + sum(lost) + sum(old) == count
        assert outbox.waiting == len(rows(outbox))
        assert outbox.thinned == sum(lost)
        told = sum(row["value"] for row in rows(outbox) + rows(outbox, "settled") if row["kind"] == "thinned")
        assert told <= sum(lost)  # settled notices may have gone as well
        assert told == sum(lost) or old
