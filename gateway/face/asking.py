"""What a command asks of a gateway that runs, and what it is answered: a line of JSON each. Additive changes only."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from gateway import messages
from gateway.messages import ClipId, Model

LONGEST_LINE: Final = 65_536
"""Bytes of a question, or of an answer about some hundred clips."""
LONGEST_WAIT_S: Final = 600

Kind = Literal["status", "pause", "snooze", "resume", "calibrate", "find"]


class AskError(ValueError):
    """A line that is no question, or no answer."""


class Ask(Model):
    """A question. All but `status` name a clip; `within_s` is how long to wait for it."""

    schema_: Literal["ask/1"] = Field("ask/1", alias="schema")
    kind: Kind
    clip: ClipId | None = None
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None
    within_s: Annotated[float, Field(gt=0, le=LONGEST_WAIT_S)] = 30
    token: Annotated[str, Field(max_length=64, repr=False)] = ""
    """Where the door is a port of this computer: proof that the file with the token could be read."""


class ClipNow(Model):
    """What is known of a clip beyond its status. Clock: the bound of its error in ms, what it gains on UTC in parts per
    million, and UTC of the last exchange of times."""

    clip: ClipId
    posture: messages.Live | None = None
    problem: str = ""
    """Why the last attempt to reach it, or connection to it, ended."""
    clock_error_ms: float | None = None
    clock_drift_ppm: float | None = None
    clock_utc_ms: int | None = None


class Answer(Model):
    """An answer: how everything is, or what became of a command, or why there is none."""

    schema_: Literal["answer/1"] = Field("answer/1", alias="schema")
    status: messages.Status | None = None
    clips: tuple[ClipNow, ...] = ()
    broker_connected: bool = False
    reply: messages.Reply | None = None
    problem: str = ""


def encode(message: Ask | Answer) -> bytes:
    """The message as a line."""
    return message.model_dump_json(by_alias=True).encode() + b"\n"


def parse_ask(line: bytes) -> Ask:
    """The question in a line. Raises AskError."""
    try:
        ask = Ask.model_validate_json(line)
    except (ValidationError, ValueError, RecursionError) as error:
        raise AskError("not a question that this gateway knows") from error
    if ask.kind != "status" and ask.clip is None:
        raise AskError(f"{ask.kind} needs a clip")
    return ask


def parse_answer(line: bytes) -> Answer:
    """The answer in a line. Raises AskError."""
    try:
        return Answer.model_validate_json(line)
    except (ValidationError, ValueError, RecursionError) as error:
        raise AskError("the gateway's answer cannot be read; is it another version?") from error
