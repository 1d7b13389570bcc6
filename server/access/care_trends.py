"""What a patient's days say together, which of them count, and in which zone they were lived."""

from __future__ import annotations

from datetime import date, timedelta

from server.access.acts import Act
from server.access.entrance import Entrance
from server.store.engine import reading
from server.summaries.marks import DayMark, mark_day, mark_history
from server.summaries.periods import BEFORE_DAYS, Period, week_of
from server.summaries.picture import Picture, picture
from server.summaries.travel import set_zone, take_back_zone
from server.summaries.weeks import period
from server.summaries.zone_history import ZonePeriod, zone_periods, zones_of_one


class CareTrends(Entrance):
    """Weeks, marks and zones."""

    def week(self, patient_id: int, day: date) -> Period:
        """The week of a local day beside the four weeks before it. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_TRENDS, patient_id)
        return period(self._engine, patient_id, *week_of(day), self._now_ms)

    def four_weeks(self, patient_id: int, last: date | None = None) -> Period:
        """Four weeks to `last` (the day before today) beside those before. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_TRENDS, patient_id)
        if last is None:
            with reading(self._engine) as db:
                last = zones_of_one(db, patient_id).day_at(self._now_ms) - timedelta(days=1)
        return period(self._engine, patient_id, last - timedelta(days=BEFORE_DAYS - 1), last, self._now_ms)

    def picture(self, patient_id: int) -> Picture:
        """The four weeks to yesterday as a picture. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_TRENDS, patient_id)
        with reading(self._engine) as db:
            last = zones_of_one(db, patient_id).day_at(self._now_ms) - timedelta(days=1)
        return picture(self._engine, patient_id, last - timedelta(days=BEFORE_DAYS - 1), last, self._now_ms)

    def marks(self, patient_id: int, day: date) -> tuple[DayMark, ...]:
        """What was said of a local day, the newest first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        with reading(self._engine) as db:
            return mark_history(db, patient_id, day)

    def mark_day(self, patient_id: int, day: date, *, representative: bool, reason: str) -> None:
        """Say whether a local day is representative, and why not. Raises MarkError, ProblemError 404 or 403."""
        detail = f"{day} {'counts' if representative else 'left out'}"
        with self._writing(Act.MARK_DAY, patient_id, detail) as (db, _):
            mark_day(
                db,
                patient_id,
                day,
                representative=representative,
                reason=reason,
                author_id=self._person.id,
                now_ms=self._now_ms,
            )

    def zones(self, patient_id: int) -> tuple[ZonePeriod, ...]:
        """In which zones the patient has lived, the latest first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_RECORD, patient_id)
        with reading(self._engine) as db:
            return zone_periods(db, patient_id)

    def set_zone(self, patient_id: int, zone: str, start_ms: int) -> None:
        """From `start_ms` on the patient lives in `zone`. Raises UnknownZoneError, ZoneChangeError, ProblemError 404
        or 403."""
        with self._writing(Act.CHANGE_ZONE, patient_id) as (db, _):
            set_zone(db, patient_id, zone, start_ms=start_ms, author_id=self._person.id, now_ms=self._now_ms)

    def take_back_zone(self, patient_id: int, start_ms: int) -> None:
        """The change of zone at `start_ms` did not happen. Raises ZoneChangeError, ProblemError 404 or 403."""
        with self._writing(Act.CHANGE_ZONE, patient_id, "taken back") as (db, _):
            take_back_zone(db, patient_id, start_ms, now_ms=self._now_ms)
