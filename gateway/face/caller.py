"""Asks a gateway that runs, by its door (see `door`)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gateway.alone import Alone, InUseError
from gateway.face import asking, door
from gateway.face.asking import Answer, Ask, AskError
from gateway.store import OutboxError

GRACE_S: Final = 15.0
"""How much longer than the question allows an answer may take."""


class NotRunningError(Exception):
    """No gateway answers; the message says what to do."""


def ask(folder: Path, question: Ask) -> Answer:
    """The answer of the gateway with its data in `folder`. Raises NotRunningError, AskError when it cannot be read."""
    try:
        with _reach(folder) as (line, token):
            line.settimeout(question.within_s + GRACE_S)
            line.sendall(asking.encode(question.model_copy(update={"token": token})))
            with line.makefile("rb") as answers:
                answer = answers.readline(asking.LONGEST_LINE)
    except TimeoutError as error:
        raise AskError("the gateway takes the question and does not answer") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotRunningError(_why(folder)) from error
    if not answer.endswith(b"\n"):
        raise NotRunningError("the gateway stopped before it had answered")
    return asking.parse_answer(answer)


@contextmanager
def _reach(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A connection to the door, and the token to show there."""
    token = ""
    if door.is_socket(folder):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        where: str | tuple[str, int] = str(folder / door.SOCKET)
    else:
        told = json.loads((folder / door.PORT_FILE).read_text())
        line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        where, token = (door.HOST, int(told["port"])), str(told["token"])
    with closing(line):
        line.settimeout(GRACE_S)
        line.connect(where)
        yield line, token


def in_use(folder: Path) -> bool:
    """Whether a program uses the data in `folder` now."""
    if not folder.is_dir():
        return False
    try:
        with Alone(folder):
            return False
    except InUseError:
        return True
    except OutboxError:
        return False


def _why(folder: Path) -> str:
    if in_use(folder):
        return (
            f"a program uses the data in {folder} and takes no commands: `plumbline gateway pair`, a gateway that is "
            "just starting or ending, or one of another version"
        )
    return (
        "no gateway runs on this computer for this configuration. Start it: `plumbline gateway run`, or once and for "
        "all `plumbline gateway install-service`"
    )
