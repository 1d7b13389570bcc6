"""From what the core and the clip say to the records that travel: names instead of codes, and a place on UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from firmware.clip import protocol
from gateway import messages
from gateway.core.types import SLIPPED, EpisodeOut, EpochOut, FindingOut

END_NAMES: Final = ("recovered", "moved", "not_worn", "lost", "paused")
"""Name of each `protocol.records.END_*`."""
JUDGE_NAMES: Final = ("clip", "gateway")
"""Name of each `protocol.records.JUDGE_*`."""
_CODE_DIGITS: Final = "0123456789a"


@dataclass(frozen=True)
class Place:
    """UTC of a clip time and the bound of its error, both in ms; None when the time cannot be placed."""

    utc_ms: int | None
    error_ms: int | None


NOWHERE: Final = Place(None, None)


def unplaceable(clip_ms: int) -> Place:
    """The place of a time of a boot whose clock was never met."""
    del clip_ms
    return NOWHERE


@dataclass(frozen=True)
class Origin:
    """Where records come from: the clip, its boot (16 hexadecimal digits each) and that boot's map to UTC."""

    clip: str
    boot: str
    place: Callable[[int], Place] = unplaceable
    simulated: bool = False

    def fields(self, start_ms: int) -> dict[str, Any]:
        """The fields of a record that follow from its origin and start."""
        place = self.place(start_ms)
        return {
            "clip": self.clip,
            "boot": self.boot,
            "start_ms": start_ms,
            "utc_ms": place.utc_ms,
            "utc_error_ms": place.error_ms,
            "simulated": self.simulated,
        }


def epoch(out: EpochOut, origin: Origin) -> messages.Epoch:
    """The record of a minute that the core has finished."""
    return messages.Epoch(
        **origin.fields(out.start_ms),
        judge="gateway",
        rev=out.rev,
        plan=out.plan_version,
        calibration=out.calibration_version,
        codes=_digits(out.codes),
        sagittal=tuple(out.sagittal),
        low=out.low,
        high=out.high,
        lateral=out.lateral,
        shifts=min(out.shifts, 255),
        celsius=out.celsius,
    )


def episode(out: EpisodeOut, origin: Origin) -> messages.Episode:
    """The record of an episode that the core has seen end."""
    return messages.Episode(
        **origin.fields(out.start_ms),
        judge="gateway",
        rev=out.rev,
        plan=out.plan_version,
        calibration=out.calibration_version,
        duration_ms=out.end_ms - out.start_ms,
        peak_deg=round(out.peak_deg, 1),
        mean_deg=round(out.mean_deg, 1),
        end_reason=END_NAMES[out.end_reason],
    )


def finding(out: FindingOut, origin: Origin) -> messages.Event:
    """The record of what the core has found about how the clip sits."""
    return messages.Event(
        **origin.fields(out.since_ms if out.kind == SLIPPED else out.at_ms),
        judge="gateway",
        rev=1,
        plan=out.plan_version,
        calibration=out.calibration_version,
        kind=out.kind,
        value=round(out.size_deg * 10),
    )


def journal(
    data: bytes, origin_of: Callable[[str], Origin]
) -> messages.Epoch | messages.Episode | messages.Reminder | messages.Event:
    """The record in the bytes of a journal slot; `origin_of` gives the origin for the record's boot.

    Raises protocol.MalformedError for bytes that are not a record, or one whose values no record may have.
    """
    fields: dict[str, Any] = protocol.records.parse(data)
    return from_fields(fields, origin_of(fields["boot"].hex()))


def from_fields(
    fields: dict[str, Any], origin: Origin
) -> messages.Epoch | messages.Episode | messages.Reminder | messages.Event:
    """The record of parsed fields (see `protocol.records.parse`), of the judge that they name.

    Raises protocol.MalformedError when a value is outside what a record may hold.
    """
    kind = fields["kind"]
    common = origin.fields(fields["start_ms"]) | {
        "judge": JUDGE_NAMES[fields["judge"]],
        "rev": fields["rev"],
        "plan": fields["plan"],
        "calibration": fields["calibration"],
    }
    try:
        if kind == protocol.records.EPOCH:
            return _clip_epoch(common, fields)
        if kind == protocol.records.EPISODE:
            return _clip_episode(common, fields)
        if kind == protocol.records.REMINDER:
            return _clip_reminder(common, fields)
        return messages.Event(**common | {"kind": protocol.records.KIND_NAMES[kind], "value": fields["value"]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise protocol.MalformedError(f"record: {first['loc']}: {first['msg']}") from error


def _clip_epoch(common: dict[str, Any], fields: dict[str, Any]) -> messages.Epoch:
    return messages.Epoch(
        **common,
        codes=_digits(fields["codes"]),
        sagittal=tuple(fields["sagittal"]),
        low=fields["low"],
        high=fields["high"],
        lateral=fields["lateral"],
        shifts=fields["shifts"],
        celsius=fields["celsius"],
    )


def _clip_episode(common: dict[str, Any], fields: dict[str, Any]) -> messages.Episode:
    return messages.Episode(
        **common,
        duration_ms=fields["end_ms"] - fields["start_ms"],
        peak_deg=fields["peak"] / 10,
        mean_deg=fields["mean"] / 10,
        end_reason=END_NAMES[fields["end_reason"]],
    )


def _clip_reminder(common: dict[str, Any], fields: dict[str, Any]) -> messages.Reminder:
    own = {
        "since_ms": fields["since_ms"],
        "angle_deg": fields["angle"] / 10,
        "reason": protocol.records.REASON_NAMES[fields["reason"]],
        "response": protocol.records.RESPONSE_NAMES[fields["response"]],
        "response_ms": fields["response_ms"],
    }
    return messages.Reminder(**common | own)


def _digits(codes: bytes) -> str:
    return "".join(_CODE_DIGITS[code] for code in codes)
