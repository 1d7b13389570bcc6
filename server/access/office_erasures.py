"""The erasures of an organisation, by pseudonym: there is nobody left to whom somebody could have a basis."""

from __future__ import annotations

from server.access.acts import Duty
from server.access.duty_entrance import DutyEntrance
from server.problems import not_found
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
