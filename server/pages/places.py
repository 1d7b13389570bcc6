"""Where everybody's way begins, and which places stand at the top of their pages."""

from __future__ import annotations

from typing import Final

from server.access.acts import Role
from server.language import N_

PATIENTS: Final = "/patients"
EMERGENCY: Final = "/emergency"
PEOPLE: Final = "/people"
RECORDS: Final = "/people/patients"
OPERATION: Final = "/operation"
OWN: Final = "/my"
ERASURES: Final = "/erasures"

_PLACES: Final[dict[Role, tuple[tuple[str, str], ...]]] = {
    Role.THERAPIST: ((N_("Today"), PATIENTS), (N_("Emergency access"), EMERGENCY)),
    Role.ADMINISTRATOR: (
        (N_("People"), PEOPLE),
        (N_("Patients"), RECORDS),
        (N_("Erasures"), ERASURES),
        (N_("Operation"), OPERATION),
    ),
    Role.PATIENT: (
        (N_("My day"), OWN),
        (N_("Pain"), f"{OWN}/pain"),
        (N_("My clip"), f"{OWN}/clip"),
        (N_("My plan"), f"{OWN}/plan"),
        (N_("My data"), f"{OWN}/rights"),
    ),
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
        Role.THERAPIST: (N_("Today"), PATIENTS),
        Role.ADMINISTRATOR: (N_("Patients’ records"), RECORDS),
        Role.PATIENT: (N_("My day"), OWN),
    }[Role(role)]
