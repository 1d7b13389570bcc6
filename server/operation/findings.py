"""What looking at one thing has shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """`words` say how it is, `advice` what to do. A note is worth knowing; a problem must be put right."""

    topic: str
    state: State
    words: str
    advice: str = ""


def ok(topic: str, words: str) -> Finding:
    """All is well."""
    return Finding(topic, "ok", words)


def note(topic: str, words: str, advice: str = "") -> Finding:
    """Worth knowing."""
    return Finding(topic, "note", words, advice)


def problem(topic: str, words: str, advice: str) -> Finding:
    """To be put right."""
    return Finding(topic, "problem", words, advice)
