"""A preview of a plan in words: what it would have been, beside what was, and how close that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from server.language import gettext as _
from server.pages.period import short_date
from server.pages.vocabulary import REASONS
from server.pages.words import decimal, duration
from server.preview.week import DAYS, DayUnderPlan, Preview, mean
from server.summaries.floors import SHARE_PCT


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    iso: str
    name: str
    note: str
    worn: str
    reminders: str
    recorded: str
    slouched: str
    slouched_then: str
    withheld: str


@dataclass(frozen=True)
class Panel:
    """What the page shows of a preview. Without `facts` there are too few days, and `coverage` says so."""

    coverage: str
    facts: tuple[tuple[str, str, str], ...]
    """(name, under this plan, beside it)."""
    rows: tuple[Row, ...]
    closeness: str
    simulated: bool


def panel(found: Preview) -> Panel:
    """A preview for the page."""
    return Panel(
        _coverage(found),
        tuple(_facts(found)) if found.counted else (),
        tuple(_row(day) for day in found.days),
        _closeness(found),
        any(day.simulated for day in found.days),
    )


def number(value: float) -> str:
    """A mean number: one decimal below ten, none where it is whole."""
    return f"{value:.0f}" if value >= 9.95 or round(value, 1) == round(value) else decimal(value)


def minutes_an_hour(share: float | None) -> str:
    """A share of an hour in minutes; a dash for none."""
    if share is None:
        return "–"
    return "<1 min" if 0 < share < 1 / 120 else f"{60 * share:.0f} min"


def span(low: str, high: str) -> str:
    """From one figure to another: `3 to 7`, or `3` where both read the same."""
    return low if low == high else _("{low} to {high}").format(low=low, high=high)


def _coverage(found: Preview) -> str:
    worn = mean(day.worn_s for day in found.counted)
    window = mean(day.window_s for day in found.counted)
    if worn is None or window is None:
        words = _(
            "Too few days: none of the last {days} counts. A day counts that was worn for {share} % of this "
            "plan’s window."
        )
        return words.format(days=DAYS, share=SHARE_PCT)
    words = _(
        "Over {counted} of the last {days} days: worn for {worn} a day of this plan’s window of {window}. Days worn "
        "for less than {share} % of it are left out."
    )
    return words.format(
        counted=len(found.counted), days=DAYS, worn=duration(worn), window=duration(window), share=SHARE_PCT
    )


def _facts(found: Preview) -> list[tuple[str, str, str]]:
    low, high = found.given_a_day or (0.0, 0.0)
    withheld = _withheld(found)
    reasons = "; ".join(f"{_reason(reason)} {number(count)}" for reason, count in withheld.items())
    return [
        (
            _("Reminders a day"),
            span(number(low), number(high)),
            _("given then: {n}").format(n=number(found.recorded_a_day or 0)),
        ),
        (
            _("Slouched, of an hour worn"),
            minutes_an_hour(found.slouched_share),
            _("by the plan of then: {time}").format(time=minutes_an_hour(found.slouched_then_share)),
        ),
        (_("Withheld a day"), number(sum(withheld.values())), reasons or _("none would have been")),
    ]


def _withheld(found: Preview) -> Mapping[str, float]:
    total: Counter[str] = Counter()
    for day in found.counted:
        total.update(day.withheld)
    return {reason: count / len(found.counted) for reason, count in total.most_common()}


def _row(day: DayUnderPlan) -> Row:
    return Row(
        day.date.isoformat(),
        short_date(day.date),
        _note(day),
        duration(60 * round(day.worn_s / 60) or day.worn_s),
        span(str(day.given), str(day.given_most)),
        str(day.recorded),
        minutes_an_hour(day.slouched_share),
        minutes_an_hour(day.slouched_then_share),
        ", ".join(f"{_reason(reason)} {count}" for reason, count in sorted(day.withheld.items())) or "–",
    )


def _note(day: DayUnderPlan) -> str:
    if day.so_far or day.counts:
        return _("so far") if day.so_far else ""
    return _("too little worn") if day.representative else _("not representative")


def _reason(reason: str) -> str:
    return _(REASONS[reason]).partition(": ")[2]


def _closeness(found: Preview) -> str:
    if not found.counted:
        return ""
    if found.off_by is None:
        return _("No plan was in force on these days, so that the replay cannot be held against what was recorded.")
    words = _(
        "Replayed in the same way, the plan that was in force gives {n} reminders a day more or fewer than were "
        "recorded."
    )
    return words.format(n=number(found.off_by))
