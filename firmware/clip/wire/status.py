"""The clip's status and the wearer's settings by name: the other half of `clip_status`, whose names it also gives."""

import struct

from .base import VERSION, MalformedError, need
from .clip_status import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_status import SETTINGS_LAYOUT, STATUS_LAYOUT, pack_values, settings_values

STATUS_SIZE = struct.calcsize(STATUS_LAYOUT)
STATUS_FIELDS = (
    "flags",
    "boot",  # 8 random bytes drawn at boot
    "boot_counter",  # orders boots, nothing else
    "t_ms",  # clip time, ms since boot
    "sample_period_us",  # measured interval between streamed samples
    "acc_range_g",
    "gyro_range_dps",
    "plan_version",
    "calibration_version",
    "battery_mv",
    "battery_pct",
    "policy",  # state of the reminder policy
    "celsius",
    "journal_first",  # first id that was not acknowledged
    "journal_next",  # id that the next record will get
    "dropped",  # packets given up for want of radio buffers, saturating
    "judge",  # JUDGE_CLIP or JUDGE_GATEWAY: whose judgement the policy acts on
)

SETTINGS_SIZE = struct.calcsize(SETTINGS_LAYOUT)
SETTINGS_FIELDS = ("version", "strength_pct", "pattern", "led")


def pack_status(fields: dict[str, object]) -> bytes:
    """Status as bytes; `fields` has every name of STATUS_FIELDS."""
    return pack_values(*[fields[name] for name in STATUS_FIELDS])


def parse_status(data: bytes) -> dict[str, object]:
    """Status as a dict by STATUS_FIELDS. Raises MalformedError."""
    need(data, STATUS_SIZE, "status")
    values = struct.unpack(STATUS_LAYOUT, data)
    if values[0] != VERSION:
        raise MalformedError("status of version %d, expected %d" % (values[0], VERSION))
    out = dict(zip(STATUS_FIELDS, values[1:]))
    if not out["sample_period_us"]:
        raise MalformedError("status: sample period is 0")
    return out


def parse_settings(data: bytes) -> dict[str, int]:
    """Settings as a dict by SETTINGS_FIELDS. Raises MalformedError."""
    return dict(zip(SETTINGS_FIELDS, settings_values(data)))
