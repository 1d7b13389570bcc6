"""A patient's days."""

from __future__ import annotations

from datetime import date

from server.access.acts import Act
from server.access.entrance import Entrance
from server.access.identities import Identity, identities_of
from server.store.engine import reading
from server.summaries.calendar import local_day
from server.summaries.service import day_view
from server.summaries.types import DayView


class CareDays(Entrance):
    """What was measured."""

    def day(self, patient_id: int, day: date) -> DayView:
        """A local day of a patient. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DAY, patient_id)
        return day_view(self._engine, patient_id, day, self._now_ms)

    def identities(self, patient_id: int, day: date) -> list[Identity]:
        """Identity and revision of every record of a local day. Raises ProblemError 404 or 403."""
        someone = self._enter(Act.SEE_DAY, patient_id)
        start_ms, end_ms = local_day(someone.zone.key, day)
        with reading(self._engine) as db:
            return identities_of(db, patient_id, start_ms, end_ms)
