"""The link is dropped for five simulated minutes in the middle of a slouch: nothing is lost, nothing comes twice."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from firmware.clip import journal, protocol
from gateway import messages
from server.demo.check.director import CheckError
from server.demo.check.run import Options, run
from server.store import epoch_blob

pytestmark = pytest.mark.timeout(300)

LOST: Final = protocol.category.LOST
DROP_S: Final = 300
AWAY_S: Final = 10
"""The gateway notices after a supervision timeout that the clip is away, and searches for it when it is back."""


def by_the_clip(flash: Path) -> dict[int, int]:
    """Category of each second since boot, as the newest telling in the clip's own flash has it."""
    ring = journal.Journal(str(flash / journal.FOLDER))
    told = [record for number in range(ring.oldest, ring.next) if (record := ring.read(number)) is not None]
    ring.close()
    parsed: list[dict[str, Any]] = [protocol.records.parse(record) for record in told]
    epochs = [fields for fields in parsed if fields["kind"] == protocol.records.EPOCH]
    assert len({fields["boot"] for fields in parsed}) == 1
    newest = {fields["start_ms"]: fields["codes"] for fields in sorted(epochs, key=lambda fields: fields["rev"])}
    return {start // 1000 + second: code for start, codes in newest.items() for second, code in enumerate(codes)}


def by_the_gateway(database: Path) -> dict[int, int]:
    """Category of each second since boot, as the gateway's minutes have it."""
    with closing(sqlite3.connect(database)) as connection:
        blobs = [row[0] for row in connection.execute("SELECT blob FROM epoch_hour")]
    told: dict[int, int] = {}
    for blob in blobs:
        rows = epoch_blob.decode(blob)
        rows = rows[rows["judge"] == epoch_blob.JUDGE_GATEWAY]
        for start, codes in zip(rows["start_ms"], epoch_blob.codes_of(rows), strict=True):
            told |= {int(start) // 1000 + second: int(code) for second, code in enumerate(codes)}
    return told


def test_what_the_clip_judged_alone_stands_where_the_gateway_saw_nothing(tmp_path: Path) -> None:
    """From 23 s into a slouch on: its reminder, and a second slouch with its own, come from the clip alone."""
    report = run(Options(seed=2, drop_link_s=DROP_S), tmp_path, print)
    assert report["differences"] == []
    (outage,) = report["figures"]["outages"]
    first, last = outage["start_ms"] // 1000, outage["end_ms"] // 1000
    assert last - first == DROP_S

    clip, gateway = by_the_clip(tmp_path / "clip"), by_the_gateway(tmp_path / "plumbline.db")
    alone = range(first + AWAY_S, last)
    assert {gateway.get(second, LOST) for second in alone} == {LOST}
    assert LOST not in {clip[second] for second in alone}
    seen = [*range(60, first), *range(last + 60, last + 300)]
    assert LOST not in {gateway[second] for second in seen}

    window = range(int(sum(report["figures"]["seconds"].values())))
    merged = [code if (code := gateway.get(second, LOST)) != LOST else clip.get(second, LOST) for second in window]
    expected = Counter(messages.CATEGORIES[code] for code in merged)
    assert {name: seconds for name, seconds in report["figures"]["seconds"].items() if seconds} == expected


def test_a_script_without_room_for_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="too short to drop the link for 300 s"):
        run(Options(script="brief", drop_link_s=DROP_S), tmp_path, print)
