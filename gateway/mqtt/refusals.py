"""What the broker refuses, and when each is tried again: slowly, with waits that double."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Final

_SYSTEM: Final = SystemRandom()


@dataclass
class _Refusal:
    words: str
    wait_s: float
    until_s: float


class Refusals:
    """By kind of message. Time is any clock that does not go back, in seconds."""

    def __init__(self, first_s: float, longest_s: float, random: Callable[[], float] = _SYSTEM.random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._refused: dict[str, _Refusal] = {}

    def refused(self, kind: str, words: str, now_s: float) -> None:
        """A message was refused. Others that were on their way with it do not make the wait longer."""
        known = self._refused.get(kind)
        if known is not None and now_s < known.until_s:
            known.words = words
            return
        wait_s = self._first_s if known is None else min(known.wait_s * 2, self._longest_s)
        self._refused[kind] = _Refusal(words, wait_s, now_s + wait_s * (0.75 + self._random() / 4))

    def accepted(self, kind: str) -> None:
        """A message was taken."""
        self._refused.pop(kind, None)

    def may(self, kind: str, now_s: float) -> bool:
        """Whether one may be sent now."""
        known = self._refused.get(kind)
        return known is None or now_s >= known.until_s

    def on_trial(self, kind: str) -> bool:
        """Whether the last one was refused, so that no more than one should be tried."""
        return kind in self._refused

    def forget(self) -> None:
        """Another connection: rights may have changed, so each may be tried once; waits go on where they were."""
        for refusal in self._refused.values():
            refusal.until_s = float("-inf")

    @property
    def words(self) -> str:
        """What is refused at present; empty when nothing is."""
        return "; ".join(refusal.words for _, refusal in sorted(self._refused.items()))
