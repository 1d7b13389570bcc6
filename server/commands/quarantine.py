"""`plumbline server quarantine`: what was refused, of every sender, and what somebody should look at.

Here, as nowhere else, also what came from senders that are not enrolled, and the content without a sign-in: who can
read the database's file can read it anyway. Showing it is written into the trail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from sqlalchemy import Connection

from server.audit.trail import SYSTEM, Entry, append
from server.commands.common import fail, found_store, in_words, utc_now_ms
from server.ingest import alarms, inspecting
from server.store import reading, writing

app: Final = typer.Typer(no_args_is_help=True, help="What was refused, and what somebody should look at.")
_STRANGERS: Final = "(not enrolled)"
Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="The entry's number, as `list` prints it.")]
Words = Annotated[str, typer.Option(help="What was found; no names.")]


@app.command("list")
def list_(
    looked_at: Annotated[bool, typer.Option("--all", help="Also what somebody has acknowledged.")] = False,
) -> None:
    """Print alarms, counts and entries, without their content."""
    with in_words() as settings, reading(found_store(settings)) as db:
        lines = [*_alarms(db, looked_at=looked_at), *_counts(db), *_entries(db, looked_at=looked_at)]
    typer.echo("\n".join(lines or ["nothing was refused, and there is nothing to look at"]))


def _alarms(db: Connection, *, looked_at: bool) -> Iterator[str]:
    for one in alarms.alarms(db):
        if looked_at or one.acknowledged_ms is None:
            about = " ".join(part for part in (one.gateway or _STRANGERS, one.clip, one.detail) if part)
            when = f"{_moment(one.first_ms)} to {_moment(one.last_ms)}"
            yield f"alarm {one.id}: {one.kind} x{one.count} {about}, {when}{_said(one)}"


def _counts(db: Connection) -> Iterator[str]:
    for tally in inspecting.tallies(db):
        since = "" if tally.noted_ms is None else f", {tally.since} since somebody looked"
        yield f"count: {tally.gateway or _STRANGERS} {tally.reason} {tally.count}{since}"


def _entries(db: Connection, *, looked_at: bool) -> Iterator[str]:
    for entry in inspecting.entries(db):
        if looked_at or entry.acknowledged_ms is None:
            detail = f" ({entry.detail})" if entry.detail else ""
            yield (
                f"entry {entry.id}: {_moment(entry.received_ms)} {entry.gateway or _STRANGERS} {entry.kind} "
                f"{entry.reason}{detail}, {entry.bytes} characters{_said(entry)}"
            )


@app.command()
def show(number: Number) -> None:
    """Print an entry's content as it came; it may hold measurements of a patient."""
    with in_words() as settings, writing(found_store(settings)) as db:
        content = inspecting.payload_of(db, number)
        if content is None:
            fail(f"there is no entry {number}; `plumbline server quarantine list` prints those there are")
        append(db, [_entry("see refused content", f"entry {number}")], utc_now_ms())
    typer.echo(content)


@app.command()
def acknowledge(
    number: Number,
    note: Words = "",
    alarm: Annotated[bool, typer.Option("--alarm", help="The number is an alarm's.")] = False,
) -> None:
    """Say that somebody has looked at an entry or an alarm."""
    with in_words() as settings, writing(found_store(settings)) as db:
        now_ms = utc_now_ms()
        if alarm:
            done = alarms.acknowledge(db, number, by=SYSTEM, note=note, now_ms=now_ms)
        else:
            done = inspecting.acknowledge(db, number, by=SYSTEM, note=note, now_ms=now_ms)
        what = "open alarm" if alarm else "entry"
        if not done:
            fail(f"there is no {what} {number}; `plumbline server quarantine list` prints those there are")
        append(db, [_entry("manage operation", f"{'alarm' if alarm else 'entry'} {number}")], now_ms)
    typer.echo(f"{what} {number} is acknowledged")


@app.command()
def forget(
    numbers: Annotated[list[int], typer.Argument(min=1, help="Entries' numbers, as `list` prints them.")],
) -> None:
    """Delete entries with their content; the counts stay."""
    with in_words() as settings, writing(found_store(settings)) as db:
        gone = inspecting.forget(db, numbers)
        append(db, [_entry("manage operation", f"forgot {gone} entries")], utc_now_ms())
    typer.echo(f"{gone} of {len(numbers)} entries are deleted")


def _entry(act: str, detail: str) -> Entry:
    return Entry(SYSTEM, "operator", "", "command line", "", act, "", "done", detail)


def _said(one: alarms.Alarm | inspecting.Entry) -> str:
    if one.acknowledged_ms is None:
        return ""
    note = f": {one.note}" if one.note else ""
    return f"; looked at {_moment(one.acknowledged_ms)} by {one.acknowledged_by}{note}"


def _moment(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
