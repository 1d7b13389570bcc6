"""Who gets through which route: written down by hand, so that a route that nobody has thought about fails the walk.

A new route needs a line in `ADMITTED`. Whoever is not named in it is refused: with 404, the same as if nothing were
there, where nothing connects them with the patient (or the account, the invitation ...), else with 403; nobody is sent
to sign in.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Who(StrEnum):
    """Visitors, as seen from the patient Ada Keller and her practice; values are the names they sign in with."""

    NOBODY = ""
    CARER = "mara"
    """A therapist with a care relation in force."""
    COLLEAGUE = "otto"
    """Another therapist of the same organisation."""
    STRANGER = "nils"
    """A therapist of another organisation."""
    SELF = "ada"
    """The patient."""
    OTHER_PATIENT = "ben"
    """Another patient of the same organisation."""
    ADMINISTRATOR = "vera"
    OTHER_ADMINISTRATOR = "petra"
    """The administrator of another organisation."""
    EMERGENCY = "ina"
    """A colleague who has taken emergency access."""


Admitted = frozenset[Who]
EVERYBODY: Final[Admitted] = frozenset(Who)
SIGNED_IN: Final[Admitted] = EVERYBODY - {Who.NOBODY}
THERAPISTS: Final[Admitted] = frozenset({Who.CARER, Who.COLLEAGUE, Who.STRANGER, Who.EMERGENCY})
ADMINISTRATORS: Final[Admitted] = frozenset({Who.ADMINISTRATOR, Who.OTHER_ADMINISTRATOR})
ITS_ADMINISTRATOR: Final[Admitted] = frozenset({Who.ADMINISTRATOR})
PATIENTS: Final[Admitted] = frozenset({Who.SELF, Who.OTHER_PATIENT})
SELF: Final[Admitted] = frozenset({Who.SELF})
CARER: Final[Admitted] = frozenset({Who.CARER})
MEASURED: Final[Admitted] = frozenset({Who.CARER, Who.SELF, Who.EMERGENCY})
"""What was measured and prescribed."""
KNOWN: Final[Admitted] = MEASURED | ITS_ADMINISTRATOR
"""That the patient is there, and which computers and clips."""
COMPUTERS: Final[Admitted] = frozenset({Who.CARER, Who.SELF, Who.ADMINISTRATOR})
"""Connecting and disconnecting them."""
TRAVEL: Final[Admitted] = frozenset({Who.CARER, Who.SELF})
"""In which zone the patient lives."""

NO_BASIS: Final[Admitted] = frozenset({Who.COLLEAGUE, Who.STRANGER, Who.OTHER_PATIENT, Who.OTHER_ADMINISTRATOR})
"""To these Ada Keller does not exist."""


def to_whom_nothing_is_there(route: str) -> Admitted:
    """To whom what a route names is the same as nothing."""
    return NO_BASIS | {Who.CARER} if route == "POST /emergency/{emergency_id}/end" else NO_BASIS


ADMITTED: Final[dict[str, Admitted]] = {
    "GET /": EVERYBODY,
    "GET /login": EVERYBODY,
    "POST /login": EVERYBODY,
    "GET /login/clinic": EVERYBODY,
    "GET /login/clinic/answer": EVERYBODY,
    "GET /login/factor": EVERYBODY,
    "POST /login/factor": EVERYBODY,
    "POST /login/passkey": EVERYBODY,
    "POST /login/passkey/question": EVERYBODY,
    "POST /language": EVERYBODY,
    "POST /logout": SIGNED_IN,
    "GET /account": SIGNED_IN,
    "GET /account/app": SIGNED_IN,
    "POST /account/app": SIGNED_IN,
    "POST /account/app/code": SIGNED_IN,
    "POST /account/app/remove": SIGNED_IN,
    "GET /account/confirm": SIGNED_IN,
    "POST /account/confirm": SIGNED_IN,
    "POST /account/confirm/passkey": SIGNED_IN,
    "POST /account/confirm/passkey/question": SIGNED_IN,
    "POST /account/passkeys": SIGNED_IN,
    "GET /account/passkeys/new": SIGNED_IN,
    "POST /account/passkeys/question": SIGNED_IN,
    "POST /account/passkeys/{passkey_id}/name": SIGNED_IN,
    "POST /account/passkeys/{passkey_id}/remove": SIGNED_IN,
    "GET /account/password": SIGNED_IN,
    "POST /account/password": SIGNED_IN,
    "GET /account/recovery-codes": SIGNED_IN,
    "POST /account/recovery-codes": SIGNED_IN,
    "GET /account/second-factor": SIGNED_IN,
    "POST /account/sessions/end-others": SIGNED_IN,
    "POST /account/sessions/{handle}/end": SIGNED_IN,
    "GET /invitation/{token}": EVERYBODY,
    "POST /invitation/{token}": EVERYBODY,
    "GET /recovery": EVERYBODY,
    "POST /recovery": EVERYBODY,
    "GET /recovery/{token}": EVERYBODY,
    "POST /recovery/{token}": EVERYBODY,
    "GET /people": ADMINISTRATORS,
    "POST /people/name": ADMINISTRATORS,
    "POST /people/invitations": ADMINISTRATORS,
    "POST /people/invitations/{invitation_id}/revoke": ITS_ADMINISTRATOR,
    "POST /people/accounts/{account_id}/recovery": ITS_ADMINISTRATOR,
    "POST /people/accounts/{account_id}/factors": ITS_ADMINISTRATOR,
    "POST /people/accounts/{account_id}/disable": ITS_ADMINISTRATOR,
    "POST /people/accounts/{account_id}/enable": ITS_ADMINISTRATOR,
    "POST /people/emergencies/{emergency_id}/end": ITS_ADMINISTRATOR,
    "GET /people/patients": ADMINISTRATORS,
    "POST /people/patients": ADMINISTRATORS,
    "GET /people/patients/{patient_id}": ITS_ADMINISTRATOR,
    "POST /people/patients/{patient_id}": ITS_ADMINISTRATOR,
    "POST /people/patients/{patient_id}/invitation": ITS_ADMINISTRATOR,
    "POST /people/patients/{patient_id}/carers/{carer_id}/begin": ITS_ADMINISTRATOR,
    "POST /people/patients/{patient_id}/carers/{carer_id}/end": ITS_ADMINISTRATOR,
    "GET /emergency": THERAPISTS,
    "POST /emergency": THERAPISTS,
    "POST /emergency/{emergency_id}/end": frozenset({Who.EMERGENCY}),
    "GET /my": PATIENTS,
    "GET /my/days/{day}": PATIENTS,
    "GET /my/plan": PATIENTS,
    "GET /my/rights": PATIENTS,
    "POST /my/days/{day}/reminders": PATIENTS,
    "GET /my/pain": PATIENTS,
    "POST /my/pain": PATIENTS,
    "GET /my/pain/{pain_id}": SELF,
    "POST /my/pain/{pain_id}": SELF,
    "POST /my/pain/{pain_id}/take-back": SELF,
    "GET /my/urgent": PATIENTS,
    "POST /my/urgent": PATIENTS,
    "GET /my/urgent/{answer_id}": SELF,
    "POST /patients/{patient_id}/red-flags/{answer_id}/seen": CARER,
    "GET /my/clip": PATIENTS,
    "POST /my/clip": PATIENTS,
    "POST /my/clip/buzz": PATIENTS,
    "POST /my/clip/quiet": PATIENTS,
    "GET /my/start": PATIENTS,
    "GET /app.webmanifest": EVERYBODY,
    "GET /app-worker.js": EVERYBODY,
    "GET /offline": EVERYBODY,
    "GET /patients/{patient_id}/rights": COMPUTERS,
    "POST /patients/{patient_id}/consent": COMPUTERS,
    "POST /patients/{patient_id}/consent/withdraw": COMPUTERS,
    "GET /patients/{patient_id}/export": frozenset({Who.CARER, Who.SELF}),
    "POST /patients/{patient_id}/erase": ITS_ADMINISTRATOR,
    "GET /erasures": ADMINISTRATORS,
    "GET /erasures/{erasure_id}": ITS_ADMINISTRATOR,
    "POST /erasures/{erasure_id}/computers/{gateway}/disconnect": ITS_ADMINISTRATOR,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /api/v1/health": EVERYBODY,
    "POST /api/v1/enrol": EVERYBODY,
    "POST /api/v1/session": EVERYBODY,
    "POST /api/v1/session/factor": EVERYBODY,
    "GET /api/v1/session": SIGNED_IN,
    "DELETE /api/v1/session": SIGNED_IN,
    "GET /patients": THERAPISTS,
    "POST /patients/{patient_id}/flags/dismiss": CARER,
    "POST /patients/{patient_id}/flags/{dismissal_id}/undo": CARER,
    "GET /patients/{patient_id}": KNOWN,
    "GET /patients/{patient_id}/days/{day}": MEASURED,
    "POST /patients/{patient_id}/days/{day}/mark": CARER,
    "GET /patients/{patient_id}/weeks": MEASURED,
    "GET /patients/{patient_id}/weeks/{day}": MEASURED,
    "GET /patients/{patient_id}/trends": MEASURED,
    "GET /patients/{patient_id}/zone": KNOWN,
    "POST /patients/{patient_id}/zone": TRAVEL,
    "POST /patients/{patient_id}/zone/{start_ms}/take-back": TRAVEL,
    "GET /patients/{patient_id}/overview": MEASURED,
    "GET /patients/{patient_id}/plans": MEASURED,
    "GET /patients/{patient_id}/report": frozenset({Who.CARER, Who.SELF}),
    "GET /patients/{patient_id}/report.pdf": frozenset({Who.CARER, Who.SELF}),
    "POST /patients/{patient_id}/notes": CARER,
    "POST /patients/{patient_id}/notes/{note_id}": CARER,
    "GET /patients/{patient_id}/plan": MEASURED,
    "POST /patients/{patient_id}/plan": CARER,
    "GET /patients/{patient_id}/plan/state": MEASURED,
    "GET /patients/{patient_id}/computers": KNOWN,
    "POST /patients/{patient_id}/computers/code": COMPUTERS,
    "POST /patients/{patient_id}/computers/{gateway}/disconnect": COMPUTERS,
    "GET /api/v1/patients": THERAPISTS,
    "GET /api/v1/patients/{patient_id}": KNOWN,
    "GET /api/v1/patients/{patient_id}/days/{day}": MEASURED,
    "GET /api/v1/patients/{patient_id}/days/{day}/episodes": MEASURED,
    "GET /api/v1/patients/{patient_id}/days/{day}/reminders": MEASURED,
    "GET /api/v1/patients/{patient_id}/days/{day}/identities": MEASURED,
    "GET /api/v1/patients/{patient_id}/days/{day}/marks": MEASURED,
    "POST /api/v1/patients/{patient_id}/days/{day}/marks": CARER,
    "GET /api/v1/patients/{patient_id}/weeks/{day}": MEASURED,
    "GET /api/v1/patients/{patient_id}/trends": MEASURED,
    "GET /api/v1/patients/{patient_id}/zones": KNOWN,
    "POST /api/v1/patients/{patient_id}/zones": TRAVEL,
    "DELETE /api/v1/patients/{patient_id}/zones/{start_ms}": TRAVEL,
    "GET /api/v1/patients/{patient_id}/plan": MEASURED,
    "POST /api/v1/patients/{patient_id}/plan": CARER,
    "POST /api/v1/patients/{patient_id}/plan/preview": MEASURED,
    "GET /api/v1/patients/{patient_id}/days": MEASURED,
    "GET /api/v1/patients/{patient_id}/consent": COMPUTERS,
    "POST /api/v1/patients/{patient_id}/consent": COMPUTERS,
    "POST /api/v1/patients/{patient_id}/consent/withdrawal": COMPUTERS,
    "GET /api/v1/patients/{patient_id}/looks": COMPUTERS,
    "GET /api/v1/patients/{patient_id}/export": frozenset({Who.CARER, Who.SELF}),
    "GET /account/tokens": SIGNED_IN - PATIENTS,
    "POST /account/tokens": SIGNED_IN - PATIENTS,
    "POST /account/tokens/{token_id}/revoke": SIGNED_IN - PATIENTS,
    "GET /api/v1/tokens": SIGNED_IN - PATIENTS,
    "POST /api/v1/tokens": SIGNED_IN - PATIENTS,
    "DELETE /api/v1/tokens/{token_id}": SIGNED_IN - PATIENTS,
    "POST /patients/{patient_id}/plan/draft/drop": CARER,
    "GET /patients/{patient_id}/plan/templates": CARER,
    "POST /patients/{patient_id}/plan/templates/{key}/remove": CARER,
    "GET /operation": ADMINISTRATORS,
    "POST /operation/alarms/{entry_id}": ITS_ADMINISTRATOR,
    "POST /operation/refused/{entry_id}": ITS_ADMINISTRATOR,
    "POST /operation/refused/{entry_id}/content": ITS_ADMINISTRATOR,
    "GET /api/v1/patients/{patient_id}/plan/draft": CARER,
    "PUT /api/v1/patients/{patient_id}/plan/draft": CARER,
    "DELETE /api/v1/patients/{patient_id}/plan/draft": CARER,
    "POST /api/v1/patients/{patient_id}/plan/draft/send": CARER,
    "GET /api/v1/plan-templates": THERAPISTS,
    "POST /api/v1/plan-templates": THERAPISTS,
    "DELETE /api/v1/plan-templates/{key}": THERAPISTS,
    "GET /api/v1/alarms": ADMINISTRATORS,
    "POST /api/v1/alarms/{entry_id}/acknowledgement": ITS_ADMINISTRATOR,
    "GET /api/v1/refused": ADMINISTRATORS,
    "GET /api/v1/refused/counts": ADMINISTRATORS,
    "POST /api/v1/refused/{entry_id}/acknowledgement": ITS_ADMINISTRATOR,
}

BEFORE_A_SESSION: Final = {
    "POST /login",
    "GET /login/clinic",
    "GET /login/clinic/answer",
    "GET /login/factor",
    "POST /login/factor",
    "POST /login/passkey",
    "POST /login/passkey/question",
    "POST /language",
    "GET /invitation/{token}",
    "POST /invitation/{token}",
    "POST /recovery",
    "GET /recovery/{token}",
    "POST /recovery/{token}",
    "POST /api/v1/session",
    "POST /api/v1/session/factor",
    "POST /api/v1/enrol",
}
"""Where people and programs come in: these decide by what is sent, not by a session, and show nothing of anybody."""

BODIES: Final[dict[str, dict[str, object]]] = {
    "POST /patients/{patient_id}/notes": {"text": "sits by the window"},
    "POST /patients/{patient_id}/notes/{note_id}": {"text": "sits by the door"},
    "PUT /api/v1/patients/{patient_id}/plan/draft": {"plan": {"dwell_s": 99}, "reason": "because"},
    "POST /api/v1/plan-templates": {"name": "Ours", "plan": {"dwell_s": 99}},
    "POST /patients/{patient_id}/plan": {"based_on": "2", "reason": "because", "mode": "track"},
    "POST /api/v1/patients/{patient_id}/plan": {"plan": {"dwell_s": 99}, "reason": "because"},
    "POST /api/v1/patients/{patient_id}/plan/preview": {"plan": {"dwell_s": 99}, "reason": "because"},
    "POST /patients/{patient_id}/days/{day}/mark": {"representative": "no", "reason": "at home, ill"},
    "POST /patients/{patient_id}/zone": {"zone": "Asia/Tokyo", "date": "2026-03-25", "time": "12:00"},
    "POST /api/v1/patients/{patient_id}/days/{day}/marks": {"representative": False, "reason": "at home, ill"},
    "POST /api/v1/patients/{patient_id}/consent": {"version": "plumbline-1"},
    "POST /api/v1/patients/{patient_id}/zones": {"zone": "Asia/Tokyo", "start_ms": 1_774_440_000_000},
    "POST /my/days/{day}/reminders": {
        "clip": "00000000000000c0",
        "boot": "0000000000000053",
        "start_ms": "2160000",
        "helped": "yes",
    },
    "POST /my/pain": {"level": "4"},
    "POST /my/pain/{pain_id}": {"word": "aching"},
    "POST /my/urgent": {"yes": ["fever"]},
    "POST /my/clip": {"ask": "snooze-15"},
    "POST /my/clip/buzz": {"strength": "70", "rhythm": "2"},
    "POST /my/clip/quiet": {"start": "12:00", "end": "12:30"},
    "POST /api/v1/session": {"email": "mara@example.org", "password": "not this"},
    "POST /api/v1/enrol": {"code": "00000-00000"},
    "POST /api/v1/tokens": {"name": "Export", "scopes": ["read:plans"], "days": 30},
}
"""What is sent with a writing route; an empty form or object without a line here."""
