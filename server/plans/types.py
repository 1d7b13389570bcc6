"""What a patient's plan is told as. Times are UTC milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway import messages

SHORTEST_REASON: Final = 3
LONGEST_REASON: Final = 500
"""Characters of the reason that a person gives for a version."""
State = Literal["pending", "sent", "confirmed", "superseded"]


class InvalidPlanError(ValueError):
    """A plan that the contract refuses; `problems` is a tuple of (field, message), field "" for the plan as a whole."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in problems))
        self.problems = problems


@dataclass(frozen=True)
class PlanVersion:
    """One immutable version of a plan, and what became of it."""

    patient_id: int
    plan: messages.Plan
    author_id: int | None
    author: str | None
    reason: str
    created_ms: int
    sent_ms: int | None
    confirmed_ms: int | None
    superseded_ms: int | None

    @property
    def version(self) -> int:
        """The version's number; it rises by at least one."""
        return self.plan.version

    @property
    def state(self) -> State:
        """Pending until the broker has it, sent until the clip confirms it, confirmed until a newer one is."""
        if self.superseded_ms is not None:
            return "superseded"
        if self.confirmed_ms is not None:
            return "confirmed"
        return "pending" if self.sent_ms is None else "sent"


@dataclass(frozen=True)
class ClipReport:
    """What one gateway last told of the versions on one clip of the patient.

    `linked_ms` is when it last had a link to the clip, so far as is known, and `latest` whether no other gateway had
    one later: a clip is as its latest says. `*_since_ms` is since when this gateway has told of that version.
    """

    clip: str
    gateway: str
    plan_version: int | None
    plan_since_ms: int | None
    calibration_version: int | None
    calibration_since_ms: int | None
    calibration_before: int | None
    seen_ms: int
    linked_ms: int
    latest: bool


@dataclass(frozen=True)
class Drift:
    """A clip of the patient that, by the gateway that had a link to it last, has another version than the newest one.

    `since_ms`: since when both has been so, the prescription and what the clip reports. `sent` is how often the newest
    version was sent for it, `sent_ms` when last.
    """

    clip: str
    gateway: str
    reported: int | None
    seen_ms: int
    since_ms: int
    sent: int
    sent_ms: int | None


@dataclass(frozen=True)
class Draft:
    """What an author has begun and not sent. `fields` are those of `messages.Plan`, usable or not; `problems` as in
    InvalidPlanError; `based_on` is the version that was the newest when it was begun, 0 for none."""

    fields: Mapping[str, object]
    reason: str
    based_on: int
    changed_ms: int
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PlanState:
    """A patient's plan: `newest` is what the therapist wants, `in_force` what a clip has confirmed last."""

    newest: PlanVersion | None
    in_force: PlanVersion | None
    history: tuple[PlanVersion, ...]
    """All versions, newest first."""
    drift: tuple[Drift, ...]
    reports: tuple[ClipReport, ...] = ()
    """By clip, the latest first."""

    @property
    def waiting(self) -> bool:
        """Whether the newest version has not been confirmed yet."""
        return self.newest is not None and self.newest.confirmed_ms is None
