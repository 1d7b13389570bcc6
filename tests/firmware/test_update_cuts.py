"""An update whose power is cut at every byte and every erase: the clip always starts a whole firmware, old or new."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from firmware.clip.protocol import control, records
from tests.firmware.torn_flash import PowerCutError, Residue
from tests.firmware.two_slots import NEW, OLD, WORSE, Clip, Files, factory, send

Life = Callable[[Clip], None]


def updating(image: bytes) -> Life:
    def life(clip: Clip) -> None:
        clip.runs_well()
        updater = clip.updater()
        assert send(updater, image) == control.OK
        assert updater.ready
        updater.install()
        assert clip.reset

    return life


def crashing(clip: Clip) -> None:
    """The firmware on trial ends before it has confirmed; another goes on."""
    if clip.running != WORSE:
        clip.runs_well()


def well(clip: Clip) -> None:
    clip.runs_well()


GOOD_STORY: tuple[tuple[Life, bytes], ...] = ((updating(NEW), OLD), (well, NEW), (well, NEW))
BAD_STORY: tuple[tuple[Life, bytes], ...] = (
    (updating(WORSE), OLD),
    (crashing, WORSE),
    (crashing, WORSE),
    (crashing, WORSE),
    (well, OLD),
    (well, OLD),
)


def lives(
    patch: pytest.MonkeyPatch, story: tuple[tuple[Life, bytes], ...], residue: Residue, cut: int | None
) -> tuple[bytes | None, list[tuple[int, int]], int]:
    """Live the story with one power cut, then on until nothing changes: what runs then, what the journal was told,
    and the whole work done."""
    data, files = factory()
    files.residue = residue
    told: list[tuple[int, int]] = []
    spent = 0
    allowed = {OLD, *(image for _, image in story)}
    waiting = [life for life, _ in story]
    while waiting:
        clip = Clip(patch, data, files, None if cut is None else cut - spent)
        try:
            assert clip.boot() in allowed
            waiting[0](clip)
            waiting.pop(0)
        except PowerCutError:
            cut = None
            assert clip.running in allowed or clip.running is None  # cut before it was started
        spent += clip.power.spent
        told += clip.recorder.told
        files = _after(files)
        files.residue = residue
        if waiting and clip.running not in (None, OLD) and waiting[0] is story[0][0]:
            waiting.pop(0)  # the cut came after the switch
    clip = Clip(patch, data, files, None)
    return clip.boot(), told, spent


def _after(files: Files) -> Files:
    return Files(dict(files.files))


def all_cuts(
    patch: pytest.MonkeyPatch, story: tuple[tuple[Life, bytes], ...], residue: Residue
) -> Iterator[tuple[bytes | None, list[tuple[int, int]]]]:
    _, _, whole = lives(patch, story, residue, None)
    for cut in range(whole):
        yield lives(patch, story, residue, cut)[:2]


def test_without_a_cut_the_new_one_runs_and_the_journal_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lives(monkeypatch, GOOD_STORY, "short", None)[:2] == (NEW, [(records.UPDATED, 0x000200)])


def test_what_fails_three_times_is_taken_back_and_the_journal_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    data, files = factory()
    started = []
    for life, _ in BAD_STORY:
        clip = Clip(monkeypatch, data, files, None)
        started.append(clip.boot())
        life(clip)
    assert started == [image for _, image in BAD_STORY]
    assert lives(monkeypatch, BAD_STORY, "short", None)[:2] == (OLD, [(records.ROLLED_BACK, 0x000300)])


@pytest.mark.parametrize("residue", ["short", "noise", "block"])
def test_a_cut_anywhere_in_an_update_ends_in_the_new_firmware(
    monkeypatch: pytest.MonkeyPatch, residue: Residue
) -> None:
    cuts = 0
    for runs, told in all_cuts(monkeypatch, GOOD_STORY, residue):
        assert runs == NEW
        assert told in ([(records.UPDATED, 0x000200)], [])
        cuts += 1
    assert cuts > len(NEW)


def test_a_cut_anywhere_in_a_failed_update_ends_in_the_old_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    for runs, told in all_cuts(monkeypatch, BAD_STORY, "noise"):
        assert runs == OLD
        assert set(told) <= {(records.ROLLED_BACK, 0x000300)}
        assert told
