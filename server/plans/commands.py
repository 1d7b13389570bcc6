"""Commands to a clip by way of its gateway: kept until they are answered or expire."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, Engine, Row, insert, select, update

from gateway import messages
from server.store import writing
from server.store.tables import command

Kind = Literal["pause", "snooze", "resume", "calibrate", "watch", "erase", "resend", "settings"]
State = Literal["waiting", "sent", "done", "refused", "unreachable", "expired"]
LIFETIME_MS: Final = 10 * 60_000
SETTINGS_LIFETIME_MS: Final = 12 * 3_600_000
"""How the clip should buzz is still wanted when it comes into reach later in the day; a pause is not."""


DEFAULT_MINUTES: Final = 30
"""What a gateway takes for a pause or a snooze without a length."""


class CommandError(ValueError):
    """Nothing can be asked of a clip; the message says what to do."""


@dataclass(frozen=True)
class Asked:
    """What a clip was asked to do, and what has become of it: waiting for a computer, sent to it, or how it ended.
    Times are UTC ms; `answered_ms` None: no answer (yet)."""

    id: str
    clip: str
    kind: str
    minutes: int | None
    strength_pct: int | None
    rhythm: int | None
    created_ms: int
    expires_ms: int
    sent_ms: int | None
    answered_ms: int | None
    result: str | None

    @property
    def until_ms(self) -> int:
        """Until when a pause or a time without reminders lasts that was confirmed at `answered_ms`."""
        return (self.answered_ms or 0) + (self.minutes or DEFAULT_MINUTES) * 60_000

    def state(self, now_ms: int) -> State:
        """How it stands at `now_ms`."""
        if self.result == "done":
            return "done"
        if self.result == "refused":
            return "refused"
        if self.result == "unreachable":
            return "unreachable"
        if self.result is not None or now_ms >= self.expires_ms:
            return "expired"
        return "waiting" if self.sent_ms is None else "sent"


def in_force(asked: Iterable[Asked], now_ms: int) -> Asked | None:
    """The pause, or else the time without reminders, that the clip has confirmed and that lasts at `now_ms`. `asked` is
    in order of time, the newest first; of the same kind the newest counts, and going on ends both."""
    newest: dict[str, Asked] = {}
    for one in asked:
        if one.result != "done":
            continue
        if one.kind == "resume":
            break
        if one.kind in ("pause", "snooze"):
            newest.setdefault(one.kind, one)
    found = [newest[kind] for kind in ("pause", "snooze") if kind in newest]
    return next((one for one in found if now_ms < one.until_ms), None)


def create_command(
    engine: Engine,
    *,
    clip: str,
    patient_id: int,
    kind: Kind,
    now_ms: int,
    minutes: int | None = None,
    lifetime_ms: int = LIFETIME_MS,
) -> str:
    """`add_command` in a transaction of its own."""
    with writing(engine) as connection:
        return add_command(
            connection,
            clip=clip,
            patient_id=patient_id,
            kind=kind,
            now_ms=now_ms,
            minutes=minutes,
            lifetime_ms=lifetime_ms,
        )


def add_command(
    connection: Connection,
    *,
    clip: str,
    patient_id: int,
    kind: Kind,
    now_ms: int,
    minutes: int | None = None,
    strength_pct: int | None = None,
    rhythm: int | None = None,
    lifetime_ms: int | None = None,
) -> str:
    """A new command; returns its id. The worker sends it, and again with each status of a gateway, until a reply."""
    command_id = secrets.token_urlsafe(12)
    lifetime_ms = lifetime_ms or (SETTINGS_LIFETIME_MS if kind == "settings" else LIFETIME_MS)
    connection.execute(
        insert(command).values(
            id=command_id,
            clip=clip,
            patient_id=patient_id,
            kind=kind,
            minutes=minutes,
            strength_pct=strength_pct,
            rhythm=rhythm,
            created_ms=now_ms,
            expires_ms=now_ms + lifetime_ms,
        )
    )
    return command_id


def commands_of(connection: Connection, patient_id: int, since_ms: int) -> list[Asked]:
    """What was asked of a patient's clips since then, the newest first."""
    c = command.c
    rows = connection.execute(
        select(command).where(c.patient_id == patient_id, c.created_ms >= since_ms).order_by(c.created_ms.desc(), c.id)
    )
    return [
        Asked(
            row.id,
            row.clip,
            row.kind,
            row.minutes,
            row.strength_pct,
            row.rhythm,
            row.created_ms,
            row.expires_ms,
            row.sent_ms,
            row.answered_ms,
            row.result,
        )
        for row in rows
    ]


def unanswered(connection: Connection, clips: Iterable[str], now_ms: int) -> list[messages.Command]:
    """Commands of these clips that wait for a reply and have not expired, the oldest first."""
    return [
        _message(row)
        for row in connection.execute(
            select(command)
            .where(command.c.clip.in_(list(clips)), command.c.answered_ms.is_(None), command.c.expires_ms > now_ms)
            .order_by(command.c.created_ms, command.c.id)
        )
    ]


def unsent(connection: Connection, now_ms: int) -> list[messages.Command]:
    """Commands that have never been handed to the broker and have not expired, the oldest first."""
    return [
        _message(row)
        for row in connection.execute(
            select(command)
            .where(command.c.sent_ms.is_(None), command.c.answered_ms.is_(None), command.c.expires_ms > now_ms)
            .order_by(command.c.created_ms, command.c.id)
        )
    ]


def mark_sent(connection: Connection, command_ids: Iterable[str], now_ms: int) -> None:
    """These have been handed to the broker."""
    connection.execute(
        update(command).where(command.c.id.in_(list(command_ids)), command.c.sent_ms.is_(None)).values(sent_ms=now_ms)
    )


def take_reply(connection: Connection, reply: messages.Reply, now_ms: int) -> bool:
    """Note what became of a command. False for one that is not known or was answered before."""
    done = connection.execute(
        update(command)
        .where(command.c.id == reply.id, command.c.clip == reply.clip, command.c.answered_ms.is_(None))
        .values(answered_ms=now_ms, result=reply.result, detail=reply.detail.replace("\x00", ""))
    )
    return done.rowcount == 1


def _message(row: Row[tuple[object, ...]]) -> messages.Command:
    return messages.Command(
        schema="command/1",
        id=row.id,
        clip=row.clip,
        expires_utc_ms=row.expires_ms,
        kind=row.kind,
        minutes=row.minutes,
        strength_pct=row.strength_pct,
        rhythm=row.rhythm,
    )
