"""A patient's days."""

from __future__ import annotations

from datetime import date, timedelta

from server.access.acts import Act
from server.access.entrance import Entrance
from server.access.identities import Identity, identities_of
from server.store.engine import reading
from server.summaries.service import day_view, summaries, today
from server.summaries.types import DaySummary, DayView
from server.summaries.zone_history import zones_of_one


class CareDays(Entrance):
    """What was measured."""

    def day(self, patient_id: int, day: date) -> DayView:
        """A local day of a patient. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        return day_view(self._engine, patient_id, day, self._now_ms)

    def summaries(self, patient_id: int, first: date | None, count: int) -> tuple[list[DaySummary], date]:
        """So many local days from `first` on (to today, without), and the patient's present date. Raises ProblemError
        404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        present = today(self._engine, patient_id, self._now_ms)
        first = first or present - timedelta(days=count - 1)
        last = first + timedelta(days=count - 1)
        return summaries(self._engine, patient_id, first, last, self._now_ms), present

    def identities(self, patient_id: int, day: date) -> list[Identity]:
        """Identity and revision of every record of a local day. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        with reading(self._engine) as db:
            start_ms, end_ms = zones_of_one(db, patient_id).bounds(day)
            return identities_of(db, patient_id, start_ms, end_ms)
