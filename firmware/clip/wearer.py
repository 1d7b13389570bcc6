"""What the wearer asks for with the button, and how the clip answers: the table of gestures in the firmware's README."""

from . import button
from . import haptic_drv2605l as haptic
from .wire import clip_records as records
from .wire.base import const

_PAUSE_MIN = const(30)


class Wearer:
    """Carries out gestures on the parts of `app`. `pin` gives the button's level when called, 0 while it is pressed; None on a board
    without one."""

    def __init__(self, app, pin) -> None:  # type: ignore[no-untyped-def]
        self._app = app
        self._pin = pin
        self._button = button.Button()

    def step(self, now: int) -> None:
        """Look at the button, every round."""
        if self._pin is None:
            return
        gesture = self._button.step(not self._pin(), now)
        if gesture != button.NONE:
            self._app.link.hasten(now)
            self._app.led.flash(now)
            self._do(gesture, now)

    def _do(self, gesture: int, now: int) -> None:
        app = self._app
        if gesture == button.SHORT:
            if app.updater is not None and app.updater.ready:
                app.updater.install()
                self.play(haptic.REFUSED, now)  # it has not started anew
            else:
                self.play(self._status(), now)
        elif gesture == button.DOUBLE:
            if app.pausing.paused_until:
                app.pausing.resume(now)
            else:
                app.pausing.pause(_PAUSE_MIN, now)
            self.play(haptic.CONFIRM, now)
        elif gesture == button.LONG:
            heard = app.arbiter.judge == records.JUDGE_GATEWAY
            app.recorder.event(records.CALIBRATE_ASKED, now, heard)
            if not heard:
                self.play(haptic.REFUSED, now)
        elif gesture == button.VERY_LONG:
            if not app.link.open_pairing(now):
                self.play(haptic.REFUSED, now)
        else:
            self.play(haptic.TICK, now)

    def _status(self) -> int:
        app = self._app
        if app.battery.low:
            return haptic.LOW_BATTERY
        return haptic.ALONE if app.link.active is None else haptic.LINKED

    def play(self, pattern: int, now: int) -> bool:
        """Play a pattern as the wearer likes it; whether the motor answered."""
        app = self._app
        return bool(app.motor.play(pattern, now, app.settings.value))
