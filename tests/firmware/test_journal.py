"""The journal's ring: what was written and not acknowledged is read again, whatever was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip.journal import Journal

SLOT = 104
HEADS = 32


def record(n: int) -> bytes:
    return bytes([n % 251 + 1] * (1 + n * 7 % 96))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 12)),
        st.tuples(st.just("acknowledge"), st.integers(-2, 20)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=40,
)


@given(slots=st.integers(2, 9), script=steps)
def test_it_behaves_like_a_bounded_list(
    slots: int, script: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = str(tmp_path_factory.mktemp("journal") / "journal.bin")
    journal = Journal(path, slots)
    kept: dict[int, bytes] = {}
    newest = 0
    for what, n in script:
        if what == "append":
            for _ in range(n):
                newest += 1
                assert journal.append(record(newest)) == newest
                kept[newest] = record(newest)
                kept.pop(newest - slots, None)
        elif what == "acknowledge":
            upto = journal.first + n
            assert journal.acknowledge(upto) is (upto <= newest)
            if upto <= newest:
                kept = {i: r for i, r in kept.items() if i > upto}
        else:
            journal.close()
            journal = Journal(path, slots)
        assert journal.next == newest + 1
        assert {i: journal.read(i) for i in range(journal.first, journal.next)} == kept
    journal.close()


@pytest.mark.parametrize("written", [3, 8, 13])
def test_a_power_cut_at_any_byte_costs_at_most_the_record_being_written(tmp_path: Path, written: int) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(str(path), 8)
    for n in range(1, written + 1):
        journal.append(record(n))
    journal.close()
    before = path.read_bytes()
    journal = Journal(str(path), 8)
    journal.append(record(written + 1))
    journal.close()
    after = path.read_bytes()
    at = HEADS + written % 8 * SLOT
    for cut in range(SLOT):
        path.write_bytes(before[:at] + after[at : at + cut] + before[at + cut :])
        torn = Journal(str(path), 8)
        readable = {n: torn.read(n) for n in range(torn.first, torn.next)}
        for n in range(max(1, written - 6), written + 1):
            assert readable[n] == record(n)
        assert torn.next in (written + 1, written + 2)
        number = torn.append(b"next")
        assert torn.read(number) == b"next"
        torn.close()


def test_a_power_cut_in_a_head_keeps_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(str(path), 8)
    for n in range(1, 6):
        journal.append(record(n))
    journal.acknowledge(2)
    before = path.read_bytes()
    journal.acknowledge(4)
    journal.close()
    after = path.read_bytes()
    places = [i for i in range(HEADS) if before[i] != after[i]]
    for cut in range(places[0], places[-1] + 1):
        path.write_bytes(after[:cut] + before[cut:])
        torn = Journal(str(path), 8)
        assert torn.first == 3
        assert torn.next == 6
        torn.close()


def test_an_unreadable_slot_is_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(str(path), 8)
    for n in range(1, 7):
        journal.append(record(n))
    journal.close()
    data = bytearray(path.read_bytes())
    data[HEADS + 2 * SLOT + 50] ^= 1  # id 3
    path.write_bytes(bytes(data))
    journal = Journal(str(path), 8)
    assert [journal.read(n) is None for n in range(journal.first, journal.next)] == [n == 3 for n in range(1, 7)]
    assert journal.acknowledge(3)
    assert journal.first == 4
    journal.close()


def test_heads_that_are_both_gone_cost_acknowledgements_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(str(path), 8)
    for n in range(1, 12):
        journal.append(record(n))
    journal.acknowledge(9)
    journal.close()
    path.write_bytes(bytes(HEADS) + path.read_bytes()[HEADS:])
    journal = Journal(str(path), 8)
    assert (journal.first, journal.next) == (4, 12)
    journal.close()


def test_an_acknowledgement_of_what_was_never_written_is_refused(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal.bin"), 8)
    assert not journal.acknowledge(1)
    with pytest.raises(ValueError, match="97"):
        journal.append(bytes(97))
    with pytest.raises(ValueError, match="0 bytes"):
        journal.append(b"")
    journal.close()
