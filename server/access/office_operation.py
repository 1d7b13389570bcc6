"""What the line refused and what somebody should look at, of the gateways of one organisation."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.acts import Duty
from server.access.duty_entrance import DutyEntrance
from server.ingest import alarms, inspecting
from server.ingest.alarms import Alarm
from server.ingest.inspecting import Entry, Tally
from server.problems import not_found
from server.store.engine import reading


@dataclass(frozen=True)
class Operation:
    """How taking in goes: alarms, open ones first; what is kept of what was refused; and counts of it."""

    alarms: list[Alarm]
    entries: list[Entry]
    tallies: list[Tally]


class OfficeOperation(DutyEntrance):
    """Alarms and refusals. What comes from senders that are not enrolled is nobody's: the command line shows it."""

    def open_alarms(self) -> int | None:
        """How many alarms nobody has acknowledged; None for who does not look after them. A number alone, so that the
        trail is not told: for a link's sign."""
        if not self.may(Duty.SEE_OPERATION):
            return None
        with reading(self._engine) as db:
            return alarms.open_count(db, self._scope)

    def operation(self) -> Operation:
        """How taking in goes. Raises ProblemError 403."""
        self._enter(Duty.SEE_OPERATION)
        with reading(self._engine) as db:
            return Operation(
                alarms.alarms(db, self._scope),
                inspecting.entries(db, self._scope),
                inspecting.tallies(db, self._scope),
            )

    def refused_content(self, entry_id: int) -> str:
        """What was refused, as it came. Raises ProblemError 404, 403."""
        with self._writing(Duty.SEE_REFUSED, f"entry {entry_id}") as (db, _):  # told before anything is shown
            found = inspecting.payload_of(db, entry_id, self._scope)
            if found is None:
                raise not_found("entry")
            return found

    def acknowledge_alarm(self, alarm_id: int, note: str) -> None:
        """Say that one has looked at it. Raises ProblemError 404, also when somebody has already, and 403."""
        with self._writing(Duty.MANAGE_OPERATION, f"alarm {alarm_id}") as (db, _):
            done = alarms.acknowledge(
                db, alarm_id, by=self._actor, note=note, now_ms=self._now_ms, gateways=self._scope
            )
            if not done:
                raise not_found("alarm")

    def acknowledge_entry(self, entry_id: int, note: str) -> None:
        """Say that one has looked at it. Raises ProblemError 404, 403."""
        with self._writing(Duty.MANAGE_OPERATION, f"entry {entry_id}") as (db, _):
            done = inspecting.acknowledge(
                db, entry_id, by=self._actor, note=note, now_ms=self._now_ms, scope=self._scope
            )
            if not done:
                raise not_found("entry")

    @property
    def _scope(self) -> inspecting.Scope:
        return inspecting.gateways_of(self._person.organisation_id)

    @property
    def _actor(self) -> str:
        return self._teller.entry("", "").actor
