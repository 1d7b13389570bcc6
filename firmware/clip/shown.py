"""The status as a gateway reads it, and when it is told of it."""

from .wire import clip_status as status
from .wire.base import clamp, const

_TELL_MS = const(5000)


class Shown:
    """Shows the parts of `app`."""

    def __init__(self, app) -> None:  # type: ignore[no-untyped-def]
        self._app = app
        self._told: tuple[object, ...] | None = None
        self._tell_at = 0
        self._percent = -1

    def open(self, now: int) -> None:
        """Tell a gateway that has just come."""
        self._told = None
        self.step(now)

    def step(self, now: int) -> None:
        """Keep what can be read fresh, the status only while a gateway may read it, and notify what matters."""
        app = self._app
        gatt = app.gatt
        if app.battery.percent != self._percent:
            self._percent = app.battery.percent
            percent = bytes((self._percent,))
            gatt.write(gatt.battery, percent)
            app.sender.level(percent)
        if app.link.active is None:
            return
        flags = self._flags(now)
        state = app.policy.state
        builder = app.sensing.builder
        data = status.pack_values(
            flags,
            app.boot,
            app.boot_counter & 0xFFFF,
            now,
            builder.period_us * 4,
            status.ACC_RANGE_G,
            status.GYRO_RANGE_DPS,
            app.plan.version,
            app.calibration.version,
            app.battery.millivolts,
            app.battery.percent,
            state,
            clamp(builder.celsius, -128, 127),
            app.journal.first,
            app.journal.next,
            app.sender.dropped,
            app.arbiter.judge,
        )
        if app.link.private:
            gatt.write(gatt.status, data)
        told = (flags, app.plan.version, app.calibration.version, state, app.arbiter.judge, app.sender.dropped)
        if told != self._told or now >= self._tell_at:
            self._told = told
            self._tell_at = now + _TELL_MS
            app.sender.status(data)

    def _flags(self, now: int) -> int:
        app = self._app
        return (
            (status.STATUS_IMU_OK if app.sensing.ok else 0)
            | (status.STATUS_HAPTIC_OK if app.motor.ok else 0)
            | (status.STATUS_UTC_KNOWN if app.clock.utc_known else 0)
            | (status.STATUS_PAUSED if app.pausing.paused_until else 0)
            | (status.STATUS_UPDATE_READY if app.updater is not None and app.updater.ready else 0)
            | (status.STATUS_SNOOZED if now < app.policy.snoozed_until else 0)
            | (status.STATUS_PAIRING if app.link.pairing else 0)
            | (status.STATUS_BATTERY_LOW if app.battery.low else 0)
        )
