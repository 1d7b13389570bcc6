"""Every second gets exactly one category, and the right one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.store import epoch_blob
from server.summaries import painting
from server.summaries.painting import LOST, Painted

Table = Callable[..., epoch_blob.Rows]
M = 60_000
UPRIGHT, SLOUCHED, NOT_WORN, PAUSED = 10, 9, 2, 0


def paint(clips: dict[str, epoch_blob.Rows], start_ms: int, end_ms: int) -> Painted:
    return painting.paint(clips, [(start_ms, end_ms)])


def text(painted: Painted) -> str:
    return "".join(f"{code:x}" for code in painted.codes)


def test_nothing_known_is_lost() -> None:
    painted = paint({}, 7_000, 12_000)
    assert text(painted) == "11111"
    assert (painted.shifts, painted.plan_versions, painted.clips, painted.simulated) == (0, (), (), False)
    assert set(painted.sagittal) == {epoch_blob.NO_ANGLE}
    assert text(paint({}, 7_000, 7_000)) == ""


def test_the_gateways_code_counts_unless_it_is_lost(table: Table) -> None:
    rows = table(
        {"utc_ms": M, "codes": "9" * 20 + "1" * 40, "angle": 20, "shifts": 2},
        {"utc_ms": M + 400, "judge": "clip", "codes": "a" * 40 + "1" * 20, "angle": 5, "shifts": 9},
    )
    painted = paint({"c": rows}, M, 2 * M)
    assert text(painted) == "9" * 20 + "a" * 20 + "1" * 20
    assert painted.sagittal.tolist() == [20] * 20 + [5] * 20 + [epoch_blob.NO_ANGLE] * 20
    assert painted.shifts == 2


def test_a_minute_that_only_the_clip_saw_counts_the_clips_shifts(table: Table) -> None:
    rows = table({"code": LOST, "shifts": 0}, {"judge": "clip", "shifts": 4})
    assert paint({"c": rows}, 0, M).shifts == 4


def test_between_clips_the_gateways_judgement_counts_else_the_lower_id(table: Table) -> None:
    low_clip = table({"judge": "clip", "codes": "9" * 30 + "1" * 30})
    high_gateway = table({"judge": "gateway", "codes": "1" * 20 + "2" * 10 + "a" * 30})
    high_clip = table({"judge": "clip", "codes": "a" * 60})
    assert text(paint({"a": low_clip, "b": high_gateway}, 0, M)) == "9" * 20 + "2" * 10 + "a" * 30
    assert text(paint({"a": low_clip, "b": high_clip}, 0, M)) == "9" * 30 + "a" * 30
    assert text(paint({"b": low_clip, "a": high_clip}, 0, M)) == "a" * 60
    assert paint({"b": low_clip, "a": high_clip}, 0, M).clips == ("a",)


def test_of_two_boots_in_one_minute_each_counts_where_it_knows(table: Table) -> None:
    rows = table(
        {"boot": "f" * 16, "start_ms": 7 * M, "utc_ms": 0, "codes": "9" * 25 + "1" * 35},
        {"boot": "1" * 16, "start_ms": 0, "utc_ms": 30_000, "code": UPRIGHT},
    )
    assert text(paint({"c": rows}, 0, 90_000)) == "9" * 25 + "1" * 5 + "a" * 60


def test_minutes_that_drift_leave_no_gap_and_no_second_twice(table: Table) -> None:
    # 400 ms a minute: over 20 minutes the clock map moves by 8 s, in both directions.
    for drift in (400, -400):
        epochs = [{"start_ms": i * M, "utc_ms": 10 * M + i * (M + drift)} for i in range(20)]
        painted = paint({"c": table(*epochs)}, 10 * M, 10 * M + 20 * (M + drift) - 8_000)
        assert set(painted.codes) == {UPRIGHT}


def test_a_gap_between_minutes_is_lost(table: Table) -> None:
    rows = table({"start_ms": 0, "utc_ms": 0}, {"start_ms": M, "utc_ms": M + 5_000})
    assert text(paint({"c": rows}, 0, 2 * M)) == "a" * 60 + "1" * 5 + "a" * 55


def test_versions_are_those_of_the_minutes_that_count(table: Table) -> None:
    rows = table(
        {"utc_ms": 0, "plan": 3, "calibration": 2},
        {"utc_ms": M, "start_ms": M, "plan": 4, "calibration": 2, "simulated": True},
        {"utc_ms": 2 * M, "start_ms": 2 * M, "plan": 5, "code": LOST},
        {"utc_ms": 9 * M, "start_ms": 9 * M, "plan": 6},
    )
    painted = paint({"c": rows}, 0, 3 * M)
    assert (painted.plan_versions, painted.calibration_versions, painted.simulated) == ((3, 4), (2,), True)


def test_a_shift_lies_in_the_middle_of_what_its_minute_gave(table: Table) -> None:
    rows = table(
        {"utc_ms": 0, "shifts": 1},
        {"utc_ms": M, "start_ms": M},
        {"utc_ms": 2 * M, "start_ms": 2 * M, "codes": "1" * 20 + "a" * 40, "shifts": 3},
        {"utc_ms": 3 * M, "start_ms": 3 * M, "code": LOST, "shifts": 2},
    )
    painted = paint({"c": rows}, 0, 4 * M)
    assert painted.shifted.tolist() == [30, 160]
    assert painted.shifts == 4
    assert paint({"c": rows}, 0, 30_000).shifted.tolist() == [15]


CODES = st.text("0129a", min_size=60, max_size=60)
# Minutes of two boots, on a grid that makes them meet, abut, overlap and leave gaps.
MINUTE = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["0" * 16, "1" * 16]),
    st.sampled_from(["clip", "gateway"]),
    st.integers(0, 3),
    st.integers(-2_500, 2_500),
    CODES,
)


@given(
    st.lists(MINUTE, max_size=10, unique_by=lambda minute: minute[:4]),
    st.integers(-90, 90),
    st.integers(0, 300),
)
def test_every_second_has_one_category_that_somebody_told_there(
    minutes: list[tuple[str, str, str, int, int, str]], start_s: int, length_s: int
) -> None:
    base = 1_000 * M
    clips: dict[str, list[bytes]] = {"a": [], "b": []}
    for clip, boot, judge, minute, shift, codes in minutes:
        epoch = messages.Epoch.model_validate(
            {
                "clip": "a" * 16,
                "boot": boot,
                "judge": judge,
                "start_ms": minute * M,
                "rev": 1,
                "utc_ms": base + minute * M + shift,
                "plan": 1,
                "calibration": 1,
                "codes": codes,
                "sagittal": (1,) * 30,
            }
        )
        clips[clip].append(epoch_blob.pack_row(epoch))
    rows = {clip: np.frombuffer(b"".join(packed), dtype=epoch_blob.ROW) for clip, packed in clips.items()}
    start = base + start_s * 1000
    painted = paint(rows, start, start + length_s * 1000)
    assert len(painted.codes) == len(painted.sagittal) == length_s
    assert sum(np.bincount(painted.codes, minlength=11)) == length_s
    for i, code in enumerate(painted.codes):
        at = start + i * 1000 + 500
        # A minute may be placed 2.5 s to either side, and stretched by 2 s to meet the next.
        told = {
            int(codes[second], 16)
            for _, _, _, minute, _, codes in minutes
            for second in range((at - base - minute * M) // 1000 - 5, (at - base - minute * M) // 1000 + 6)
            if 0 <= second < 60
        }
        assert code in told | {LOST}
    # Painting in two pieces gives the same.
    cut = start + length_s // 2 * 1000
    pieces = [paint(rows, start, cut), paint(rows, cut, start + length_s * 1000)]
    assert list(itertools.chain(*(piece.codes.tolist() for piece in pieces))) == painted.codes.tolist()
    both = painting.paint(rows, [(start, cut), (cut, start + length_s * 1000)])
    assert both.codes.tolist() == painted.codes.tolist()
    # With a hole between two spans: each second as before, none of the hole.
    apart = painting.paint(rows, [(start, start + length_s // 3 * 1000), (cut, start + length_s * 1000)])
    assert apart.codes.tolist() == [*painted.codes[: length_s // 3], *painted.codes[length_s // 2 :]]
    assert set(apart.begins_ms.tolist()) <= set(painted.begins_ms.tolist())
    assert len(apart.begins_ms) == len(apart.codes)
