"""What can be done, and who may do it: the two tables that all of access rests on.

An *act* concerns one patient's data; what allows it is the *basis* on which somebody comes to this patient. A *duty*
concerns no single patient; what allows it is the role. Whatever stands in neither table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is in their organisation; one each. Whoever treats patients and administers has two accounts."""

    ADMINISTRATOR = "administrator"
    THERAPIST = "therapist"
    PATIENT = "patient"


class Basis(StrEnum):
    """On what ground somebody comes to a patient's data."""

    CARE = "care"
    """A therapist with a care relation in force."""
    SELF = "self"
    """The patient."""
    EMERGENCY = "emergency"
    """A therapist of the patient's organisation who has taken emergency access, while it lasts."""
    ADMINISTRATION = "administration"
    """An administrator of the patient's organisation."""


OPEN_TO: Final[Mapping[Role, tuple[Basis, ...]]] = {
    Role.THERAPIST: (Basis.CARE, Basis.EMERGENCY),
    Role.PATIENT: (Basis.SELF,),
    Role.ADMINISTRATOR: (Basis.ADMINISTRATION,),
}
"""Which bases somebody of a role can have, the strongest first; a stronger one allows all that a weaker one does."""


class Act(StrEnum):
    """Something done with one patient's data, as the audit names it."""

    SEE_RECORD = "see record"
    """Name, pseudonym and time zone."""
    SEE_LIST = "see in list"
    """The patient's present day in short, in the list, and what stands out."""
    DISMISS_FLAG = "dismiss flag"
    """Saying that what stands out in the list needs nothing, and why."""
    SEE_DAY = "see day"
    SEE_TRENDS = "see trends"
    SEE_PLAN = "see plan"
    SEE_COMPUTERS = "see computers"
    """Computers and clips: whether they are heard, battery, versions; no measurements."""
    SEE_NOTES = "see notes"
    """What therapists wrote down; the patient has it in what they export."""
    WRITE_NOTE = "write note"
    MAKE_REPORT = "make report"
    """A page for a doctor, which leaves this server."""
    MARK_DAY = "mark day"
    CHANGE_ZONE = "change zone"
    """In which time zone the patient lives from when on."""
    CHANGE_PLAN = "change plan"
    COMMAND = "command clip"
    """Pausing, snoozing, resuming, calibrating, how it buzzes."""
    CHANGE_QUIET_HOURS = "change quiet hours"
    """One's own: a new version of the plan that differs in nothing else."""
    SEE_DIARY = "see diary"
    """Pain that was noted, answers about reminders and urgent signs."""
    NOTE_PAIN = "note pain"
    ANSWER_REMINDER = "answer about a reminder"
    ANSWER_RED_FLAGS = "answer about urgent signs"
    ACKNOWLEDGE_RED_FLAGS = "acknowledge urgent signs"
    CONNECT_COMPUTER = "connect computer"
    DISCONNECT_COMPUTER = "disconnect computer"
    CHANGE_RECORD = "change record"
    MANAGE_CARE = "manage care"
    """Who cares for the patient, and who else has access."""
    SEE_RIGHTS = "see rights"
    """How consent stands."""
    SEE_AUDIT = "see who looked"
    """Who looked at the patient's data or changed them."""
    CONSENT = "record consent"
    EXPORT = "export everything"
    ERASE = "erase everything"


_SEEING: Final = frozenset(
    {Act.SEE_RECORD, Act.SEE_DAY, Act.SEE_TRENDS, Act.SEE_PLAN, Act.SEE_COMPUTERS, Act.SEE_DIARY},
)
_OWN_DIARY: Final = frozenset({Act.NOTE_PAIN, Act.ANSWER_REMINDER, Act.ANSWER_RED_FLAGS})
_COMPUTERS: Final = frozenset({Act.CONNECT_COMPUTER, Act.DISCONNECT_COMPUTER})
_RIGHTS: Final = frozenset({Act.SEE_RIGHTS, Act.SEE_AUDIT, Act.CONSENT})

ALLOWED: Final[Mapping[Basis, frozenset[Act]]] = {
    Basis.CARE: _SEEING
    | _COMPUTERS
    | {Act.SEE_NOTES, Act.WRITE_NOTE, Act.MAKE_REPORT}
    | {Act.SEE_LIST, Act.DISMISS_FLAG, Act.MARK_DAY, Act.CHANGE_ZONE, Act.CHANGE_PLAN, Act.COMMAND}
    | {Act.ACKNOWLEDGE_RED_FLAGS}
    | _RIGHTS
    | {Act.EXPORT},
    Basis.SELF: _SEEING
    | _COMPUTERS
    | _RIGHTS
    | _OWN_DIARY
    | {Act.CHANGE_ZONE, Act.EXPORT, Act.MAKE_REPORT, Act.COMMAND, Act.CHANGE_QUIET_HOURS},
    # Enough to help at once (a clip that will not stop can be paused), nothing that outlasts it.
    Basis.EMERGENCY: _SEEING | {Act.SEE_NOTES, Act.SEE_LIST, Act.COMMAND},
    # Accounts, records and computers, never measurements.
    Basis.ADMINISTRATION: _COMPUTERS
    | _RIGHTS
    | {Act.SEE_RECORD, Act.SEE_COMPUTERS, Act.CHANGE_RECORD, Act.MANAGE_CARE, Act.ERASE},
}


class Duty(StrEnum):
    """Something that concerns no single patient, as the audit names it."""

    SEE_PEOPLE = "see people"
    """Accounts, invitations, patients' records and who cares for whom, of one's organisation."""
    MANAGE_PEOPLE = "manage people"
    ADD_PATIENT = "add patient"
    TAKE_EMERGENCY_ACCESS = "take emergency access"
    SEE_ERASURES = "see erasures"
    """What of which pseudonym was erased, and what is outstanding."""
    GIVE_UP_COMPUTER = "give up a computer"
    """Of somebody who was erased: it is disconnected, and not waited for any more."""
    SEE_TOKENS = "see tokens"
    """Of one's own programs."""
    MANAGE_TOKENS = "manage tokens"
    USE_TEMPLATES = "use plan templates"
    """Beginnings of plans that the organisation has saved."""
    SEE_OPERATION = "see operation"
    """Alarms, and what of the organisation's gateways was refused: identifiers, reasons, counts; no measurements."""
    MANAGE_OPERATION = "manage operation"
    """Saying that one has looked at these."""
    SEE_REFUSED = "see refused content"
    """One thing that was refused, as it came: it may hold measurements of a patient."""


_OPERATION: Final = frozenset({Duty.SEE_OPERATION, Duty.MANAGE_OPERATION, Duty.SEE_REFUSED})
_TOKENS: Final = frozenset({Duty.SEE_TOKENS, Duty.MANAGE_TOKENS})

DUTIES: Final[Mapping[Role, frozenset[Duty]]] = {
    Role.ADMINISTRATOR: frozenset({Duty.SEE_PEOPLE, Duty.MANAGE_PEOPLE, Duty.ADD_PATIENT})
    | {Duty.SEE_ERASURES, Duty.GIVE_UP_COMPUTER}
    | _OPERATION
    | _TOKENS,
    Role.THERAPIST: frozenset({Duty.TAKE_EMERGENCY_ACCESS, Duty.USE_TEMPLATES}) | _TOKENS,
    Role.PATIENT: frozenset(),
}
