"""The file of tombstones: durable, private, and readable after whatever stopped its writer."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rights.tombstones import Erased, Said, TombstoneError, Tombstones, Worn, parse

ERASED = Erased(pseudonym="P-1", at_ms=5, actor="U-7", worn=(Worn(clip="a" * 16, start_ms=1, end_ms=None),))
SAID = Said(pseudonym="P-2", at_ms=6, kind="withdrawn")


def test_what_is_added_is_read_in_order(tmp_path: Path) -> None:
    stones = Tombstones(tmp_path / "data" / "tombstones")
    assert stones.read() == []
    stones.add([ERASED])
    stones.add([SAID, ERASED])
    assert stones.read() == [ERASED, SAID, ERASED]
    assert stat.S_IMODE(stones.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(stones.path.parent.stat().st_mode) == 0o700


@given(st.integers(0, 400), st.lists(st.sampled_from([ERASED, SAID]), min_size=1, max_size=3))
def test_a_line_cut_short_is_neither_read_nor_in_the_way(
    tmp_path_factory: pytest.TempPathFactory, cut: int, new: list[Erased | Said]
) -> None:
    stones = Tombstones(tmp_path_factory.mktemp("cut") / "tombstones")
    stones.add([SAID, ERASED])
    whole = stones.path.read_bytes()
    stones.path.write_bytes(whole[: min(cut, len(whole))])
    left = whole[: min(cut, len(whole))].count(b"\n")
    assert stones.read() == [SAID, ERASED][:left]
    stones.add(new)
    assert stones.read() == [*[SAID, ERASED][:left], *new]


def test_a_line_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    stones = Tombstones(tmp_path / "tombstones")
    stones.add([SAID, ERASED])
    text = stones.path.read_text().replace("withdrawn", "whatever")
    with pytest.raises(TombstoneError, match="line 1"):
        parse(text)
    stones.path.write_bytes(b"\xff\n")
    with pytest.raises(TombstoneError, match="cannot be read"):
        stones.read()


def several_writers_lose_nothing(path: Path) -> None:
    def write() -> None:
        for _ in range(20):
            Tombstones(path).add([SAID])

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Tombstones(path).read() == [SAID] * 80


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    several_writers_lose_nothing(tmp_path / "tombstones")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TombstoneError, match=os.fspath(tmp_path)):
        Tombstones(tmp_path).add([SAID])


def test_it_is_on_the_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def watched(handle: int) -> None:
        synced.append(os.fstat(handle).st_size if stat.S_ISREG(os.fstat(handle).st_mode) else -1)
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    stones = Tombstones(tmp_path / "tombstones")
    stones.add([SAID])
    assert synced == [stones.path.stat().st_size, -1]
    stones.add([SAID])
    assert synced[2:] == [stones.path.stat().st_size]
