"""kill -9, again and again, at moments drawn from a seed: what belongs together is there together, or not at all.

Ten rounds here; `PLUMBLINE_KILLS` asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger import Ledger
from gateway.outbox import Outbox
from tests.gateway.test_outbox import CLIP, now, rows_in

ROUNDS = int(os.environ.get("PLUMBLINE_KILLS", "10"))
BOOT = "00112233445566aa"

WRITER = """
import random, sys
from pathlib import Path
from gateway import messages
from gateway.ledger import Ledger
from gateway.outbox import Outbox

CLIP, BOOT = sys.argv[3:]
draw = random.Random(sys.argv[2])
outbox = Outbox(Path(sys.argv[1]), lambda: 1_790_000_000_000)
ledger = Ledger(outbox, CLIP)
n = ledger.position or 0
while True:
    k = draw.randint(1, 5)
    ledger.clock(BOOT).exchange(n * 1000, n * 1000, n * 1000 + 20)
    records = [messages.Unreadable(clip=CLIP, journal_id=n + i) for i in range(1, k + 1)]
    ledger.commit(records, core=(BOOT, str(n + k).encode()), position=n + k)
    n += k
    print("safe", n, flush=True)
    batch = outbox.next_batch(draw.randint(1, 9)) if draw.random() < 0.6 else None
    if batch is not None:
        first, last = sorted(draw.choices(batch.numbers, k=2))
        rejected = [m for m in batch.numbers if draw.random() < 0.2]
        print("settling", first, last, flush=True)
        outbox.settle(outbox.spool, first, last, [messages.Rejected(n=m, reason="no") for m in rejected])
        print("settled", first, last, flush=True)
        outbox.take_back()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_writer_leaves_rows_core_and_position_together(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    draw = random.Random(5)
    settled: set[int] = set()
    position = killed_while_settling = 0
    for seed in range(ROUNDS):
        safe, known, pending = _told(_one_life(path, str(seed), draw))
        killed_while_settling += pending is not None
        position, settled = _check(path, max(safe, position), settled | known, pending)
    assert settled
    assert ROUNDS < 100 or killed_while_settling > ROUNDS // 20  # the draw does meet the moments that matter


def _one_life(path: Path, seed: str, draw: random.Random) -> list[str]:
    """What a writer says until it is killed: after some lines and a moment, or, now and then, while it starts."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), seed, CLIP, BOOT], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        lines = [child.stdout.readline() for _ in range(draw.choice((0, 1, 5, 20, 60)))]
        time.sleep(draw.uniform(0, 0.004) if lines else draw.uniform(0, 0.8))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
        assert child.wait() == -signal.SIGKILL, "it ended by itself"
    return [line for line in lines if line.endswith("\n")]  # half a line tells of nothing that was done


def _told(lines: list[str]) -> tuple[int, set[int], range | None]:
    """The last position told to be safe, the numbers in ranges told to be settled, and the range under way."""
    safe, known, pending = 0, set[int](), None
    for line in lines:
        word, *numbers = line.split()
        if word == "safe":
            safe = int(numbers[0])
        else:
            named = range(int(numbers[0]), int(numbers[1]) + 1)
            pending = named if word == "settling" else None
            known |= set(named) if word == "settled" else set()
    return safe, known, pending


def _check(path: Path, safe: int, settled: set[int], pending: range | None) -> tuple[int, set[int]]:
    """The position in the file, and the numbers that are settled there."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Outbox(path, now) as outbox:
        ledger = Ledger(outbox, CLIP)
        position = ledger.position or 0
        assert position >= safe
        assert ledger.core == ((BOOT, str(position).encode()) if position else None)
        assert ledger.origin(BOOT).place(0).utc_ms is not None or not position
        left = rows_in(outbox, "waiting")
        gone = rows_in(outbox, "settled") | rows_in(outbox, "rejected")
        everything = list(left.values()) + list(gone.values())
        assert sorted(everything) == list(range(1, position + 1)), "a row was lost or doubled"
        assert gone.keys() in (settled, settled | set(pending or ()))
        assert outbox.waiting == len(left)
        return position, set(gone)
