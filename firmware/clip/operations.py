"""Carries out what an authenticated gateway has sealed."""

from . import haptic_drv2605l
from .wire import clip_control as control
from .wire import clip_records as records


class Operations:
    """Works on the parts of `app`."""

    def __init__(self, app) -> None:  # type: ignore[no-untyped-def]
        self._app = app

    def operate(self, op: int, payload: bytes, t_ms: int) -> int:
        """Carry out a sealed operation; one of control's results. Raises MalformedError."""
        app = self._app
        if op == control.SET_PLAN:
            return self._set_plan(payload, t_ms)
        if op == control.SET_CALIBRATION:
            return self._set_calibration(payload, t_ms)
        if op == control.SET_SETTINGS:
            result = int(app.settings.accept(payload))
            app.publish()
            return result
        if control.UPDATE_BEGIN <= op <= control.UPDATE_END:
            return self._update(op, payload)
        values = control.parse(op, payload)
        if op == control.LEASE:
            app.arbiter.lease(t_ms, *values)
        elif op == control.TIME:
            app.clock.set_utc(*values)
            app.local_minute = app.clock.local_minute(t_ms)
        elif op == control.PING:
            active = app.link.active
            if active is not None:
                app.sender.event(active.connection, control.pack_pong(values[0], t_ms))
        elif op == control.JOURNAL_READ:
            app.sender.read_journal(values[0])
        elif op == control.JOURNAL_ACK:
            return control.OK if app.journal.acknowledge(values[0]) else control.REFUSED_OUT_OF_RANGE
        elif op == control.BUZZ:
            return self._buzz(values[0], t_ms)
        elif op == control.PAUSE:
            return int(app.pausing.pause(values[0], t_ms))
        elif op == control.SNOOZE:
            return int(app.pausing.snooze(values[0], t_ms))
        elif op == control.RESUME:
            app.pausing.resume(t_ms)
        return control.OK

    def _set_plan(self, payload: bytes, t_ms: int) -> int:
        app = self._app
        plan = app.plan
        before = plan.version
        result = int(plan.accept(payload))
        if result == control.OK and plan.version != before:
            app.policy.set_plan(plan.value)
            app.detector.set_plan(plan.value)
            app.arbiter.recovery_ddeg = plan.value.recovery_deg * 10
            app.publish()
            app.recorder.event(records.PLAN_APPLIED, t_ms, plan.version)
            app.shown.step(t_ms)
        return result

    def _set_calibration(self, payload: bytes, t_ms: int) -> int:
        app = self._app
        calibration = app.calibration
        before = calibration.version
        result = int(calibration.accept(payload))
        if result == control.OK and calibration.version != before:
            app.detector.set_calibration(calibration.value)
            app.publish()
            app.recorder.event(records.CALIBRATED, t_ms, calibration.version)
            app.motor.play(haptic_drv2605l.CALIBRATED, t_ms, app.settings.value)
            app.shown.step(t_ms)
        return result

    def _update(self, op: int, payload: bytes) -> int:
        app = self._app
        active = app.link.active
        try:
            updater = app.open_updater()
            if updater is None or active is None:
                return control.REFUSED_BUSY
            result, event = updater.operate(op, payload)
        except MemoryError:  # measuring comes first
            return control.REFUSED_BUSY
        if event:
            app.sender.event(active.connection, event)
        return int(result)

    def _buzz(self, pattern: int, t_ms: int) -> int:
        app = self._app
        try:
            played = app.motor.play(pattern, t_ms, app.settings.value)
        except ValueError:
            return control.REFUSED_OUT_OF_RANGE
        return control.OK if played else control.REFUSED_BUSY
