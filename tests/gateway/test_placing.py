"""Records of the core and of the clip as messages."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import messages, placing
from gateway.core.types import SLIP_SUSPECTED, SLIPPED, EpisodeOut, EpochOut, FindingOut
from gateway.placing import Origin, Place

records = protocol.records
CLIP = "00000000c11b0001"
BOOT = bytes(range(8))
ORIGIN = Origin(CLIP, BOOT.hex(), lambda t: Place(1_000_000 + t, 12), simulated=True)


def read(data: bytes) -> Any:
    return placing.journal(data, lambda boot: ORIGIN if boot == BOOT.hex() else Origin(CLIP, boot))


def test_epoch_of_the_core() -> None:
    out = EpochOut(120_000, 2, 7, 3, bytes([10] * 59 + [1]), (4, None) * 15, -3, 9, 1, 300, 31)
    epoch = placing.epoch(out, ORIGIN)
    assert (epoch.judge, epoch.rev, epoch.plan, epoch.calibration) == ("gateway", 2, 7, 3)
    assert (epoch.utc_ms, epoch.utc_error_ms, epoch.simulated) == (1_120_000, 12, True)
    assert epoch.codes == "a" * 59 + "1"
    assert epoch.shifts == 255
    assert messages.parse_record(epoch.model_dump(mode="json")) == epoch


def test_episode_of_the_core() -> None:
    out = EpisodeOut(61_000, 1, 91_500, 7, 3, 23.456, 15.04, records.END_LOST)
    episode = placing.episode(out, ORIGIN)
    assert (episode.duration_ms, episode.peak_deg, episode.mean_deg) == (30_500, 23.5, 15.0)
    assert episode.end_reason == "lost"


def test_what_the_core_found_about_how_the_clip_sits() -> None:
    slipped, suspected = (
        placing.finding(FindingOut(95_000, 40_000, kind, 11.26, 7, 3), ORIGIN) for kind in (SLIPPED, SLIP_SUSPECTED)
    )
    assert (slipped.kind, slipped.judge, slipped.plan, slipped.calibration) == ("slipped", "gateway", 7, 3)
    assert (slipped.start_ms, slipped.utc_ms, slipped.value) == (40_000, 1_040_000, 113)
    assert (suspected.kind, suspected.start_ms) == ("slip_suspected", 95_000)
    assert messages.parse_record(suspected.model_dump(mode="json")) == suspected


def test_names_cover_the_contract() -> None:
    assert len(placing.END_NAMES) == records.END_PAUSED + 1
    assert placing.JUDGE_NAMES[records.JUDGE_GATEWAY] == "gateway"
    assert placing.JUDGE_NAMES[records.JUDGE_CLIP] == "clip"


@given(
    codes=st.lists(st.integers(0, 10), min_size=60, max_size=60),
    sagittal=st.lists(st.integers(-128, 127), min_size=30, max_size=30),
    rev=st.integers(0, 255),
    judge=st.sampled_from([records.JUDGE_CLIP, records.JUDGE_GATEWAY]),
)
def test_epoch_of_the_clip(codes: list[int], sagittal: list[int], rev: int, judge: int) -> None:
    data = records.pack_epoch(
        judge, rev, BOOT, 60_000, 5, 6, bytes(codes), bytes(v & 0xFF for v in sagittal), -128, 20, -1, 4, 33
    )
    epoch = read(data)
    assert epoch.kind == "epoch"
    assert [int(c, 16) for c in epoch.codes] == codes
    assert [-128 if v is None else v for v in epoch.sagittal] == sagittal
    assert (epoch.low, epoch.high, epoch.lateral, epoch.shifts, epoch.celsius) == (None, 20, -1, 4, 33)
    assert (epoch.judge, epoch.rev, epoch.plan, epoch.calibration) == (placing.JUDGE_NAMES[judge], rev, 5, 6)


@pytest.mark.parametrize("kind", sorted(k for k in records.KIND_NAMES if k >= records.BOOT))
def test_every_event_has_its_name(kind: int) -> None:
    event = read(records.pack_event(kind, BOOT, 5, 1, 2, 99))
    assert (event.kind, event.value, event.judge) == (records.KIND_NAMES[kind], 99, "clip")


@pytest.mark.parametrize("reason", range(len(records.REASON_NAMES)))
def test_reminder(reason: int) -> None:
    reminder = read(records.pack_reminder(0, 2, BOOT, 70_000, 1, 1, 9_000, -123, reason, records.RESPONSE_PROMPT, 800))
    assert (reminder.reason, reminder.response) == (records.REASON_NAMES[reason], "prompt")
    assert (reminder.since_ms, reminder.angle_deg, reminder.response_ms) == (9_000, -12.3, 800)


def test_episode_of_the_clip() -> None:
    episode = read(records.pack_episode(0, 1, BOOT, 1_000, 1, 1, 31_000, 205, 151, records.END_MOVED))
    assert (episode.duration_ms, episode.peak_deg, episode.mean_deg) == (30_000, 20.5, 15.1)
    assert episode.end_reason == "moved"


def test_a_boot_that_was_never_met_has_no_place() -> None:
    event = read(records.pack_event(records.BOOT, b"8 others", 5, 0, 0, 1))
    assert (event.utc_ms, event.utc_error_ms) == (None, None)


def test_angles_that_no_record_may_have_are_malformed() -> None:
    with pytest.raises(protocol.MalformedError):
        read(records.pack_episode(0, 1, BOOT, 1_000, 1, 1, 31_000, 3000, 151, 0))


@given(st.binary(max_size=120))
def test_rubbish_raises_the_named_error(data: bytes) -> None:
    with contextlib.suppress(protocol.MalformedError):
        read(data)


@given(st.integers(0, 3), st.binary(min_size=69, max_size=69))
def test_rubbish_in_an_epoch_raises_the_named_error(judge: int, body: bytes) -> None:
    with contextlib.suppress(protocol.MalformedError):
        read(records.pack_header(records.EPOCH, judge, 1, BOOT, 60_000) + body)
