"""One list of episodes from two judges.

Both tell the same slouch with edges a few seconds apart, and each may have seen only part of it. What the gateway says
counts, except where it was not looking: an episode that it lost sight of goes on as far as the clip saw it, and one
that had begun before it looked goes back to where the clip saw it begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Final

EDGE_MS: Final = 5_000
"""Edges of one slouch differ by at most 1 s from the gateway and 3 s from the clip; further apart they are not the same
edge."""
BEFORE_MS: Final = 1_000
"""A second whole before an edge: whether the gateway looked then says whether it saw the edge."""

Watched = Callable[[int], bool]
"""Whether the gateway judged the second of a UTC time in ms."""


@dataclass(frozen=True)
class Told:
    """An episode as one judge told it, or as merged; times are UTC milliseconds. `judge` is gateway, clip or both."""

    start_ms: int
    end_ms: int
    peak_deg: float
    mean_deg: float
    end_reason: str
    judge: str
    plan: int
    simulated: bool


_ALL: Final = attrgetter(*(field.name for field in fields(Told)))


def merge_episodes(told: Iterable[Told], watched: Watched = lambda _: True) -> list[Told]:
    """Episodes in order of time, each slouch once."""
    episodes = sorted(told, key=_ALL)
    merged = _union([episode for episode in episodes if episode.judge == "gateway"])
    for one in _union([episode for episode in episodes if episode.judge != "gateway"]):
        merged = _weave(merged, one, watched)
    return merged


def _union(episodes: Sequence[Told]) -> list[Told]:
    """One judge's episodes, those that overlap (two clips at once) as one."""
    out: list[Told] = []
    for episode in episodes:
        if out and episode.start_ms < out[-1].end_ms:
            out[-1] = _joined(out[-1], episode)
        else:
            out.append(episode)
    return out


def _weave(merged: list[Told], clip: Told, watched: Watched) -> list[Told]:
    """Add one of the clip's episodes."""
    before = [episode for episode in merged if episode.end_ms <= clip.start_ms]
    after = [episode for episode in merged if episode.start_ms >= clip.end_ms]
    overlapping = merged[len(before) : len(merged) - len(after)]
    if not overlapping:
        return [*before, clip, *after]
    out: list[Told] = []
    for episode in overlapping:
        seen = replace(episode, judge="both")
        if out and out[-1].end_reason == "lost":
            out[-1] = _joined(out[-1], seen)
        else:
            out.append(seen)
    if clip.start_ms < out[0].start_ms - (EDGE_MS if watched(out[0].start_ms - BEFORE_MS) else 0):
        out[0] = _joined(out[0], replace(clip, end_ms=out[0].start_ms, end_reason=out[0].end_reason))
    if clip.end_ms > out[-1].end_ms and out[-1].end_reason == "lost":
        out[-1] = _joined(out[-1], replace(clip, start_ms=out[-1].end_ms))
    return [*before, *out, *after]


def _joined(left: Told, right: Told) -> Told:
    """One episode over both; the mean is weighted by duration, the end that of whichever ends last."""
    last = right if right.end_ms >= left.end_ms else left
    weights = [max(episode.end_ms - episode.start_ms, 1) for episode in (left, right)]
    mean = (left.mean_deg * weights[0] + right.mean_deg * weights[1]) / sum(weights)
    return Told(
        min(left.start_ms, right.start_ms),
        last.end_ms,
        max(left.peak_deg, right.peak_deg, key=abs),
        mean,
        last.end_reason,
        left.judge if left.judge == right.judge else "both",
        max(left.plan, right.plan),
        left.simulated or right.simulated,
    )
