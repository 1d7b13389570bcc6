"""What leaves this server on paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from server.access.acts import Act
from server.access.entrance import Entrance
from server.access.grounds import Patient
from server.people.organisations import organisation_name
from server.plans.service import plan_state
from server.plans.types import PlanState
from server.store.engine import reading
from server.summaries.picture import Picture, picture
from server.summaries.zone_history import zones_of_one


@dataclass(frozen=True)
class ReportMatter:
    """What a report is made of. `newest` is the last day it may end on, by the patient's clock."""

    patient: Patient
    picture: Picture
    plan: PlanState
    organisation: str
    author: str
    newest: date


class CareReports(Entrance):
    """Reports."""

    def report(self, patient_id: int, days: int, last: date | None = None) -> ReportMatter:
        """So many days up to `last`, or up to yesterday. Raises ProblemError 404 or 403."""
        someone = self._enter(Act.MAKE_REPORT, patient_id)
        with reading(self._engine) as db:
            newest = zones_of_one(db, patient_id).day_at(self._now_ms) - timedelta(days=1)
            organisation = organisation_name(db, someone.organisation_id)
        last = newest if last is None else min(last, newest)
        first = last - timedelta(days=days - 1)
        return ReportMatter(
            someone,
            picture(self._engine, patient_id, first, last, self._now_ms),
            plan_state(self._engine, patient_id),
            organisation,
            self._person.name,
            newest,
        )
