"""Commands to a clip by way of its gateway: kept until they are answered or expire."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final, Literal

from sqlalchemy import Connection, Engine, Row, insert, select, update

from gateway import messages
from server.store import writing
from server.store.tables import command

Kind = Literal["pause", "snooze", "resume", "calibrate", "watch", "erase", "resend"]
LIFETIME_MS: Final = 10 * 60_000


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
    """A new command; returns its id. The worker sends it, and again with each status of a gateway, until a reply."""
    command_id = secrets.token_urlsafe(12)
    with writing(engine) as connection:
        connection.execute(
            insert(command).values(
                id=command_id,
                clip=clip,
                patient_id=patient_id,
                kind=kind,
                minutes=minutes,
                created_ms=now_ms,
                expires_ms=now_ms + lifetime_ms,
            )
        )
    return command_id


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
    )
