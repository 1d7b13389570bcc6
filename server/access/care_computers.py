"""A patient's computers and clips."""

from __future__ import annotations

from server.access.acts import Act
from server.access.clips import ClipState, clips_of
from server.access.computers import Computer, computers_of, open_code_until
from server.access.entrance import Entrance
from server.enrolment.service import Offer, add_code, draw_code, end_gateway
from server.problems import not_found
from server.store.engine import reading


class CareComputers(Entrance):
    """What carries the measurements."""

    def clips(self, patient_id: int) -> list[ClipState]:
        """The clips that a patient wears now, the most lately seen first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_COMPUTERS, patient_id)
        with reading(self._engine) as db:
            return clips_of(db, [patient_id], self._now_ms).get(patient_id, [])

    def computers(self, patient_id: int) -> list[Computer]:
        """A patient's computers, those in use first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_COMPUTERS, patient_id)
        with reading(self._engine) as db:
            return computers_of(db, patient_id, self._now_ms)

    def open_code_until(self, patient_id: int) -> int | None:
        """Until when a code for a computer can still be used, UTC ms. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_COMPUTERS, patient_id)
        with reading(self._engine) as db:
            return open_code_until(db, patient_id, self._now_ms)

    def offer_code(self, patient_id: int) -> Offer:
        """A one-time code that connects a computer; an older one is void. Raises ProblemError 404 or 403."""
        drawn = draw_code()
        with self._writing(Act.CONNECT_COMPUTER, patient_id) as (db, _):
            return add_code(db, patient_id, drawn, author_id=self._person.id, now_ms=self._now_ms)

    def disconnect(self, patient_id: int, gateway_id: str) -> None:
        """End what a computer of the patient may do. Raises ProblemError 404 for any other, and 404 or 403."""
        with self._writing(Act.DISCONNECT_COMPUTER, patient_id, gateway_id[:16]) as (db, _):
            if not end_gateway(db, patient_id, gateway_id, author_id=self._person.id, now_ms=self._now_ms):
                raise not_found("computer")
