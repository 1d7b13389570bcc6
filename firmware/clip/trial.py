"""Whether a firmware that was just installed has proved itself.

It has when for a minute no round took longer than two seconds and a gateway has authenticated: one that no gateway can
reach could never be replaced. Until then three restarts bring back the firmware before it (see `loader`).
"""

import struct

from . import slots
from .wire import clip_records as records
from .wire.base import const

_WELL_S = const(60)
_LONG_MS = const(2000)


class Trial:
    """Tells the journal of `recorder` what became of an update."""

    def __init__(self, recorder, now: int) -> None:  # type: ignore[no-untyped-def]
        self._recorder = recorder
        self._last = now
        self._well = 0
        state = slots.load()
        running = slots.running()
        self._open = state is not None and running == state[slots.ACTIVE] and bool(state[slots.TRIAL])
        if state is not None and state[slots.FAILED] & slots.TELL:
            failed = 1 - running if running >= 0 else state[slots.ACTIVE]
            self._tell(records.ROLLED_BACK, now, slots.image(state, failed)[2])
            state[slots.FAILED] ^= slots.TELL
            _save(state)

    def step(self, now: int, linked: bool) -> bool:
        """A second has gone by; whether there is no trial any more. `linked`: an authenticated gateway is there."""
        if not self._open:
            return True
        self._well = self._well + 1 if now - self._last <= _LONG_MS else 0
        self._last = now
        if self._well < _WELL_S or not linked:
            return False
        state = slots.load()
        if state is not None:
            state[slots.TRIAL] = 0
            if not _save(state):
                return False
            self._tell(records.UPDATED, now, slots.image(state, slots.running())[2])
        return True

    def _tell(self, kind: int, now: int, version: bytes) -> None:
        self._recorder.event(kind, now, struct.unpack(">I", b"\0" + version)[0])


def _save(state: "list") -> bool:  # type: ignore[type-arg]
    """Whether the flash took it; if not, it is tried again in a second or at the next boot."""
    try:
        slots.save(state)
    except OSError:
        return False
    return True
