"""What a patient says of themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from server.access.acts import Act
from server.access.entrance import Entrance
from server.diary import helpful, pain, red_flags
from server.diary.helpful import GivenReminder
from server.diary.pain import PainEntry
from server.diary.red_flags import RedFlagAnswer
from server.problems import not_found
from server.store.engine import reading
from server.summaries.around import Around, around
from server.summaries.zone_history import zones_of_one


@dataclass(frozen=True)
class DiaryDay:
    """What was said on a local day. `around` is the posture around each entry of pain, by its time; reminders the
    newest first, what was felt the oldest first."""

    pain: list[PainEntry]
    around: dict[int, Around]
    reminders: list[GivenReminder]
    red_flags: list[RedFlagAnswer]

    @property
    def answered(self) -> int:
        """Reminders about which something was said."""
        return sum(one.helpful is not None for one in self.reminders)

    @property
    def helped(self) -> int:
        """Reminders that helped."""
        return sum(one.helpful is True for one in self.reminders)


class CareDiary(Entrance):
    """Pain, reminders that helped, urgent signs."""

    def diary(self, patient_id: int, day: date) -> DiaryDay:
        """What the patient said on a local day. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DIARY, patient_id)
        with reading(self._engine) as db:
            start_ms, end_ms = zones_of_one(db, patient_id).bounds(day)
            felt = pain.pain_between(db, [patient_id], start_ms, end_ms).get(patient_id, [])
            return DiaryDay(
                felt,
                around(db, patient_id, [one.at_ms for one in felt], self._now_ms),
                helpful.given_between(db, patient_id, start_ms, end_ms),
                red_flags.red_flags_between(db, [patient_id], start_ms, end_ms).get(patient_id, []),
            )

    def pain_entry(self, patient_id: int, entry_id: int) -> tuple[PainEntry, Around | None]:
        """One entry and the posture around it. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DIARY, patient_id)
        with reading(self._engine) as db:
            found = pain.entry_of(db, patient_id, entry_id)
            if found is None:
                raise not_found("entry")
            return found, around(db, patient_id, [found.at_ms], self._now_ms).get(found.at_ms)

    def note_pain(self, patient_id: int, level: int) -> PainEntry:
        """Keep pain as it is now. Raises PainError, ProblemError 404 or 403."""
        with self._writing(Act.NOTE_PAIN, patient_id) as (db, _):
            return pain.add_pain(db, patient_id, level, self._now_ms)

    def describe_pain(self, patient_id: int, entry_id: int, *, word: str, area: str, note: str) -> PainEntry:
        """Say more of an entry. Raises PainError, ProblemError 404 without it, and 404 or 403."""
        with self._writing(Act.NOTE_PAIN, patient_id, "described") as (db, _):
            found = pain.describe(db, patient_id, entry_id, word=word, area=area, note=note)
            if found is None:
                raise not_found("entry")
            return found

    def take_back_pain(self, patient_id: int, entry_id: int) -> None:
        """Let an entry count no more. Raises ProblemError 404 without it, and 404 or 403."""
        with self._writing(Act.NOTE_PAIN, patient_id, "taken back") as (db, _):
            if not pain.take_back(db, patient_id, entry_id, self._now_ms):
                raise not_found("entry")

    def answer_reminder(self, patient_id: int, clip: str, boot: str, start_ms: int, *, helped: bool) -> None:
        """Keep whether a reminder helped. Raises ProblemError 404 for one that was not given, and 404 or 403."""
        with self._writing(Act.ANSWER_REMINDER, patient_id) as (db, _):
            if not helpful.keep_answer(db, patient_id, clip, boot, start_ms, helpful=helped, now_ms=self._now_ms):
                raise not_found("reminder")

    def answer_red_flags(self, patient_id: int, yes: Collection[str]) -> RedFlagAnswer:
        """Keep the answers to the questions about urgent signs. Raises UnknownQuestionError, ProblemError 404 or
        403."""
        with self._writing(Act.ANSWER_RED_FLAGS, patient_id) as (db, _):
            return red_flags.keep_answers(db, patient_id, yes, self._now_ms)

    def red_flag_answer(self, patient_id: int, answer_id: int) -> RedFlagAnswer:
        """One time that they were answered. Raises ProblemError 404 without it, and 404 or 403."""
        self._enter(Act.SEE_DIARY, patient_id)
        with reading(self._engine) as db:
            found = red_flags.answer_of(db, patient_id, answer_id)
        if found is None:
            raise not_found("answer")
        return found

    def unseen_red_flags(self, patient_id: int) -> list[RedFlagAnswer]:
        """Answers with a yes that no therapist has acknowledged, the oldest first. Raises ProblemError 404 or 403."""
        self._enter(Act.SEE_DIARY, patient_id)
        with reading(self._engine) as db:
            return red_flags.unseen_red_flags(db, [patient_id]).get(patient_id, [])

    def acknowledge_red_flags(self, patient_id: int, answer_id: int) -> None:
        """Note that one has seen it. Raises ProblemError 404 for what is not there or was seen before, and 404 or
        403."""
        with self._writing(Act.ACKNOWLEDGE_RED_FLAGS, patient_id) as (db, _):
            if not red_flags.acknowledge(db, patient_id, answer_id, self._person.id, self._now_ms):
                raise not_found("open answer")
