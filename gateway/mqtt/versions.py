"""Which version of MQTT to speak: 5, so that a refusal comes with its reason; 3.1.1 where the broker knows no newer."""

from __future__ import annotations

from typing import Final, Literal

Version = Literal["5", "3.1.1"]

NEWER_AGAIN_S: Final = 3600.0
"""A broker that understood only 3.1.1 is asked again for 5 when a connection is made after this."""
CLOSED_LIMIT: Final = 3
"""Connections closed without an answer after which the other version is tried."""
LONGEST_ANSWER_S: Final = 30.0


class Versions:
    """What has been learnt of one broker. Time is any clock that does not go back, in seconds."""

    def __init__(self, answer_s: float) -> None:
        """`answer_s`: how long to wait for an answer, at first; twice as long after each silence."""
        self._first_answer_s = answer_s
        self._version: Version = "5"
        self._older_since_s: float | None = None
        self._closed = 0
        self._silences = 0

    def choose(self, now_s: float) -> Version:
        """The version for the next connection."""
        if self._older_since_s is not None and now_s - self._older_since_s >= NEWER_AGAIN_S:
            self._older_since_s = None
            self._version = "5"
        return self._version

    @property
    def answer_s(self) -> float:
        """How long the broker may take to answer. A slow line is not taken for an old broker for ever."""
        return float(min(self._first_answer_s * 2 ** min(self._silences // 2, 8), LONGEST_ANSWER_S))

    def understood(self, now_s: float) -> None:
        """The broker answered in the chosen version."""
        self._closed = self._silences = 0
        if self._version == "3.1.1" and self._older_since_s is None:
            self._older_since_s = now_s

    def not_understood(self) -> None:
        """The broker said that it does not know the chosen version."""
        self._closed = 0
        self._version = "3.1.1" if self._version == "5" else "5"
        self._older_since_s = None

    def silent(self) -> None:
        """The broker took the connection and did not answer."""
        self._silences += 1
        self.not_understood()

    def closed(self) -> None:
        """The broker closed the connection without an answer: it may be restarting, or not understand."""
        self._closed += 1
        if self._closed >= CLOSED_LIMIT:
            self.not_understood()
