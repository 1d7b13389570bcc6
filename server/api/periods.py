"""Weeks and four weeks, which days count, and the zones that a patient lived in."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from server.access.acts import Act
from server.access.web import Door
from server.api.days import figures_of
from server.api.etag import UNCHANGED, IfNoneMatch, answer
from server.api.models import Figures, Model
from server.api.needs import needs
from server.api.numbers import WHOLE
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.paths import Day, PatientId, ToDay
from server.problems import FieldError, ProblemError
from server.summaries import periods as domain
from server.summaries.calendar import UnknownZoneError
from server.summaries.marks import MAX_REASON, MarkError
from server.summaries.measures import Unit
from server.summaries.periods import LeftOut
from server.summaries.travel import ZoneChangeError
from server.summaries.trends import CONFIDENCE, METHOD, Verdict

router: Final = APIRouter(prefix=PREFIX)

MeasureKey = Literal[
    "shifts_per_hour",
    "longest_still_min",
    "breaks_per_hour",
    "slouched_share",
    "p50_deg",
    "spread_deg",
    "response_rate",
]


class DayOfPeriod(Model):
    """A day of a period. `left_out` says why it does not count, null when it does. Without anything stored `worn_s` is
    null."""

    date: str
    left_out: LeftOut | None
    reason: str | None = Field(description="Why it is marked as not representative.")
    window_s: int
    worn_s: int | None
    figures: Figures | None


class Side(Model):
    """Some days in a row. Coverage is over the windows of the days that are over and not marked; versions and angles
    are those of the days that count."""

    first: str
    last: str
    days_counted: int
    worn_s: int
    window_s: int
    coverage: float | None
    plan_versions: tuple[int, ...]
    plan_angles_deg: tuple[int, ...]
    calibration_versions: tuple[int, ...]
    days: list[DayOfPeriod]


class Change(Model):
    """A figure over a period beside the days before. `change` lies in [`low`, `high`] with the confidence told; `noise`
    is the standard deviation of the patient's own days. Null where too few days count. Not `comparable`: the plan's
    angle was another, and what is called slouched with it."""

    measure: MeasureKey
    unit: Unit
    verdict: Verdict
    comparable: bool
    recent_days: int
    before_days: int
    recent: float | None
    before: float | None
    change: float | None
    low: float | None
    high: float | None
    noise: float | None


class Period(Model):
    """A period beside the 28 days before it. `method` says how change is told from a patient's own noise; `being_made`
    is how many days are made anew this minute and may change."""

    patient_id: int
    zone: str
    today: str
    recent: Side
    before: Side
    changes: list[Change]
    confidence: float
    method: str
    being_made: int
    simulated: bool


class Mark(Model):
    """What somebody said of a day."""

    representative: bool
    reason: str
    author: str | None
    created_ms: int


class MarkWish(BaseModel):
    """Say that a day is not representative, and why, or that it is after all."""

    model_config = ConfigDict(extra="forbid")

    representative: Annotated[bool, Field(strict=True)]
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""


class Zone(Model):
    """A zone lived in from `start_ms` on; 0 stands for ever before."""

    start_ms: int
    zone: str
    author: str | None
    created_ms: int | None


class ZoneWish(BaseModel):
    """From `start_ms` (UTC) on the patient lives in `zone` (IANA)."""

    model_config = ConfigDict(extra="forbid")

    zone: Annotated[str, Field(min_length=1, max_length=64)]
    start_ms: Annotated[int, Field(strict=True, gt=0, lt=2**53), WHOLE]


StartMs = Annotated[int, Path(gt=0, lt=2**53, description="When the change was, UTC milliseconds.")]


@router.get(
    "/patients/{patient_id}/weeks/{day}",
    tags=["weeks"],
    response_model=Period,
    responses=UNCHANGED,
    openapi_extra=needs(Act.SEE_TRENDS),
)
def week(door: Door, response: Response, patient_id: PatientId, day: Day, wanted: IfNoneMatch) -> Response:
    """The week, Monday to Sunday, that a local day lies in, beside the four weeks before it."""
    return answer(_period(door.care.week(patient_id, day)), wanted, response)


@router.get(
    "/patients/{patient_id}/trends",
    tags=["weeks"],
    response_model=Period,
    responses=UNCHANGED,
    openapi_extra=needs(Act.SEE_TRENDS),
)
def trends(door: Door, response: Response, patient_id: PatientId, wanted: IfNoneMatch, last: ToDay) -> Response:
    """Four weeks, to `to` or else to yesterday, beside the four weeks before them."""
    return answer(_period(door.care.four_weeks(patient_id, last)), wanted, response)


@router.get("/patients/{patient_id}/days/{day}/marks", tags=["days"], openapi_extra=needs(Act.SEE_DAY))
def marks(door: Door, patient_id: PatientId, day: Day) -> list[Mark]:
    """What was said of a day, the newest first. The newest counts."""
    return [Mark.model_validate(one) for one in door.care.marks(patient_id, day)]


@router.post(
    "/patients/{patient_id}/days/{day}/marks",
    tags=["days"],
    status_code=201,
    responses=problems(409),
    openapi_extra=needs(Act.MARK_DAY, Act.SEE_DAY),
)
def mark(door: Door, patient_id: PatientId, day: Day, wish: MarkWish) -> Mark:
    """Leave a day out of weeks and trends, with a reason, or let it count again."""
    door.care.enter(patient_id, Act.SEE_DAY)  # before anything is changed: the answer shows what became of the day
    try:
        door.care.mark_day(patient_id, day, representative=wish.representative, reason=wish.reason)
    except MarkError as error:
        raise ProblemError(409, "The day was not marked", str(error), [FieldError("reason", str(error))]) from error
    return Mark.model_validate(door.care.marks(patient_id, day)[0])


@router.get("/patients/{patient_id}/zones", tags=["patients"], openapi_extra=needs(Act.SEE_RECORD))
def zones(door: Door, patient_id: PatientId) -> list[Zone]:
    """The zones that the patient lived in, the latest first."""
    return [Zone.model_validate(one) for one in door.care.zones(patient_id)]


@router.post(
    "/patients/{patient_id}/zones",
    tags=["patients"],
    status_code=201,
    responses=problems(409),
    openapi_extra=needs(Act.CHANGE_ZONE, Act.SEE_RECORD),
)
def set_zone(door: Door, patient_id: PatientId, wish: ZoneWish) -> list[Zone]:
    """The patient has moved. Local days since then are made again; plans keep their own zone until one is sent anew."""
    try:
        door.care.set_zone(patient_id, wish.zone, wish.start_ms)
    except UnknownZoneError as error:
        words = f"{error}; use an IANA name such as Europe/Berlin"
        raise ProblemError(422, "Not a time zone", words, [FieldError("zone", words)]) from error
    except ZoneChangeError as error:
        raise _not_changed(error) from error
    return zones(door, patient_id)


@router.delete(
    "/patients/{patient_id}/zones/{start_ms}",
    tags=["patients"],
    status_code=204,
    response_class=Response,
    responses=problems(409),
    openapi_extra=needs(Act.CHANGE_ZONE),
)
def take_back_zone(door: Door, patient_id: PatientId, start_ms: StartMs) -> None:
    """A change of zone did not happen: the zone before it goes on."""
    try:
        door.care.take_back_zone(patient_id, start_ms)
    except ZoneChangeError as error:
        raise _not_changed(error) from error


def _not_changed(error: ZoneChangeError) -> ProblemError:
    return ProblemError(409, "The zone was not changed", str(error), [FieldError("start_ms", str(error))])


def _period(found: domain.Period) -> Period:
    return Period(
        patient_id=found.patient_id,
        zone=found.zone,
        today=found.today.isoformat(),
        recent=_side(found.recent),
        before=_side(found.before),
        changes=[
            Change.model_validate(
                {
                    "measure": one.measure.key,
                    "unit": one.measure.unit,
                    "comparable": one.comparable,
                    **vars(one.trend),
                }
            )
            for one in found.measures
        ],
        confidence=CONFIDENCE,
        method=METHOD,
        being_made=found.being_made,
        simulated=found.simulated,
    )


def _side(side: domain.Side) -> Side:
    return Side(
        first=side.first.isoformat(),
        last=side.last.isoformat(),
        days_counted=len(side.counted),
        worn_s=side.worn_s,
        window_s=side.elapsed_s,
        coverage=side.coverage,
        plan_versions=side.plan_versions,
        plan_angles_deg=side.plan_angles,
        calibration_versions=side.calibration_versions,
        days=[
            DayOfPeriod(
                date=line.date.isoformat(),
                left_out=line.left_out,
                reason=line.mark.reason if line.mark else None,
                window_s=line.window_s,
                worn_s=line.summary.worn_s if line.summary else None,
                figures=figures_of(line.summary) if line.summary else None,
            )
            for line in side.days
        ],
    )
