"""Composes workdays. Seeds 0-19 judge; develop on others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.lab.script import Script, Segment
from gateway.lab.truth import truth

from .day import Day, Diary
from .people import Wearer, chip, wearer

DWELL_S: Final = 60.0
DESK: Final = (75.0, 12.0)
CHAIR_BACK: Final = (14.0, -6.0)
BAG: Final = (-35.0, 50.0)
"""How the clip lies there: the angles that it would show."""
MINUTE: Final = 60.0
GRASPS: Final = 0.2
"""Share of seated postures in which the wearer leans over for something once."""
SHORT_H: Final = 3.0
"""A shorter day has one removal and nothing else out of the ordinary, and shorter bouts of sitting."""


def workday(seed: int, hours: float = 8.0) -> Day:
    """The workday of a seed: the same seed and hours give the same day."""
    rng = np.random.default_rng([seed, 0xC0, 0x2B05])
    return _Composer(rng, wearer(rng), hours).compose(seed)


@dataclass(frozen=True)
class _Plan:
    at_s: float
    what: Callable[[], None]


class _Composer:
    def __init__(self, rng: np.random.Generator, who: Wearer, hours: float) -> None:
        self._rng = rng
        self._who = who
        self._end_s = hours * 3600
        self._diary = Diary()
        self._bout = min(hours / SHORT_H, 1.0)
        self._walks = 0
        self._calibrate_after: int | None = None

    def compose(self, seed: int) -> Day:
        diary, rng = self._diary, self._rng
        diary.add(Segment(15.0, "off", *DESK, 0.5), Segment(8.0, "handle", 20.0, 10.0, 1.0))
        diary.add(Segment(12.0, "stand", 0.0, 0.0, 2.0))
        diary.calibrate(hold_s=float(rng.uniform(6, 10)), bow_deg=float(rng.uniform(35, 55)))
        plans = sorted(self._plans(), key=lambda plan: plan.at_s)
        while diary.at_s < self._end_s:
            if plans and plans[0].at_s <= diary.at_s:
                plans.pop(0).what()
            else:
                self._sitting(self._bout * MINUTE * float(rng.uniform(15, 42)))
            self._break()
            if self._calibrate_after is not None and self._walks >= self._calibrate_after:
                self._calibrate_after = None
                self._diary.calibrate()
        script = Script(diary.segments, self._who.body, seed)
        return diary.day(seed, self._who.body, chip(rng), self._motor(script), self._gaps())

    def _plans(self) -> list[_Plan]:
        rng, hours = self._rng, self._end_s / 3600

        def at(low: float, high: float) -> float:
            return self._end_s * float(rng.uniform(low, high))

        if hours < SHORT_H:
            return [_Plan(at(0.4, 0.5), lambda: self._removal(float(rng.uniform(5.5, 8))))]
        slip = rng.random()
        silent = 0.35 <= slip < 0.7
        # A clip that slides by itself stays unnoticed for some walks; taking it off would end that.
        lunch = (0.6, 0.65) if silent else (0.42, 0.55)
        out = [
            _Plan(at(*lunch), lambda: self._removal(float(rng.uniform(20, 45)))),
            _Plan(at(0.7, 0.85), lambda: self._removal(float(rng.uniform(5.5, 16)))),
            _Plan(at(0.05, 0.9), self._still_bout),
        ]
        for chance, low, high, what in (
            (0.5, 0.65 if silent else 0.1, 0.9, lambda: self._removal(float(rng.uniform(1, 4)))),
            (0.4, 0.1, 0.9, self._long_slouch),
            (0.4, 0.5, 0.9, self._lying),
            (0.6, 0.1, 0.9, self._standing_desk),
        ):
            if rng.random() < chance:
                out.append(_Plan(at(low, high), what))
        if slip < 0.35:
            out.append(_Plan(at(0.15, 0.4), self._handled_slip))
        elif silent:
            out.append(_Plan(at(0.12, 0.25), self._silent_slip))
        return out

    # --- at the desk ---

    def _sitting(self, seconds: float) -> None:
        end = self._diary.at_s + seconds
        while self._diary.at_s < end:
            self._posture()
            if self._rng.random() < GRASPS:
                self._grasp()

    def _grasp(self) -> None:
        """Lean over for a cup or a telephone, and back to where one was."""
        rng, last = self._rng, self._diary.segments[-1]
        dip = float(rng.uniform(8, 28))
        self._diary.add(
            Segment(float(rng.uniform(2, 4.5)), last.activity, last.sagittal, last.lateral, 0.5, dip_deg=dip),
            Segment(float(rng.uniform(12, 60)), last.activity, last.sagittal, last.lateral, 0.5),
        )

    def _posture(self, activity: str | None = None) -> None:
        rng, who = self._rng, self._who
        # Lognormal with the wanted mean.
        mean_s = 3600 / who.shifts_per_hour
        seconds = float(np.clip(mean_s * rng.lognormal(-0.28, 0.75), 12, 1500))
        doing = activity or str(rng.choice(["type", "sit", "rest", "bounce"], p=[0.48, 0.36, 0.12, 0.04]))
        lateral = float(np.clip(rng.normal(0, 3.5), -10, 10))
        change = float(rng.uniform(0.7, 1.8))
        kind = rng.random()
        if kind < who.slouches:
            self._slouch(seconds, doing, lateral)
        elif kind < who.slouches + who.leans:
            self._diary.add(Segment(seconds, doing, float(rng.uniform(-28, -10)), lateral, change))
        elif kind < who.slouches + who.leans + 0.06:
            side = float(rng.choice([-1, 1]) * rng.uniform(6, 20))
            self._diary.add(Segment(min(seconds, 240.0), "sit", float(rng.uniform(4, 16)), side, change))
        else:
            self._diary.add(Segment(seconds, doing, float(np.clip(rng.normal(0.5, 2), -5, 4.5)), lateral, change))

    def _slouch(self, seconds: float, doing: str, lateral: float) -> None:
        rng, who = self._rng, self._who
        depth = float(np.clip(who.depth_deg * rng.lognormal(0, 0.4), 7, 40))
        if rng.random() < who.gradual:
            change = float(np.exp(rng.uniform(np.log(10), np.log(240))))
            seconds += change
        else:
            change = float(rng.uniform(0.7, 2.0))
        heeds = rng.random() < who.heeds
        if heeds and seconds > DWELL_S + change:
            seconds = change + DWELL_S + float(rng.uniform(2, 10))
        self._diary.add(Segment(seconds, doing, depth, lateral, change))
        if not heeds and depth > 11 and rng.random() < 0.15:
            self._diary.add(Segment(float(rng.uniform(20, 120)), doing, float(rng.uniform(5.8, 9)), lateral, 1.5))

    def _still_bout(self) -> None:
        rng = self._rng
        end = self._diary.at_s + MINUTE * float(rng.uniform(25, 60))
        while self._diary.at_s < end:
            seconds = float(rng.uniform(300, 1200))
            sagittal = float(rng.uniform(-8, 5) if rng.random() < 0.7 else rng.uniform(11, 22))
            self._diary.add(Segment(seconds, "rest", sagittal, float(rng.normal(0, 2)), 1.2))

    def _long_slouch(self) -> None:
        rng = self._rng
        depth = float(rng.uniform(13, 25))
        self._diary.add(Segment(MINUTE * float(rng.uniform(31, 40)), "sit", depth, float(rng.normal(0, 2)), 2.0))

    # --- away from it ---

    def _break(self) -> None:
        rng = self._rng
        self._rise()
        self._walk(MINUTE * float(rng.uniform(0.5, 3)))
        for chance, what in ((0.35, self._stairs), (0.35, self._talk), (0.3, self._lifts), (0.3, self._reaches)):
            if rng.random() < chance:
                what()
        self._walk(MINUTE * float(rng.uniform(0.3, 2)), bout=False)
        self._rise()

    def _walk(self, seconds: float, *, bout: bool = True) -> None:
        rng = self._rng
        left = seconds
        flows = False
        while left > 0:
            part = min(float(rng.uniform(8, 25)), max(left, 4.0))
            lean = float(self._who.walk_deg + rng.normal(0, 1.2))
            turn = float(rng.choice([-90, 0, 90]) * rng.uniform(0.6, 1.3))
            side = float(rng.normal(0, 1))
            self._diary.add(Segment(part, "walk", lean, side, 1.5, turn_deg=turn, flows=flows))
            flows = True
            left -= part
        self._walks += bout

    def _rise(self) -> None:
        """Stand up, or sit down: the trunk swings forward."""
        dip = float(self._rng.uniform(25, 42))
        self._diary.add(Segment(float(self._rng.uniform(1.9, 2.8)), "rise", 3.0, 0.0, 0.6, dip_deg=dip))

    def _stairs(self) -> None:
        rng = self._rng
        up = Segment(float(rng.uniform(9, 35)), "stairs_up", float(np.clip(rng.normal(26, 5), 12, 38)), 0.0, 1.5)
        down = Segment(float(rng.uniform(9, 35)), "stairs_down", float(rng.uniform(2, 10)), 0.0, 1.5)
        self._diary.add(up, Segment(15.0, "walk", self._who.walk_deg, 0.0, 1.5), down)

    def _talk(self) -> None:
        rng = self._rng
        for _ in range(int(rng.integers(1, 4))):
            self._diary.add(Segment(float(rng.uniform(30, 120)), "stand", float(rng.normal(-1, 2)), 0.0, 1.5))

    def _lifts(self) -> None:
        rng = self._rng
        for _ in range(int(rng.integers(1, 6))):
            depth = float(rng.uniform(40, 85))
            self._diary.add(Segment(float(rng.uniform(2.8, 6)), "lift", 2.0, 0.0, 0.5, dip_deg=depth))
            self._diary.add(Segment(float(rng.uniform(2, 8)), "stand", 1.0, 0.0, 0.8))

    def _reaches(self) -> None:
        rng = self._rng
        for _ in range(int(rng.integers(1, 5))):
            depth = float(rng.normal(-30, 4))
            self._diary.add(Segment(float(rng.uniform(3, 7)), "reach", 0.0, 0.0, 0.6, dip_deg=depth))
            self._diary.add(Segment(float(rng.uniform(2, 8)), "stand", 0.0, 0.0, 0.8))

    def _standing_desk(self) -> None:
        end = self._diary.at_s + MINUTE * float(self._rng.uniform(8, 20))
        while self._diary.at_s < end:
            self._posture("stand")

    def _lying(self) -> None:
        rng = self._rng
        back = float(rng.uniform(-88, -72))
        self._diary.add(Segment(MINUTE * float(rng.uniform(8, 20)), "lie", back, float(rng.uniform(-8, 8)), 3.5))
        self._diary.add(Segment(8.0, "stand", 0.0, 0.0, 3.0))

    # --- the clip off, and turned ---

    def _removal(self, minutes: float) -> None:
        rng, diary = self._rng, self._diary
        place = str(rng.choice(["desk", "bag", "chair"]))
        angles = {"desk": DESK, "bag": BAG, "chair": CHAIR_BACK}[place]
        forward, right = (float(angle + rng.normal(0, 4)) for angle in angles)
        begin = diary.at_s
        diary.add(Segment(float(rng.uniform(5, 12)), "handle", 40.0, 20.0, 2.0))
        left = minutes * MINUTE
        if place == "bag" and rng.random() < 0.5:
            diary.add(Segment(float(rng.uniform(30, 150)), "carry", forward, right, 0.8))
        off_at = diary.at_s
        while left > 0:
            part = min(left, float(rng.uniform(120, 900)) if place != "desk" else left)
            diary.add(Segment(part, "off", forward, right, 0.5))
            left -= part
            if left > 30:
                forward, right = forward + float(rng.normal(0, 0.8)), right + float(rng.normal(0, 0.8))
                diary.add(Segment(1.6, "jolt", forward, right, 0.8))
        # How it sits afterwards is not quite how it sat, or far from it.
        spread = 0.7 if rng.random() < 0.5 else 9.0
        side = float(rng.normal(0, spread)) if spread < 1 else float(rng.choice([-1, 1]) * rng.uniform(9, 18))
        diary.add(Segment(float(rng.uniform(5, 12)), "handle", 10.0, 0.0, 2.0))
        forward = float(rng.normal(0, spread))
        diary.slip("put on again", forward, side, 0.0, 1.0, off_at + 2.0, (begin, diary.at_s))
        diary.add(Segment(float(rng.uniform(20, 40)), "stand", 0.0, 0.0, 2.0))
        self._sitting(MINUTE * float(rng.uniform(4, 7)))
        diary.calibrate()

    def _handled_slip(self) -> None:
        """Somebody straightens their clothes and takes the clip along."""
        rng = self._rng
        self._sitting(300.0)
        side = float(rng.choice([-1, 1]) * rng.uniform(9, 20))
        self._diary.add(Segment(4.0, "adjust", 1.0, 0.0, 1.0))
        self._diary.slip("handled", float(rng.normal(0, 6)), side, 0.0, 1.5, self._diary.at_s - 3.0)
        self._sitting(MINUTE * float(rng.uniform(6, 10)))
        self._diary.calibrate()

    def _silent_slip(self) -> None:
        rng = self._rng
        self._sitting(300.0)
        forward = float(rng.choice([-1, 1]) * rng.uniform(10.5, 18))
        over_s = float(rng.uniform(0.8, 30))
        self._diary.slip("silent", forward, 0.0, 0.0, over_s, self._diary.at_s + 5.0)
        self._calibrate_after = self._walks + 4

    # --- motor and link ---

    def _motor(self, script: Script) -> tuple[tuple[float, float], ...]:
        """Where a clip would remind, and a few times when somebody tries the motor."""
        rng = self._rng
        due = [s.start_s + DWELL_S + 0.3 for s in truth(script).slouches if s.end_s - s.start_s > DWELL_S + 0.3]
        tried = rng.uniform(60, self._diary.at_s, rng.poisson(self._end_s / 3600 * 0.4)).tolist()
        return tuple((at, at + 0.7) for at in sorted(due + tried))

    def _gaps(self) -> tuple[tuple[float, float], ...]:
        rng = self._rng
        hours = self._end_s / 3600
        lengths = [*rng.uniform(0.4, 4, rng.poisson(3 * hours)), *rng.uniform(5, 60, rng.poisson(0.4 * hours))]
        starts = rng.uniform(90, max(self._diary.at_s - 60, 91), len(lengths))
        spans = sorted(zip(starts.tolist(), (starts + lengths).tolist(), strict=True))
        clear = [*(p.hold for p in self._diary.procedures), *(p.bow for p in self._diary.procedures)]
        return tuple(s for s in spans if not any(s[0] < end + 1 and s[1] > begin - 1 for begin, end in clear))
