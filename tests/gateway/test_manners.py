"""Leaving alone a clip that may be paired: not what one has just lost, and not for ever."""

from __future__ import annotations

from gateway.manners import FRESH_S, WINDOW_S, Manners


def test_who_has_looked_for_long_lets_the_window_pass() -> None:
    manners = Manners()
    for now_s in range(100):
        manners.look(now_s)
    assert manners.leaves(100, pairing=True)
    assert manners.leaves(100 + WINDOW_S - 1, pairing=True)
    assert not manners.leaves(120, pairing=False)
    for begins_s in (300, 600):
        heard = [manners.leaves(begins_s + at, pairing=True) for at in range(0, 75, 30)]
        assert heard == [True, True, True], "another window"
        assert not manners.leaves(begins_s + WINDOW_S + 1, pairing=True), "the system tells of an old one"


def test_who_has_just_lost_the_clip_may_have_it_back() -> None:
    manners = Manners()
    manners.look(0)
    manners.found()
    manners.look(5000)
    assert not manners.leaves(5000 + FRESH_S - 1, pairing=True)
    assert manners.leaves(5000 + FRESH_S, pairing=True)
