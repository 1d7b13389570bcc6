"""What is true of a day, for scoring: slouches, shifts, removals, and which stretches nothing can be asked of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.categories import LEAN_DEG, LEAN_END_DEG
from gateway.lab.activities import ACTIVITIES
from gateway.lab.motion import Floats
from gateway.lab.truth import held

from .day import Day

GRID_HZ: Final = 20
AT_REST: Final = [name for name, doing in ACTIVITIES.items() if doing.worn and not doing.moving and name != "lie"]
OFF: Final = [name for name, doing in ACTIVITIES.items() if not doing.worn]
LEANS_DEG: Final = (LEAN_DEG - 2.0, LEAN_END_DEG - 1.0)
"""From where to where somebody leaning to a side may rightly be told to lean instead of slouching."""
SUDDEN_S: Final = 3
SUDDEN_DEG: Final = 4.0
SHIFT_DEG: Final = 6.5
NO_SHIFT_DEG: Final = 3.5
"""A change of posture of SHIFT_DEG or more is a shift, of NO_SHIFT_DEG or less none; between them either will do."""
PLAIN_S: Final = 5.0
"""A change that takes longer is not one shift; nothing is asked of what is counted meanwhile."""
LASTS_S: Final = 10.0
"""What is left again sooner is not asked for."""
LONG_GAP_S: Final = 5.0
SEATED_DEG: Final = 2.0
"""A clip turned by less sits as it was calibrated."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Slouch:
    """A stretch in which the true sagittal angle stays at `floor` degrees or more, from `reached_s` to `end_s`. It is
    part of a slouch by the plan's own rule that began at `onset_s`. sudden: by SUDDEN_DEG within the SUDDEN_S about
    that, or within SUDDEN_S after moving about or leaning over."""

    onset_s: float
    reached_s: float
    end_s: float
    median_deg: float
    sudden: bool
    after_moving: bool


class Facts:
    """The truth of a day on a grid of GRID_HZ, under a plan's angles.

    t_s, sagittal, lateral: (T,), as the wearer keeps them: without breathing, wander, gait, fidgets, and what is over
    within seconds. rest: worn and
    not moving about. asked: nothing hinders an answer (the clip sits as it was calibrated).
    """

    def __init__(self, day: Day, angle_deg: float, recovery_deg: float) -> None:
        self.day = day
        self.angle_deg = angle_deg
        self.recovery_deg = recovery_deg
        self.t_s: Floats = np.arange(int(day.duration_s) * GRID_HZ) / GRID_HZ
        self.sagittal, self.lateral, self.where = day.script.posture(self.t_s, dips=False)
        self.activity = np.array([segment.activity for segment in day.script.segments])[self.where]
        self.rest: Bools = np.isin(self.activity, AT_REST)
        self.off: Bools = np.isin(self.activity, OFF)
        self.asked: Bools = np.ones(len(self.t_s), dtype=np.bool_)
        self.asked[: self._at(day.procedures[0].bow[1])] = False
        for slip in day.slips:
            if slip.degrees > SEATED_DEG:
                self.asked[self._at(slip.at_s) : self._at(slip.until_s)] = False

    def _at(self, t_s: float) -> int:
        return min(max(round(t_s * GRID_HZ), 0), len(self.t_s))

    @cached_property
    def slouched(self) -> Bools:
        """(T,) slouched by the plan's own rule, from the posture that is meant."""
        return self.slouched_from(self.angle_deg)

    def slouched_from(self, enter_deg: float) -> Bools:
        """(T,) in a slouch that is entered at an angle and left below recovery or by anything else than sitting."""
        leaning = held(np.abs(self.lateral), LEAN_DEG, LEAN_END_DEG)
        return held(np.where(self.rest & ~leaning, self.sagittal, -np.inf), enter_deg, self.recovery_deg)

    def slouches(self, floor_deg: float, seconds: float) -> list[Slouch]:
        """Stretches at or above an angle, level and asked for, of at least so long."""
        level = ~held(np.abs(self.lateral), *LEANS_DEG)
        fit = self.rest & self.asked & level & (self.sagittal >= floor_deg)
        out = []
        for begin, end in runs(fit):
            if end - begin < seconds * GRID_HZ:
                continue
            slouched = self.slouched[: begin + 1]
            onset = begin - int(np.argmin(slouched[::-1])) + 1 if slouched[-1] else begin
            around = slice(max(onset - SUDDEN_S * GRID_HZ // 2, 0), onset + SUDDEN_S * GRID_HZ // 2)
            since = slice(max(onset - SUDDEN_S * GRID_HZ, 0), onset + 1)
            moved, leant = not self.rest[since].all(), not level[since].all()
            quick = np.ptp(self.sagittal[around]) >= SUDDEN_DEG
            out.append(
                Slouch(
                    onset_s=onset / GRID_HZ,
                    reached_s=begin / GRID_HZ,
                    end_s=end / GRID_HZ,
                    median_deg=float(np.median(self.sagittal[begin:end])),
                    sudden=bool(moved or leant or quick),
                    after_moving=bool(moved),
                )
            )
        return out

    def through_a_hole(self, begin_s: float, end_s: float) -> bool:
        """Whether much of the stream was lost in a stretch."""
        return any(
            end - begin > LONG_GAP_S and begin < end_s and end > begin_s - LONG_GAP_S for begin, end in self.day.gaps
        )

    @cached_property
    def shifts(self) -> tuple[Floats, list[tuple[float, float]]]:
        """Times at which shifts are over, and spans in which counting one more is neither right nor wrong."""
        segments, starts = self.day.script.segments, self.day.script.starts_s
        times, either = [], []
        for k, (segment, start) in enumerate(zip(segments, starts.tolist(), strict=True)):
            if segment.activity not in AT_REST or not self.asked[min(self._at(start), len(self.asked) - 1)]:
                either.append((start - 2.0, start + segment.seconds + 15.0))
                continue
            if not k or segments[k - 1].activity not in AT_REST:
                either.append((start - 2.0, start + segment.change_s + 15.0))
                continue
            size = max(abs(segment.sagittal - segments[k - 1].sagittal), abs(segment.lateral - segments[k - 1].lateral))
            lasts = segment.seconds - segment.change_s
            if segment.change_s > PLAIN_S:
                either.append((start - 2.0, start + segment.change_s + 10.0))
            elif size >= SHIFT_DEG and lasts >= LASTS_S and not self.through_a_hole(start - 10, start + 15):
                times.append(start + segment.change_s)
            elif size > NO_SHIFT_DEG:
                either.append((start - 2.0, start + segment.change_s + 15.0))
        return np.array(times), [*either, *((b - 2.0, e + 15.0) for b, e in self.day.gaps if e - b > LONG_GAP_S)]

    @cached_property
    def removals(self) -> list[tuple[float, float]]:
        """When the clip was off and lay somewhere, from the first such second to the last."""
        lies = self.off & (self.activity != "handle") & (self.activity != "carry")
        return [(begin / GRID_HZ, end / GRID_HZ) for begin, end in runs(lies)]

    def second(self, flag: Bools) -> Bools:
        """(S,) whether `flag` holds all through each second."""
        return np.asarray(flag.reshape(-1, GRID_HZ).all(axis=1), dtype=np.bool_)


def runs(flag: Bools) -> list[tuple[int, int]]:
    """First and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flag, [False])).astype(np.int8)))
    return [(begin, end) for begin, end in edges.reshape(-1, 2).tolist()]
