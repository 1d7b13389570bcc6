"""What the contract's short words mean in words for people: reasons, responses, ends of episodes, judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from server.pages.charts.lanes import Sign
from server.pages.words import clock, degrees, duration, plural
from server.summaries.types import DayEpisode, DayEvent, DayReminder

END_REASONS: Final = {
    "recovered": "came back upright",
    "moved": "moved",
    "not_worn": "clip taken off",
    "lost": "samples end",
    "paused": "paused",
}
REASONS: Final = {
    "given": "Given",
    "track_mode": "Withheld: tracking only",
    "cap": "Withheld: hourly cap reached",
    "back_off": "Withheld: backing off",
    "faded": "Withheld: faded",
    "snoozed": "Withheld: snoozed",
    "outside_window": "Withheld: outside the window",
    "just_stood_up": "Withheld: just stood up",
    "motor_failed": "Not given: the motor did not run",
    "quiet_hours": "Withheld: quiet hours",
    "silent_day": "Withheld: silent day",
}
RESPONSES: Final = {
    "prompt": "within 10 s",
    "later": "later",
    "none": "no change before the next",
    "open": "not known yet",
}
JUDGES: Final = {"gateway": "gateway", "clip": "clip", "both": "both"}
EVENTS: Final = {
    "boot": "The clip was switched on",
    "plan_applied": "The clip took over plan {value}",
    "calibrated": "Calibrated, version {value}",
    "paused": "Paused for {minutes}",
    "resumed": "Measuring again",
    "snoozed": "Reminders snoozed for {minutes}",
    "snooze_ended": "Snooze ended",
    "imu_lost": "The motion sensor did not answer",
    "imu_back": "The motion sensor answers again",
    "low_battery": "Battery at {value} %",
    "calibrate_asked": "The button asked for a calibration",
    "restarted": "The clip started anew by itself",
    "overwritten": "{value} records made room for newer ones in the clip before they could be fetched",
    "paired": "A gateway was paired with the clip, which knows {value} now",
    "updated": "The clip runs version {version} of its software now",
    "rolled_back": "Version {version} of the clip's software did not run; the one before runs again",
    "slipped": "The clip seems to have moved, by about {angle}; a new calibration is asked for",
    "slip_suspected": "Walking shows another angle than before, by about {angle}; the clip may have slid",
    "thinned": "{value} records made room for newer ones on the patient's computer before they could be sent",
}
_AGAIN: Final = (
    "Postures are not judged until it is calibrated again: sitting still and upright for a few seconds, then a bow."
)
SIGN_WORDS: Final[dict[Sign, str]] = {
    "prompt": "Reminder, change within 10 s",
    "later": "Change later",
    "none": "No change",
    "open": "Not known yet",
    "withheld": "Withheld",
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
    words = RESPONSES[reminder.response]
    if reminder.response_ms is not None and reminder.response in ("prompt", "later"):
        return f"changed after {duration(max(1, reminder.response_ms / 1000))}"
    return words


def reminder_words(reminder: DayReminder, zone: ZoneInfo) -> str:
    """A reminder in a line."""
    reason = REASONS[reminder.reason]
    after = f", {response_words(reminder)}" if reminder.given else ""
    return f"{clock(reminder.utc_ms, zone)} {reason}{after}"


def episode_words(episode: DayEpisode, zone: ZoneInfo) -> str:
    """An episode in a line."""
    length = duration((episode.end_ms - episode.start_ms) / 1000)
    return f"{clock(episode.start_ms, zone)} slouched for {length}, peak {degrees(episode.peak_deg)}"


def event_words(event: DayEvent) -> str:
    """Something else that happened on a clip, in a line."""
    return EVENTS[event.kind].format(
        value=event.value,
        minutes=plural(event.value, "minute"),
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
            moved = f"The clip seems to have moved at {clock(event.utc_ms, zone)}."
            words[event.clip] = f"{moved} {_AGAIN}"
        elif event.kind == "slip_suspected":
            words.setdefault(event.clip, "Ask: does the clip still sit where it was put on?")
    return " ".join(words.values())
