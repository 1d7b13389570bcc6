"""What gateways should be sent: plans that a clip does not have, commands without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from gateway import messages
from server.enrolment.adoption import adopt
from server.ingest.wearers import Wearers
from server.plans import commands, delivery, service
from server.rights import outstanding
from server.store.tables import assignment, clip_status, gateway
from server.store.upsert import upsert

_LINKED: Final = frozenset({"syncing", "live", "draining"})
"""Links over which a gateway knows what the clip has at this moment."""


@dataclass(frozen=True)
class Outgoing:
    """A message to a gateway. `plan_of` is the patient whose plan it is."""

    gateway: str
    message: messages.PlanMessage | messages.Command
    plan_of: int | None = None

    @property
    def topic(self) -> str:
        """Where it goes."""
        kind = "plan" if isinstance(self.message, messages.PlanMessage) else "command"
        return messages.topic(self.gateway, "down", kind)


def take_status(
    connection: Connection, gateway_id: str, status: messages.Status, now_ms: int
) -> tuple[list[Outgoing], bool]:
    """Store what a gateway tells of itself and its clips, confirm plans, and say what it should be sent; False when the
    gateway is not enrolled. What a revoked one tells is left out, and so are clips that are not assigned to it, nor to
    be (`adopt`)."""
    paired = {clip.clip: clip.paired_utc_ms for clip in status.clips}
    adopt(connection, gateway_id, paired, now_ms, paired)
    wearers = Wearers(connection, (clip.clip for clip in status.clips), [gateway_id], now_ms, lock=True)
    if not wearers.known(gateway_id):
        return [], False
    if wearers.revoked(gateway_id):
        return [], True
    connection.execute(
        update(gateway)
        .where(gateway.c.id == gateway_id)
        .values(online=status.online, status_json=status.model_dump_json(by_alias=True), seen_ms=now_ms)
    )
    out: list[Outgoing] = []
    if status.online:
        out += [Outgoing(gateway_id, order) for _, order in outstanding.unanswered(connection, gateway_id, now_ms)]
    for clip in status.clips:
        patient_id = wearers.at(gateway_id, clip.clip, now_ms)
        if patient_id is not None:
            _store_clip(connection, gateway_id, clip, now_ms)
            if clip.plan_version is not None:
                delivery.take_report(connection, clip.clip, patient_id, clip.plan_version, now_ms)
            if status.online:
                out += _for_clip(connection, gateway_id, clip, patient_id, now_ms)
    return out, True


def _store_clip(connection: Connection, gateway_id: str, clip: messages.ClipStatus, now_ms: int) -> None:
    told = {
        "plan_version": clip.plan_version,
        "calibration_version": clip.calibration_version,
        "battery_pct": clip.battery_pct,
        "firmware": clip.firmware.replace("\x00", "") if clip.firmware else None,
        "linked_ms": now_ms if clip.link in _LINKED else None,
    }
    always = {
        "link": clip.link,
        "journal_waiting": clip.journal_waiting,
        "simulated": clip.simulated,
        "seen_ms": now_ms,
    }
    since = {
        "plan_since_ms": None if clip.plan_version is None else now_ms,
        "calibration_since_ms": None if clip.calibration_version is None else now_ms,
    }
    statement = upsert(connection, clip_status).values(clip=clip.clip, gateway=gateway_id, **told, **always, **since)
    old, new = clip_status.c, statement.excluded
    new_plan = _is_news(old.plan_version, new["plan_version"])
    new_calibration = _is_news(old.calibration_version, new["calibration_version"])
    # A gateway that has just started does not know yet what it has told before.
    kept = {name: func.coalesce(new[name], old[name]) for name in told}
    changes = {
        "plan_since_ms": case((new_plan, now_ms), else_=old.plan_since_ms),
        "calibration_since_ms": case((new_calibration, now_ms), else_=old.calibration_since_ms),
        "calibration_before": case((new_calibration, old.calibration_version), else_=old.calibration_before),
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=["clip", "gateway"], set_={**kept, **changes, **always})
    )


def _is_news(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[bool]:
    """The gateway tells of another value than before."""
    return and_(new.is_not(None), new.is_distinct_from(old))


def _for_clip(
    connection: Connection, gateway_id: str, clip: messages.ClipStatus, patient_id: int, now_ms: int
) -> list[Outgoing]:
    out: list[Outgoing] = []
    plan = service.newest_plan(connection, patient_id)
    if plan is not None and (clip.plan_version is None or clip.plan_version < plan.version):
        out.append(Outgoing(gateway_id, _plan_message(clip.clip, plan), patient_id))
    out += [Outgoing(gateway_id, command) for command in commands.unanswered(connection, [clip.clip], now_ms)]
    return out


def waiting(connection: Connection, now_ms: int) -> list[Outgoing]:
    """Plans and commands that nobody has been sent yet, for every gateway that has the clip."""
    out: list[Outgoing] = []
    for version in service.pending(connection):
        clips = connection.scalars(
            select(assignment.c.clip)
            .where(assignment.c.patient_id == version.patient_id, assignment.c.end_ms.is_(None))
            .distinct()
        )
        for clip in sorted(clips):
            message = _plan_message(clip, version.plan)
            out += [Outgoing(gate, message, version.patient_id) for gate in _gateways_of(connection, clip)]
    out += [Outgoing(gate, order) for gate, order in outstanding.unsent(connection, now_ms)]
    for command in commands.unsent(connection, now_ms):
        out += [Outgoing(gate, command) for gate in _gateways_of(connection, command.clip)]
    return out


def note_sending(connection: Connection, outgoing: Sequence[Outgoing], now_ms: int) -> None:
    """These are about to be handed to the broker."""
    plans = [
        (item.message.clip, item.plan_of, item.message.plan.version)
        for item in outgoing
        if item.plan_of is not None and isinstance(item.message, messages.PlanMessage)
    ]
    delivery.note_delivery(connection, plans, now_ms)


def note_sent(connection: Connection, sent: list[Outgoing], now_ms: int) -> None:
    """These have been handed to the broker."""
    plans = {
        (item.plan_of, item.message.plan.version)
        for item in sent
        if item.plan_of is not None and isinstance(item.message, messages.PlanMessage)
    }
    service.mark_sent(connection, sorted(plans), now_ms)
    ordered = {item.message.id for item in sent if isinstance(item.message, messages.Command)}
    commands.mark_sent(connection, ordered, now_ms)
    outstanding.mark_sent(connection, ordered, now_ms)


def _plan_message(clip: str, plan: messages.Plan) -> messages.PlanMessage:
    return messages.PlanMessage(schema="plan/1", clip=clip, plan=plan)


def _gateways_of(connection: Connection, clip: str) -> list[str]:
    """The gateways that may have this clip now: those it is assigned to, or that have told of it."""
    current = select(assignment.c.gateway).where(assignment.c.clip == clip, assignment.c.end_ms.is_(None))
    named = set(connection.scalars(current))
    if None in named:
        named |= set(connection.scalars(select(clip_status.c.gateway).where(clip_status.c.clip == clip)))
    revoked = set(connection.scalars(select(gateway.c.id).where(gateway.c.revoked_ms.is_not(None))))
    return sorted(gate for gate in named - {None} - revoked if gate is not None)
