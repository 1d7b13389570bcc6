"""What a patient's clip is asked to do, and the quiet hours that the patient chooses."""

from __future__ import annotations

from typing import Final

from server.access.acts import Act
from server.access.clips import clips_of
from server.access.entrance import Entrance
from server.language import N_
from server.plans.commands import Asked, CommandError, Kind, add_command, commands_of
from server.plans.quiet_hours import change_quiet_hours
from server.plans.types import PlanVersion
from server.store.engine import reading
from server.summaries.zone_history import zones_of_one

SHOWN_MS: Final = 24 * 3_600_000
_LONGEST_MIN: Final = 24 * 60


class CareCommands(Entrance):
    """Asking the clip for something."""

    def command(
        self,
        patient_id: int,
        kind: Kind,
        *,
        minutes: int | None = None,
        strength_pct: int | None = None,
        rhythm: int | None = None,
    ) -> str:
        """Ask the clip that the patient wears now (of several the one heard last); returns the command's id. Raises
        CommandError, also without a clip, and ProblemError 404 or 403."""
        with self._writing(Act.COMMAND, patient_id, kind) as (db, _):
            worn = clips_of(db, [patient_id], self._now_ms).get(patient_id, [])
            if not worn:
                raise CommandError(N_("No clip is connected yet. Connect the computer first, then pair the clip."))
            return add_command(
                db,
                clip=worn[0].clip,
                patient_id=patient_id,
                kind=kind,
                minutes=minutes,
                strength_pct=strength_pct,
                rhythm=rhythm,
                now_ms=self._now_ms,
            )

    def commands(self, patient_id: int) -> list[Asked]:
        """What was asked of the patient's clips lately, the newest first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_COMPUTERS, patient_id)
        with reading(self._engine) as db:
            return commands_of(db, patient_id, self._now_ms - SHOWN_MS)

    def minutes_until_tomorrow(self, patient_id: int) -> int:
        """Minutes until the patient's next local day begins, as many as a clip can be told. Raises ProblemError 404 or
        403."""
        self._enter(Act.SEE_RECORD, patient_id)
        with reading(self._engine) as db:
            zones = zones_of_one(db, patient_id)
        end_ms = zones.bounds(zones.day_at(self._now_ms))[1]
        return min(-(-(end_ms - self._now_ms) // 60_000), _LONGEST_MIN)

    def change_quiet_hours(self, patient_id: int, start: str | None, end: str | None) -> PlanVersion:
        """The plan with these quiet hours (none for None) and nothing else changed, pending. Raises InvalidPlanError,
        also without a plan, and ProblemError 404 or 403."""
        with self._writing(Act.CHANGE_QUIET_HOURS, patient_id) as (db, _):
            return change_quiet_hours(db, patient_id, start, end, author_id=self._person.id, now_ms=self._now_ms)
