"""What a trigger does to somebody who heeds reminders: a workday in which each may end the slouch that it came in.

The postures are those of `presets.workday_script`, as the script means them, judged without error and second by second;
the policy is the clip's own file. What a reminder changes is made up: it is heeded or it is not, and one that is ends
the slouch within seconds and is followed by an upright posture. Whatever would have come next comes then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from firmware.clip import protocol
from firmware.clip.reminder import ACTION_REMIND, Policy, holding_ms
from gateway.core.categories import LEAN_DEG

from .activities import ACTIVITIES
from .motion import smooth_step
from .presets import Person, workday_script
from .script import Segment

code = protocol.category

ANSWER_S: Final = (2.5, 9.0)
"""How long after a reminder the one who heeds it comes back."""
HOUR_S: Final = 3600


@dataclass(frozen=True)
class Outcome:
    """A workday, or several: seconds worn and slouched, reminders given, and the holding times used up in slouches."""

    worn_s: int = 0
    slouched_s: int = 0
    reminders: int = 0
    doses: float = 0.0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.worn_s + other.worn_s,
            self.slouched_s + other.slouched_s,
            self.reminders + other.reminders,
            self.doses + other.doses,
        )


def heeded_day(
    person: Person, seed: int, day: int, plan: protocol.plan.Plan, *, tires: float = 0.0, hours: float = 7.0
) -> Outcome:
    """The first `hours` of a workday under a plan in train mode.

    tires: by what share of itself the chance that a reminder is heeded falls with each other one of the last hour.
    """
    policy = Policy(plan)
    rng = np.random.default_rng([seed, day, 0x4EED])
    waiting = list(workday_script(seed, replace(person, heeds=0.0), day).segments)[::-1]
    worn = slouched = 0
    doses = 0.0
    given: list[int] = []
    now = since = 0
    angle, state, slouching = 0.0, code.LOST, False
    while waiting and now < hours * HOUR_S:
        segment = waiting.pop()
        answered: float | None = None
        for into, there in enumerate(_angles(segment, angle)):
            angle = there
            slouching = _holds(segment, angle) and (
                angle >= plan.angle_deg or (slouching and angle >= plan.recovery_deg)
            )
            was, state = state, code.SLOUCHED if slouching else _other(segment, angle)
            since = since if was == state else now
            policy.judge(state, since * 1000, round(angle * 10), protocol.records.JUDGE_GATEWAY)
            if policy.tick(now * 1000, -1) == ACTION_REMIND:
                lately = sum(now - at < HOUR_S for at in given)
                given.append(now)
                if answered is None and rng.random() < person.heeds * (1 - tires) ** lately:
                    answered = into + float(rng.uniform(*ANSWER_S))
            while policy.take_record() is not None:
                pass
            worn += state != code.NOT_WORN
            if slouching:
                slouched += 1
                doses += 1000 / holding_ms(round(angle * 10))
            now += 1
            if now >= hours * HOUR_S:
                break
            if answered is not None and into >= answered:
                waiting.append(Segment(person.posture_s, "sit", 1.0, 0.0, 1.0))
                break
    return Outcome(worn, slouched, len(given), doses)


def _angles(segment: Segment, before: float) -> list[float]:
    """The inclination in degrees, in each second of a segment."""
    middle = np.arange(round(segment.seconds), dtype=np.float64) + 0.5
    way = smooth_step(middle / segment.change_s)
    angles: list[float] = (before + way * (segment.sagittal - before)).tolist()
    return angles


def _holds(segment: Segment, angle: float) -> bool:
    """Whether a posture is held, in which one can slouch."""
    doing = ACTIVITIES[segment.activity]
    return doing.worn and not doing.moving and not doing.passing and angle > 0


def _other(segment: Segment, angle: float) -> int:
    """The category of what is no slouch."""
    doing = ACTIVITIES[segment.activity]
    if not doing.worn:
        return code.NOT_WORN
    if doing.moving or doing.passing:
        return code.MOVING
    return code.LEANING_BACK if angle <= -LEAN_DEG else code.UPRIGHT
