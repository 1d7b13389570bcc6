"""Whoever asks who looked at their data reads words, not the trail's own names."""

from __future__ import annotations

from server.access.acts import Act
from server.pages.act_words import WORDS, act_words


def test_every_act_has_words_of_its_own() -> None:
    assert set(Act) - set(WORDS) == set(), "say in server/pages/act_words.py what a patient reads"
    assert len(set(WORDS.values())) == len(WORDS)
    assert not [act for act in Act if act_words(act) == act.value]


def test_what_has_no_words_goes_by_its_name() -> None:
    assert act_words("restored from a backup") == "restored from a backup"
