"""A report as PDF/UA-1: tagged, titled, in its language, every picture with words; it is refused otherwise. Nothing is
fetched, and nothing in the words is taken for markup."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from server.language import gettext as _
from server.pages.charts import palette, paper
from server.reports.content import CHART_WIDTH, Report

if TYPE_CHECKING:
    import typst

log: Final = logging.getLogger(__name__)
_PAGE: Final = Path(__file__).with_name("report.typ")


def pdf(report: Report, now_ms: int) -> bytes:
    """The file. A name that no font here can write gives way to the pseudonym. Raises typst.TypstError."""
    import typst  # noqa: PLC0415 - 80 MB that only reports need

    try:
        return _compiled(report, now_ms)
    except typst.TypstError as error:
        if "could not be displayed" not in error.message or report.name == report.pseudonym:
            raise
        log.warning("a report names its patient by pseudonym: %s", error.message.partition("`")[0])
        return _compiled(replace(report, name=report.pseudonym, page_words=report.pseudonym), now_ms)


def _compiled(report: Report, now_ms: int) -> bytes:
    made = compiler(report).compile(format="pdf", pdf_standards="ua-1", timestamp=now_ms // 1000)
    assert isinstance(made, bytes)  # noqa: S101 - one file, as asked
    return made


def compiler(report: Report) -> typst.Compiler:
    """What typesets the report."""
    import typst  # noqa: PLC0415

    inputs = {"data": json.dumps(words(report), ensure_ascii=False), "ink": json.dumps(paper.tokens())}
    return typst.Compiler(_PAGE.read_bytes(), font_paths=_fonts(), sys_inputs=inputs)


@cache
def _fonts() -> typst.Fonts:
    """Those that are part of the typesetter, and for names in other scripts those of this computer."""
    import typst  # noqa: PLC0415

    return typst.Fonts()


def words(report: Report) -> dict[str, object]:
    """What the page is given."""
    return {
        "language": report.language,
        "title": report.title,
        "name": report.name,
        "pseudonym": report.pseudonym,
        "span": report.span,
        "made": report.made,
        "simulated": report.simulated,
        "summary": report.summary,
        "what": report.what,
        "coverage_title": _("Coverage"),
        "coverage": report.coverage,
        "plan_title": report.plan_title,
        "plan": report.plan,
        "hours": None if report.hours is None else paper.drawn(report.hours, CHART_WIDTH),
        "hours_title": report.hours_title,
        "hours_words": report.hours_words,
        "legend": [(_swatch(key), name) for key, name in report.legend],
        "figures_title": _("Figures"),
        "heads": report.heads,
        "rows": [
            {
                "name": row.name,
                "meaning": row.meaning,
                "recent": row.recent,
                "before": row.before,
                "verdict": row.verdict,
                "changed": row.changed,
                "more": f"{row.size} ({row.interval})" if row.size else row.why,
            }
            for row in report.rows
        ],
        "method": report.method,
        "limits_title": report.limits_title,
        "limits": report.limits,
        "page_words": report.page_words,
    }


def _swatch(key: str) -> str:
    fill = f"var(--{key})" if key in {"slouched", "upright"} else f"url(#p-{key})"
    box = f'<rect x="0.5" y="0.5" width="13" height="13" fill="{fill}" stroke="var(--line-strong)"/>'
    return paper.inked(f'<svg xmlns="http://www.w3.org/2000/svg" width="14" height="14">{palette.defs()}{box}</svg>')
