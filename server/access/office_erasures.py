"""The erasures of an organisation, by pseudonym: there is nobody left to whom somebody could have a basis."""

from __future__ import annotations

from server.access.acts import Duty
from server.access.duty_entrance import DutyEntrance
from server.problems import not_found
from server.rights.outstanding import give_up
from server.rights.reports import Report, report, reports
from server.store.engine import reading


class OfficeErasures(DutyEntrance):
    """What was erased, and what is outstanding."""

    def erasures(self) -> list[Report]:
        """All of them, the newest first. Raises ProblemError 403."""
        self._enter(Duty.SEE_ERASURES)
        with reading(self._engine) as db:
            return reports(db, self._person.organisation_id)

    def erasure(self, erasure_id: int) -> Report:
        """One of them. Raises ProblemError 403, 404."""
        self._enter(Duty.SEE_ERASURES)
        with reading(self._engine) as db:
            found = report(db, erasure_id, self._person.organisation_id)
        if found is None:
            raise not_found("erasure")
        return found

    def give_up_computer(self, erasure_id: int, gateway_id: str) -> None:
        """Disconnect a computer that does not come back, so that it is not waited for. Raises ProblemError 403, 404
        for one that is not to be given up."""
        with self._writing(Duty.GIVE_UP_COMPUTER, gateway_id[:16]) as (db, note):
            found = report(db, erasure_id, self._person.organisation_id)
            if found is None or not give_up(db, erasure_id, gateway_id, self._now_ms):
                raise not_found("erasure or computer")
            note.patient = found.pseudonym
