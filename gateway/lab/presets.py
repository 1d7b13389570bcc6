"""Scripts ready made: a short one for checking the whole line, and workdays of people who differ."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from .motion import Floats, multiply
from .script import Body, Script, ScriptError, Segment

HOLD_S: Final = (2.0, 10.0)
BOW_S: Final = (12.0, 20.0)
"""Where `check_script` holds still upright and where it bows, in seconds of the script."""


def mounting(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A clip on an upper back: sensor x up, z out of the back, tilted by 13 to 40 degrees as the back there is, and
    put on a little askew."""
    upper_back = np.array([0.5, 0.5, -0.5, 0.5])  # x up, y to the left, z backward
    tilt = -np.radians(rng.uniform(13, 40)) / 2  # about x: forward
    askew = np.radians(rng.normal(0, 6, 2)) / 2
    q: Floats = upper_back
    for angle, axis in ((tilt, 1), (askew[0], 2), (askew[1], 3)):
        turn = np.zeros(4)
        turn[0], turn[axis] = np.cos(angle), np.sin(angle)
        q = multiply(turn, q)
    q = q / np.linalg.norm(q)
    return (float(q[0]), float(q[1]), float(q[2]), float(q[3]))


def check_script(seed: int) -> Script:
    """Twenty minutes with an upright hold and a bow for calibration, then slouches of known lengths between walking,
    leaning, lifting, lying and a clip left on the desk."""
    rng = np.random.default_rng([seed, 1])

    def about(value: float, spread: float) -> float:
        return float(value + rng.uniform(-spread, spread))

    upright = Segment(about(38, 8), "sit", about(0, 1.5), about(0, 1.5))
    body = Body(mounting=mounting(rng), breath_deg=about(0.4, 0.1), breath_hz=about(0.24, 0.03), fidgets_per_hour=0)
    slouch = Segment(about(95, 12), "sit", about(20, 3), about(0, 2))
    segments = [
        Segment(12, "sit", 0.0),
        Segment(8, "bow", 0.0, dip_deg=about(45, 5)),
        replace(upright, sagittal=0.0),
        slouch,
        upright,
        Segment(about(40, 8), "walk", about(4, 1)),
        replace(upright, seconds=about(45, 5)),
        Segment(about(85, 8), "sit", about(15.5, 1), change_s=10.0),
        upright,
        Segment(about(25, 4), "sit", about(18, 2)),
        upright,
        Segment(about(40, 5), "sit", about(-21, 2)),
        replace(upright, seconds=about(22, 2)),
        Segment(about(35, 5), "sit", about(2, 1), about(21, 2)),
        replace(upright, seconds=about(22, 2)),
        Segment(5, "lift", 0.0, dip_deg=about(75, 5), change_s=0.5),
        upright,
        Segment(about(45, 5), "walk", about(25, 2)),
        replace(upright, seconds=about(50, 5)),
        Segment(about(60, 5), "lie", about(-82, 3), change_s=3.0),
        replace(upright, seconds=about(50, 5), change_s=3.0),
        Segment(about(130, 10), "sit", about(24, 3), about(0, 2)),
        upright,
        Segment(8, "handle", 40.0, 20.0, change_s=2.0),
        Segment(about(180, 10), "off", 75.0, 12.0, change_s=0.5),
        Segment(8, "handle", 10.0, change_s=2.0),
        replace(upright, seconds=about(60, 5)),
        replace(slouch, seconds=about(75, 3)),
        replace(upright, seconds=about(40, 5)),
    ]
    return Script(segments, body, seed)


@dataclass(frozen=True)
class Person:
    """Habits of a workday. Times in seconds, angles in degrees.

    posture_s: how long a posture is kept (median). slouches: share of postures that are slouches; improves: by how much
    of itself that share falls per day. heeds: chance that a slouch ends soon after a reminder would have come.
    worn_hours: how long the clip is worn of a day. skips: chance of a day without wearing.
    """

    name: str
    posture_s: float = 95.0
    slouches: float = 0.35
    slouch_deg: tuple[float, float] = (13.0, 24.0)
    improves: float = 0.0
    heeds: float = 0.55
    leans: float = 0.10
    fidgets_per_hour: float = 52.0
    sitting_min: tuple[float, float] = (22.0, 50.0)
    walking_min: tuple[float, float] = (1.5, 5.0)
    worn_hours: tuple[float, float] = (7.4, 8.0)
    skips: float = 0.0


