"""Pause and snooze: when the wearer does not want to be measured, or to be reminded. Both end by themselves."""

from .wire import clip_control as control
from .wire import clip_records as records
from .wire.base import const

_MINUTE_MS = const(60000)


class Pausing:
    """`paused_until` is a clip time, 0 while measuring goes on; the policy knows until when it is snoozed. `changed` is True after
    something that a restart must not forget, until its reader sets it False."""

    def __init__(self, policy, detector, arbiter, recorder) -> None:  # type: ignore[no-untyped-def]
        self._policy = policy
        self._detector = detector
        self._arbiter = arbiter
        self._recorder = recorder
        self._snoozed = False
        self.paused_until = 0
        self.changed = False

    def restore(self, left_ms: int) -> None:
        """Go on with a pause of before the restart, of which `left_ms` were left when this life began."""
        self.paused_until = max(left_ms, 1)
        self._set(True)

    def step(self, now: int) -> None:
        """End what has lasted long enough; once a second."""
        if self.paused_until and now >= self.paused_until:
            self._measure(now)
        snoozed = now < self._policy.snoozed_until
        if self._snoozed and not snoozed:
            self._recorder.event(records.SNOOZE_ENDED, now)
        self._snoozed = snoozed

    def pause(self, minutes: int, t_ms: int) -> int:
        """Measure nothing for some minutes; one of control's results."""
        if not minutes:
            return control.REFUSED_OUT_OF_RANGE
        self.paused_until = t_ms + minutes * _MINUTE_MS
        self._set(True)
        self._recorder.event(records.PAUSED, t_ms, minutes)
        return control.OK

    def snooze(self, minutes: int, t_ms: int) -> int:
        """Remind of nothing for some minutes; one of control's results."""
        if not minutes:
            return control.REFUSED_OUT_OF_RANGE
        self._policy.snooze(t_ms + minutes * _MINUTE_MS)
        self._snoozed = True
        self._recorder.event(records.SNOOZED, t_ms, minutes)
        return control.OK

    def resume(self, t_ms: int) -> None:
        """End both."""
        if self.paused_until:
            self._measure(t_ms)
        if self._snoozed:
            self._policy.resume()
            self._snoozed = False
            self._recorder.event(records.SNOOZE_ENDED, t_ms)

    def _measure(self, t_ms: int) -> None:
        self.paused_until = 0
        self._set(False)
        self._recorder.event(records.RESUMED, t_ms)

    def _set(self, paused: bool) -> None:
        self._detector.set_paused(paused)
        self._arbiter.paused = paused
        self.changed = True
