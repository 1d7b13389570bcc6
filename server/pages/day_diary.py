"""What a patient said on a day, for their therapist: urgent signs first, pain beside its posture, what helped."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from server.access.care_diary import DiaryDay
from server.diary.red_flags import RedFlagAnswer
from server.language import gettext as _
from server.pages.pain import felt
from server.pages.words import clock, moment


@dataclass(frozen=True)
class OpenSigns:
    """Urgent signs that nobody has acknowledged yet."""

    id: int
    when: str
    what: str


def diary_context(diary: DiaryDay, unseen: list[RedFlagAnswer], zone: ZoneInfo) -> dict[str, object]:
    """What the day's template is given."""
    return {
        "open_signs": [OpenSigns(one.id, moment(one.at_ms, zone), signs_words(one)) for one in unseen],
        "felt": felt(diary, zone),
        "seen_signs": [
            (clock(one.at_ms, zone), signs_words(one), one.seen_by or "", moment(one.seen_ms, zone))
            for one in diary.red_flags
            if one.yes and one.seen_ms is not None
        ],
        "asked_signs": sum(not one.yes for one in diary.red_flags),
        "answered": diary.answered,
        "helped": diary.helped,
        "given_reminders": len(diary.reminders),
    }


def signs_words(answer: RedFlagAnswer) -> str:
    """The urgent signs that apply, in a few words."""
    return "; ".join(_(words) for words in answer.short)
