"""Coverage: the window's seconds by category, as a bar, as a sentence and as a table that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from server.language import gettext as _
from server.pages.charts import palette, strip
from server.pages.words import duration, exact, percent
from server.summaries.types import CODE, DaySummary


@dataclass(frozen=True)
class Part:
    """A row of the time-by-category table."""

    swatch: Markup
    label: str
    meaning: str
    exact: str
    share: str
    bar: Markup | None


def seconds_by_code(summary: DaySummary) -> dict[int, int]:
    """Seconds of the whole window by category code; what has not come yet is palette.TO_COME. Adds up to window_s."""
    seconds = {CODE[name]: count for name, count in summary.seconds.items()}
    return {**seconds, palette.TO_COME: max(0, summary.window_s - summary.elapsed_s)}


def coverage_words(summary: DaySummary) -> str:
    """Coverage in a sentence."""
    if not summary.window_s:
        return (
            _("No plan was set for this day.")
            if summary.plan_version is None
            else _("The plan has no window on this day.")
        )
    if not summary.elapsed_s:
        return _("The window has not begun.")
    words = _("Worn {worn} of {window} so far ({share})") if summary.so_far else _("Worn {worn} of {window} ({share})")
    share = percent(summary.worn_s, summary.elapsed_s)
    return words.format(worn=duration(summary.worn_s), window=duration(summary.elapsed_s), share=share)


def coverage_bar(summary: DaySummary, *, height: int) -> Markup | None:
    """The bar in which the window adds up; None for a day without a window."""
    if not summary.window_s:
        return None
    seconds = seconds_by_code(summary)
    told = [f"{_(palette.LABELS[code])} {duration(seconds[code])}" for code in palette.SHOWN if seconds.get(code)]
    return strip.coverage_bar(
        seconds, height=height, label=_("The window adds up: {parts}").format(parts=", ".join(told))
    )


def parts(summary: DaySummary, codes: Sequence[int]) -> list[Part]:
    """Rows of the time-by-category table; categories that did not occur are left out."""
    seconds = seconds_by_code(summary)
    largest = max(seconds.values(), default=0)
    return [
        Part(
            palette.swatch(code),
            _(palette.LABELS[code]),
            _(palette.MEANINGS[code]),
            exact(seconds[code]),
            percent(seconds[code], summary.window_s),
            strip.share_bar(code, seconds[code], largest),
        )
        for code in codes
        if seconds.get(code)
    ]
