"""The therapist's plan, as the clip and the core need it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from firmware.clip import protocol
from gateway import messages
from gateway.core.types import Thresholds


class UnknownZoneError(ValueError):
    """The plan names a time zone that this computer does not know."""


def for_clip(plan: messages.Plan) -> bytes:
    """The plan as bytes for SET_PLAN. Raises protocol.MalformedError when the clip could not hold it."""
    out = protocol.plan.Plan()
    for name, value in plan.on_clip().items():
        setattr(out, name, value)
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
