"""How the trunk of a script moves, and the clip on it: the parts of the motion as smooth functions of time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .activities import ACTIVITIES, Activity
from .motion import HANDLING_HZ, LEVER_M, Floats, body_to_earth, hump, smooth_step
from .segments import Body, Segment

_RAMP_S: Final = 0.5
_ON_OFF_S: Final = 1.0
_KEYS_M: Final = 5e-5
_SWAY_EDGE_S: Final = 4.0
_WANDERS: Final = 5
_WARM, _COLD, _TAU_S = 33.0, 24.0, 480.0


class Trunk:
    """A body that goes through segments. `seed` draws fidgets and wander; starts_s, (S,): when each segment begins."""

    def __init__(self, segments: Sequence[Segment], body: Body, seed: int) -> None:
        self.segments = tuple(segments)
        self.body = body
        self.seed = seed
        self._length = np.array([segment.seconds for segment in segments])
        self.starts_s: Floats = np.concatenate(([0.0], np.cumsum(self._length)[:-1]))

    @property
    def duration_s(self) -> float:
        """Length of all segments."""
        return float(self._length.sum())

    def posture(self, t_s: Floats, *, dips: bool = True) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """(sagittal, lateral, segment index), degrees, as they are meant: without breathing, gait and fidgets, and with
        or without dips.
        """
        where, into = self._locate(t_s)
        sagittal, lateral = self._pose(where, into, dips=dips)
        return sagittal, lateral, where

    def angles(self, t_s: Floats) -> tuple[Floats, Floats]:
        """True (sagittal, lateral) in degrees at the times (N,)."""
        where, into = self._locate(t_s)
        return self._angles(t_s, where, into)

    def state(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Orientation of the body to earth (N, 4), and place of the clip over the ground in m (N, 3)."""
        where, into = self._locate(t_s)
        angles = self._angles(t_s, where, into)
        strength = self._strength(where, into)
        return self._turned(t_s, where, into, angles, strength), self._place(t_s, where, into, angles, strength)

    def _locate(self, t_s: Floats) -> tuple[NDArray[np.int64], Floats]:
        where = np.clip(np.searchsorted(self.starts_s, t_s, side="right") - 1, 0, len(self.starts_s) - 1)
        return where, np.minimum(t_s - self.starts_s[where], self._length[where])

    def _pose(self, where: NDArray[np.int64], into: Floats, *, dips: bool = True) -> tuple[Floats, Floats]:
        p = self._poses
        way = smooth_step(into / p["change"][where])
        before = np.maximum(where - 1, 0)
        sagittal = p["sagittal"][before] + way * (p["sagittal"][where] - p["sagittal"][before])
        lateral = p["lateral"][before] + way * (p["lateral"][where] - p["lateral"][before])
        if dips:
            sagittal = sagittal + p["dip"][where] * hump(into / self._length[where])
        return sagittal, lateral

    def _angles(self, t_s: Floats, where: NDArray[np.int64], into: Floats) -> tuple[Floats, Floats]:
        sagittal, lateral = self._pose(where, into)
        p = self._poses
        walk, hand, worn = self._strength(where, into)
        phase = p["omega"][where] * t_s
        breath: Floats | float = self.body.breath_deg
        if self.body.breath_wander:
            breath = breath * (1 + self.body.breath_wander * np.sin(2 * np.pi * 0.017 * t_s + self.seed))
        sagittal += worn * breath * np.sin(2 * np.pi * self.body.breath_hz * t_s)
        sagittal += walk * p["pitch"][where] * np.sin(phase) + hand * 12 * np.sin(2 * np.pi * HANDLING_HZ * t_s)
        lateral += walk * p["roll"][where] * np.sin(phase / 2) + hand * 10 * np.sin(1.7 * np.pi * HANDLING_HZ * t_s)
        if self.body.wander_deg:
            share = worn * self._eased("wander", where, into) * self.body.wander_deg
            sagittal += share * _slow(t_s, *self._wander[0])
            lateral += share * _slow(t_s, *self._wander[1])
        if p["sway"].any():
            sway = worn * p["sway"][where] * smooth_step(np.minimum(into, self._length[where] - into) / _SWAY_EDGE_S)
            sagittal += sway * (0.7 * np.sin(2 * np.pi * 0.31 * t_s) + 0.5 * np.sin(2 * np.pi * 0.13 * t_s))
            lateral += sway * (0.9 * np.sin(2 * np.pi * 0.23 * t_s) + 0.6 * np.sin(2 * np.pi * 0.09 * t_s))
        fidget = self.fidgets
        at = np.clip(np.searchsorted(fidget["start"], t_s, side="right") - 1, 0, len(fidget["start"]) - 1)
        bump = worn * hump((t_s - fidget["start"][at]) / fidget["length"][at])
        return sagittal + fidget["sagittal"][at] * bump, lateral + fidget["lateral"][at] * bump

    def _eased(self, what: str, where: NDArray[np.int64], into: Floats) -> Floats:
        """A strength of the segment's activity, taken over from the one before within a second."""
        now = self._poses[what][where]
        before = self._poses[what][np.maximum(where - 1, 0)]
        eased: Floats = before + smooth_step(into / _ON_OFF_S) * (now - before)
        return eased

    def _strength(self, where: NDArray[np.int64], into: Floats) -> tuple[Floats, Floats, Floats]:
        """How strongly each sample walks, is handled and is worn, 0 to 1, with soft edges."""
        p = self._poses
        begun = np.where(p["flows"][where], np.inf, into)
        left = np.where(p["flows_on"][where], np.inf, self._length[where] - into)
        edge = np.minimum(begun, left) / _RAMP_S
        soft = smooth_step(edge)
        on = np.where(p["put_on"][where], smooth_step(into / _ON_OFF_S), 1.0)
        off = np.where(p["take_off"][where], smooth_step((self._length[where] - into) / _ON_OFF_S), 1.0)
        return p["walk"][where] * soft, p["handle"][where] * soft, p["worn"][where] * on * off

    def _turned(
        self,
        t_s: Floats,
        where: NDArray[np.int64],
        into: Floats,
        angles: tuple[Floats, Floats],
        strength: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """Body to earth (N, 4)."""
        p = self._poses
        walk, hand, worn = strength
        heading = worn * walk * 4 * np.sin(p["omega"][where] / 2 * t_s) + hand * 25 * np.sin(2.3 * t_s)
        if p["turn"].any():
            heading += p["faced"][where] + p["turn"][where] * smooth_step(into / self._length[where])
        return body_to_earth(heading, *angles)

    def _place(
        self,
        t_s: Floats,
        where: NDArray[np.int64],
        into: Floats,
        angles: tuple[Floats, Floats],
        strength: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """Of the clip over the ground, m (N, 3)."""
        p = self._poses
        sagittal, lateral = (np.radians(angle) for angle in angles)
        walk, hand, worn = strength
        phase = p["omega"][where] * t_s
        lever = LEVER_M * worn
        bob = walk * p["bob"][where]
        height = bob * np.sin(phase)
        if self.body.landing:
            height += bob * self.body.landing * np.sin(2 * phase + 0.6)
        if p["typing"].any():
            keys = worn * self._eased("typing", where, into) * _KEYS_M
            height += keys * np.sin(2 * np.pi * 5.3 * t_s) * np.sin(2 * np.pi * 0.21 * t_s)
        return np.stack(
            (
                lever * np.sin(lateral) + hand * 0.012 * np.sin(2 * np.pi * 3.1 * t_s),
                lever * np.cos(lateral) * np.sin(sagittal) + walk * p["surge"][where] * np.sin(phase + 1.0),
                lever * np.cos(lateral) * np.cos(sagittal)
                + height
                + hand * 0.010 * np.sin(2 * np.pi * HANDLING_HZ * t_s),
            ),
            axis=1,
        )

    def celsius(self, t_s: Floats) -> Floats:
        """Chip temperature (N,)."""
        where, into = self._locate(t_s)
        begin, goal = self._temperatures
        return goal[where] + (begin[where] - goal[where]) * np.exp(-into / _TAU_S)

    @cached_property
    def _doings(self) -> tuple[Activity, ...]:
        return tuple(ACTIVITIES[segment.activity] for segment in self.segments)

    @cached_property
    def _poses(self) -> dict[str, Floats]:
        s, doings, body = self.segments, self._doings, self.body
        worn = np.array([float(x.worn) for x in doings])
        turn = np.array([x.turn_deg for x in s])
        flows = np.array([float(x.flows) for x in s])
        return {
            "sagittal": np.array([x.sagittal for x in s]),
            "lateral": np.array([x.lateral for x in s]),
            "change": np.array([x.change_s for x in s]),
            "dip": np.array([x.dip_deg for x in s]),
            "turn": turn,
            "flows": flows,
            "flows_on": np.append(flows[1:], 0.0),
            "faced": np.concatenate(([0.0], np.cumsum(turn)[:-1])),
            "walk": np.array([x.steps for x in doings]),
            "handle": np.array([x.hand for x in doings]),
            "omega": np.array([2 * np.pi * (x.step_hz * body.pace) for x in doings]),
            "bob": np.array([x.bob_m * body.gait for x in doings]),
            "surge": np.array([x.surge_m * body.gait for x in doings]),
            "pitch": np.array([x.pitch_deg * body.gait for x in doings]),
            "roll": np.array([x.roll_deg * body.gait for x in doings]),
            "typing": np.array([x.typing for x in doings]),
            "sway": np.array([x.sway for x in doings]),
            "wander": np.array([x.wander for x in doings]),
            "worn": worn,
            "put_on": (np.diff(worn, prepend=worn[0]) > 0).astype(np.float64),
            "take_off": (np.diff(worn, append=worn[-1]) < 0).astype(np.float64),
        }

    @cached_property
    def _wander(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Rates (rad/s) and phases of the slow wander, sagittal and lateral."""
        rng = np.random.default_rng([self.seed, 0x3A9DE])
        sagittal, lateral = (
            (2 * np.pi * rng.uniform(0.008, 0.12, _WANDERS), rng.uniform(0, 2 * np.pi, _WANDERS)) for _ in range(2)
        )
        return sagittal, lateral

    @cached_property
    def _temperatures(self) -> tuple[Floats, Floats]:
        goal = np.array([_WARM if x.worn else _COLD for x in self._doings])
        begin = np.empty(len(goal))
        now = goal[0]
        for k, segment in enumerate(self.segments):
            begin[k] = now
            now = goal[k] + (now - goal[k]) * np.exp(-segment.seconds / _TAU_S)
        return begin, goal

    @cached_property
    def fidgets(self) -> dict[str, Floats]:
        """Small changes of a second or two and up to 3 degrees that come to nothing, only at rest."""
        rng = np.random.default_rng([self.seed, 0xF1D6E7])
        duration = float(self._length.sum())
        count = rng.poisson(self.body.fidgets_per_hour * duration / 3600)
        start = np.sort(rng.uniform(0, duration, count))
        length = rng.uniform(0.8, 2.5, count)
        where, into = self._locate(start)
        quiet = np.array([x.fidgets for x in self._doings])[where]
        inside = (into > self._poses["change"][where]) & (into + length < self._length[where])
        apart = np.diff(start, append=np.inf) > length
        good = quiet & inside & apart
        none = {"start": [-1e9], "length": [1.0], "sagittal": [0.0], "lateral": [0.0]}
        kept = {
            "start": start[good],
            "length": length[good],
            "sagittal": rng.uniform(-3, 3, count)[good],
            "lateral": rng.uniform(-3, 3, count)[good],
        }
        return {name: np.concatenate((none[name], kept[name])) for name in none}


def _slow(t_s: Floats, rates: Floats, phases: Floats) -> Floats:
    """A sum of sines with an RMS of one."""
    total = np.zeros(len(t_s))
    for rate, phase in zip(rates.tolist(), phases.tolist(), strict=True):
        total += np.sin(rate * t_s + phase)
    scaled: Floats = total * np.sqrt(2 / len(rates))
    return scaled
