"""The order of the list: total, by need, and whoever has more to be looked at never comes later for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.worklist.dismissals import GROWTH, Dismissal, covers
from server.worklist.flags import Behind, Flag, Rule, Unheard
from server.worklist.order import Group, group, key
from tests.server.conftest import TODAY

FLAG = st.builds(
    Flag,
    st.sampled_from(Rule),
    st.text(max_size=3),
    st.floats(0, 50),
    st.floats(1, 50),
    st.just(Behind(1, "days")),
    st.none() | st.integers(0, 40).map(lambda back: TODAY - timedelta(days=back)),
    st.just(Unheard(0)),
)
FLAGS = st.lists(FLAG, max_size=4)
PATIENTS = st.dictionaries(st.integers(1, 99), FLAGS, max_size=8)


def listed(everybody: dict[int, list[Flag]]) -> list[int]:
    return sorted(everybody, key=lambda number: key(everybody[number], number))


@given(PATIENTS, st.randoms(use_true_random=False))
def test_the_order_is_total_and_hangs_on_nothing_else(everybody: dict[int, list[Flag]], random: object) -> None:
    keys = {key(flags, number) for number, flags in everybody.items()}
    assert len(keys) == len(everybody)
    mixed = list(everybody.items())
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert listed({number: list(reversed(flags)) for number, flags in mixed}) == listed(everybody)


@given(PATIENTS, st.data())
def test_more_to_look_at_never_moves_anybody_down(everybody: dict[int, list[Flag]], data: st.DataObject) -> None:
    if not everybody:
        return
    number = data.draw(st.sampled_from(sorted(everybody)))
    before = listed(everybody).index(number)
    flags = everybody[number]
    added = data.draw(FLAG)
    assert listed({**everybody, number: [*flags, added]}).index(number) <= before
    if flags:
        place = data.draw(st.integers(0, len(flags) - 1))
        bigger = [replace(one, times=one.times * 2) if at == place else one for at, one in enumerate(flags)]
        assert listed({**everybody, number: bigger}).index(number) <= before


@given(PATIENTS)
def test_the_parts_of_the_list_follow_one_another(everybody: dict[int, list[Flag]]) -> None:
    parts = [list(Group).index(group(everybody[number])) for number in listed(everybody)]
    assert parts == sorted(parts)


def test_a_rule_that_presses_more_comes_first_whatever_its_size() -> None:
    def flag(rule: Rule, times: float = 1.0) -> Flag:
        return Flag(rule, "", 1.0, times, Behind(1, "days"), None, Unheard(0))

    everybody = {
        1: [flag(Rule.IMPROVED, 40)],
        2: [],
        3: [flag(Rule.PLAN, 30), flag(Rule.CALIBRATION)],
        4: [flag(Rule.WEAR, 2)],
        5: [flag(Rule.WEAR, 9)],
        6: [flag(Rule.WEAR), flag(Rule.PLAN)],
        7: [flag(Rule.URGENT)],
        8: [flag(Rule.PAIN), flag(Rule.IMPROVED)],
    }
    assert listed(everybody) == [7, 8, 6, 5, 4, 3, 1, 2]
    assert [group(everybody[number]) for number in (7, 8, 3, 1, 2)] == list(Group)


# --- what was dismissed ---


def dismissed(flag: Flag) -> Dismissal:
    return Dismissal(1, 1, flag.rule.value, flag.about, flag.size, "known", "Mara", 0)


@given(FLAG.filter(lambda flag: flag.size > 0), st.floats(0, 5))
def test_a_dismissed_flag_comes_back_exactly_when_it_has_grown(flag: Flag, grown: float) -> None:
    later = replace(flag, size=flag.size * grown, since=None)
    assert covers(dismissed(flag), TODAY, later) == (later.size < GROWTH * flag.size)


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"size": 4.4}, True),
        ({"size": 4.5}, False),  # half as big again
        ({"about": "b"}, False),
        ({"rule": Rule.PAIN}, False),
        ({"since": TODAY - timedelta(days=1)}, True),
        ({"since": TODAY}, False),  # rests on nothing that was there when it was dismissed
        ({"since": TODAY + timedelta(days=3)}, False),
    ],
)
def test_what_is_about_something_new_is_told(changes: dict[str, object], holds: bool) -> None:
    flag = Flag(Rule.WEAR, "a", 3.0, 1.5, Behind(3, "days"), TODAY - timedelta(days=3), Unheard(0))
    assert covers(dismissed(flag), TODAY, replace(flag, **changes)) is holds  # type: ignore[arg-type]
