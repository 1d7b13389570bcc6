"""What the core promises to those who keep what it says, over random wearings, changes, gaps and cuts.

Who keeps records by (start, rev) must be able to trust that nothing is told twice in two ways; who reads the
judgements, that no state began while another one held, unless its seconds are told so as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway.core import Calibration, Core, EpisodeOut, EpochOut, Judgements, Output, Samples, Thresholds, Trailer

code = protocol.category
records = protocol.records


@dataclass(frozen=True)
class Stretch:
    """Seconds of one kind, at a size from 0 to 1, after `gap_s` of silence; then a change."""

    kind: str
    seconds: float
    size: float
    gap_s: float
    change: str | None


_STRETCHES = st.builds(
    Stretch,
    st.sampled_from(["sit", "slouch", "lean", "walk", "bend", "flutter", "off", "carry", "handle", "held", "broken"]),
    st.sampled_from([0.4, 1.1, 2.3, 3.6, 5.0, 9.7, 10.0, 20.0, 70.0, 75.0, 110.0]),
    st.floats(0, 1),
    st.sampled_from([0.0] * 9 + [0.3, 0.9, 1.7, 20.0, 119.0, 121.5, 124.25, 500.0, 90_000.0]),
    st.sampled_from([None] * 14 + ["calibrate", "clear", "turn over", "plan", "pause", "resume", "flush", "flush far"]),
)


def _sine(amplitude: float, hz: float, middle: float = 0.0) -> Callable[[Any], Any]:
    return lambda t: middle + amplitude * np.sin(2 * np.pi * hz * t)


def _samples(poses: Any, stretch: Stretch, start_s: float, rate_hz: float) -> Samples:
    size = stretch.size
    angle: Any = {
        "slouch": 8 + 20 * size,
        "lean": 12 * size,
        "walk": 8.0,
        "bend": lambda t: (50 + 40 * size) * np.sin(np.pi * t / stretch.seconds) ** 2,
        "flutter": _sine(2 + 10 * size, 0.2 + size, 10.0),
        "off": 90 * size,
        "carry": -70.0,
        "handle": _sine(20 + 40 * size, 1.3),
    }.get(stretch.kind, 10 * size - 5)
    samples: Samples = poses.of(
        angle,
        stretch.seconds,
        start_s=start_s,
        lateral=14 + 8 * size if stretch.kind == "lean" else 0.0,
        shake_mg=90 + 120 * size if stretch.kind in ("walk", "carry") else 0.0,
        breath_deg=0.0 if stretch.kind == "off" else 0.3,
        rate_hz=rate_hz,
    )
    if stretch.kind == "held":
        return replace(samples, held=np.ones(len(samples.t_ms), dtype=bool))
    if stretch.kind == "broken":
        bad = np.arange(len(samples.t_ms)) % 7 == 3
        return replace(samples, quaternion=np.where(bad[:, None], np.nan, samples.quaternion))
    return samples


def _change(core: Core, what: str | None, poses: Any, version: int, size: float) -> None:
    if what == "calibrate":
        core.set_calibration(replace(poses.calibration, version=version))
    elif what == "clear":
        core.set_calibration(None)
    elif what == "turn over":
        core.set_calibration(Calibration(version, -poses.calibration.up, -poses.calibration.forward))
    elif what == "plan":
        core.set_thresholds(Thresholds(version, 6 + 10 * size, 3 + 5 * size, 0.3 + size))
    elif what in ("pause", "resume"):
        core.set_paused(what == "pause")


class Listener:
    """Hears everything, keeps the newest telling of each record, and holds the core to its promises."""

    def __init__(self) -> None:
        self.epochs: dict[int, EpochOut] = {}
        self.episodes: dict[int, EpisodeOut] = {}
        self.all = Output()

    def hear(self, out: Output) -> None:
        for epoch in out.epochs:
            self._epoch(epoch)
        for episode in out.episodes:
            self._episode(episode)
        kept = {(finding.kind, finding.since_ms) for finding in self.all.findings}
        for finding in out.findings:
            assert finding.since_ms <= finding.at_ms
            assert (finding.kind, finding.since_ms) not in kept
        self.all.epochs += out.epochs
        self.all.episodes += out.episodes
        self.all.findings += out.findings
        self.all.judgements = Judgements.joined((self.all.judgements.columns, out.judgements.columns))

    def _epoch(self, epoch: EpochOut) -> None:
        before = self.epochs.get(epoch.start_ms)
        assert epoch.rev == (before.rev + 1 if before else 1)
        assert before is None or (epoch.codes != before.codes and epoch.shifts == before.shifts)
        assert epoch.start_ms % 60_000 == 0
        assert len(epoch.codes) == 60
        assert max(epoch.codes) < code.COUNT
        self.epochs[epoch.start_ms] = epoch

    def _episode(self, episode: EpisodeOut) -> None:
        before = self.episodes.get(episode.start_ms)
        assert episode.rev == (before.rev + 1 if before else 1)
        assert episode.start_ms <= episode.end_ms
        assert episode.end_ms - episode.start_ms >= 3000 if before is None else episode.end_ms < before.end_ms
        assert -180 <= episode.mean_deg <= episode.peak_deg <= 180
        self.episodes[episode.start_ms] = episode

    def code(self, second: int) -> int:
        epoch = self.epochs.get(second // 60 * 60_000)
        return epoch.codes[second % 60] if epoch else int(code.LOST)

    def end(self) -> None:
        spans = sorted((e.start_ms, e.end_ms) for e in self.episodes.values() if e.end_ms > e.start_ms)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        for start, end in spans:
            assert code.NOT_WORN not in {self.code(second) for second in range(-(-start // 1000), end // 1000)}
        category, since, judged_to = self.all.judgements.columns[:3]
        assert (np.diff(judged_to) > 0).all()
        assert (since < judged_to).all()
        firsts = np.flatnonzero((np.diff(category, prepend=-1) != 0) | (np.diff(since, prepend=-1) != 0))
        columns = np.stack((category, since, judged_to - 250))[:, firsts].T.tolist()
        lengths = np.diff(np.append(firsts, len(category))).tolist()
        for before, now, hops in zip(columns, columns[1:], lengths[1:], strict=False):
            self._follows(before, now, hops)

    def _follows(self, before: list[int], now: list[int], hops: int) -> None:
        """`before`, `now`: category, since when, and from when on it was judged so."""
        what, since, seen = now
        if what == code.LOST:
            assert since >= seen - 750
        elif before[0] < code.NOT_WORN or (min(before[0], what) <= code.UNCALIBRATED and what != code.NOT_WORN):
            assert since >= seen
        else:
            assert since >= before[1] - 125  # half a hop, to the crossing of the angle
        if min(before[0], what) <= code.UNCALIBRATED or hops <= 8:
            return  # so short a slouch may turn out to have been none
        told = {self.code(second) for second in range(-(-since // 1000), seen // 1000)}
        assert told <= {what, code.NOT_WORN, code.LOST} | (
            {code.MOVING, code.UPRIGHT} if what == code.SLOUCHED else set()
        )


@given(
    stretches=st.lists(_STRETCHES, min_size=1, max_size=14),
    rate_hz=st.sampled_from([10.0, 25.3, 26.0, 26.7, 104.0]),
    start_s=st.sampled_from([0.0, 0.4, 59.9, 3_600_000.1]),
    cuts=st.lists(st.integers(0, 6000), max_size=12),
    calibrated=st.booleans(),
)
def test_nothing_is_told_in_two_ways(
    poses: Any, stretches: list[Stretch], rate_hz: float, start_s: float, cuts: list[int], calibrated: bool
) -> None:
    def run(edges: list[int], *, put_away: bool) -> tuple[Output, bytes]:
        core = Core(Thresholds(1), poses.calibration if calibrated else None, period_ms=1000 / rate_hz)
        listener, at_s = Listener(), start_s
        for version, stretch in enumerate(stretches, 10):
            at_s += stretch.gap_s
            samples = _samples(poses, stretch, at_s, rate_hz)
            t = samples.t_ms
            for begin, end in pairwise(sorted({0, len(t), *(edge for edge in edges if edge < len(t))})):
                seconds = np.arange(np.ceil(t[begin] / 1000), (t[end - 1] + 1000 / rate_hz) / 1000)
                trailers = [Trailer(1000 * s, 0, 0, 0, 34 - int(s / 40) % 12) for s in seconds.tolist() if s % 5]
                listener.hear(core.push(poses.part(samples, begin, end), trailers))
                if put_away:
                    core = Core.restore(core.snapshot())
            at_s += stretch.seconds
            _change(core, stretch.change, poses, version, stretch.size)
            for ahead_s in {"flush": (1.3, 1.3), "flush far": (0.3, 200.3)}.get(stretch.change or "", ()):
                at_s += ahead_s
                listener.hear(core.flush(int(1000 * at_s)))
        listener.hear(core.flush(int(at_s + 60) // 60 * 60_000))
        listener.end()
        return listener.all, core.snapshot()

    whole, state = run([], put_away=False)
    cut, _ = run(cuts, put_away=True)
    assert cut == whole
    assert len(state) < 100_000


def test_a_long_gap_after_a_flush_within_a_second_moves_no_second(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    core.push(poses.of(0, 100))
    core.flush(221_250)
    told = core.push(poses.of(20, 61, start_s=600))
    assert [(epoch.start_ms, set(epoch.codes)) for epoch in told.epochs] == [(600_000, {code.SLOUCHED})]


def test_not_worn_begins_anew_after_a_pause_and_after_lost_seconds(poses: Any) -> None:
    core = Core(Thresholds(), poses.calibration)
    core.push(poses.join(poses.of(0, 60), poses.of(30, 120, start_s=60, breath_deg=0)))
    assert (core.judgement.category, core.judgement.since_ms) == (code.NOT_WORN, 60_000)
    core.push(poses.of(30, 30, start_s=190, breath_deg=0))
    assert (core.judgement.category, core.judgement.since_ms) == (code.NOT_WORN, 190_000)
    core.set_paused(True)
    core.push(poses.of(30, 30, start_s=220, breath_deg=0))
    core.set_paused(False)
    core.push(poses.of(30, 30, start_s=250, breath_deg=0))
    assert (core.judgement.category, core.judgement.since_ms) == (code.NOT_WORN, 250_000)


@pytest.mark.parametrize("late_ms", [0, 125, 250])
def test_a_slouch_ends_where_the_clip_came_off_even_when_it_is_put_on_as_that_is_found(
    poses: Any, late_ms: int
) -> None:
    rest_s = 60 + late_ms / 1000
    core = Core(Thresholds(), poses.calibration)
    samples = poses.join(
        poses.of(0, 30),
        poses.of(20, 30, start_s=30),
        poses.of(20, rest_s, start_s=60, breath_deg=0),
        poses.of(23.5, 30, start_s=60 + rest_s),
        poses.of(0, 60, start_s=90 + rest_s),
    )
    told = core.push(samples)
    first, second = told.episodes
    assert (first.end_ms, first.end_reason) == (60_000, records.END_NOT_WORN)
    assert first.start_ms == pytest.approx(30_000, abs=250)
    assert second.start_ms == pytest.approx(120_000 + late_ms, abs=250)
    assert set(told.epochs[1].codes) == {code.NOT_WORN}
