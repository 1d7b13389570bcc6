"""Who is in one's care, who of them needs a look first and why, and flags that were dismissed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

from sqlalchemy import Connection, select

from server.access.acts import Act
from server.access.clips import ClipState, clips_of
from server.access.entrance import Entrance
from server.access.grounds import Patient
from server.diary.pain import pain_between
from server.diary.red_flags import unseen_red_flags
from server.language import gettext
from server.plans.service import states_of
from server.plans.types import PlanState
from server.problems import not_found
from server.store.engine import reading
from server.store.tables import clip_event
from server.summaries.day import GRACE_MS
from server.summaries.lately import said_lately
from server.summaries.present import present_days
from server.summaries.types import DaySummary
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones
from server.worklist import dismissals
from server.worklist.dismissals import Dismissal, DismissalError, dismissals_of
from server.worklist.facts import RECENT_DAYS, Facts, Pain, PlanFacts, SeatEvent, Told, Urgent, tell
from server.worklist.flags import Flag
from server.worklist.order import key
from server.worklist.rules import DAY_MS, PAIN_BEFORE_DAYS, PAIN_RECENT_DAYS, SLIP_DAYS, flags_of

_SEAT_KINDS: Final = ("slipped", "slip_suspected", "calibrated")


@dataclass(frozen=True)
class Standing:
    """How a patient stands: the present local day, five weeks in short, flags, the most pressing first, and of those
    dismissed by what. `clips` are those worn now, the most lately seen first."""

    patient: Patient
    day: DaySummary
    plan: PlanState
    clips: list[ClipState]
    told: Told
    open: tuple[Flag, ...]
    dismissed: tuple[tuple[Flag, Dismissal], ...]


class CareList(Entrance):
    """The list of patients."""

    @cached_property
    def _zones(self) -> dict[int, Zones]:
        """Of patients whose present date was asked for, and of all who were entered then."""
        return {}

    def patients(self) -> list[Patient]:
        """Everybody whose days this person may see in a list, by name. Raises ProblemError 403 for others."""
        return self._enter_all(Act.SEE_LIST)

    def patient(self, patient_id: int) -> Patient:
        """One patient. Raises ProblemError 404 whether they do not exist or are nobody to this person."""
        return self._entered.get(patient_id) or self._enter(Act.SEE_RECORD, patient_id)

    def today(self, someone: Patient) -> date:
        """The patient's present local date."""
        if someone.id not in self._zones:
            with reading(self._engine) as db:
                self._zones.update(zones_of(db, {someone.id, *self._entered}))
        return self._zones[someone.id].day_at(self._now_ms)

    def worklist(self) -> list[Standing]:
        """Everybody in the list as they stand now, who needs a look most first (`server.worklist.order`). Raises
        ProblemError 403."""
        standing = self._standing(self.patients())
        return sorted(standing, key=lambda one: key(one.open, one.patient.id))

    def dismiss(self, patient_id: int, flags: Collection[tuple[str, str]], reason: str) -> list[int]:
        """Dismiss open flags, each by (rule, about), and say why; returns the dismissals' numbers. Raises
        DismissalError, also where none of them is open any more; ProblemError 404 or 403."""
        self.demand(Act.DISMISS_FLAG, patient_id)
        (standing,) = self._standing([self._enter(Act.SEE_LIST, patient_id)])
        meant = [flag for flag in standing.open if (flag.rule.value, flag.about) in flags]
        if not meant:
            raise DismissalError(gettext("Choose what to dismiss. What was here before may have gone by itself."))
        rules = ", ".join(sorted({flag.rule.value for flag in meant}))
        with self._writing(Act.DISMISS_FLAG, patient_id, rules) as (db, _):
            return dismissals.dismiss(db, patient_id, meant, reason, author_id=self._person.id, now_ms=self._now_ms)

    def undo_dismissal(self, patient_id: int, dismissal_id: int) -> None:
        """Let a flag count again. Raises ProblemError 404 or 403."""
        with self._writing(Act.DISMISS_FLAG, patient_id, "taken back") as (db, _):
            if not dismissals.undo(db, patient_id, dismissal_id, author_id=self._person.id, now_ms=self._now_ms):
                raise not_found("dismissal")

    def all_clips(self) -> dict[int, list[ClipState]]:
        """The clips that those in the list wear now, by patient."""
        return self._clips([someone.id for someone in self.patients()])

    def _clips(self, patient_ids: list[int]) -> dict[int, list[ClipState]]:
        with reading(self._engine) as db:
            return clips_of(db, patient_ids, self._now_ms)

    def _standing(self, everybody: Sequence[Patient]) -> list[Standing]:
        numbers, now_ms = [someone.id for someone in everybody], self._now_ms
        days = present_days(self._engine, numbers, now_ms, behind_ms=GRACE_MS)
        told = said_lately(self._engine, numbers, now_ms, RECENT_DAYS, tell)
        with reading(self._engine) as db:
            clips = clips_of(db, numbers, now_ms)
            plans = states_of(db, numbers)
            zones = zones_of(db, numbers)
            reach_ms = (PAIN_RECENT_DAYS + PAIN_BEFORE_DAYS) * DAY_MS
            pain = pain_between(db, numbers, now_ms - reach_ms, now_ms + 1)
            urgent = unseen_red_flags(db, numbers)
            seat = _seat(db, numbers, now_ms)
            set_aside = dismissals_of(db, numbers)
        found = []
        for someone in everybody:
            worn = clips.get(someone.id, [])
            clip = worn[0] if worn else None
            facts = Facts(
                now_ms,
                told[someone.id],
                tuple(Pain(one.at_ms, one.level) for one in pain.get(someone.id, [])),
                tuple(Urgent(one.id, one.at_ms, one.yes, one.advice == "now") for one in urgent.get(someone.id, [])),
                tuple(one for one in seat.get(someone.id, []) if one.clip in {state.clip for state in worn}),
                _plan(plans[someone.id]),
                clip.clip if clip else None,
                clip.seen_ms if clip else None,
            )
            still, gone = _parted(flags_of(facts), set_aside.get(someone.id, []), zones[someone.id])
            found.append(Standing(someone, days[someone.id], plans[someone.id], worn, told[someone.id], still, gone))
        return found


