"""A report on a page that prints well, and as a file. Its name has the pseudonym, because files travel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from server.access.web import Door, SignedIn
from server.pages.charts import palette, paper
from server.pages.render import page
from server.paths import PatientId, ToDay
from server.reports.content import CHART_WIDTH, Report, Span, build_report
from server.reports.typeset import pdf

router: Final = APIRouter(include_in_schema=False)

DAYS: Final = {Span.WEEK: 7, Span.MONTH: 28}
Of = Annotated[Span, Query(alias="of")]


@router.get("/patients/{patient_id}/report")
def report_page(door: Door, patient_id: PatientId, last: ToDay, of: Of = Span.MONTH) -> HTMLResponse:
    """The report as a page."""
    report, ends, newest = _report(door, patient_id, of, last)
    step = timedelta(days=DAYS[of])
    context = {
        "patient": door.care.patient(patient_id),
        "report": report,
        "of": of.value,
        "ends": ends.isoformat(),
        "earlier": (ends - step).isoformat(),
        "later": min(newest, ends + step).isoformat() if ends < newest else None,
        "hours": None if report.hours is None else paper.inline(report.hours, CHART_WIDTH),
        "keys": [(palette.swatch(palette.KEYS.index(key)), name) for key, name in report.legend],
    }
    return page("report.html", context, door=door)


@router.get("/patients/{patient_id}/report.pdf")
def report_file(door: Door, patient_id: PatientId, last: ToDay, of: Of = Span.MONTH) -> Response:
    """The report as a file."""
    report, ends, _ = _report(door, patient_id, of, last)
    name = f"plumbline-{report.pseudonym}-{of.value}-to-{ends}.pdf"
    return Response(
        pdf(report, door.now_ms),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


def _report(door: SignedIn, patient_id: int, of: Span, last: date | None) -> tuple[Report, date, date]:
    matter = door.care.report(patient_id, DAYS[of], last)
    in_force = matter.plan.in_force
    report = build_report(
        matter.picture,
        of,
        name=matter.patient.name,
        pseudonym=matter.patient.pseudonym,
        plan=in_force.plan if in_force else None,
        made_by=matter.author,
        organisation=matter.organisation,
        now_ms=door.now_ms,
        zone=matter.patient.zone,
    )
    return report, matter.picture.period.recent.last, matter.newest
