"""The journal's ring: what was written and not acknowledged is read again, whatever was cut off."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clip import journal as module
from firmware.clip.journal import FOLDER, SEGMENTS, SLOT_SIZE, SLOTS, Journal
from firmware.clip.protocol import records
from firmware.clip.recorder import Recorder

from .torn_flash import RESIDUES, PowerCutError, Residue, TornFlash

BOOT = bytes(range(8))
DAY = 600 + 100  # minutes worn, and events


@contextmanager
def powered(flash: TornFlash) -> Iterator[None]:
    """The journal's files are this flash's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open", flash.open, raising=False)
        patch.setattr(module, "os", flash)
        yield


def record(n: int) -> bytes:
    """An event of some length, whose start is `n`."""
    return (records.pack_event(records.BOOT, BOOT, n, 1, 1, n) + bytes([n % 251] * 96))[: 24 + n * 7 % 73]


def told_in(data: bytes) -> int:
    """How many overwritten records a record tells of."""
    return int(struct.unpack("<I", data[20:24])[0]) if data[1] == records.OVERWRITTEN else 0


@dataclass
class Life:
    """What a gateway and a wearer know of a journal over its power cuts."""

    slots: int
    segments: int
    kept: dict[int, bytes] = field(default_factory=dict)
    """Every record whose writing was finished, by id."""
    torn: list[bytes] = field(default_factory=list)
    """Every record that was being written when the power ended."""
    acknowledged: int = 0
    begun: int = 0
    gave_up: int = 0
    """What was about to be removed when the power ended: it may be there still, and have been told of."""
    journal: Journal = field(init=False)

    def boot(self) -> None:
        """Open it; everything must be there."""
        if self.begun:
            self.gave_up = self.journal.oldest
        self.journal = Journal(FOLDER, self.segments, self.slots)
        self.check()
        self.recorder = Recorder(BOOT, self, lambda: (1, 1))

    # What the recorder needs of a journal.
    @property
    def overwritten(self) -> int:
        return self.journal.overwritten

    def append(self, data: bytes, told: int = 0) -> int:
        try:
            number = self.journal.append(data, told)
        except PowerCutError:
            self.torn.append(data)
            raise
        assert number not in self.kept, "an id was given out twice"
        assert number > max(self.kept, default=0)
        self.kept[number] = data
        return number

    def write(self) -> None:
        """A record, by way of the recorder."""
        self.begun += 1
        self.recorder.write(record(self.begun))
        assert self.recorder.failed == 0

    def acknowledge(self, back: int) -> None:
        """Everything but the last `back` records."""
        number = self.journal.next - 1 - back
        assert self.journal.acknowledge(number)
        self.acknowledged = max(self.acknowledged, number)

    def check(self) -> None:
        """Nothing is missing but what was acknowledged or is accounted for; no more is torn than was being written."""
        journal = self.journal
        newest = max(self.kept, default=0)
        assert journal.oldest <= journal.first <= journal.next
        assert journal.next > newest
        assert journal.first <= max(self.acknowledged + 1, journal.oldest, self.gave_up)
        for number in range(journal.oldest, journal.next):
            found = journal.read(number)
            if number in self.kept:
                assert found == self.kept[number]
            else:
                assert found is None or found in self.torn
        began = min(self.kept, default=newest)
        assert journal.next - journal.oldest >= min(newest - began, (self.segments - 1) * self.slots)
        lost = [number for number in self.kept if self.acknowledged < number < journal.oldest]
        told = sum(told_in(data) for data in self.kept.values())
        unfinished = journal.read(newest + 1) if newest + 1 < journal.next else None
        assert told + told_in(unfinished or bytes(24)) + journal.overwritten >= len(lost)


STORY = "wwwwa1wwwa0wwrwwwwwwwwwa3wwww"
"""w: write; a1: acknowledge all but one; r: restart. Three segments of three are overwritten, acknowledged and not."""


def play(life: Life, *, check: bool) -> None:
    steps = iter(STORY)
    for step in steps:
        if step == "w":
            life.write()
        elif step == "a":
            life.acknowledge(int(next(steps)))
        else:
            life.boot()
        if check:
            life.check()


@pytest.mark.parametrize(("residue", "backwards"), [(r, False) for r in RESIDUES] + [("short", True), ("old", True)])
def test_a_power_cut_at_any_byte_costs_at_most_the_record_being_written(residue: Residue, backwards: bool) -> None:
    flash = TornFlash(backwards=backwards)
    with powered(flash):
        life = Life(3, 3)
        life.boot()
        play(life, check=True)
    told = [told_in(data) for data in life.kept.values()]
    assert sum(map(bool, told)) > 1, "the story has no loss"
    assert flash.carried_out > 20 * SLOT_SIZE
    for cut in range(flash.carried_out):
        short = TornFlash(cut=cut, residue=residue, backwards=backwards)
        life = Life(3, 3)
        with powered(short):
            try:
                life.boot()
                play(life, check=False)
                pytest.fail("the power did not end")
            except PowerCutError:
                pass
        with powered(short.after()):
            life.boot()
            for _ in range(4):  # across a segment's end at the latest
                life.write()
            life.boot()


