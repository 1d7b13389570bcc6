"""What the contract's short words mean in words for people: reasons, responses, ends of episodes, judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from server.language import N_
from server.language import gettext as _
from server.pages.charts.lanes import Sign
from server.pages.words import clock, counted, degrees, duration
from server.summaries.types import DayEpisode, DayEvent, DayReminder

END_REASONS: Final = {
    "recovered": N_("came back upright"),
    "moved": N_("moved"),
    "not_worn": N_("clip taken off"),
    "lost": N_("samples end"),
    "paused": N_("paused"),
}
REASONS: Final = {
    "given": N_("Given"),
    "track_mode": N_("Withheld: tracking only"),
    "cap": N_("Withheld: hourly cap reached"),
    "back_off": N_("Withheld: backing off"),
    "faded": N_("Withheld: faded"),
    "snoozed": N_("Withheld: snoozed"),
    "outside_window": N_("Withheld: outside the window"),
    "just_stood_up": N_("Withheld: just stood up"),
    "motor_failed": N_("Not given: the motor did not run"),
    "quiet_hours": N_("Withheld: quiet hours"),
    "silent_day": N_("Withheld: silent day"),
}
RESPONSES: Final = {
    "prompt": N_("within 10 s"),
    "later": N_("later"),
    "none": N_("no change before the next"),
    "open": N_("not known yet"),
}
JUDGES: Final = {"gateway": N_("computer"), "clip": N_("clip"), "both": N_("both")}
EVENTS: Final = {
    "boot": N_("The clip was switched on"),
    "plan_applied": N_("The clip took over plan {value}"),
    "calibrated": N_("Calibrated, version {value}"),
    "paused": N_("Paused for {minutes}"),
    "resumed": N_("Measuring again"),
    "snoozed": N_("Reminders snoozed for {minutes}"),
    "snooze_ended": N_("Snooze ended"),
    "imu_lost": N_("The motion sensor did not answer"),
    "imu_back": N_("The motion sensor answers again"),
    "low_battery": N_("Battery at {value} %"),
    "calibrate_asked": N_("The button asked for a calibration"),
    "restarted": N_("The clip started anew by itself"),
    "overwritten": N_("{value} records made room for newer ones in the clip before they could be fetched"),
    "paired": N_("A gateway was paired with the clip, which knows {value} now"),
    "updated": N_("The clip runs version {version} of its software now"),
    "rolled_back": N_("Version {version} of the clip's software did not run; the one before runs again"),
    "slipped": N_("The clip seems to have moved, by about {angle}; a new calibration is asked for"),
    "slip_suspected": N_("Walking shows another angle than before, by about {angle}; the clip may have slid"),
    "thinned": N_("{value} records made room for newer ones on the patient's computer before they could be sent"),
}
_AGAIN: Final = N_(
    "Postures are not judged until it is calibrated again: sitting still and upright for a few seconds, then a bow."
)
SIGN_WORDS: Final[dict[Sign, str]] = {
    "prompt": N_("Reminder, change within 10 s"),
    "later": N_("Change later"),
    "none": N_("No change"),
    "open": N_("Not known yet"),
    "withheld": N_("Withheld"),
}


def sign_of(reminder: DayReminder) -> Sign:
    """The sign of a reminder in the chart."""
    if not reminder.given:
        return "withheld"
    signs: dict[str, Sign] = {"prompt": "prompt", "later": "later", "none": "none"}
    return signs.get(reminder.response, "open")


def response_words(reminder: DayReminder) -> str:
    """What followed a reminder."""
    if not reminder.given:
        return "–"
    if reminder.response_ms is not None and reminder.response in ("prompt", "later"):
        return _("changed after {time}").format(time=duration(max(1, reminder.response_ms / 1000)))
    return _(RESPONSES[reminder.response])


def reminder_words(reminder: DayReminder, zone: ZoneInfo) -> str:
    """A reminder in a line."""
    reason = _(REASONS[reminder.reason])
    after = f", {response_words(reminder)}" if reminder.given else ""
    return f"{clock(reminder.utc_ms, zone)} {reason}{after}"


def episode_words(episode: DayEpisode, zone: ZoneInfo) -> str:
    """An episode in a line."""
    length = duration((episode.end_ms - episode.start_ms) / 1000)
    words = _("{time} slouched for {length}, peak {angle}")
    return words.format(time=clock(episode.start_ms, zone), length=length, angle=degrees(episode.peak_deg))


def event_words(event: DayEvent) -> str:
    """Something else that happened on a clip, in a line."""
    return _(EVENTS[event.kind]).format(
        value=event.value,
        minutes=counted(event.value, "{n} minute", "{n} minutes"),
        angle=degrees(event.value / 10),
        version=".".join(map(str, event.value.to_bytes(4, "big")[1:])),
    )


def seat_words(events: Sequence[DayEvent], zone: ZoneInfo) -> str:
    """What is to be done about how the patient's clips sit, by these events in order of time; empty for nothing."""
    words: dict[str, str] = {}
    for event in events:
        if event.kind == "calibrated":
            words.pop(event.clip, None)
        elif event.kind == "slipped":
            moved = _("The clip seems to have moved at {time}.").format(time=clock(event.utc_ms, zone))
            words[event.clip] = f"{moved} {_(_AGAIN)}"
        elif event.kind == "slip_suspected":
            words.setdefault(event.clip, _("Ask: does the clip still sit where it was put on?"))
    return " ".join(words.values())
