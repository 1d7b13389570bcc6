"""Urgent signs: a few questions whose yes means that somebody should look soon, and what to do then.

The questions follow the signs of a serious cause of back pain that clinicians ask for (Finucane et al. 2020,
doi 10.2519/jospt.2020.9971). They are no diagnosis, and no yes to any of them rules nothing out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, insert, select, update

from server.language import N_
from server.store.tables import red_flag_answer, user_account

QUESTIONS: Final = 1
"""Version of the list below; raise it when a question changes its meaning."""
Advice = Literal["now", "today", "none"]


@dataclass(frozen=True)
class Question:
    """`words` are asked; `short` is what the therapist reads; `advice` is what a yes leads to."""

    key: str
    words: str
    short: str
    advice: Advice


LIST: Final = (
    Question(
        "saddle",
        N_("Numbness or a strange feeling between your legs or around your bottom"),
        N_("numbness around the saddle"),
        "now",
    ),
    Question(
        "bladder",
        N_("New trouble with passing or holding urine or stool"),
        N_("new trouble with bladder or bowel"),
        "now",
    ),
    Question(
        "weakness",
        N_("New weakness in a leg, foot, arm or hand, or numbness that spreads"),
        N_("new weakness or spreading numbness"),
        "now",
    ),
    Question(
        "chest",
        N_("Pressure or pain in the chest, or being short of breath"),
        N_("chest pain or breathlessness"),
        "now",
    ),
    Question(
        "trauma",
        N_("A heavy fall, blow or accident shortly before the pain began"),
        N_("fall or accident before the pain began"),
        "today",
    ),
    Question("fever", N_("Fever, chills, or feeling very unwell with the pain"), N_("fever or very unwell"), "today"),
    Question(
        "general",
        N_("Losing weight without trying, or having had cancer"),
        N_("unexplained weight loss, or cancer before"),
        "today",
    ),
)
BY_KEY: Final[Mapping[str, Question]] = {question.key: question for question in LIST}


class UnknownQuestionError(ValueError):
    """There is no such question."""


@dataclass(frozen=True)
class RedFlagAnswer:
    """The questions answered at `at_ms`, UTC; `yes` are keys of LIST, those that apply. A therapist, `seen_by` (None
    for an account that is gone), has seen it at `seen_ms`."""

    id: int
    patient_id: int
    at_ms: int
    yes: tuple[str, ...]
    advice: Advice
    seen_ms: int | None
    seen_by: str | None

    @property
    def short(self) -> tuple[str, ...]:
        """What applies in a few words each; to be translated where it is used. Of a question that is asked no more, its
        key."""
        return tuple(BY_KEY[key].short if key in BY_KEY else key for key in self.yes)


def advice_for(yes: Collection[str]) -> Advice:
    """The most urgent advice that the answers lead to. Raises UnknownQuestionError."""
    unknown = set(yes) - BY_KEY.keys()
    if unknown:
        raise UnknownQuestionError(f"there is no question {min(unknown)[:20]!r}")
    wanted = {BY_KEY[key].advice for key in yes}
    return "now" if "now" in wanted else "today" if "today" in wanted else "none"


def keep_answers(db: Connection, patient_id: int, yes: Collection[str], now_ms: int) -> RedFlagAnswer:
    """Keep one time that the questions were answered. Raises UnknownQuestionError."""
    advice = advice_for(yes)
    ordered = [question.key for question in LIST if question.key in yes]
    made = db.execute(
        insert(red_flag_answer)
        .values(patient_id=patient_id, at_ms=now_ms, questions=QUESTIONS, yes_json=json.dumps(ordered), advice=advice)
        .returning(red_flag_answer.c.id)
    ).scalar_one()
    return RedFlagAnswer(made, patient_id, now_ms, tuple(ordered), advice, None, None)


def answer_of(db: Connection, patient_id: int, answer_id: int) -> RedFlagAnswer | None:
    """One time that the questions were answered."""
    query = _query().where(red_flag_answer.c.patient_id == patient_id, red_flag_answer.c.id == answer_id)
    return next(iter(_read(db, query)), None)


def unseen_red_flags(db: Connection, patient_ids: Collection[int]) -> dict[int, list[RedFlagAnswer]]:
    """Answers with a yes that no therapist has acknowledged, of all these patients with one question, the oldest
    first; who has none is missing."""
    c = red_flag_answer.c
    return _by_patient(db, _query().where(c.patient_id.in_(patient_ids), c.advice != "none", c.seen_ms.is_(None)))


def red_flags_between(
    db: Connection, patient_ids: Collection[int], first_ms: int, end_ms: int
) -> dict[int, list[RedFlagAnswer]]:
    """All answers from `first_ms` to before `end_ms` (UTC), those without a yes too; as `unseen_red_flags`."""
    c = red_flag_answer.c
    return _by_patient(db, _query().where(c.patient_id.in_(patient_ids), c.at_ms >= first_ms, c.at_ms < end_ms))


def acknowledge(db: Connection, patient_id: int, answer_id: int, account_id: int, now_ms: int) -> bool:
    """Note that a therapist has seen an answer. False for one that is not this patient's or was seen before."""
    c = red_flag_answer.c
    unseen = (c.id == answer_id, c.patient_id == patient_id, c.seen_ms.is_(None))
    return db.execute(update(red_flag_answer).where(*unseen).values(seen_ms=now_ms, seen_by=account_id)).rowcount == 1


def _query() -> Select[Any]:
    return (
        select(red_flag_answer, user_account.c.name)
        .join(user_account, user_account.c.id == red_flag_answer.c.seen_by, isouter=True)
        .order_by(red_flag_answer.c.at_ms, red_flag_answer.c.id)
    )


def _read(db: Connection, query: Select[Any]) -> list[RedFlagAnswer]:
    return [
        RedFlagAnswer(
            row.id, row.patient_id, row.at_ms, tuple(json.loads(row.yes_json)), row.advice, row.seen_ms, row.name
        )
        for row in db.execute(query)
    ]


def _by_patient(db: Connection, query: Select[Any]) -> dict[int, list[RedFlagAnswer]]:
    found: dict[int, list[RedFlagAnswer]] = {}
    for one in _read(db, query):
        found.setdefault(one.patient_id, []).append(one)
    return found
