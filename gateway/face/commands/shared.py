"""What several commands need: the configuration, the running gateway, a clip that is meant, and how to end."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from gateway import config as configuration
from gateway.config import ConfigError, GatewayConfig
from gateway.enrol_commands import DEFAULT_CONFIG, ConfigOption
from gateway.face import caller
from gateway.face.asking import Answer, Ask, AskError
from gateway.face.caller import NotRunningError

__all__ = ["DEFAULT_CONFIG", "ClipOption", "ConfigOption"]

EXAMPLE: Final = """{
  "gateway": "16 hexadecimal digits, this gateway's id",
  "broker": "mqtts://broker.example.org:8883",
  "password": "this gateway's password at the broker",
  "data_dir": "/var/lib/plumbline",
  "clips": [{"serial": "16 hexadecimal digits", "key": "64 hexadecimal digits"}]
}"""

ClipOption = Annotated[
    str, typer.Option("--clip", help="Which clip, by the last digits of its serial; not needed where there is one.")
]
_DURATION: Final = re.compile(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*(?:m|min)?)?", re.IGNORECASE)
LONGEST_MIN: Final = 24 * 60


def fail(message: str) -> NoReturn:
    """End with a message that says what is wrong and what to do."""
    typer.echo(f"plumbline gateway: {message}", err=True)
    raise typer.Exit(1)


def load(path: Path) -> GatewayConfig:
    """The configuration; ends the command when there is none."""
    try:
        return configuration.load(path)
    except ConfigError as error:
        typer.echo(
            f"plumbline gateway: {error}\n\nA therapist's code makes one: plumbline gateway enrol\n"
            f"By hand, a configuration looks like this:\n{EXAMPLE}",
            err=True,
        )
        raise typer.Exit(2) from error


def ask(settings: GatewayConfig, question: Ask) -> Answer:
    """The running gateway's answer; ends the command when there is none."""
    try:
        answer = caller.ask(settings.data_dir, question)
    except (NotRunningError, AskError) as error:
        fail(str(error))
    if answer.problem:
        fail(answer.problem)
    return answer


def clip_of(settings: GatewayConfig, wanted: str) -> str:
    """Serial of the clip that is meant; ends the command when that is not clear."""
    serials = [clip.serial for clip in settings.clips]
    found = [serial for serial in serials if serial.endswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if not serials:
        fail("no clip is paired with this computer yet: plumbline gateway pair")
    if not wanted or found:
        fail(f"which clip? Name it by its last digits, like --clip {serials[0][-4:]}: {', '.join(serials)}")
    fail(f"no clip of this gateway ends in {wanted}; there are {', '.join(serials)}")


def minutes_of(text: str) -> int:
    """Minutes in `30m`, `1h30m`, `2 h` or `45`. Raises typer.BadParameter."""
    match = _DURATION.fullmatch(text.strip())
    minutes = int(match[1] or 0) * 60 + int(match[2] or 0) if match else 0
    if not 1 <= minutes <= LONGEST_MIN:
        raise typer.BadParameter(f"{text!r} is no time between 1 minute and 24 hours; write it like 30m, 1h or 1h30m")
    return minutes


def utc_ms() -> int:
    """UTC by this computer's clock."""
    return time.time_ns() // 1_000_000
