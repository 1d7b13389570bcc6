"""The names of the categories: the other half of `clip_category`, whose names it also gives."""

from .clip_category import *  # noqa: F403 -- one face for the side that does not run on the clip

NAMES = (
    "paused",
    "lost",
    "not_worn",
    "uncalibrated",
    "moving",
    "lying",
    "leaning_back",
    "leaning_left",
    "leaning_right",
    "slouched",
    "upright",
)
