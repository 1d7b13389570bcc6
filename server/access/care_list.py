"""Who is in one's care, and each patient's present day in short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from server.access.acts import Act
from server.access.clips import ClipState, clips_of
from server.access.entrance import Entrance
from server.access.grounds import Patient
from server.plans.service import plan_state
from server.plans.types import PlanState
from server.store.engine import reading
from server.summaries.calendar import local_date
from server.summaries.service import day_view
from server.summaries.types import DayView


@dataclass(frozen=True)
class Overview:
    """A patient's present local day in short. `clips` are those worn now, the most lately seen first."""

    patient: Patient
    day: DayView
    plan: PlanState
    clips: list[ClipState]


class CareList(Entrance):
    """The list of patients."""

    def patients(self) -> list[Patient]:
        """Everybody whose days this person may see in a list, by name. Raises ProblemError 403 for others."""
        return self._enter_all(Act.SEE_LIST)

    def patient(self, patient_id: int) -> Patient:
        """One patient. Raises ProblemError 404 whether they do not exist or are nobody to this person."""
        return self._entered.get(patient_id) or self._enter(Act.SEE_RECORD, patient_id)

    def today(self, someone: Patient) -> date:
        """The patient's present local date."""
        return local_date(someone.zone.key, self._now_ms)

    def overview(self) -> list[Overview]:
        """Everybody in the list on their present local day, by name."""
        mine = self.patients()
        clips = self._clips([someone.id for someone in mine])
        return [
            Overview(
                someone,
                day_view(self._engine, someone.id, self.today(someone), self._now_ms),
                plan_state(self._engine, someone.id),
                clips.get(someone.id, []),
            )
            for someone in mine
        ]

    def all_clips(self) -> dict[int, list[ClipState]]:
        """The clips that those in the list wear now, by patient."""
        return self._clips([someone.id for someone in self.patients()])

    def _clips(self, patient_ids: list[int]) -> dict[int, list[ClipState]]:
        with reading(self._engine) as db:
            return clips_of(db, patient_ids, self._now_ms)
