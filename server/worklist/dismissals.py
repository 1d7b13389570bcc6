"""Flags that a therapist has dismissed, and until when that holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, insert, select, update

from server.language import gettext as _
from server.store.tables import flag_dismissal, patient, user_account
from server.worklist.flags import Flag, Rule

GROWTH: Final = 1.5
"""By how many times what it was a dismissed flag must have grown to be told again. Our proposal: so that a holiday of
three weeks is told three times more and not each morning."""
MIN_REASON: Final = 3
MAX_REASON: Final = 200


class DismissalError(ValueError):
    """The flag cannot be dismissed so; the message says what to do."""


@dataclass(frozen=True)
class Dismissal:
    """`author` (None: an account that is gone) dismissed a flag of this size on the patient's local day `day`."""

    id: int
    patient_id: int
    rule: str
    about: str
    size: float
    reason: str
    author: str | None
    created_ms: int


def covers(dismissal: Dismissal, day: date, flag: Flag) -> bool:
    """Whether a flag is the one that was dismissed on the local day `day`: not about something new, and not bigger."""
    same = dismissal.rule == flag.rule.value and dismissal.about == flag.about
    seen = flag.since is None or flag.since < day
    return same and seen and flag.size < GROWTH * dismissal.size


def read_reason(words: str) -> str:
    """A reason as it is kept. Raises DismissalError."""
    reason = " ".join(words.replace("\x00", "").split())
    if len(reason) < MIN_REASON:
        raise DismissalError(_("Say why, in {least} characters or more, or choose a reason.").format(least=MIN_REASON))
    if len(reason) > MAX_REASON:
        too_long = _("A reason has at most {most} characters; this one has {count}.")
        raise DismissalError(too_long.format(most=MAX_REASON, count=len(reason)))
    return reason


def dismiss(
    db: Connection, patient_id: int, flags: Sequence[Flag], reason: str, *, author_id: int | None, now_ms: int
) -> list[int]:
    """Keep that these flags are dismissed; returns the dismissals' numbers. Raises DismissalError, also for answers
    about urgent signs, which somebody looks at instead."""
    reason = read_reason(reason)
    if any(flag.rule is Rule.URGENT for flag in flags):
        raise DismissalError(
            _("Answers about urgent signs cannot be dismissed. Say in the list that you have seen them.")
        )
    # Locked, so that of two clicks only one is kept.
    db.execute(select(patient.c.id).where(patient.c.id == patient_id).with_for_update())
    return [
        int(
            db.execute(
                insert(flag_dismissal)
                .values(
                    patient_id=patient_id,
                    rule=flag.rule.value,
                    about=flag.about,
                    size=flag.size,
                    reason=reason,
                    author_id=author_id,
                    created_ms=now_ms,
                )
                .returning(flag_dismissal.c.id)
            ).scalar_one()
        )
        for flag in flags
    ]


def undo(db: Connection, patient_id: int, dismissal_id: int, *, author_id: int | None, now_ms: int) -> bool:
    """From now on the flag counts as not dismissed. False for a dismissal that is not this patient's or was undone."""
    c = flag_dismissal.c
    mine = (c.id == dismissal_id, c.patient_id == patient_id, c.undone_ms.is_(None))
    changed = db.execute(update(flag_dismissal).where(*mine).values(undone_ms=now_ms, undone_by=author_id))
    return changed.rowcount == 1


def dismissals_of(db: Connection, patient_ids: Collection[int]) -> dict[int, list[Dismissal]]:
    """What was dismissed and not undone, the newest first, of all these patients with one question."""
    c = flag_dismissal.c
    rows = db.execute(
        select(c.id, c.patient_id, c.rule, c.about, c.size, c.reason, user_account.c.name, c.created_ms)
        .join(user_account, user_account.c.id == c.author_id, isouter=True)
        .where(c.patient_id.in_(patient_ids), c.undone_ms.is_(None))
        .order_by(c.id.desc())
    )
    found: dict[int, list[Dismissal]] = {}
    for row in rows:
        found.setdefault(row.patient_id, []).append(Dismissal(*row))
    return found
