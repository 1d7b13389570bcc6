"""The corpus' scores: a day that is told well scores well, and each thing told wrongly shows where it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gateway.core import FindingOut
from gateway.core.types import SLIP_SUSPECTED, SLIPPED, FindingKind
from gateway.lab.corpus import bars
from gateway.lab.corpus.clip import Stream, stream
from gateway.lab.corpus.day import Day, Diary
from gateway.lab.corpus.facts import Facts
from gateway.lab.corpus.judging import Judged, judge, judged_plan
from gateway.lab.corpus.people import chip, wearer
from gateway.lab.corpus.score import Score, code, score
from gateway.lab.corpus.score_slips import score_slips
from gateway.lab.script import Segment


@pytest.fixture(scope="module")
def day() -> Day:
    """A quarter of an hour: four slouches to be scored, walking, lifting, and the clip off for six minutes."""
    diary = Diary()
    diary.add(Segment(10.0, "off", 60.0, 0.0, 0.5), Segment(6.0, "handle", 20.0, 10.0, 1.0), Segment(12.0, "stand"))
    diary.calibrate()
    diary.add(
        Segment(40.0, "type", 1.0),
        Segment(85.0, "type", 17.0, 2.0),
        Segment(30.0, "sit", 1.0),
        Segment(140.0, "rest", 19.0, 0.0, 50.0),
        Segment(25.0, "sit", -1.0),
        Segment(90.0, "sit", 7.5),
        Segment(30.0, "sit", -1.0),
        Segment(2.4, "rise", 3.0, dip_deg=30),
        Segment(30.0, "walk", 7.0),
        Segment(3.2, "lift", 2.0, dip_deg=70),
        Segment(10.0, "stand", 1.0),
        Segment(80.0, "sit", 21.0, 0.0, 1.5),
        Segment(20.0, "sit", 1.0, 8.0),
        Segment(8.0, "handle", 40.0, 20.0, 2.0),
        Segment(360.0, "off", 75.0, 12.0, 0.5),
        Segment(8.0, "handle", 10.0, 0.0, 2.0),
        Segment(30.0, "stand", 0.0),
    )
    rng = np.random.default_rng(11)
    who = replace(wearer(rng).body, fidgets_per_hour=0.0)
    return diary.day(11, who, chip(rng))


@pytest.fixture(scope="module")
def streamed(day: Day) -> Stream:
    return stream(day)


@pytest.fixture(scope="module")
def judged(day: Day, streamed: Stream) -> Judged:
    return judge(day, streamed, judged_plan())


def scored(day: Day, judged: Judged) -> Score:
    return score(day, judged, judged_plan())


def test_the_line_does_well_on_a_plain_day(day: Day, judged: Judged) -> None:
    got = scored(day, judged)
    assert (got.scored, got.reminded, got.false) == (3, 3, 0)
    assert got.given >= 3
    assert (len(got.sudden_errors_s), len(got.gradual_errors_deg)) == (2, 1)
    assert max(got.sudden_errors_s) < 1
    assert max(got.gradual_errors_deg) < 1.5
    assert got.reported["7-10"][0] == 1
    assert got.removals == [1, 0]
    assert got.called_removals == [1, 0]
    assert got.still_s[0] > 400
    assert got.still_s[1] == 0
    assert got.percentile_errors_deg[0] < 1
    assert got.shifts[0] >= 4
    assert got.shifts[1:] == [0, 0]
    assert got.calibrations == [1, 0]
    assert got.walking[0] > 20
    assert got.walking[1] + got.walking[3] < 5
    assert (got.handled_slips, got.silent_slips, got.slip_alarms) == ([0, 0], [0, 0], [0, 0, 0])


def test_reminders_left_out_or_too_late_are_missed(day: Day, judged: Judged) -> None:
    assert scored(day, replace(judged, reminders=[])).reminded == 0
    late = [replace(told, start_ms=told.start_ms + 30_000) for told in judged.reminders[:1]]
    assert scored(day, replace(judged, reminders=late)).reminded == 0


@pytest.mark.parametrize(("at_s", "false"), [(120.0, 1), (320.0, 0), (445.0, 1), (500.0, 1), (520.0, 1), (700.0, 1)])
def test_a_reminder_without_a_slouch_is_false(day: Day, judged: Judged, at_s: float, false: int) -> None:
    """While upright, in a slouch, in one of 7.5 degrees, walking, soon after lifting, and not worn."""
    one = replace(judged.reminders[0], start_ms=int(at_s * 1000), since_ms=int(at_s * 1000) - 60_000)
    assert scored(day, replace(judged, reminders=[one])).false == false


def test_a_slouch_relaxed_but_not_left_is_no_false_reminder(day: Day, judged: Judged) -> None:
    """By the plan's rule 7 degrees after 17 still slouch, and 7 by themselves do not."""
    diary = Diary()
    diary.add(Segment(20.0, "stand"))
    diary.calibrate()
    diary.add(Segment(30.0, "sit"), Segment(70.0, "sit", 17.0), Segment(90.0, "sit", 7.0), Segment(20.0, "sit", 0.0))
    diary.add(Segment(100.0, "sit", 7.0), Segment(20.0, "sit"))
    began = 47.5 + 30.0
    other = diary.day(1, day.script.body, day.chip)
    empty = replace(judged, epochs=[], calibrations=[], codes=np.full(int(other.duration_s), code.LOST))

    def at(t_s: float) -> Score:
        one = replace(judged.reminders[0], start_ms=int(t_s * 1000))
        return scored(other, replace(empty, reminders=[one]))

    assert (at(began + 150).false, at(began + 150).relaxed) == (0, 1)
    assert (at(began + 65).false, at(began + 65).relaxed) == (0, 0)
    assert (at(began + 270).false, at(began + 270).relaxed) == (1, 0)


