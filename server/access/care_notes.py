"""What therapists note about a patient."""

from __future__ import annotations

from server.access.acts import Act
from server.access.entrance import Entrance
from server.notes.service import Note, add_note, notes_of
from server.store.engine import reading


class CareNotes(Entrance):
    """Notes."""

    def notes(self, patient_id: int) -> list[Note]:
        """A patient's notes, the newest first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_NOTES, patient_id)
        with reading(self._engine) as db:
            return notes_of(db, patient_id)

    def write_note(self, patient_id: int, text: str, corrects: int | None = None) -> int:
        """Write a note, or say one of one's own anew; returns its number. Raises NoteError, ProblemError 404 or 403."""
        detail = "new" if corrects is None else f"correction of {corrects}"
        with self._writing(Act.WRITE_NOTE, patient_id, detail) as (db, _):
            return add_note(db, patient_id, text, author_id=self._person.id, now_ms=self._now_ms, corrects=corrects)
