"""What a wearer of a script does, and how strongly each doing moves the trunk and the clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .motion import BOB_M, STEP_HZ, SURGE_M


@dataclass(frozen=True)
class Activity:
    """How an activity moves who wears the clip.

    worn: on a back, which breathes. steps, hand: strength of gait and of being handled, 0 to 1. Gait: steps a second,
    how far the trunk bobs and surges in m, and swings in degrees, a step. typing: strength of keystrokes; sway: of
    standing talk. fidgets: whether small changes come. wander: share of the body's slow wander. moving: the wearer or
    the clip moves about. passing: a posture is gone through, not kept.
    """

    worn: bool = True
    steps: float = 0.0
    hand: float = 0.0
    step_hz: float = STEP_HZ
    bob_m: float = BOB_M
    surge_m: float = SURGE_M
    pitch_deg: float = 1.8
    roll_deg: float = 2.2
    typing: float = 0.0
    sway: float = 0.0
    fidgets: bool = False
    wander: float = 1.0
    moving: bool = False
    passing: bool = False


ACTIVITIES: Final = {
    "sit": Activity(fidgets=True),
    "type": Activity(fidgets=True, typing=1.0),
    "bounce": Activity(fidgets=True, typing=6.0),
    "rest": Activity(wander=0.3),
    "stand": Activity(fidgets=True, sway=1.0),
    "walk": Activity(steps=1.0, moving=True),
    "stairs_up": Activity(
        steps=1.0, step_hz=1.55, bob_m=0.022, surge_m=0.014, pitch_deg=3.0, roll_deg=3.5, moving=True
    ),
    "stairs_down": Activity(
        steps=1.0, step_hz=1.75, bob_m=0.024, surge_m=0.008, pitch_deg=2.2, roll_deg=2.6, moving=True
    ),
    "lift": Activity(moving=True, passing=True),
    "bow": Activity(moving=True, passing=True),
    "reach": Activity(moving=True, passing=True),
    "rise": Activity(moving=True, passing=True),
    "lie": Activity(fidgets=True),
    "adjust": Activity(hand=0.35, moving=True, passing=True),
    "handle": Activity(worn=False, hand=1.0, moving=True),
    "carry": Activity(worn=False, steps=0.8, moving=True),
    "jolt": Activity(worn=False, hand=0.12),
    "off": Activity(worn=False),
}
"""sit: still, with breathing and fidgets. type: sitting at a keyboard. bounce: with a leg that
bounces. rest: deeply still, as when watching a screen.
stand: standing and talking. walk, stairs_up, stairs_down: steps. lift, bow, rise (to stand up or sit down): forward and
back once; reach: overhead, backward and back once. adjust: a hand on the worn clip. handle: the clip in someone's hand.
carry: in a bag that is carried. off: the clip at rest, not worn; jolt: something knocks against what it lies on."""
