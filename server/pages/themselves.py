"""The patient behind a request, for the pages that are a patient's own."""

from __future__ import annotations

from server.access.web import SignedIn
from server.problems import not_allowed


def themselves(door: SignedIn) -> int:
    """The number of the patient whose account it is. Raises ProblemError 403 for everybody else's."""
    if door.person.patient_id is None:
        raise not_allowed()
    return door.person.patient_id