def _plan(state: PlanState) -> PlanFacts:
    newest = state.newest
    if newest is None or not state.waiting:
        return PlanFacts(None, 0, None)
    return PlanFacts(newest.version, newest.created_ms, newest.sent_ms)


def _seat(db: Connection, patient_ids: Collection[int], now_ms: int) -> dict[int, list[SeatEvent]]:
    c = clip_event.c
    rows = db.execute(
        select(c.patient_id, c.clip, c.kind, c.utc_ms, c.value).where(
            c.patient_id.in_(patient_ids),
            c.kind.in_(_SEAT_KINDS),
            c.utc_ms.between(now_ms - SLIP_DAYS * DAY_MS, now_ms),
        )
    )
    found: dict[int, list[SeatEvent]] = {}
    for row in rows:
        found.setdefault(row.patient_id, []).append(SeatEvent(row.clip, row.kind, row.utc_ms, row.value / 10))
    return found


def _parted(
    flags: Sequence[Flag], set_aside: Sequence[Dismissal], zones: Zones
) -> tuple[tuple[Flag, ...], tuple[tuple[Flag, Dismissal], ...]]:
    """Flags that are open, and those that a dismissal holds for."""
    by = {
        flag: next((one for one in set_aside if dismissals.covers(one, zones.day_at(one.created_ms), flag)), None)
        for flag in flags
    }
    return (
        tuple(flag for flag, one in by.items() if one is None),
        tuple((flag, one) for flag, one in by.items() if one is not None),
    )
