"""A day, a plan and a next step in words for the one who lives them: what was, without a judgement; movement first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway import messages
from server.diary.small_goal import SmallGoal
from server.language import N_, ngettext
from server.language import gettext as _
from server.pages import coverage
from server.pages.words import duration, hours, percent
from server.summaries.types import DaySummary

_DAYS: Final = (
    N_("Mondays"),
    N_("Tuesdays"),
    N_("Wednesdays"),
    N_("Thursdays"),
    N_("Fridays"),
    N_("Saturdays"),
    N_("Sundays"),
)


def day_sentences(summary: DaySummary) -> list[str]:
    """What the day was like."""
    told = [_worn(summary)]
    if summary.enough and summary.worn_s:
        told += [_moved(summary), _still(summary), _held(summary)]
    elif summary.window_s and summary.worn_s:
        told.append(_("That is too little to say more about the day; it counts all the same."))
    told += _reminded(summary)
    return [sentence for sentence in told if sentence]


def _worn(summary: DaySummary) -> str:
    if not summary.elapsed_s:
        return coverage.coverage_words(summary)
    words = (
        _("You wore the clip for {worn} of {window} so far.")
        if summary.so_far
        else _("You wore the clip for {worn} of {window}.")
    )
    return words.format(worn=duration(summary.worn_s), window=duration(summary.elapsed_s))


def _moved(summary: DaySummary) -> str:
    shifts = ngettext("You changed your posture {n} time", "You changed your posture {n} times", summary.shifts).format(
        n=summary.shifts
    )
    breaks = ngettext(
        "you got up and moved about {n} time.", "you got up and moved about {n} times.", summary.breaks
    ).format(n=summary.breaks)
    return _("{shifts}, and {breaks}").format(shifts=shifts, breaks=breaks)


def _still(summary: DaySummary) -> str:
    if summary.longest_still_s < 60:
        return ""
    return _("The longest that you stayed still was {time}.").format(
        time=duration(60 * round(summary.longest_still_s / 60))
    )


def _held(summary: DaySummary) -> str:
    seconds = summary.seconds
    return _(
        "You were upright for {upright}, moving for {moving}, and slouched for {slouched}, {share} of the time with "
        "the clip."
    ).format(
        upright=duration(seconds["upright"]),
        moving=duration(seconds["moving"]),
        slouched=duration(seconds["slouched"]),
        share=percent(seconds["slouched"], summary.worn_s),
    )


def _reminded(summary: DaySummary) -> list[str]:
    if not summary.reminders_given:
        return []
    given = ngettext(
        "The clip reminded you {n} time.", "The clip reminded you {n} times.", summary.reminders_given
    ).format(n=summary.reminders_given)
    followed = summary.responses.get("prompt", 0)
    if not followed:
        return [given]
    after = ngettext(
        "After {n} of these you changed within seconds.", "After {n} of these you changed within seconds.", followed
    ).format(n=followed)
    return [given, after]


def goal_words(goal: SmallGoal) -> tuple[str, str]:
    """(what to try next, why) in words."""
    match goal.kind:
        case "begin":
            return (
                _("Put the clip on when it suits you"),
                _("A few hours are enough for a first picture of your day."),
            )
        case "wear":
            return (
                _("Wear the clip up to {aim} today").format(aim=duration(goal.aim * 60)),
                _("So far it was {have}. A little more lets the day be told.").format(have=duration(goal.have * 60)),
            )
        case "still":
            return (
                _("Change your position before {aim} min have passed").format(aim=goal.aim),
                _("Your longest still time was {have} min. Leaning back, standing up or a few steps all count.").format(
                    have=goal.have
                ),
            )
        case "shifts":
            return (
                _("Shift your posture about {aim} times an hour").format(aim=goal.aim),
                _("It was about {have}. Any comfortable change counts: back, forward, to a side, up.").format(
                    have=goal.have
                ),
            )
        case "keep":
            return (
                _("Keep it as varied as it is"),
                _("You move and shift as much as you had planned."),
            )


def plan_sentences(plan: messages.Plan) -> list[str]:
    """A plan in plain language."""
    times = {"start": plan.start, "end": plan.end}
    if len(set(plan.days)) == len(_DAYS):
        when = _("Every day from {start} to {end} the clip notices how you hold yourself.").format(**times)
    else:
        when = _("On {days}, from {start} to {end}, the clip notices how you hold yourself.").format(
            days=days_words(plan.days), **times
        )
    if plan.mode == "track":
        return [when, _("It only measures; it does not remind you.")]
    if plan.trigger == "dose":
        due = _("It buzzes when bending forward by more than {angle}° has added up for a while.").format(
            angle=plan.angle_deg
        )
    else:
        due = _("It buzzes when you have been bent forward by more than {angle}° for {time}.").format(
            angle=plan.angle_deg, time=duration(plan.dwell_s)
        )
    told = [when, due]
    told.append(
        ngettext("At most {n} time an hour.", "At most {n} times an hour.", plan.cap_per_hour).format(
            n=plan.cap_per_hour
        )
    )
    if plan.fraction_pct < 100:
        told.append(_("On purpose it now leaves out some reminders, so that you can do without them bit by bit."))
    if plan.back_off:
        told.append(_("When three reminders in a row find you busy, it waits longer before the next."))
    if plan.quiet_start and plan.quiet_end:
        told.append(_("From {start} to {end} it does not buzz.").format(start=plan.quiet_start, end=plan.quiet_end))
    if plan.probe_every:
        told.append(
            _("One day in {n} is silent: it measures and does not buzz, to see how you do by yourself.").format(
                n=plan.probe_every
            )
        )
    return told


def aim_sentences(goals: messages.Goals) -> list[str]:
    """What patient and therapist aim for."""
    return [
        _("Shift your posture about {n} times an hour.").format(n=goals.shifts_per_hour),
        _("Stay still for {n} min at most before you change something.").format(n=goals.longest_still_min),
        _("Wear the clip for about {time} a day.").format(time=hours(goals.worn_hours * 3600)),
    ]


def days_words(days: Sequence[int]) -> str:
    """Days of the week in words: `Mondays to Fridays`, `Mondays, Wednesdays`."""
    named = [_(_DAYS[day]) for day in sorted(set(days))]
    if len(named) > 2 and max(days) - min(days) == len(named) - 1:
        return _("{first} to {last}").format(first=named[0], last=named[-1])
    return ", ".join(named)
