"""What comes down: acknowledgements, plans and commands, checked before anything acts on them."""

from __future__ import annotations

import json
from importlib.metadata import version

from gateway import messages

Down = messages.Ack | messages.PlanMessage | messages.Command


class UnknownCommandError(messages.MalformedMessageError):
    """A command that this version does not know; `reply` tells the server so."""

    def __init__(self, reply: messages.Reply) -> None:
        super().__init__(reply.detail)
        self.reply = reply


def read(gateway: str, topic: str, payload: bytes) -> Down:
    """The message that came on `topic` for `gateway`. Raises UnknownCommandError, messages.MalformedMessageError."""
    name, direction, kind = messages.split_topic(topic)
    if (name, direction) != (gateway, "down"):
        raise messages.MalformedMessageError(f"not for this gateway: {topic[:120]!r}")
    try:
        message = messages.parse(kind, payload)
    except messages.MalformedMessageError as error:
        if kind == "command" and (reply := _refusal(payload)) is not None:
            raise UnknownCommandError(reply) from error
        raise
    assert isinstance(message, Down)  # noqa: S101 - the topic's kind is one of these
    return message


def _refusal(payload: bytes) -> messages.Reply | None:
    """The answer to a command of a newer server; None when it is no command at all."""
    try:
        fields = json.loads(payload)
        wanted = str(fields["kind"])
        known = messages.parse("command", json.dumps(fields | {"kind": "resume", "minutes": None}).encode())
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    assert isinstance(known, messages.Command)  # noqa: S101 - parsed as one
    return messages.Reply(
        schema="reply/1",
        id=known.id,
        clip=known.clip,
        result="refused",
        detail=f"the gateway's version {version('plumbline')} cannot do this, update it: {wanted[:40]!r}"[:200],
    )
