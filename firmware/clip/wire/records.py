"""Reading journal records: the other half of `clip_records`, whose names it also gives."""

import struct

from .base import MalformedError
from .clip_category import COUNT
from .clip_records import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_records import (
    _HEADER,
    BOOT,
    CALIBRATE_ASKED,
    CALIBRATED,
    END_PAUSED,
    EPISODE,
    EPOCH,
    EPOCH_MS,
    HEADER_SIZE,
    IMU_BACK,
    IMU_LOST,
    JUDGE_GATEWAY,
    LAYOUT,
    LOW_BATTERY,
    MAX_SIZE,
    NO_ANGLE,
    OVERWRITTEN,
    PAIRED,
    PAUSED,
    PLAN_APPLIED,
    REMINDER,
    RESTARTED,
    RESUMED,
    ROLLED_BACK,
    SNOOZE_ENDED,
    SNOOZED,
    UPDATED,
)

EPOCH_SIZE = 85
_BODY_SIZE = {EPOCH: 69, EPISODE: 13, REMINDER: 16}
_EVENT_SIZE = 8

KIND_NAMES = {
    EPOCH: "epoch",
    EPISODE: "episode",
    REMINDER: "reminder",
    BOOT: "boot",
    PLAN_APPLIED: "plan_applied",
    CALIBRATED: "calibrated",
    PAUSED: "paused",
    RESUMED: "resumed",
    SNOOZED: "snoozed",
    SNOOZE_ENDED: "snooze_ended",
    IMU_LOST: "imu_lost",
    IMU_BACK: "imu_back",
    LOW_BATTERY: "low_battery",
    OVERWRITTEN: "overwritten",
    CALIBRATE_ASKED: "calibrate_asked",
    PAIRED: "paired",
    UPDATED: "updated",
    ROLLED_BACK: "rolled_back",
    RESTARTED: "restarted",
}


REASON_NAMES = (
    "given",
    "track_mode",
    "cap",
    "back_off",
    "faded",
    "snoozed",
    "outside_window",
    "just_stood_up",
    "motor_failed",
    "quiet_hours",
    "silent_day",
)


RESPONSE_NAMES = ("open", "prompt", "later", "none")


def parse(data: bytes) -> dict[str, object]:
    """A record as a dict: kind, judge, rev, boot (bytes), start_ms, and the fields of its kind.

    An epoch has `codes` (60 bytes) and `sagittal` (list of 30 degrees or None). Raises MalformedError.
    """
    if len(data) < HEADER_SIZE:
        raise MalformedError("record shorter than its header")
    layout, kind, judge, rev, boot, start_ms = struct.unpack(_HEADER, data[:HEADER_SIZE])
    if layout != LAYOUT or kind not in KIND_NAMES or judge > JUDGE_GATEWAY:
        raise MalformedError("record of layout %d, kind %d, judge %d" % (layout, kind, judge))
    body = data[HEADER_SIZE:]
    if len(body) != _BODY_SIZE.get(kind, _EVENT_SIZE):
        raise MalformedError("record of kind %d has a body of %d bytes" % (kind, len(body)))
    plan, calibration = struct.unpack("<HH", body[:4])
    out: dict[str, object] = {
        "kind": kind,
        "judge": judge,
        "rev": rev,
        "boot": boot,
        "start_ms": start_ms,
        "plan": plan,
        "calibration": calibration,
    }
    if kind == EPOCH:
        _parse_epoch(body, start_ms, out)
    elif kind == EPISODE:
        end_ms, peak, mean, reason = struct.unpack("<IhhB", body[4:])
        if end_ms < start_ms or reason > END_PAUSED:
            raise MalformedError("episode out of range")
        out["end_ms"], out["peak"], out["mean"], out["end_reason"] = end_ms, peak, mean, reason
    elif kind == REMINDER:
        since, angle, reason, response, response_ms = struct.unpack("<IhBBI", body[4:])
        if reason >= len(REASON_NAMES) or response >= len(RESPONSE_NAMES) or since > start_ms:
            raise MalformedError("reminder out of range")
        out["since_ms"], out["angle"], out["reason"] = since, angle, reason
        out["response"], out["response_ms"] = response, response_ms
    else:
        out["value"] = struct.unpack("<I", body[4:])[0]
    return out


def _parse_epoch(body: bytes, start_ms: int, out: dict[str, object]) -> None:
    if start_ms % EPOCH_MS:
        raise MalformedError("an epoch starts on a minute of the clip's time")
    codes = bytearray(60)
    for i in range(30):
        codes[2 * i] = body[4 + i] & 15
        codes[2 * i + 1] = body[4 + i] >> 4
    if max(codes) >= COUNT:
        raise MalformedError("epoch: category %d is unknown" % max(codes))
    means = struct.unpack("<30b", body[34:64])
    low, high, lateral, shifts, celsius = struct.unpack("<bbbBb", body[64:])
    out["codes"] = bytes(codes)
    out["sagittal"] = [None if v == NO_ANGLE else v for v in means]
    out["low"] = None if low == NO_ANGLE else low
    out["high"] = None if high == NO_ANGLE else high
    out["lateral"] = None if lateral == NO_ANGLE else lateral
    out["shifts"] = shifts
    out["celsius"] = None if celsius == NO_ANGLE else celsius


def parse_journal_frame(data: bytes) -> tuple[int, bytes]:
    """(journal id, record bytes); the record may be empty (end) or a zero byte (unreadable). Raises MalformedError."""
    if len(data) < 4 or len(data) > 4 + MAX_SIZE:
        raise MalformedError("journal frame of %d bytes" % len(data))
    return struct.unpack("<I", data[:4])[0], bytes(data[4:])
