"""What a clip is asked to do, in words; how it stands; and the choices that there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from server.access.clips import ClipState
from server.language import N_, ngettext
from server.language import gettext as _
from server.pages.words import ago, clock
from server.plans.commands import DEFAULT_MINUTES, Asked, in_force

LENGTHS: Final = (15, 30, 60)
"""Minutes for which one can pause or snooze, besides until tomorrow."""
STRENGTHS: Final = {100: N_("strong"), 70: N_("medium"), 40: N_("gentle")}
"""Percent of the motor's full strength; the steps are ours, to be tried on oneself."""
RHYTHMS: Final = (
    N_("long–long"),
    N_("long"),
    N_("long–long–long"),
    N_("long–pause–long"),
    N_("short–long"),
    N_("long–short"),
    N_("short–short–long"),
    N_("long–short–short"),
)
"""The clip's eight rhythms for a reminder, by number (firmware/README.md)."""


@dataclass(frozen=True)
class Line:
    """Something that was asked for. `kind` is how it stands, for the colour beside the words."""

    what: str
    state: str
    kind: str
    when: str


def line(asked: Asked, zone: ZoneInfo, now_ms: int) -> Line:
    """What was asked and what has become of it."""
    state = asked.state(now_ms)
    at = clock(asked.answered_ms, zone) if asked.answered_ms is not None else ""
    words = {
        "waiting": _("Waiting for your computer"),
        "sent": _("Sent, waiting for the clip"),
        "done": _("Done by the clip at {time}").format(time=at),
        "refused": _("The clip did not take it"),
        "unreachable": _("The clip was not near in time. Nothing has changed; ask again."),
        "expired": _("Not done in time. Nothing has changed; ask again."),
    }[state]
    kind = {"done": "live", "waiting": "waiting", "sent": "waiting"}.get(state, "")
    return Line(_what(asked), words, kind, clock(asked.created_ms, zone))


def lasting_words(asked: Iterable[Asked], zone: ZoneInfo, now_ms: int) -> str:
    """That the clip is paused or quiet, and until when; empty while it is neither."""
    lasting = in_force(asked, now_ms)
    if lasting is None:
        return ""
    until = clock(lasting.until_ms, zone)
    if lasting.kind == "pause":
        return _("Paused until {time}.").format(time=until)
    return _("No reminders until {time}.").format(time=until)


def _what(asked: Asked) -> str:
    n = asked.minutes or DEFAULT_MINUTES
    match asked.kind:
        case "pause":
            return ngettext("Pause for {n} min", "Pause for {n} min", n).format(n=n)
        case "snooze":
            return ngettext("No reminders for {n} min", "No reminders for {n} min", n).format(n=n)
        case "resume":
            return _("Go on")
        case "calibrate":
            return _("Calibrate")
        case "settings":
            return _buzz(asked)
        case _:
            return asked.kind


def _buzz(asked: Asked) -> str:
    strength, rhythm = asked.strength_pct, asked.rhythm
    named = _(STRENGTHS.get(strength, "")) if strength in STRENGTHS else f"{strength} %"
    if rhythm is None:
        return _("Buzz: {strength}").format(strength=named)
    return _("Buzz: {strength}, {rhythm}").format(strength=named, rhythm=_(RHYTHMS[rhythm]))


def clip_sentence(clip: ClipState | None, now_ms: int) -> str:
    """How the clip is, in a sentence."""
    if clip is None:
        return _("No clip is connected yet.")
    if clip.live:
        return _("Your clip is connected.")
    if clip.seen_ms is None:
        return _("Your clip has not been heard yet.")
    if not clip.online:
        return _("Your computer was last heard {ago}. The clip goes on by itself and keeps what it measures.").format(
            ago=ago(clip.seen_ms, now_ms)
        )
    return {
        "asleep": _("Your computer cannot use its Bluetooth just now. The clip keeps what it measures."),
        "searching": _("Your clip is out of reach. It goes on by itself and keeps what it measures."),
        "draining": _("Your clip is handing over what it has kept."),
        "syncing": _("Your clip is handing over what it has kept."),
    }.get(clip.link or "", _("Your clip is connecting."))


def battery_words(clip: ClipState) -> str:
    """The battery in words."""
    if clip.battery_pct is None:
        return _("Battery: not told yet")
    words = _("Battery {n} %").format(n=clip.battery_pct)
    return _("{battery}, charge it soon").format(battery=words) if clip.battery_low else words
