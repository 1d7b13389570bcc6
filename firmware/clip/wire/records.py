"""Journal records: what the clip keeps in flash until it is acknowledged, and the epoch that both judges write.

header    layout u8 | kind u8 | judge u8 | rev u8 | boot 8 bytes | start_ms u32          16 bytes
epoch     plan u16 | calibration u16 | 60 x 4-bit category | 30 x i8 two-second sagittal means, deg |
          sagittal min, max, lateral mean i8 | shifts u8 | chip deg C i8                 85 bytes with header
episode   plan u16 | calibration u16 | end_ms u32 | peak, mean 0.1 deg i16 | end reason u8
reminder  plan u16 | calibration u16 | since_ms u32 | angle 0.1 deg i16 | reason u8 | response u8 | response_ms u32
event     plan u16 | calibration u16 | value u32 (its kind says what happened)

A record's identity is (clip, boot, judge, kind, start_ms); `rev` rises when the same record is told better.
Angles of NO_ANGLE mean that there is none. Seconds of an epoch that were not measured are LOST.
"""

import struct

from .base import MalformedError
from .category import COUNT, LOST

LAYOUT = 1
HEADER_SIZE = 16
EPOCH_SIZE = 85
MAX_SIZE = 96
EPOCH_MS = 60000
NO_ANGLE = -128

EPOCH = 1
EPISODE = 2
REMINDER = 3
# Events: each its own kind, so that two in one millisecond keep two identities.
BOOT = 16  # value: boot counter
PLAN_APPLIED = 17  # value: plan version
CALIBRATED = 18  # value: calibration version
PAUSED = 19  # value: minutes
RESUMED = 20
SNOOZED = 21  # value: minutes
SNOOZE_ENDED = 22
IMU_LOST = 23
IMU_BACK = 24
LOW_BATTERY = 25  # value: percent
UNREADABLE = 0  # a journal slot whose CRC failed: passed on so that the acknowledgement can step over it

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
}

JUDGE_CLIP = 0
JUDGE_GATEWAY = 1

# Why an episode ended.
END_RECOVERED = 0
END_MOVED = 1
END_NOT_WORN = 2
END_LOST = 3
END_PAUSED = 4

# What became of a reminder that was due.
GIVEN = 0
WITHHELD_TRACK = 1
WITHHELD_CAP = 2
WITHHELD_BACK_OFF = 3
WITHHELD_FADED = 4
WITHHELD_SNOOZED = 5
WITHHELD_WINDOW = 6
WITHHELD_STOOD_UP = 7
WITHHELD_MOTOR = 8  # the haptic driver did not answer
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
)

# How the wearer responded to a reminder that was given.
RESPONSE_OPEN = 0
RESPONSE_PROMPT = 1  # back to upright within 10 s
RESPONSE_LATER = 2
RESPONSE_NONE = 3  # the episode ended otherwise, or a repeat came first
RESPONSE_NAMES = ("open", "prompt", "later", "none")

_HEADER = "<BBBB8sI"
_BODY_SIZE = {EPOCH: 69, EPISODE: 13, REMINDER: 16}
_EVENT_SIZE = 8


def pack_header(kind: int, judge: int, rev: int, boot: bytes, start_ms: int) -> bytes:
    """The 16 bytes that identify a record."""
    return struct.pack(_HEADER, LAYOUT, kind, judge, rev, boot, start_ms)


def pack_epoch(
    judge: int,
    rev: int,
    boot: bytes,
    start_ms: int,
    plan: int,
    calibration: int,
    codes: bytes,
    sagittal: bytes,
    low: int,
    high: int,
    lateral: int,
    shifts: int,
    celsius: int,
) -> bytes:
    """An epoch record. `codes` holds 60 categories, a byte each; `sagittal` 30 i8 two-second means as bytes."""
    if len(codes) != 60 or len(sagittal) != 30:
        raise MalformedError("an epoch has 60 codes and 30 means")
    packed = bytearray(30)
    for i in range(30):
        packed[i] = codes[2 * i] | codes[2 * i + 1] << 4
    return (
        pack_header(EPOCH, judge, rev, boot, start_ms)
        + struct.pack("<HH", plan, calibration)
        + packed
        + sagittal
        + struct.pack("<bbbBb", low, high, lateral, shifts, celsius)
    )


def pack_episode(
    judge: int,
    rev: int,
    boot: bytes,
    start_ms: int,
    plan: int,
    calibration: int,
    end_ms: int,
    peak: int,
    mean: int,
    end_reason: int,
) -> bytes:
    """An episode record; angles in 0.1 deg."""
    return pack_header(EPISODE, judge, rev, boot, start_ms) + struct.pack(
        "<HHIhhB", plan, calibration, end_ms, peak, mean, end_reason
    )


def pack_reminder(
    judge: int,
    rev: int,
    boot: bytes,
    start_ms: int,
    plan: int,
    calibration: int,
    since_ms: int,
    angle: int,
    reason: int,
    response: int,
    response_ms: int,
) -> bytes:
    """A reminder that was due at `start_ms` for a slouch since `since_ms`; `response_ms` counts from `start_ms`."""
    return pack_header(REMINDER, judge, rev, boot, start_ms) + struct.pack(
        "<HHIhBBI", plan, calibration, since_ms, angle, reason, response, response_ms
    )


def pack_event(kind: int, boot: bytes, start_ms: int, plan: int, calibration: int, value: int) -> bytes:
    """An event of `kind` (BOOT and up); the clip is always its judge."""
    return pack_header(kind, JUDGE_CLIP, 1, boot, start_ms) + struct.pack("<HHI", plan, calibration, value)


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


def lost_codes() -> bytearray:
    """60 codes of a minute in which nothing was measured."""
    return bytearray([LOST] * 60)


def journal_frame(journal_id: int, record: bytes) -> bytes:
    """What the journal characteristic notifies: id u32 and a record; an empty record means "nothing from this id on";
    a single zero byte means that the slot's CRC failed (UNREADABLE)."""
    return struct.pack("<I", journal_id) + record


def parse_journal_frame(data: bytes) -> tuple[int, bytes]:
    """(journal id, record bytes); the record may be empty (end) or a zero byte (unreadable). Raises MalformedError."""
    if len(data) < 4 or len(data) > 4 + MAX_SIZE:
        raise MalformedError("journal frame of %d bytes" % len(data))
    return struct.unpack("<I", data[:4])[0], bytes(data[4:])
