"""What a report says. Pure: the same words go into the typeset page and the page that is printed from the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from gateway import messages
from server.language import N_, language
from server.language import gettext as _
from server.pages.charts.vega import Spec
from server.pages.period import ChangeRow, changes, left_out_words, side_words, span_words
from server.pages.pictures import heat_spec
from server.pages.plan_words import plan_facts
from server.pages.words import moment
from server.summaries.periods import Period
from server.summaries.picture import Picture
from server.summaries.types import ALGO, DayDetail

CHART_HEIGHT: Final = 240
CHART_WIDTH: Final = 680


class Span(StrEnum):
    """What a report is of."""

    WEEK = "week"
    MONTH = "month"


TITLES: Final = {Span.WEEK: N_("Posture over a week"), Span.MONTH: N_("Posture over four weeks")}
WHAT: Final = N_(
    "A small clip on the upper back measured during the prescribed hours how the trunk was inclined, compared with the "
    "patient’s own comfortable upright posture. Slouched means further forward than the angle of the plan. A shift is "
    "a change of posture that lasts; a break is a time of moving about."
)
LIMITS: Final = (
    N_("One clip tells the inclination of the upper trunk, not of the lumbar spine, and no range of motion."),
    N_("It does not tell sitting from standing, nor why somebody leaned, nor what they carried."),
    N_("It measures no pain and no strain. No single posture is the right one; what is known to help is to vary it."),
    N_("Hours not worn, paused or lost are unknown. They count neither as upright nor as slouched."),
    N_("A difference says that these days were unlike those before, not why. It is no diagnosis."),
)
METHOD: Final = N_(
    "A day counts when it is over, was worn for 60 % of its hours and is not marked as unusual. Changed: the 95 % "
    "interval leaves out zero; within own noise: it does not. The interval allows for how this patient’s own days "
    "differ; up to one comparison in twenty says changed by chance. Made by version {algo} of the method."
)
MEASURES_TOLD: Final = (
    "shifts_per_hour", "longest_still_min", "breaks_per_hour", "slouched_share", "p50_deg", "spread_deg",
    "response_rate",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Everything on the page, in words. `hours` is None where nothing was recorded, and `hours_words` says what it
    shows."""

    language: str
    title: str
    name: str
    pseudonym: str
    span: str
    made: str
    simulated: str
    summary: tuple[str, ...]
    coverage: tuple[tuple[str, str], ...]
    plan: tuple[tuple[str, str], ...]
    plan_title: str
    what: str
    rows: tuple[ChangeRow, ...]
    heads: tuple[str, str, str, str]
    hours: Spec | None
    hours_title: str
    hours_words: str
    legend: tuple[tuple[str, str], ...]
    limits_title: str
    limits: tuple[str, ...]
    method: str
    page_words: str


def build_report(
    picture: Picture,
    span: Span,
    *,
    name: str,
    pseudonym: str,
    plan: messages.Plan | None,
    made_by: str,
    organisation: str,
    now_ms: int,
    zone: ZoneInfo,
) -> Report:
    """The report of a picture's period. `plan` is the one in force now."""
    period = picture.period
    inside = dict(picture.inside)
    rows = tuple(changes(period, MEASURES_TOLD, charts=False))
    recent, before = period.recent, period.before
    made = _("Made on {when} by {who}, {organisation}").format(
        when=moment(now_ms, zone), who=made_by, organisation=organisation
    )
    coverage = [
        (_("This report"), _with(side_words(recent), left_out_words(recent))),
        (_("The 28 days before"), _with(side_words(before), left_out_words(before))),
    ]
    recorded = any(detail.hours for detail in inside.values())
    return Report(
        language(),
        _(TITLES[span]),
        name,
        pseudonym,
        span_words(recent.first, recent.last),
        made,
        _("Simulated data: nobody wore this clip.") if period.simulated else "",
        tuple(_summary(period, rows)),
        tuple(coverage),
        tuple(plan_facts(plan)) if plan else (),
        _("Plan in force") if plan else _("No plan in force"),
        _(WHAT),
        rows,
        (_("Mean of the days that count"), _("These days"), _("28 days before"), _("Change, with its 95 % interval")),
        heat_spec(period, inside, height=CHART_HEIGHT) if recorded else None,
        _("Hour by hour"),
        _hours_words(period, inside),
        (
            ("slouched", _("slouched share of worn time, from the bottom up")),
            ("upright", _("the rest of worn time")),
            ("uncalibrated", _("no reference posture")),
            ("not-worn", _("not worn")),
            ("paused", _("paused")),
            ("lost", _("lost")),
        ),
        _("What the clip cannot know"),
        tuple(_(limit) for limit in LIMITS),
        _(METHOD).format(algo=ALGO),
        _("{name} · {pseudonym} · {title}").format(name=name, pseudonym=pseudonym, title=_(TITLES[span])),
    )


def _with(words: str, left_out: str) -> str:
    return _("{words}; left out: {left_out}").format(words=words, left_out=left_out) if left_out else words


def _summary(period: Period, rows: Sequence[ChangeRow]) -> list[str]:
    counted = len(period.recent.counted)
    said = [
        _("{counted} of {days} days were worn enough to tell figures of.").format(
            counted=counted, days=len(period.recent.days)
        )
    ]
    changed = [row for row in rows if row.changed]
    if not counted:
        return [*said, _("No figures can be told for this period.")]
    if changed:
        said.append(
            _("Beyond this patient’s own variation from day to day:")
            + " "
            + "; ".join(
                _("{name} {before} → {recent}").format(name=row.name, before=row.before, recent=row.recent)
                for row in changed
            )
            + "."
        )
    elif any(row.size for row in rows):
        said.append(_("No figure differs from the 28 days before by more than this patient’s own days do."))
    else:
        said.append(_("There are too few days to compare them with those before."))
    return said


def _hours_words(period: Period, inside: Mapping[date, DayDetail]) -> str:
    if not inside:
        return _("Nothing was recorded.")
    return _("A column for each of {days} days and a row for each hour: {words}.").format(
        days=len(period.recent.days), words=side_words(period.recent)
    )
