"""Beginnings of plans: a small catalogue, and what an organisation has saved of its own.

A template holds some fields of a plan; the others stay as the patient has them. Those of the catalogue never set days,
hours or goals that are the patient's own, except where the goal is what the template is about. They are proposals: the
studies named are small, and none shows that a setting relieves pain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from server.plans.drafts import FIELDS
from server.plans.types import InvalidPlanError
from server.plans.validating import validate
from server.store.tables import plan_template

MOST_OF_ONES_OWN: Final = 50
LONGEST_NAME: Final = 60
LONGEST_PURPOSE: Final = 300
_OWN: Final = "own-"


@dataclass(frozen=True)
class Template:
    """A beginning of a plan. `basis` says what the figures rest on; `key` names it, `own-...` for an organisation's."""

    key: str
    name: str
    purpose: str
    basis: str
    fields: Mapping[str, object]

    @property
    def own(self) -> bool:
        """Whether the organisation saved it itself."""
        return self.key.startswith(_OWN)


CATALOGUE: Final = (
    Template(
        "track-only",
        "Track only",
        "Measures and never reminds: for the first week, to see how somebody sits before anything is changed.",
        "One representative day captured how 20 office workers sat (doi 10.1016/j.apergo.2024.104374).",
        {"mode": "track"},
    ),
    Template(
        "gentle-start",
        "Gentle start",
        "Few reminders, late: to get used to the clip without being interrupted.",
        "Makers of posture clips advise a delay of 2 minutes; vibration is noticed best, and disrupts most "
        "(Haller, INTERACT 2011). At most 2 an hour is a proposal.",
        {
            "mode": "train", "trigger": "dwell", "angle_deg": 15, "recovery_deg": 8, "dwell_s": 180, "repeat_s": 900,
            "cap_per_hour": 2, "fraction_pct": 100, "back_off": True, "probe_every": 0,
        },
    ),
    Template(
        "desk",
        "Desk default",
        "Reminds after a minute of slouching at the desk, at most 6 times an hour.",
        "Slouched at a desk the upper back often leans only 5 to 15 degrees further forward; a minute is half of what "
        "makers advise. The cap and the back-off are proposals.",
        {
            "mode": "train", "trigger": "dwell", "angle_deg": 10, "recovery_deg": 5, "recovery_s": 0.8, "dwell_s": 60,
            "repeat_s": 300, "cap_per_hour": 6, "fraction_pct": 100, "back_off": True, "probe_every": 0,
        },
    ),
    Template(
        "dose",
        "By dose",
        "Reminds when slouches have added up, not after each: fewer reminders, later.",
        "In one laboratory study of a hand task cues by accumulated exposure came 4.6 times, others 10.4, with less "
        "time bent forward (J Exerc Mov Sport 1:3859). Holding times follow the line of ISO 11226.",
        {"mode": "train", "trigger": "dose", "cap_per_hour": 6, "fraction_pct": 100, "back_off": True},
    ),
    Template(
        "fading",
        "Fading: two of three",
        "Gives two of three reminders, and one silent day in five: when the reminders are heeded.",
        "Of groups with feedback 0, 33, 67 and 100 % of the time only that with 67 % still did better later "
        "(doi 10.3390/s24051404); faded feedback was kept for a week (doi 10.1589/jpts.31.687).",
        {"mode": "train", "fraction_pct": 67, "probe_every": 5, "back_off": True},
    ),
    Template(
        "fading-on",
        "Fading: one of three",
        "Gives one of three reminders, and one silent day in three: to see what stays without them.",
        "Gains were gone one to three weeks after feedback that was not faded (doi 10.1080/00140139.2022.2069869). "
        "The step to 33 % is a proposal.",
        {"mode": "train", "fraction_pct": 33, "probe_every": 3, "back_off": True},
    ),
    Template(
        "movement",
        "Movement first",
        "Shifts and breaks before upright time: reminds rarely, aims at no more than 30 minutes without a shift.",
        "Office workers led to shift posture or take breaks got back pain less often in 6 months: 7 and 9 % against "
        "33 % (doi 10.5271/sjweh.3949). 36 shifts an hour are usual at a desk (doi 10.1016/j.apergo.2024.104374).",
        {
            "mode": "train", "trigger": "dose", "cap_per_hour": 2, "back_off": True,
            "goals": {"shifts_per_hour": 20, "longest_still_min": 30},
        },
    ),
)  # fmt: skip


def templates_of(connection: Connection, organisation_id: int) -> tuple[Template, ...]:
    """The organisation's own, by name, then the catalogue."""
    rows = connection.execute(
        select(plan_template)
        .where(plan_template.c.organisation_id == organisation_id)
        .order_by(plan_template.c.name, plan_template.c.id)
    )
    own = (Template(f"{_OWN}{row.id}", row.name, row.purpose, "", json.loads(row.fields_json)) for row in rows)
    return (*own, *CATALOGUE)


def begin_with(template: Template, fields: Mapping[str, object]) -> dict[str, object]:
    """A plan's fields with the template's in their place. Not held against the limits."""
    goals = {**_as_dict(fields.get("goals")), **_as_dict(template.fields.get("goals"))}
    return {**fields, **template.fields, **({"goals": goals} if goals else {})}


def _as_dict(value: object) -> dict[str, object]:
    return {str(name): item for name, item in value.items()} if isinstance(value, Mapping) else {}


def save_template(
    connection: Connection,
    organisation_id: int,
    author_id: int,
    *,
    name: str,
    purpose: str,
    fields: Mapping[str, object],
    now_ms: int,
) -> Template:
    """Keep a whole plan's fields as a template of the organisation. Raises InvalidPlanError."""
    name, purpose = " ".join(name.replace("\x00", "").split()), " ".join(purpose.replace("\x00", "").split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidPlanError((("name", f"must be 1 to {LONGEST_NAME} characters"),))
    if len(purpose) > LONGEST_PURPOSE:
        raise InvalidPlanError((("purpose", f"must be at most {LONGEST_PURPOSE} characters"),))
    unknown = sorted(fields.keys() - FIELDS)
    if unknown:
        raise InvalidPlanError(tuple((field, "there is no such field") for field in unknown))
    kept = validate({**fields, "version": 1}).model_dump(mode="json", include=set(FIELDS))
    count = select(func.count()).select_from(plan_template).where(plan_template.c.organisation_id == organisation_id)
    if (connection.scalar(count) or 0) >= MOST_OF_ONES_OWN:
        raise InvalidPlanError((("name", f"there are {MOST_OF_ONES_OWN} already; remove one first"),))
    values = {
        "organisation_id": organisation_id,
        "name": name,
        "purpose": purpose,
        "fields_json": json.dumps(kept),
        "author_id": author_id,
        "created_ms": now_ms,
    }
    try:
        with connection.begin_nested():
            made = connection.execute(insert(plan_template).values(**values).returning(plan_template.c.id)).scalar_one()
    except IntegrityError as error:
        raise InvalidPlanError((("name", "there is a template of this name; choose another"),)) from error
    return Template(f"{_OWN}{made}", name, purpose, "", kept)


def remove_template(connection: Connection, organisation_id: int, key: str) -> bool:
    """Take away one of the organisation's own; False for any other. Plans made from it stay."""
    number = key.removeprefix(_OWN)
    if not key.startswith(_OWN) or not number.isdecimal() or len(number) > 9:
        return False
    done = connection.execute(
        delete(plan_template).where(
            plan_template.c.organisation_id == organisation_id, plan_template.c.id == int(number)
        )
    )
    return done.rowcount == 1
