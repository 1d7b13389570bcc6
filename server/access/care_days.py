"""A patient's days."""

from __future__ import annotations

from datetime import date, timedelta

from server.access.acts import Act
from server.access.entrance import Entrance
from server.access.identities import Identity, identities_of
from server.store.engine import reading
from server.summaries.present import days_in_figures
from server.summaries.service import day_view, rest_of_day, today
from server.summaries.types import DaySummary, DayView, Stripe
from server.summaries.zone_history import zones_of_one


class CareDays(Entrance):
    """What was measured."""

    def day(self, patient_id: int, day: date) -> DayView:
        """A local day of a patient. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        return day_view(self._engine, patient_id, day, self._now_ms)

    def rest_of_day(self, patient_id: int, day: date) -> tuple[Stripe, ...]:
        """What was recorded outside the windows of a local day. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        return rest_of_day(self._engine, patient_id, day, self._now_ms)

    def days(self, patient_id: int, first: date | None, count: int) -> tuple[list[DaySummary], date]:
        """So many local days in figures, from `first` on or else up to today, and the patient's present date. Raises
        ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        present = today(self._engine, patient_id, self._now_ms)
        first = first or present - timedelta(days=count - 1)
        wanted = [first + timedelta(days=n) for n in range(count)]
        found = days_in_figures(self._engine, patient_id, wanted, self._now_ms)
        return [found[day] for day in wanted], present

    def identities(self, patient_id: int, day: date) -> list[Identity]:
        """Identity and revision of every record of a local day. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        with reading(self._engine) as db:
            start_ms, end_ms = zones_of_one(db, patient_id).bounds(day)
            return identities_of(db, patient_id, start_ms, end_ms)
