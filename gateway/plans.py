"""The therapist's plan, as the clip and the core need it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from firmware.clip import protocol
from gateway import messages
from gateway.core.types import Thresholds

MODES = {"track": protocol.plan.TRACK, "train": protocol.plan.TRAIN}
TRIGGERS = {"dwell": protocol.plan.DWELL, "dose": protocol.plan.DOSE}


class UnknownZoneError(ValueError):
    """The plan names a time zone that this computer does not know."""


def for_clip(plan: messages.Plan) -> bytes:
    """The plan as bytes for SET_PLAN. Raises protocol.MalformedError when the clip could not hold it."""
    out = protocol.plan.Plan()
    out.version = plan.version
    out.mode = MODES[plan.mode]
    out.angle_deg = plan.angle_deg
    out.dwell_s = plan.dwell_s
    out.recovery_deg = plan.recovery_deg
    out.recovery_ds = round(plan.recovery_s * 10)
    out.repeat_s = plan.repeat_s
    out.cap_per_hour = plan.cap_per_hour
    out.fraction_pct = plan.fraction_pct
    out.seed = plan.seed
    out.back_off = int(plan.back_off)
    out.positive_pulse = int(plan.positive_pulse)
    out.days = sum(1 << day for day in set(plan.days))
    out.start_min = _minute(plan.start)
    out.end_min = _minute(plan.end)
    out.trigger = TRIGGERS[plan.trigger]
    if plan.quiet_start is not None and plan.quiet_end is not None:
        out.quiet_start_min = _minute(plan.quiet_start)
        out.quiet_end_min = _minute(plan.quiet_end)
    out.probe_every = plan.probe_every
    return out.pack()


def thresholds(plan: protocol.plan.Plan) -> Thresholds:
    """What of the plan on the clip the core judges by."""
    return Thresholds(
        plan_version=plan.version,
        angle_deg=float(plan.angle_deg),
        recovery_deg=float(plan.recovery_deg),
        recovery_s=plan.recovery_ds / 10,
    )


def utc_offset_min(zone: str, utc_ms: int) -> int:
    """Minutes that `zone` is ahead of UTC at `utc_ms`. Raises UnknownZoneError."""
    try:
        here = datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZoneError(f"unknown time zone {zone[:64]!r}") from error
    offset = here.utcoffset() or timedelta()
    return round(offset.total_seconds() / 60)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