@settings(deadline=None)
@given(data=st.data(), slots=st.integers(2, 5), segments=st.integers(2, 4), backwards=st.booleans())
def test_nor_do_several(data: st.DataObject, slots: int, segments: int, backwards: bool) -> None:
    life = Life(slots, segments)
    flash = TornFlash(backwards=backwards)
    for _ in range(data.draw(st.integers(1, 5))):
        flash = flash.after(data.draw(st.none() | st.integers(0, 15 * SLOT_SIZE)), data.draw(st.sampled_from(RESIDUES)))
        with powered(flash):
            try:
                life.boot()
                for step in data.draw(st.lists(st.sampled_from("wwwwa"), max_size=20)):
                    if step == "w":
                        life.write()
                    elif life.journal.next > life.journal.oldest:
                        life.acknowledge(data.draw(st.integers(0, life.journal.next - life.journal.oldest - 1)))
                    life.check()
            except PowerCutError:
                pass
    with powered(flash.after()):
        life.boot()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 12)),
        st.tuples(st.just("acknowledge"), st.integers(-2, 20)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=40,
)


@given(slots=st.integers(1, 5), segments=st.integers(2, 4), script=steps)
def test_it_behaves_like_a_bounded_list(slots: int, segments: int, script: list[tuple[str, int]]) -> None:
    with powered(TornFlash()):
        journal = Journal("x", segments, slots)
        begin = journal.next
        written: list[bytes] = []
        first = lost = 0
        for what, n in script:
            if what == "append":
                for _ in range(n):
                    written.append(record(len(written)))
                    assert journal.append(written[-1]) == begin + len(written) - 1
                    oldest = max(0, (len(written) - 1) // slots - segments + 1) * slots
                    lost += max(0, oldest - first)
                    first = max(first, oldest)
            elif what == "acknowledge":
                upto = journal.first + n
                assert journal.acknowledge(upto) is (upto < journal.next)
                if upto < journal.next:
                    first = max(first, upto - begin + 1)
            else:
                journal.append(b"keeps what is acknowledged")
                written.append(b"keeps what is acknowledged")
                oldest = max(0, (len(written) - 1) // slots - segments + 1) * slots
                lost += max(0, oldest - first)
                first = max(first, oldest)
                journal.close()
                journal = Journal("x", segments, slots)
            assert journal.next == begin + len(written)
            assert journal.first == begin + first
            assert [journal.read(i) for i in range(journal.first, journal.next)] == written[first:]
            assert journal.overwritten == lost


def test_it_holds_five_working_days_and_never_more_than_a_gateway_expects() -> None:
    assert (SEGMENTS - 1) * SLOTS >= 5 * DAY
    assert SEGMENTS * SLOTS <= 4096


def test_records_that_give_way_are_told_of(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "j"), 3, 4)
    recorder = Recorder(BOOT, journal, lambda: (1, 1))
    for n in range(13):
        recorder.write(record(n))
    told = [r for r in map(journal.read, range(journal.first, journal.next)) if r is not None and told_in(r)]
    assert [records.parse(r)["value"] for r in told] == [4]
    assert records.parse(told[0])["start_ms"] == 12
    assert journal.acknowledge(journal.next - 1)
    for n in range(13, 40):
        recorder.write(record(n))
        journal.acknowledge(journal.next - 1)
    assert journal.overwritten == 0
    assert not [r for r in map(journal.read, range(journal.oldest, journal.next)) if r is not None and told_in(r)]
    journal.close()


def test_a_flash_that_is_full_gives_up_what_is_acknowledged() -> None:
    flash = TornFlash()
    with powered(flash):
        journal = Journal("x", 3, 2)
        begin = journal.next
        for n in range(5):
            journal.append(record(n))
        flash.full = True
        with pytest.raises(OSError, match="full"):
            journal.append(record(5))
        assert (journal.oldest, journal.next) == (begin, begin + 5)
        journal.acknowledge(begin + 2)
        with pytest.raises(OSError, match="full"):
            journal.append(record(5))
        assert (journal.oldest, journal.overwritten) == (begin + 2, 0)
        flash.full = False
        assert journal.append(record(5)) == begin + 5
        assert [journal.read(n) for n in range(begin + 3, begin + 6)] == [record(3), record(4), record(5)]


def test_an_unreadable_slot_is_stepped_over(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    journal = Journal(str(folder), 3, 8)
    first = journal.first
    for n in range(6):
        journal.append(record(n))
    journal.close()
    (path,) = folder.iterdir()
    data = bytearray(path.read_bytes())
    data[2 * SLOT_SIZE + 50] ^= 1
    path.write_bytes(data)
    journal = Journal(str(folder), 3, 8)
    assert [journal.read(n) is None for n in range(journal.first, journal.next)] == [n == 2 for n in range(6)]
    assert journal.acknowledge(first + 2)
    assert journal.first == first + 3
    journal.close()


def test_a_segment_that_is_gone_is_stepped_over(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    journal = Journal(str(folder), 3, 2)
    first = journal.first
    for n in range(6):
        journal.append(record(n))
    journal.close()
    sorted(folder.iterdir(), key=lambda path: int(path.name, 16))[1].unlink()
    (folder / "what else").write_bytes(b"?")
    journal = Journal(str(folder), 3, 2)
    assert [journal.read(n) is None for n in range(first, journal.next)] == [n in (2, 3) for n in range(6)]
    journal.close()


def test_another_journal_begins_elsewhere() -> None:
    """A gateway that remembers how far it read the one before would step over the records of a new one."""
    flash = TornFlash()
    begins = []
    for name in ("a", "b"):
        with powered(flash):
            begins.append(Journal(name).first)
    assert abs(begins[0] - begins[1]) > SEGMENTS * SLOTS
    assert max(begins) < 1 << 28, "ids stay small integers on 32 bits"


def test_an_acknowledgement_of_what_was_never_written_is_refused(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "j"))
    assert not journal.acknowledge(journal.next)
    with pytest.raises(ValueError, match="97"):
        journal.append(bytes(97))
    with pytest.raises(ValueError, match="0 bytes"):
        journal.append(b"")
    journal.close()
