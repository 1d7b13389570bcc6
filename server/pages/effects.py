"""The history of plans in words: each version, and the figures of the days under it beside those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from server.language import gettext as _
from server.pages.period import ChangeRow, changes, left_out_words, side_words, span_words
from server.pages.plan_words import STATES, differences, plan_facts
from server.pages.words import SHORT_MOMENT, moment
from server.summaries.effects import Effect

_TOLD: Final = ("shifts_per_hour", "longest_still_min", "slouched_share", "response_rate")
"""What is told after each plan; the four weeks have all of it."""


@dataclass(frozen=True)
class EffectRow:
    """A version of the plan. `changes` is empty where nothing is compared, and `why` then says why."""

    version: int
    state: str
    written: str
    author: str
    reason: str
    different: str
    facts: list[tuple[str, str]]
    span: str
    after: str
    after_left_out: str
    before: str
    changes: list[ChangeRow]
    why: str


def effect_rows(effects: Sequence[Effect], zone: ZoneInfo) -> list[EffectRow]:
    """Line by line, the newest version first."""
    older = [effect.version.plan for effect in effects[1:]]
    return [
        _row(effect, differences(effect.version.plan, before), zone)
        for effect, before in zip(effects, [*older, None], strict=True)
    ]


def _row(effect: Effect, different: str, zone: ZoneInfo) -> EffectRow:
    version, period = effect.version, effect.period
    if period is not None:
        why = ""
    elif version.confirmed_ms is None:
        why = _("No clip has confirmed it, so it was never in force.")
    elif effect.days is None:
        why = _("It was not in force for a whole day yet, or not for long.")
    else:
        why = _("Only the latest plans are compared.")
    return EffectRow(
        version.version,
        _(STATES[version.state]),
        moment(version.created_ms, zone, SHORT_MOMENT),
        version.author or _("an account that is gone"),
        version.reason,
        different,
        plan_facts(version.plan),
        _span(effect.days),
        side_words(period.recent) if period else "",
        left_out_words(period.recent) if period else "",
        side_words(period.before) if period else "",
        changes(period, _TOLD, charts=False) if period else [],
        why,
    )


def _span(days: tuple[date, date] | None) -> str:
    return span_words(*days) if days else ""
