"""Replies to commands, kept in the gateway's file until the broker has a reply and somebody hears it."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Final

from gateway import messages
from gateway.outbox import Outbox, OutboxError

OWNER: Final = "replies"
MOST: Final = 200
"""Replies that are kept; then the oldest give way. The server asks again for those it still wants."""

logger = logging.getLogger(__name__)


def key(reply: messages.Reply) -> str:
    """Its name in the file. It begins with the clip: who forgets a clip forgets these, too."""
    return f"{reply.clip}/{reply.id}"


class Replies:
    """Those that are not known to have been heard."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._unkept: dict[str, messages.Reply] = {}  # the disk did not take them

    def add(self, reply: messages.Reply) -> None:
        """Keep a reply until `heard`."""
        try:
            self._outbox.set(OWNER, {key(reply): messages.encode(reply)})
            self._outbox.drop(OWNER, self._outbox.names(OWNER, "")[:-MOST])
        except OutboxError:
            self._unkept[key(reply)] = reply

    def heard(self, name: str) -> None:
        """The reply with this key needs not be told again."""
        self._unkept.pop(name, None)
        with suppress(OutboxError):  # it is told once more, which does no harm
            self._outbox.drop(OWNER, [name])

    @property
    def waiting(self) -> list[messages.Reply]:
        """The replies, the oldest first."""
        stored = (self._outbox.get(OWNER, name) for name in self._outbox.names(OWNER, ""))
        found = [messages.Reply.model_validate_json(reply) for reply in stored if reply is not None]
        return [*found, *self._unkept.values()]
