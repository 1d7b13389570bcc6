"""The posture service and its characteristics by name: the other half of `clip_uuids`, whose names it also gives."""

from .clip_uuids import *  # noqa: F403 -- one face for the side that does not run on the clip
from .clip_uuids import posture

SERVICE = posture(1)
STREAM = posture(2)  # notify: orientation packets, or 1-Hz summaries below MTU_STREAM
EVENT = posture(3)  # indicate: challenge, results, pong
CONTROL = posture(4)  # write with response: handshake, then sealed operations
SETTINGS = posture(5)  # read
PLAN = posture(6)  # read
JOURNAL = posture(7)  # notify: id + record
STATUS = posture(8)  # read, notify
CALIBRATION = posture(9)  # read
