"""What the trail calls an act, in words for the one whose data they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.access.acts import Act
from server.language import N_
from server.language import gettext as _

WORDS: Final[Mapping[str, str]] = {
    Act.SEE_RECORD: N_("opened the record"),
    Act.SEE_LIST: N_("saw today in the list of patients"),
    Act.DISMISS_FLAG: N_("put a hint in the list aside"),
    Act.SEE_DAY: N_("looked at days"),
    Act.SEE_TRENDS: N_("looked at weeks"),
    Act.SEE_PLAN: N_("looked at the plan"),
    Act.SEE_COMPUTERS: N_("looked at computers and clip"),
    Act.MARK_DAY: N_("said whether a day counts"),
    Act.CHANGE_ZONE: N_("changed the time zone"),
    Act.CHANGE_PLAN: N_("changed the plan"),
    Act.COMMAND: N_("asked the clip for something"),
    Act.CHANGE_QUIET_HOURS: N_("changed quiet hours"),
    Act.SEE_NOTES: N_("read notes"),
    Act.WRITE_NOTE: N_("wrote a note"),
    Act.MAKE_REPORT: N_("made a report"),
    Act.SEE_DIARY: N_("looked at pain and answers"),
    Act.NOTE_PAIN: N_("noted pain"),
    Act.ANSWER_REMINDER: N_("said whether a reminder helped"),
    Act.ANSWER_RED_FLAGS: N_("answered about urgent signs"),
    Act.ACKNOWLEDGE_RED_FLAGS: N_("saw urgent signs and takes care of them"),
    Act.CONNECT_COMPUTER: N_("made a code for a computer"),
    Act.DISCONNECT_COMPUTER: N_("disconnected a computer"),
    Act.CHANGE_RECORD: N_("changed the record"),
    Act.MANAGE_CARE: N_("looked at or changed who cares for you"),
    Act.SEE_RIGHTS: N_("looked at consent"),
    Act.SEE_AUDIT: N_("looked at who looked"),
    Act.CONSENT: N_("recorded consent or its withdrawal"),
    Act.EXPORT: N_("took everything as a file"),
    Act.ERASE: N_("erased everything"),
    "add patient": N_("made the record"),
    "take emergency access": N_("took emergency access"),
    "end emergency access": N_("ended emergency access"),
    "delete what is due": N_("deleted what had been kept long enough"),
}
"""By the trail's own name. One that is not here goes by that name."""


def act_words(act: str) -> str:
    """An act in words."""
    return _(WORDS[act]) if act in WORDS else act
