"""What computers must still erase after a patient was erased: sent until it is done, and said until then.

A clip that somebody else wears by now through a computer of several patients is not erased there, because their data
would go with it: it stays outstanding, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, func, or_, select, update

from gateway import messages
from server.rights.erasing import new_command
from server.store.tables import assignment, enrolment, erasure, erasure_order, gateway, patient

LIFETIME_MS: Final = 24 * 3_600_000
"""For how long a computer may carry an order out that it was sent; it is sent again with each status anyway."""
AGAIN_MS: Final = 3_600_000
"""A computer that could not do it is asked again after this long."""


@dataclass(frozen=True)
class Outstanding:
    """A computer that has not said that it erased a clip's data. `held_back`: somebody else wears the clip there.
    `own`: it was the erased patient's alone. `can_give_up`: see `give_up`."""

    gateway: str
    clip: str
    since_ms: int
    sent_ms: int | None
    told: str | None
    held_back: bool
    own: bool
    can_give_up: bool


def _open(now_ms: int) -> ColumnElement[bool]:
    c = erasure_order.c
    in_use = exists().where(gateway.c.id == c.gateway, gateway.c.revoked_ms.is_(None))
    return and_(c.done_ms.is_(None), in_use, or_(c.told_ms.is_(None), c.told_ms <= now_ms - AGAIN_MS))


def _held_back(order: FromClause = erasure_order) -> ColumnElement[bool]:
    """Somebody wears the clip now, and the computer is not the erased patient's alone."""
    c = order.c
    return and_(c.own.is_(False), exists().where(assignment.c.clip == c.clip, assignment.c.end_ms.is_(None)))


def _can_give_up() -> ColumnElement[bool]:
    """It was the erased patient's alone; or nothing there is held back, and none of its patients is in other hands than
    the erased one was."""
    c, order = erasure_order.c, erasure_order.alias()
    held = exists().where(order.c.gateway == c.gateway, order.c.done_ms.is_(None), _held_back(order))
    strange = and_(
        patient.c.organisation_id != erasure.c.organisation_id,
        or_(
            exists().where(assignment.c.gateway == c.gateway, assignment.c.patient_id == patient.c.id),
            exists().where(enrolment.c.gateway == c.gateway, enrolment.c.patient_id == patient.c.id),
        ),
    )
    return or_(c.own, and_(~held, ~exists().where(strange)))


def unsent(connection: Connection, now_ms: int) -> list[tuple[str, messages.Command]]:
    """Orders that were never sent, each with its gateway."""
    return _orders(connection, [_open(now_ms), erasure_order.c.sent_ms.is_(None)], now_ms)


def unanswered(connection: Connection, gateway_id: str, now_ms: int) -> list[tuple[str, messages.Command]]:
    """What a gateway that has just told of itself is to be sent (again)."""
    return _orders(connection, [_open(now_ms), erasure_order.c.gateway == gateway_id], now_ms)


def _orders(
    connection: Connection, where: Iterable[ColumnElement[bool]], now_ms: int
) -> list[tuple[str, messages.Command]]:
    query = select(erasure_order).where(*where, ~_held_back()).order_by(erasure_order.c.id)
    return [(row.gateway, _message(row.command, row.clip, now_ms)) for row in connection.execute(query)]


def _message(command: str, clip: str, now_ms: int) -> messages.Command:
    return messages.Command(
        schema="command/1", id=command, clip=clip, expires_utc_ms=now_ms + LIFETIME_MS, kind="erase"
    )


def mark_sent(connection: Connection, commands: Iterable[str], now_ms: int) -> None:
    """These have been handed to the broker."""
    c = erasure_order.c
    connection.execute(update(erasure_order).where(c.command.in_(list(commands))).values(sent_ms=now_ms))


def take_reply(connection: Connection, gateway_id: str, reply: messages.Reply, now_ms: int) -> bool:
    """Note what a computer says of an order; False when it is no such order of its. Where it is done and the computer
    was the patient's alone, and all its orders are done, the computer's access ends."""
    c = erasure_order.c
    mine = and_(c.gateway == gateway_id, c.command == reply.id, c.clip == reply.clip)
    row = connection.execute(select(erasure_order).where(mine).with_for_update()).mappings().one_or_none()
    if row is None:
        return False
    if row["done_ms"] is not None:
        return True
    if reply.result != "done":
        # Under another id, because a computer answers what it has answered before with the same words.
        later = {"told": reply.result, "told_ms": now_ms, "command": new_command()}
        connection.execute(update(erasure_order).where(c.id == row["id"]).values(**later))
        return True
    connection.execute(update(erasure_order).where(c.id == row["id"]).values(done_ms=now_ms, told=None, told_ms=None))
    if row["own"]:
        left = connection.scalar(
            select(func.count()).select_from(erasure_order).where(c.gateway == gateway_id, c.done_ms.is_(None))
        )
        if left == 0:
            connection.execute(
                update(gateway)
                .where(gateway.c.id == gateway_id, gateway.c.revoked_ms.is_(None))
                .values(revoked_ms=now_ms, online=False, status_json=None)
            )
    complete(connection, now_ms)
    return True


def complete(connection: Connection, now_ms: int) -> list[str]:
    """Note which erasures have nothing outstanding any more; returns the pseudonyms of those that were completed now.
    A computer that is revoked is not waited for: nothing that it sends is taken."""
    c = erasure_order.c
    waiting = exists().where(
        c.erasure_id == erasure.c.id, c.done_ms.is_(None), c.gateway == gateway.c.id, gateway.c.revoked_ms.is_(None)
    )
    done = connection.execute(
        update(erasure)
        .where(erasure.c.completed_ms.is_(None), erasure.c.counted_ms.is_not(None), ~waiting)
        .where(erasure.c.left_json == "{}")
        .values(completed_ms=now_ms)
        .returning(erasure.c.pseudonym)
    )
    return sorted(done.scalars())


def give_up(connection: Connection, erasure_id: int, gateway_id: str, now_ms: int) -> bool:
    """End for good what a computer may do that does not come back, so that it is not waited for any more. One that was
    the erased patient's alone, or of several patients of the same organisation, none of whom wears a clip of theirs;
    False for any other. Again changes nothing."""
    c = erasure_order.c
    such = (c.erasure_id == erasure_id, c.gateway == gateway_id, erasure.c.id == c.erasure_id)
    if connection.scalar(select(c.id).where(*such, _can_give_up()).limit(1)) is None:
        return False
    connection.execute(
        update(gateway)
        .where(gateway.c.id == gateway_id, gateway.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms, online=False, status_json=None)
    )
    complete(connection, now_ms)
    return True


def outstanding(connection: Connection, erasure_id: int) -> list[Outstanding]:
    """The computers that an erasure waits for."""
    c = erasure_order.c
    query = (
        select(
            c.gateway,
            c.clip,
            c.sent_ms,
            c.told,
            c.own,
            erasure.c.at_ms,
            _held_back().label("held_back"),
            _can_give_up().label("can_give_up"),
        )
        .join(erasure, erasure.c.id == c.erasure_id)
        .join(gateway, gateway.c.id == c.gateway)
        .where(c.erasure_id == erasure_id, c.done_ms.is_(None), gateway.c.revoked_ms.is_(None))
        .order_by(c.gateway, c.clip)
    )
    return [
        Outstanding(
            row.gateway, row.clip, row.at_ms, row.sent_ms, row.told, bool(row.held_back), row.own, bool(row.can_give_up)
        )
        for row in connection.execute(query)
    ]
