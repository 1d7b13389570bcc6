"""Who is in one's care, and each patient's present day in short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from server.access.acts import Act
from server.access.clips import ClipState, clips_of
from server.access.entrance import Entrance
from server.access.grounds import Patient
from server.plans.service import states_of
from server.plans.types import PlanState
from server.store.engine import reading
from server.summaries.day import GRACE_MS
from server.summaries.present import present_days
from server.summaries.types import DaySummary
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones


@dataclass(frozen=True)
class Overview:
    """A patient's present local day in short. `clips` are those worn now, the most lately seen first."""

    patient: Patient
    day: DaySummary
    plan: PlanState
    clips: list[ClipState]


class CareList(Entrance):
    """The list of patients."""

    @cached_property
    def _zones(self) -> dict[int, Zones]:
        """Of patients whose present date was asked for, and of all who were entered then."""
        return {}

    def patients(self) -> list[Patient]:
        """Everybody whose days this person may see in a list, by name. Raises ProblemError 403 for others."""
        return self._enter_all(Act.SEE_LIST)

    def patient(self, patient_id: int) -> Patient:
        """One patient. Raises ProblemError 404 whether they do not exist or are nobody to this person."""
        return self._entered.get(patient_id) or self._enter(Act.SEE_RECORD, patient_id)

    def today(self, someone: Patient) -> date:
        """The patient's present local date."""
        if someone.id not in self._zones:
            with reading(self._engine) as db:
                self._zones.update(zones_of(db, {someone.id, *self._entered}))
        return self._zones[someone.id].day_at(self._now_ms)

    def overview(self) -> list[Overview]:
        """Everybody in the list on their present local day, by name."""
        mine = self.patients()
        numbers = [someone.id for someone in mine]
        days = present_days(self._engine, numbers, self._now_ms, behind_ms=GRACE_MS)
        with reading(self._engine) as db:
            clips = clips_of(db, numbers, self._now_ms)
            plans = states_of(db, numbers)
        return [
            Overview(
                someone,
                days[someone.id],
                plans[someone.id],
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
