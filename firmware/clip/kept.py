"""What goes on over a restart, in one small file: the policy's state, a pause, and that the wearer knows of the low battery.

seconds of the clock that goes on u32 | milliseconds of the pause that are left u32 | flags u8: 1 the battery is low | the policy's
snapshot. A file of version 1 has no pause and no flags.
"""

import struct

from . import guarded
from .wire.base import MalformedError, const

_FILE = const("policy.bin")
_KIND = const(6)
_VERSION = const(2)
_LAYOUT = const("<IIB")
_BATTERY_LOW = const(1)
_EVERY_MS = const(5000)  # while a slouch is running
_PAUSED_EVERY_MS = const(60000)  # and in a pause


class Kept:
    """Of the parts of `app`. `rtc_s` are seconds of a clock that goes on over a restart; `powered` says that it did since the last
    one."""

    def __init__(self, app, rtc_s, powered: bool) -> None:  # type: ignore[no-untyped-def]
        self._app = app
        self._rtc_s = rtc_s
        self._low = False
        self._save_at = 0
        self._restore(powered)

    def _restore(self, powered: bool) -> None:
        version, kept = guarded.read(_FILE, _KIND)
        if version == 1:
            kept = kept[:4] + bytes(5) + kept[4:]
        elif version != _VERSION:
            return
        size = struct.calcsize(_LAYOUT)
        if len(kept) < size:
            return
        then, paused_ms, flags = struct.unpack(_LAYOUT, kept[:size])
        elapsed = self._rtc_s() - then
        known = powered and elapsed >= 0
        app = self._app
        app.battery.low = self._low = bool(flags & _BATTERY_LOW)
        if paused_ms:
            app.pausing.restore(paused_ms - (elapsed * 1000 if known else 0))
        try:
            app.policy.restore(kept[size:], elapsed * 1000 if known else None)
        except MalformedError:
            pass  # it starts afresh

    def step(self, now: int) -> None:
        """Save what has changed; once a second."""
        app = self._app
        changed = app.policy.changed or app.pausing.changed or app.battery.low != self._low
        if not changed and now < self._save_at:
            return
        if app.pausing.paused_until:
            self._save_at = now + _PAUSED_EVERY_MS
        elif app.policy.due_ms() >= 0:
            self._save_at = now + _EVERY_MS
        elif not changed:
            return
        self._save(now)

    def _save(self, now: int) -> None:
        app = self._app
        low = app.battery.low
        kept = struct.pack(_LAYOUT, self._rtc_s(), max(0, app.pausing.paused_until - now), low)
        try:
            guarded.save(_FILE, _KIND, _VERSION, kept + app.policy.snapshot())
        except OSError:
            app.recorder.failed += 1
            return  # what has changed is tried again in a second
        app.policy.changed = app.pausing.changed = False
        self._low = low