def test_onsets_told_wrongly_are_errors_of_their_kind(day: Day, judged: Judged) -> None:
    shifted = [replace(told, since_ms=told.since_ms + 5_000) for told in judged.reminders]
    got = scored(day, replace(judged, reminders=shifted))
    assert min(got.sudden_errors_s) > 4
    assert got.gradual_errors_deg[0] > 1.5


def test_codes_told_wrongly_show_in_their_rows(day: Day, judged: Judged) -> None:
    facts = Facts(day, 10, 5)
    walking = facts.second(facts.activity == "walk")
    off = facts.second(facts.off)
    got = scored(day, replace(judged, codes=np.where(walking, code.SLOUCHED, judged.codes)))
    assert got.walking[:2] == [0, scored(day, judged).walking[0]]
    assert got.told["walk"][code.SLOUCHED] == sum(got.told["walk"])
    worst = next(bar for bar in bars.bars(got) if "walk" in bar.what and "most" in bar.what)
    assert worst.holds is False
    got = scored(day, replace(judged, codes=np.where(off, code.UPRIGHT, judged.codes)))
    assert (got.removals, got.called_removals) == ([0, 1], [0, 0])
    got = scored(day, replace(judged, codes=np.full_like(judged.codes, code.NOT_WORN)))
    assert got.called_removals == [0, 1]
    assert got.still_s[1] == got.still_s[0]


def test_shifts_too_many_and_too_few_are_counted(day: Day, judged: Judged) -> None:
    more = [replace(epoch, shifts=epoch.shifts + 1) for epoch in judged.epochs]
    fewer = [replace(epoch, shifts=0) for epoch in judged.epochs]
    true = scored(day, judged).shifts[0]
    assert scored(day, replace(judged, epochs=fewer)).shifts == [0, true, 0]
    assert scored(day, replace(judged, epochs=more)).shifts[2] > 0


def test_percentiles_of_shifted_angles_are_off(day: Day, judged: Judged) -> None:
    moved = [replace(e, sagittal=tuple(None if s is None else s + 3 for s in e.sagittal)) for e in judged.epochs]
    assert scored(day, replace(judged, epochs=moved)).percentile_errors_deg[0] == pytest.approx(3, abs=0.8)


def _slipping(kind: str, sagittal: float, lateral: float) -> Facts:
    diary = Diary()
    diary.add(Segment(20.0, "stand"))
    diary.calibrate()
    diary.add(Segment(100.0, "sit"))
    diary.slip(kind, sagittal, lateral, 0.0, 1.0, diary.at_s)  # type: ignore[arg-type]
    for _ in range(3):
        diary.add(Segment(40.0, "sit"), Segment(35.0, "walk", 7.0), Segment(40.0, "sit"))
    diary.add(Segment(100.0, "sit"))
    diary.calibrate()
    diary.add(Segment(1900.0, "rest", 17.0), Segment(20.0, "sit"))
    rng = np.random.default_rng(2)
    return Facts(diary.day(2, wearer(rng).body, chip(rng)), 10, 5)


def test_slips_found_in_time_count_and_others_are_alarms() -> None:
    facts = _slipping("handled", 2.0, 12.0)
    (slip,) = facts.day.slips

    def found(after_s: float, kind: FindingKind = SLIPPED) -> FindingOut:
        at_ms = round((slip.seated_s + after_s) * 1000)
        return FindingOut(at_ms, at_ms - 1000, kind, 12.0)

    assert score_slips(facts, [found(100)]).handled == [1, 0]
    assert score_slips(facts, [found(130)]).handled == [0, 1]
    assert score_slips(facts, [found(100, SLIP_SUSPECTED)]).handled == [0, 1]
    assert score_slips(facts, [found(130)]).alarms == [0, 0, 0]
    assert score_slips(facts, [found(-60)]).alarms == [1, 0, 0]
    assert score_slips(facts, [found(-60, SLIP_SUSPECTED)]).alarms == [0, 1, 0]
    assert score_slips(facts, [found(1500)]).alarms == [1, 0, 1]
    silent = _slipping("silent", 13.0, 0.0)
    (slip,) = silent.day.slips
    assert score_slips(silent, [found(350, SLIP_SUSPECTED)]).silent == [1, 0]
    assert score_slips(silent, []).silent == [0, 1]
    small = _slipping("put on again", 0.5, 1.0)
    assert score_slips(small, []).handled == [0, 0]
    assert score_slips(small, [found(100)]).alarms == [1, 0, 0]


def test_scores_add_up(day: Day, judged: Judged) -> None:
    one = scored(day, judged)
    total = Score()
    total += one
    total += one
    assert total.scored == 2 * one.scored
    assert total.sudden_errors_s == one.sudden_errors_s * 2
    assert total.shifts == [2 * n for n in one.shifts]
    assert total.told == {name: [2 * n for n in row] for name, row in one.told.items()}
    shares = {bar.what: bar.value for bar in bars.bars(total) if "p95" not in bar.what}
    assert shares == {bar.what: bar.value for bar in bars.bars(one) if "p95" not in bar.what}
