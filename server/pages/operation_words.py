"""Alarms and refusals in words for people: what was seen, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.ingest.alarms import Kind
from server.language import N_

ALARMS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.CONFLICT: (
        N_("A record came twice with different content"),
        N_(
            "The first was kept; the other is among the refused ones below. Two clips with one identity, or a fault in "
            "a clip or computer, can be behind it."
        ),
    ),
    Kind.NOT_ASSIGNED: (
        N_("Records of a time at which nobody wore the clip with this computer"),
        N_("Nothing of them was taken in. If somebody did wear it then, assign the clip from that time on."),
    ),
    Kind.REVOKED: (
        N_("A computer that was disconnected goes on sending"),
        N_("Nothing of it is taken in. Connect it anew with a code, or have Plumbline removed from it."),
    ),
    Kind.UNKNOWN_GATEWAY: (
        N_("Something is sent under the name of a computer that was never connected"),
        N_("Nothing of it is taken in. Look at who has an account at the broker."),
    ),
    Kind.OVERFLOW: (
        N_("More was refused than is kept"),
        N_("The oldest entries went before anybody had looked at them. The counts are complete."),
    ),
    Kind.CLOCK: (
        N_("A computer’s clock is off"),
        N_("What it tells is placed in time by this clock. Let it be set from the network."),
    ),
    Kind.FAILED: (
        N_("A message could not be stored"),
        N_("It is kept below, and the computer keeps its records too. The server’s log says what stood in the way."),
    ),
    Kind.UNREADABLE_DAY: (
        N_("What is stored of a day cannot be read"),
        N_("Its summary stays as it was; all others go on. The server’s log names every such day. Look at the disk."),
    ),
    Kind.PUBLISH_REFUSED: (
        N_("The broker does not let the server send"),
        N_("Plans and acknowledgements may not arrive. Look at the server’s account and rules at the broker."),
    ),
}
"""What it is, and what to do."""
REASONS: Final[Mapping[str, str]] = {
    "malformed": N_("could not be read"),
    "not_assigned": N_("of a time at which nobody wore the clip with this computer"),
    "conflict": N_("came before with other content"),
    "implausible_time": N_("at a time that no clock tells"),
    "revoked": N_("from a computer that was disconnected"),
    "failed": N_("could not be stored"),
    "withdrawn": N_("of somebody who was erased or has withdrawn consent"),
    "not_enrolled": N_("from a computer that was never connected"),
    "unreadable": N_("did not survive on the clip"),
}
KINDS: Final[Mapping[str, str]] = {
    "epoch": N_("A minute"),
    "episode": N_("An episode"),
    "reminder": N_("A reminder"),
    "unreadable": N_("A gap on the clip"),
    "row": N_("A record"),
    "records": N_("A message of records"),
    "status": N_("A status message"),
    "reply": N_("A reply to a command"),
    "live": N_("Live posture"),
    "topic": N_("A message on a topic of nobody"),
}
