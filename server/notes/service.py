"""Notes about a patient: written, said anew, never changed and never taken away one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select

from server.store import UnknownPatientError
from server.store.tables import patient, patient_note, user_account

LONGEST: Final = 2000
"""Characters of a note."""
_SHORTEST: Final = 3


class NoteError(ValueError):
    """A note that cannot be kept so; the message says why and what to do."""


@dataclass(frozen=True)
class Wording:
    """What was written at `created_ms`, UTC; `author` None: an account that is gone."""

    author_id: int | None
    author: str | None
    created_ms: int
    text: str


@dataclass(frozen=True)
class Note:
    """A note as it is said now, and what it said before, the latest first."""

    id: int
    now: Wording
    before: tuple[Wording, ...]


def add_note(
    connection: Connection, patient_id: int, text: str, *, author_id: int, now_ms: int, corrects: int | None = None
) -> int:
    """Write a note, or say one of one's own anew: `corrects` is its number. Returns the number of the row.

    Raises NoteError, UnknownPatientError.
    """
    text = tidy(text)
    if connection.scalar(select(patient.c.id).where(patient.c.id == patient_id).with_for_update()) is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    if corrects is not None:
        note = next((one for one in notes_of(connection, patient_id) if one.id == corrects), None)
        if note is None:
            raise NoteError("There is no such note. Look at the list again.")
        if note.now.author_id != author_id:
            raise NoteError("Only its author can correct a note. Write one of your own beside it.")
        if note.now.text == text:
            raise NoteError("The note says so already.")
    values = {"patient_id": patient_id, "author_id": author_id, "created_ms": now_ms, "text": text}
    made = connection.execute(insert(patient_note).values(corrects_id=corrects, **values))
    assert made.inserted_primary_key is not None  # noqa: S101 - one row was inserted
    return int(made.inserted_primary_key[0])


def tidy(text: str) -> str:
    """The words as they are kept. Raises NoteError."""
    text = "\n".join(line.rstrip() for line in text.replace("\x00", "").splitlines()).strip()
    if len(text) < _SHORTEST:
        raise NoteError(f"Write the note in {_SHORTEST} characters or more.")
    if len(text) > LONGEST:
        raise NoteError(f"A note has at most {LONGEST} characters; this one has {len(text)}.")
    return text


def notes_of(connection: Connection, patient_id: int) -> list[Note]:
    """A patient's notes, the one written last first; a correction leaves a note where it is."""
    rows = connection.execute(
        select(patient_note, user_account.c.name.label("author"))
        .join(user_account, user_account.c.id == patient_note.c.author_id, isouter=True)
        .where(patient_note.c.patient_id == patient_id)
        .order_by(patient_note.c.id.desc())
    ).all()
    said: dict[int, list[Wording]] = {}
    for row in rows:
        wording = Wording(row.author_id, row.author, row.created_ms, row.text)
        said.setdefault(row.id if row.corrects_id is None else row.corrects_id, []).append(wording)
    return [Note(number, words[0], tuple(words[1:])) for number, words in sorted(said.items(), reverse=True)]
