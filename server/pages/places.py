"""Where everybody's way begins, and which places stand at the top of their pages."""

from __future__ import annotations

from typing import Final

from server.access.acts import Role

PATIENTS: Final = "/patients"
EMERGENCY: Final = "/emergency"
PEOPLE: Final = "/people"
RECORDS: Final = "/people/patients"
OPERATION: Final = "/operation"
OWN: Final = "/my"
ERASURES: Final = "/erasures"

_PLACES: Final[dict[Role, tuple[tuple[str, str], ...]]] = {
    Role.THERAPIST: (("Patients", PATIENTS), ("Emergency access", EMERGENCY)),
    Role.ADMINISTRATOR: (("People", PEOPLE), ("Patients", RECORDS), ("Erasures", ERASURES), ("Operation", OPERATION)),
    Role.PATIENT: (("My day", OWN), ("My plan", f"{OWN}/plan"), ("My data", f"{OWN}/rights")),
}


def places(role: str) -> tuple[tuple[str, str], ...]:
    """(name, address) of the places of a role, the first one where its way begins."""
    return _PLACES[Role(role)]


def start(role: str) -> str:
    """Where somebody's way begins after signing in."""
    return places(role)[0][1]


def above(role: str) -> tuple[str, str]:
    """(name, address) of the place that is above a single patient's pages."""
    return {
        Role.THERAPIST: ("Patients", PATIENTS),
        Role.ADMINISTRATOR: ("Patients’ records", RECORDS),
        Role.PATIENT: ("My day", OWN),
    }[Role(role)]
