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

LAYOUT = 1
HEADER_SIZE = 16
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
OVERWRITTEN = 26  # value: records that nobody had acknowledged and that gave way to newer ones
CALIBRATE_ASKED = 27  # by the wearer, with the button; value: 1 while a gateway judged, 0 and it was refused
UPDATED = 29  # value: version, a byte each of major, minor and patch
ROLLED_BACK = 30  # value: version of the firmware that did not run
PAIRED = 28  # value: gateways that are trusted now
RESTARTED = 31  # value: BY_WATCHDOG or BY_ERROR
UNREADABLE = 0  # a journal slot whose CRC failed: passed on so that the acknowledgement can step over it


# Why the clip has started anew, where it knows.
BY_WATCHDOG = 1
BY_ERROR = 2  # of the firmware; `crash.old.txt` on the clip has it

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
WITHHELD_QUIET = 9
WITHHELD_PROBE = 10  # a silent day

# How the wearer responded to a reminder that was given.
RESPONSE_OPEN = 0
RESPONSE_PROMPT = 1  # back to upright within 10 s
RESPONSE_LATER = 2
RESPONSE_NONE = 3  # the episode ended otherwise, or a repeat came first

_HEADER = "<BBBB8sI"


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
        raise MalformedError("epoch size")
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


def journal_frame(journal_id: int, record: bytes) -> bytes:
    """What the journal characteristic notifies: id u32 and a record; an empty record means "nothing from this id on";
    a single zero byte means that the slot's CRC failed (UNREADABLE)."""
    return struct.pack("<I", journal_id) + record
