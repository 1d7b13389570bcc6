"""What a patient's plan is told as. Times are UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway import messages

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
class Drift:
    """A clip of the patient that reports another version than the newest one."""

    clip: str
    gateway: str
    reported: int | None
    seen_ms: int


@dataclass(frozen=True)
class PlanState:
    """A patient's plan: `newest` is what the therapist wants, `in_force` what a clip has confirmed last."""

    newest: PlanVersion | None
    in_force: PlanVersion | None
    history: tuple[PlanVersion, ...]
    """All versions, newest first."""
    drift: tuple[Drift, ...]

    @property
    def waiting(self) -> bool:
        """Whether the newest version has not been confirmed yet."""
        return self.newest is not None and self.newest.confirmed_ms is None