PEOPLE: Final = {
    person.name: person
    for person in (
        Person("improving", slouches=0.55, improves=0.09, heeds=0.74),
        Person("barely_wearing", worn_hours=(0.8, 2.6), skips=0.35),
        Person("fidgety", posture_s=45, slouches=0.25, fidgets_per_hour=110, sitting_min=(12, 30)),
        Person("still_sitter", posture_s=420, slouches=0.30, leans=0.04, fidgets_per_hour=14, sitting_min=(75, 130)),
        Person("slouch_heavy", slouches=0.70, slouch_deg=(15, 32), heeds=0.25),
        Person("steady", slouches=0.22),
    )
}


def wears(person: Person, seed: int, day: int) -> bool:
    """Whether this person puts the clip on that day."""
    return bool(_rng(person, seed, day).random() >= person.skips)


def workday_script(seed: int, person: Person | str, day: int, dwell_s: float = 60.0) -> Script:
    """A workday of a person, from putting the clip on to taking it off. The same arguments give the same day; a
    person's body and mounting stay the same over the days of a seed.

    Raises ScriptError for an unknown name.
    """
    if isinstance(person, str):
        if person not in PEOPLE:
            raise ScriptError(f"no person {person!r}; there are {', '.join(PEOPLE)}")
        person = PEOPLE[person]
    own = np.random.default_rng([seed, _number(person)])
    body = Body(
        mounting=mounting(own),
        breath_deg=float(own.uniform(0.25, 0.5)),
        breath_hz=float(own.uniform(0.2, 0.28)),
        fidgets_per_hour=person.fidgets_per_hour,
    )
    rng = _rng(person, seed, day)
    rng.random()  # the draw of `wears`
    end_s = 3600 * rng.uniform(*person.worn_hours)
    slouches = person.slouches * (1 - person.improves) ** day
    lunch_s = rng.uniform(2.8, 3.4) * 3600
    segments: list[Segment] = [Segment(30.0, "sit", 0.0)]
    at = 30.0
    while at < end_s:
        begin = len(segments)
        if at > lunch_s:
            lunch_s = np.inf
            segments += _lunch(rng)
        else:
            segments += _sitting(person, rng, slouches, dwell_s)
            segments.append(Segment(60 * rng.uniform(*person.walking_min), "walk", rng.uniform(1, 6)))
            if rng.random() < 0.3:
                segments.append(Segment(4.5, "lift", 0.0, dip_deg=rng.uniform(65, 80), change_s=0.5))
        at += sum(segment.seconds for segment in segments[begin:])
    return Script(segments, body, _number(person) % 1000 + 1000 * day + seed)


def _sitting(person: Person, rng: np.random.Generator, slouches: float, dwell_s: float) -> list[Segment]:
    left = 60 * rng.uniform(*person.sitting_min)
    out: list[Segment] = []
    while left > 0:
        seconds = float(np.clip(person.posture_s * rng.lognormal(0, 0.6), 12, 2400))
        kind = rng.random()
        lateral = float(np.clip(rng.normal(0, 2.5), -7, 7))
        change = float(rng.uniform(0.7, 1.6))
        if kind < slouches:
            if rng.random() < 0.25:
                change = min(float(rng.uniform(8, 40)), seconds / 2)
            heeds = rng.random() < person.heeds and seconds > dwell_s
            if heeds:
                seconds = dwell_s + float(rng.uniform(2.5, 9))
            out.append(Segment(seconds, "sit", float(rng.uniform(*person.slouch_deg)), lateral, change))
            if heeds:
                out.append(Segment(person.posture_s, "sit", float(rng.uniform(-2, 3)), lateral, 1.0))
                left -= person.posture_s
        elif kind < slouches + person.leans:
            out.append(Segment(seconds, "sit", float(rng.uniform(-26, -17)), lateral, change))
        else:
            out.append(Segment(seconds, "sit", float(np.clip(rng.normal(1, 2.5), -6, 4)), lateral, change))
        left -= seconds
    return out


def _lunch(rng: np.random.Generator) -> list[Segment]:
    if rng.random() < 0.5:
        return [
            Segment(240.0, "walk", 4.0),
            Segment(60 * rng.uniform(15, 25), "sit", 3.0, 1.0),
            Segment(240.0, "walk", 4.0),
        ]
    return [
        Segment(10.0, "handle", 40.0, 20.0, change_s=2.0),
        Segment(60 * rng.uniform(20, 40), "off", 75.0, 12.0, change_s=0.5),
        Segment(10.0, "handle", 10.0, change_s=2.0),
    ]


def _rng(person: Person, seed: int, day: int) -> np.random.Generator:
    return np.random.default_rng([seed, _number(person), day])


def _number(person: Person) -> int:
    return zlib.crc32(person.name.encode())
