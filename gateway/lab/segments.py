"""What a script is made of: segments, the body that wears the clip, and slips of the clip."""

from __future__ import annotations

from dataclasses import dataclass


class ScriptError(ValueError):
    """A script that cannot be played, or a file that is none."""


@dataclass(frozen=True)
class Segment:
    """`seconds` with an activity of `ACTIVITIES` at a posture, degrees over the reference; the first `change_s` lead
    there.

    `dip_deg`: how far the trunk goes down and up again within the segment. `turn_deg`: how far the wearer turns to the
    left in the course of it. `flows`: the activity goes on from the segment before without a pause.
    """

    seconds: float
    activity: str = "sit"
    sagittal: float = 0.0
    lateral: float = 0.0
    change_s: float = 1.2
    dip_deg: float = 0.0
    turn_deg: float = 0.0
    flows: bool = False


@dataclass(frozen=True)
class Body:
    """Who wears it and how: mounting (sensor to body, w x y z), breathing, fidgets an hour.

    breath_wander: by what share of itself the breath's depth comes and goes. wander_deg: how far the trunk drifts about
    the posture that is meant, over tens of seconds. pace, gait: factors of the rate and of the strength of steps.
    landing: strength of the second harmonic of the bob, which a hard landing brings.
    """

    mounting: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    breath_deg: float = 0.35
    breath_hz: float = 0.24
    fidgets_per_hour: float = 52.0
    breath_wander: float = 0.0
    wander_deg: float = 0.0
    pace: float = 1.0
    gait: float = 1.0
    landing: float = 0.0


@dataclass(frozen=True)
class Slip:
    """The clip turns on the body: from `at_s`, within `over_s`, by a rotation in the body's axes (w x y z)."""

    at_s: float
    turn: tuple[float, float, float, float]
    over_s: float = 1.0
