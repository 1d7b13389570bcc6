"""Alarms and refusals in words for people: what was seen, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.ingest.alarms import Kind

ALARMS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.CONFLICT: (
        "A record came twice with different content",
        (
            "The first was kept; the other is among the refused ones below. Two clips with one identity, or a fault in "
            "a clip or computer, can be behind it."
        ),
    ),
    Kind.NOT_ASSIGNED: (
        "Records of a time at which nobody wore the clip with this computer",
        "Nothing of them was taken in. If somebody did wear it then, assign the clip from that time on.",
    ),
    Kind.REVOKED: (
        "A computer that was disconnected goes on sending",
        "Nothing of it is taken in. Connect it anew with a code, or have Plumbline removed from it.",
    ),
    Kind.UNKNOWN_GATEWAY: (
        "Something is sent under the name of a computer that was never connected",
        "Nothing of it is taken in. Look at who has an account at the broker.",
    ),
    Kind.OVERFLOW: (
        "More was refused than is kept",
        "The oldest entries went before anybody had looked at them. The counts are complete.",
    ),
    Kind.CLOCK: (
        "A computer’s clock is off",
        "What it tells is placed in time by this clock. Let it be set from the network.",
    ),
    Kind.FAILED: (
        "A message could not be stored",
        "It is kept below, and the computer keeps its records too. The server’s log says what stood in the way.",
    ),
    Kind.PUBLISH_REFUSED: (
        "The broker does not let the server send",
        "Plans and acknowledgements may not arrive. Look at the server’s account and rules at the broker.",
    ),
}
"""What it is, and what to do."""
REASONS: Final[Mapping[str, str]] = {
    "malformed": "could not be read",
    "not_assigned": "of a time at which nobody wore the clip with this computer",
    "conflict": "came before with other content",
    "implausible_time": "at a time that no clock tells",
    "revoked": "from a computer that was disconnected",
    "failed": "could not be stored",
    "withdrawn": "of somebody who was erased or has withdrawn consent",
    "not_enrolled": "from a computer that was never connected",
    "unreadable": "did not survive on the clip",
}
KINDS: Final[Mapping[str, str]] = {
    "epoch": "A minute",
    "episode": "An episode",
    "reminder": "A reminder",
    "unreadable": "A gap on the clip",
    "row": "A record",
    "records": "A message of records",
    "status": "A status message",
    "reply": "A reply to a command",
    "live": "Live posture",
    "topic": "A message on a topic of nobody",
}
