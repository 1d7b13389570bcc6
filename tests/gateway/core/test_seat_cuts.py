"""Wear and slips, however the stream is cut, and wherever the core is put away and taken up again. Simulated."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import Core, Judgements, Output, Samples, Thresholds, Trailer
from gateway.core.types import SLIP_SUSPECTED, SLIPPED
from gateway.lab.corpus.day import turned
from gateway.lab.script import Body, Script, Segment, Slip
from tests.gateway.core.simulated import stream

WALK = Segment(32, "walk", 6.0)
PAUSE = Segment(15, "sit", 2.0)


@cache
def _script() -> Script:
    """Walks, a silent slip, walks; laid down in a noisy place and put on again; a hand that moves the clip."""
    segments = [PAUSE, *[WALK, PAUSE] * 4, *[WALK, PAUSE] * 3]
    slid_at = sum(s.seconds for s in segments[:9])
    segments += [
        Segment(5, "handle", 20.0, 0.0, 1.0),
        Segment(50, "off", 14.0, 8.0, 1.0),
        Segment(2, "jolt", 17.0, 8.0),
    ]
    segments += [Segment(40, "off", 17.0, 8.0, 1.0), Segment(5, "handle", 20.0, 0.0, 1.0), Segment(80, "sit", 3.0)]
    moved_at = sum(s.seconds for s in segments) + 1
    segments += [Segment(4, "adjust", 1.0), Segment(90, "sit", 3.0), Segment(60, "carry", -70.0)]
    slips = [Slip(slid_at, turned(14.0, 0.0, 0.0)), Slip(moved_at, turned(0.0, 15.0, 0.0))]
    return Script(segments, Body(breath_deg=0.3), 21, slips)


@cache
def _stream() -> tuple[Samples, list[Trailer]]:
    samples, trailers = stream(_script())
    t = samples.t_ms / 1000
    keep = ~(((t > 60) & (t < 63)) | ((t > 400) & (t < 400.4)))
    parts = (getattr(samples, name)[keep] for name in ("t_ms", "quaternion", "acc_mg", "held"))
    return Samples(*parts), [trailer for trailer in trailers if not 60_000 < trailer.t_ms < 63_000]


def _run(edges: list[int], put_away: set[int]) -> tuple[Output, bytes]:
    samples, trailers = _stream()
    core, out = Core(Thresholds(), _script().calibration()), Output()
    for k, (begin, end) in enumerate(pairwise(edges)):
        first = samples.t_ms[begin] if begin else -1
        last = samples.t_ms[end] if end < len(samples.t_ms) else np.inf
        part = Samples(*(getattr(samples, name)[begin:end] for name in ("t_ms", "quaternion", "acc_mg", "held")))
        told = core.push(part, [trailer for trailer in trailers if first <= trailer.t_ms < last])
        out.epochs += told.epochs
        out.episodes += told.episodes
        out.findings += told.findings
        out.judgements = Judgements.joined((out.judgements.columns, told.judgements.columns))
        if k in put_away:
            core = Core.restore(core.snapshot())
    return out, core.snapshot()


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, 20_000), max_size=30), put_away=st.sets(st.integers(0, 30), max_size=4))
def test_same_findings_for_any_cuts(cuts: list[int], put_away: set[int]) -> None:
    n = len(_stream()[0].t_ms)
    expected, expected_end = _whole()
    got, got_end = _run(sorted({0, n, *(cut for cut in cuts if cut < n)}), put_away)
    assert got.findings == expected.findings
    assert got.epochs == expected.epochs
    assert got.episodes == expected.episodes
    assert got.judgements == expected.judgements
    assert got_end == expected_end


@cache
def _whole() -> tuple[Output, bytes]:
    out, end = _run([0, len(_stream()[0].t_ms)], set())
    assert [finding.kind for finding in out.findings] == [SLIP_SUSPECTED, SLIPPED]
    assert any(epoch.rev > 1 for epoch in out.epochs)
    return out, end
