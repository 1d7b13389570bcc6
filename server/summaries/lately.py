"""What a pure function says of many patients' last days, kept until something of these days changes.

A list looks at five weeks of everybody each time it is opened, and none of these days is still under way: comparing
them costs a hundred times what it takes to see that they are as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from datetime import date, timedelta
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select, true

from server.store.engine import reading
from server.store.tables import daily, day_mark, plan
from server.summaries.periods import BEFORE_DAYS, Period
from server.summaries.stale import stale_days
from server.summaries.weeks import periods
from server.summaries.zone_history import zones_of
from server.summaries.zones import Zones

_AT_ONCE: Final = 50
"""Patients whose days are in memory at the same time."""

Said = TypeVar("Said")
_Said = dict[tuple[Hashable, int], tuple[Hashable, Any]]
"""By function and patient: what it was said of, and what."""
_kept: Final[WeakKeyDictionary[Engine, tuple[date, _Said]]] = WeakKeyDictionary()


def said_lately(
    engine: Engine, patient_ids: Collection[int], now_ms: int, days: int, tell: Callable[[Period], Said]
) -> dict[int, Said]:
    """What `tell` says of each patient's last `days` local days, up to the one before the present, beside those before.
    `tell` is pure, has a name of its own in a module, and says something small. Who does not exist is missing."""
    found: dict[int, Said] = {}
    with reading(engine) as connection:
        zones = zones_of(connection, patient_ids)
        by_today: dict[date, list[int]] = {}
        for patient_id, lived in zones.items():
            by_today.setdefault(lived.day_at(now_ms), []).append(patient_id)
        said = _of_today(engine, max(by_today, default=date.min))
        for today, numbers in by_today.items():
            last = today - timedelta(days=1)
            first = last - timedelta(days=days - 1)
            state = _state(connection, numbers, zones, first - timedelta(days=BEFORE_DAYS), today)
            known = {number: said.get((tell, number)) for number in numbers}
            found.update({one: entry[1] for one, entry in known.items() if entry and entry[0] == state[one]})
            rest = [one for one in numbers if one not in found]
            for at in range(0, len(rest), _AT_ONCE):
                part = rest[at : at + _AT_ONCE]
                for one, period in periods(connection, part, first, last, now_ms).items():
                    found[one] = tell(period)
                    said[tell, one] = (state[one], found[one])
    return found


def _of_today(engine: Engine, today: date) -> _Said:
    """Begun anew each day, so that nothing is kept of who is not looked at any more."""
    since, said = _kept.get(engine, (today, {}))
    if since != today:
        said = {}
    _kept[engine] = (today, said)
    return said


def _state(
    connection: Connection, numbers: list[int], zones: dict[int, Zones], since: date, today: date
) -> dict[int, Hashable]:
    """Of each patient, what is another as soon as anything is that a period from `since` to before `today` is made of:
    days that were made again, marks, plans, zones."""
    between = since.isoformat(), (today - timedelta(days=1)).isoformat()
    made, confirmed = daily.c.computed_ms, func.coalesce(plan.c.confirmed_ms, 0)
    questions = (
        (daily, (func.count(), func.max(made), func.sum(made), func.sum(daily.c.algo)), daily.c.date.between(*between)),
        (day_mark, (func.max(day_mark.c.id),), day_mark.c.date.between(*between)),
        (plan, (func.max(plan.c.version), func.max(confirmed), func.sum(confirmed)), true()),
    )
    state: dict[int, list[Hashable]] = {number: [today, zones[number]] for number in numbers}
    for table, figures, where in questions:
        number = table.c.patient_id
        for patient_id, *told in connection.execute(
            select(number, *figures).where(number.in_(numbers), where).group_by(number)
        ):
            state[patient_id].append((table.name, *told))
    for patient_id, stale in stale_days(connection, numbers, since, today - timedelta(days=1)).items():
        state[patient_id].append(frozenset(stale))
    return {number: tuple(told) for number, told in state.items()}
