"""`plumbline gateway pause`, `snooze`, `resume`, `calibrate` and `find`: what the running gateway does with a clip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway import messages
from gateway.face.asking import Ask, Kind
from gateway.face.commands.shared import DEFAULT_CONFIG, ClipOption, ConfigOption, ask, clip_of, fail, load, minutes_of

CALIBRATE_S: Final = 180
BETWEEN_S: Final = 1.5
"""Between two buzzes: the pattern lasts about a second."""

WaitOption = Annotated[float, typer.Option("--wait", min=1, max=600, help="Seconds to wait for the clip.")]


def pause(
    how_long: Annotated[str, typer.Argument(metavar="HOW_LONG", help="Like 30m or 1h30m.")] = "30m",
    clip: ClipOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    wait_s: WaitOption = 30,
) -> None:
    """Measure nothing for a while: the time shows as paused, to your therapist, too."""
    minutes = minutes_of(how_long)
    serial, _ = _do("pause", config, clip, wait_s, minutes)
    typer.echo(f"Clip {serial} measures nothing for {minutes} minutes. Earlier again: plumbline gateway resume")


def snooze(
    how_long: Annotated[str, typer.Argument(metavar="HOW_LONG", help="Like 30m or 1h.")] = "30m",
    clip: ClipOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    wait_s: WaitOption = 30,
) -> None:
    """Give no reminders for a while; measuring goes on."""
    minutes = minutes_of(how_long)
    serial, _ = _do("snooze", config, clip, wait_s, minutes)
    typer.echo(f"Clip {serial} gives no reminders for {minutes} minutes. Earlier again: plumbline gateway resume")


def resume(clip: ClipOption = "", config: ConfigOption = DEFAULT_CONFIG, wait_s: WaitOption = 30) -> None:
    """End a pause or a snooze."""
    serial, _ = _do("resume", config, clip, wait_s)
    typer.echo(f"Clip {serial} measures, and reminds as planned.")


def calibrate(clip: ClipOption = "", config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Take how you sit comfortably upright as what all angles are relative to."""
    settings = load(config)
    serial = clip_of(settings, clip)
    ask(settings, Ask(schema="ask/1", kind="status"))
    typer.echo("Wear the clip where you always do, close to your back.")
    typer.echo("Sit upright as is comfortable for you and keep still for 4 seconds; then bow and come back.")
    typer.echo(f"There are {CALIBRATE_S // 60} minutes for it; Ctrl-C leaves everything as it was.")
    try:
        _, told = _do("calibrate", config, serial, CALIBRATE_S)
    except KeyboardInterrupt as error:
        typer.echo("Not calibrated; what was in force stays so.")
        raise typer.Exit(130) from error
    typer.echo(f"Done: {told}. From now on angles are relative to how you sat just now.")


def find(
    clip: ClipOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    times: Annotated[int, typer.Option(min=1, max=20, help="How often it buzzes.")] = 3,
    wait_s: WaitOption = 30,
) -> None:
    """Have the clip buzz, so that you find it. It must be in reach."""
    for i in range(times):
        if i:
            time.sleep(BETWEEN_S)
        serial, _ = _do("find", config, clip, wait_s)
        typer.echo(f"Clip {serial} buzzes." if not i else "... and again.")


def _do(kind: Kind, config: Path, clip: str, within_s: float, minutes: int | None = None) -> tuple[str, str]:
    """Have the running gateway do it: the clip's serial and what came of it; ends the command unless it was done."""
    settings = load(config)
    serial = clip_of(settings, clip)
    question = Ask(schema="ask/1", kind=kind, clip=serial, minutes=minutes, within_s=within_s)
    reply = ask(settings, question).reply
    if reply is None:
        fail("the gateway did not say what became of it; is it another version?")
    if reply.result != "done":
        fail(not_done(reply, kind))
    return serial, reply.detail


def not_done(reply: messages.Reply, kind: Kind) -> str:
    """Why not, and what to do."""
    if reply.result == "unreachable" and kind == "calibrate":
        return f"no calibration yet: {reply.detail}. Try again: plumbline gateway calibrate"
    if reply.result == "unreachable":
        return f"clip {reply.clip} was not in reach. Is it near and charged? `plumbline gateway doctor` looks for more"
    if reply.result == "expired":
        return "there was no time left for it; try again"
    return f"clip {reply.clip} refused: {reply.detail or 'without a reason'}"
