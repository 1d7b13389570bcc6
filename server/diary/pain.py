"""Pain from 0 to 10, with an optional word, place and note: what is taken, kept, and found again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, insert, select, update

from server.language import N_
from server.store.tables import pain_entry

LEVELS: Final = range(11)
"""The numeric rating scale in whole numbers (NRS-11, LOINC 72514-3)."""
HIGH: Final = 8
"""From this level on the questions about urgent signs are offered; no published cut-off is known to us."""
CHANGE: Final = 2
"""By how much pain must differ to matter: 2 points on the scale (Ostelo et al. 2008,
doi 10.1097/BRS.0b013e31815e3a10)."""
MAX_NOTE: Final = 300
TWICE_MS: Final = 10_000
"""Within this time the same entry again is a second tap on the same button."""

WORDS: Final[Mapping[str, str]] = {
    "aching": N_("aching"),
    "stiff": N_("stiff"),
    "tight": N_("tight"),
    "heavy": N_("heavy"),
    "burning": N_("burning"),
    "stabbing": N_("stabbing"),
    "shooting": N_("shooting"),
    "tingling": N_("tingling"),
    "numb": N_("numb"),
}
"""How it feels."""
ASKING_WORDS: Final = frozenset({"numb", "tingling"})
"""Words after which the questions about urgent signs are offered: a nerve may be concerned."""
AREAS: Final[Mapping[str, str]] = {
    "neck": N_("neck"),
    "left_shoulder": N_("left shoulder"),
    "right_shoulder": N_("right shoulder"),
    "upper_back": N_("upper back"),
    "lower_back": N_("lower back"),
    "left_hip": N_("left hip or buttock"),
    "right_hip": N_("right hip or buttock"),
    "left_leg": N_("left leg"),
    "right_leg": N_("right leg"),
    "head": N_("head"),
    "chest": N_("chest"),
    "belly": N_("belly"),
    "left_arm": N_("left arm"),
    "right_arm": N_("right arm"),
}
"""Where it is; the figure on the page shows them from behind and from the front."""
ASKING_AREAS: Final = frozenset({"chest"})


class PainError(ValueError):
    """What was sent cannot be kept; the message says what to do."""


@dataclass(frozen=True)
class PainEntry:
    """Pain that a patient noted at `at_ms`, UTC. `word` and `area` are keys of WORDS and AREAS."""

    id: int
    patient_id: int
    at_ms: int
    level: int
    word: str | None
    area: str | None
    note: str

    @property
    def asks(self) -> bool:
        """Whether the questions about urgent signs should be offered."""
        return self.level >= HIGH or self.word in ASKING_WORDS or self.area in ASKING_AREAS


def add_pain(db: Connection, patient_id: int, level: int, now_ms: int) -> PainEntry:
    """Keep a number; a second tap on the same one keeps no second entry. Raises PainError."""
    if level not in LEVELS:
        raise PainError(N_("Choose a number from 0 to 10."))
    c = pain_entry.c
    just_now = select(pain_entry).where(
        c.patient_id == patient_id, c.level == level, c.at_ms > now_ms - TWICE_MS, c.taken_back_ms.is_(None)
    )
    row = db.execute(just_now).first()
    if row is None:
        values = {"patient_id": patient_id, "level": level, "note": "", "at_ms": now_ms}
        row = db.execute(insert(pain_entry).values(values).returning(pain_entry)).one()
    return _entry(row)


def describe(db: Connection, patient_id: int, entry_id: int, *, word: str, area: str, note: str) -> PainEntry | None:
    """Say how it feels and where ("" for neither) and note something. None for an entry that is not this patient's or
    was taken back. Raises PainError."""
    note = " ".join(note.replace("\x00", "").split())
    if (word and word not in WORDS) or (area and area not in AREAS):
        raise PainError(N_("Choose a word and a place from those shown, or none."))
    if len(note) > MAX_NOTE:
        raise PainError(N_("Make the note a little shorter: it has room for 300 characters."))
    c = pain_entry.c
    row = db.execute(
        update(pain_entry)
        .where(c.id == entry_id, c.patient_id == patient_id, c.taken_back_ms.is_(None))
        .values(word=word or None, area=area or None, note=note)
        .returning(pain_entry)
    ).first()
    return None if row is None else _entry(row)


def take_back(db: Connection, patient_id: int, entry_id: int, now_ms: int) -> bool:
    """Let an entry count no more. False for one that is not this patient's, or was taken back before."""
    c = pain_entry.c
    mine = (c.id == entry_id, c.patient_id == patient_id, c.taken_back_ms.is_(None))
    return db.execute(update(pain_entry).where(*mine).values(taken_back_ms=now_ms)).rowcount == 1


def entry_of(db: Connection, patient_id: int, entry_id: int) -> PainEntry | None:
    """One entry that counts."""
    c = pain_entry.c
    row = db.execute(
        select(pain_entry).where(c.id == entry_id, c.patient_id == patient_id, c.taken_back_ms.is_(None))
    ).first()
    return None if row is None else _entry(row)


def pain_between(
    db: Connection, patient_ids: Collection[int], first_ms: int, end_ms: int
) -> dict[int, list[PainEntry]]:
    """The entries from `first_ms` to before `end_ms` (UTC) that count, of all these patients with one question, the
    oldest first; who noted none is missing."""
    c = pain_entry.c
    rows = db.execute(
        select(pain_entry)
        .where(c.patient_id.in_(patient_ids), c.at_ms >= first_ms, c.at_ms < end_ms, c.taken_back_ms.is_(None))
        .order_by(c.at_ms, c.id)
    )
    found: dict[int, list[PainEntry]] = {}
    for row in rows:
        found.setdefault(row.patient_id, []).append(_entry(row))
    return found


def _entry(row: Row[tuple[object, ...]]) -> PainEntry:
    return PainEntry(row.id, row.patient_id, row.at_ms, row.level, row.word, row.area, row.note)
