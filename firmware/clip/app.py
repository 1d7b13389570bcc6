"""The clip: what the parts are and in which order they work, 25 times a second.

`main` makes the parts from the board's hardware and runs until the next boot.
"""

import asyncio
import gc
import os
import time

from . import haptic_drv2605l, lazy, led, prescription
from .battery import Battery
from .clock import Clock
from .detector import Detector
from .diary import Diary
from .fusion import Fusion
from .gatt import Gatt
from .haptic_drv2605l import Drv2605l
from .journal import Journal
from .kept import Kept
from .lease import Arbiter
from .led import Led
from .link import Link
from .motor import Motor
from .operations import Operations
from .pausing import Pausing
from .recorder import Recorder
from .reminder import ACTION_CONFIRM, ACTION_NONE, ACTION_REMIND, Policy
from .sender import Sender
from .sensing import Sensing
from .shown import Shown
from .slots import FILE as SLOTS_FILE
from .wearer import Wearer
from .wire import clip_records as records
from .wire import clip_status as status
from .wire import clip_stream as stream
from .wire import clip_uuids as uuids
from .wire.base import clamp, const

FIRMWARE = const("0.1.0")
_TICK_MS = const(40)
_WATCHDOG_MS = const(8000)  # far more than opening a full journal or one erase of the flash takes
LIFE_MS = const(4233600000)  # 49 days: times in records are 32 bits, and a clip on its charger may live that long


class App:
    """All parts of one clip. `parts`, `ble` and `uuid` (its type) are the board's (see `board.parts`), `ticks_ms` is its time.

    `rtc_s` are seconds of a clock that goes on over a restart; `powered` says that it did since the last one; `restarted` why the
    clip starts anew: 0 nobody knows, else a value of records.RESTARTED.
    """

    def __init__(self, parts, ble, uuid, unique_id: bytes, ticks_ms, rtc_s, powered: bool, restarted: int = 0) -> None:  # type: ignore[no-untyped-def]
        from . import identity  # noqa: PLC0415 -- needed once

        i2c, imu, adc, button, light = parts
        self.clock = Clock(ticks_ms)
        self.serial = identity.serial_of(unique_id)
        self.boot, self.boot_counter = identity.begin()
        lazy.drop("identity")
        self.plan = prescription.plan_store()
        self.calibration = prescription.calibration_store()
        self.settings = prescription.settings_store()
        self.journal = Journal()
        self.gatt = Gatt(ble, uuid, self.serial, FIRMWARE, ticks_ms)
        self.sender = Sender(self.gatt, self.journal)
        self.recorder = Recorder(self.boot, self.journal, self._versions)
        self.policy = Policy(self.plan.value)
        self.diary = Diary(self.boot, self.recorder.write, self._versions)
        self.detector = Detector(self)
        self.detector.set_plan(self.plan.value)
        self.detector.set_calibration(self.calibration.value)
        self.arbiter = Arbiter(self.policy, self.detector)
        self.arbiter.recovery_ddeg = self.plan.value.recovery_deg * 10
        self.sensing = Sensing(imu, Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps), self)
        self.motor = Motor(Drv2605l(i2c))
        self.battery = Battery(adc)
        self.pausing = Pausing(self.policy, self.detector, self.arbiter, self.recorder)
        self.shown = Shown(self)
        self._operations = Operations(self)
        self.link = Link(self.gatt, self.sender, self.clock, self)
        self.led = Led(light)
        self.wearer = Wearer(self, button)
        self.local_minute = -1
        self._next_second = 0
        self.updater = None
        self._slots = None
        self._trial = None
        self.recorder.start(records.BOOT, self.boot_counter)
        if restarted:
            self.recorder.start(records.RESTARTED, restarted)
        self._kept = Kept(self, rtc_s, powered)

    def _versions(self) -> "tuple[int, int]":
        return self.plan.version, self.calibration.version

    # --- every 40 ms ---

    async def run(self, watchdog) -> None:  # type: ignore[no-untyped-def]
        """Work until a new boot is due, before clip times run out. Each round that went through feeds the watchdog."""
        now = due = self.clock.now()
        while now < LIFE_MS:
            now = self.clock.now()
            if now >= due:
                self.tick(now)
                watchdog.feed()
                due += _TICK_MS
                now = self.clock.now()
                if due <= now:  # too slow for a moment: skip ticks, keep their beat
                    due += (now - due) // _TICK_MS * _TICK_MS + _TICK_MS
            wait = self.sender.step(now)
            wait = due - now if wait < 0 else min(due - now, wait)
            light = self.led
            await asyncio.sleep_ms(min(wait, led.FLASH_MS) if light.on else wait)  # type: ignore[attr-defined]
            light.off()

    def tick(self, now: int) -> None:
        """One round: the radio's news, samples, judgement, policy, motor."""
        self.link.step(now)
        now = self.clock.now()  # an operation may have waited for an erase of the flash, and samples came meanwhile
        if self.link.active is None:
            self.arbiter.drop()
        builder = self.sensing.builder
        builder.held = self.motor.poll(now)
        builder.running = self.motor.running
        self.sensing.poll(now)
        self.detector.tick(now)
        self.arbiter.step(now)
        action = self.policy.tick(now, self.local_minute)
        if action != ACTION_NONE:
            self._act(action, now)
            self._kept.step(now)  # a clip that stops now must not remind again
        told = self.policy.take_record()
        while told is not None:
            self.recorder.reminder(told)
            told = self.policy.take_record()
        if now >= self._next_second:
            self._next_second = now - now % 1000 + 1000
            self._each_second(now)
        self.wearer.step(now)
        updater = self.updater
        waits = updater is not None and updater.ready
        self.led.step(now, self.settings.value[3], self.link.pairing, self.battery.low, waits)

    def _act(self, action: int, now: int) -> None:
        if action == ACTION_CONFIRM:
            self.wearer.play(haptic_drv2605l.CONFIRM, now)
        elif action == ACTION_REMIND and not self.wearer.play(haptic_drv2605l.REMINDER, now):
            self.policy.motor_failed(now)

    def _each_second(self, now: int) -> None:
        self.local_minute = self.clock.local_minute(now)
        self.pausing.step(now)
        warn = self.battery.poll(now, self.sensing.builder.held)
        self._kept.step(now)
        if warn:  # it is kept by now: what the motor takes may be the last of the cell
            self.recorder.event(records.LOW_BATTERY, now, self.battery.percent)
            self.wearer.play(haptic_drv2605l.LOW_BATTERY, now)
        if self._trial is not None and self._trial.step(now, self.link.active is not None):
            self._trial = None
            lazy.drop("trial", "slots")
        self.shown.step(now)
        gc.collect()

    # --- its own firmware ---

    def use_slots(self) -> None:
        """The flash has room for another firmware beside this one; see `slots`."""
        from . import slots, trial  # noqa: PLC0415 -- a board without slots loads nothing of this

        self._slots = slots.blocks()  # type: ignore[no-untyped-call]
        if self._slots is not None:
            self._trial = trial.Trial(self.recorder, self.clock.now())

    def open_updater(self):  # type: ignore[no-untyped-def]
        """What takes a new firmware in, None where there is no room for one."""
        if self.updater is None and self._slots is not None:
            from .update import Updater  # noqa: PLC0415 -- needed once in months

            self.updater = Updater(self._slots, FIRMWARE)
        return self.updater

    # --- sink of sensing and detector ---

    def orientation(self, builder) -> None:  # type: ignore[no-untyped-def]
        """A stream sample is there."""
        fusion = builder.fusion
        if fusion.settled:
            t_ms = builder.high << 16 | builder.low
            self.detector.add(t_ms, fusion.w, fusion.x, fusion.y, fusion.z, builder.acc_mg, builder.held)

    def packet(self, buf: bytearray, length: int) -> None:
        """A stream packet is finished."""
        if self.sender.mtu >= uuids.MTU_STREAM and not self.sender.packet(buf, length):
            self.arbiter.drop()

    def imu_lost(self, now: int) -> None:
        """The sensor does not answer."""
        self.recorder.event(records.IMU_LOST, now)

    def imu_back(self, now: int) -> None:
        """The sensor answers again."""
        self.recorder.event(records.IMU_BACK, now)

    def second(self, index: int, code: int, hops: int, sagittal: int, lateral: int, low: int, high: int) -> None:
        """A whole second has a category."""
        self.diary.celsius = clamp(self.sensing.builder.celsius, -127, 127)
        self.diary.second(index, code, hops, sagittal, lateral, low, high)
        if self.link.active is not None and self.sender.mtu < uuids.MTU_STREAM:
            self._summarise(index, code)

    def episode(self, start_ms: int, end_ms: int, peak: int, mean: int, reason: int) -> None:
        """A slouch that lasted has ended."""
        self.diary.episode(start_ms, end_ms, peak, mean, reason)

    def not_worn(self, since_ms: int, until_ms: int) -> None:
        """The clip had not been worn."""
        self.diary.not_worn(since_ms, until_ms)

    def _summarise(self, index: int, code: int) -> None:
        builder = self.sensing.builder
        fusion = builder.fusion
        measured = self.detector.usable and self.calibration.value is not None
        sagittal = clamp(self.detector.sagittal_ddeg // 10, -127, 127) if measured else records.NO_ANGLE
        acc = stream.log_code(builder.acc_rms)
        summary = stream.pack_summary(index * 1000, code, fusion.w, fusion.x, fusion.y, fusion.z, acc, sagittal)
        self.sender.packet(summary, len(summary))

    # --- what a gateway wants ---

    def linked(self, mtu: int) -> None:
        """A gateway has authenticated: it may read, and gets the stream."""
        active = self.link.active
        if active is not None and active.key is not None:
            self.sender.key = active.key
        self.recorder.begun()
        self.arbiter.drop()
        self.publish()
        self.mtu_changed(mtu)
        self.sensing.builder.gap = True
        self.shown.open(self.clock.now())

    def paired(self, now: int, gateways: int) -> None:
        """A gateway more, or one with another key, is trusted from now on."""
        self.recorder.event(records.PAIRED, now, gateways)

    def publish(self) -> None:
        """Fill in the readable values, unless a stranger could read them too."""
        if self.link.private:
            self.gatt.write(self.gatt.settings, status.pack_settings(*self.settings.value))
            self.gatt.write(self.gatt.plan, self.plan.raw or self.plan.value.pack())
            self.gatt.write(self.gatt.calibration, self.calibration.raw)

    def mtu_changed(self, mtu: int) -> None:
        """Packets must fit."""
        room = min(mtu, uuids.MTU_WANTED) - 3 - stream.HEADER_SIZE - stream.TRAILER_SIZE
        self.sensing.builder.max_samples = clamp(room // stream.SAMPLE_SIZE, 1, stream.PACKET_SAMPLES)

    def operate(self, op: int, payload: bytes, t_ms: int) -> int:
        """Carry out a sealed operation; one of control's results. Raises MalformedError."""
        return self._operations.operate(op, payload, t_ms)


def _rtc_s() -> int:
    return int(time.time())


def _made() -> App:
    """The clip on this board. What only its making needs is given back: a coroutine would keep it as long as it runs."""
    import bluetooth  # noqa: PLC0415 -- the radio's stack takes its memory when it is imported
    import machine  # noqa: PLC0415

    from . import board, crash  # noqa: PLC0415 -- only a board has the pins

    cause = machine.reset_cause()
    restarted = records.BY_WATCHDOG if cause == machine.WDT_RESET else 0
    try:
        os.rename(crash.FILE, crash.TOLD)
        restarted = records.BY_ERROR
    except OSError:
        pass
    ticks_ms = time.ticks_ms  # type: ignore[attr-defined]
    powered = cause != machine.PWRON_RESET
    ble = bluetooth.BLE()
    app = App(board.parts(), ble, bluetooth.UUID, machine.unique_id(), ticks_ms, _rtc_s, powered, restarted)
    lazy.drop("board")
    if SLOTS_FILE in os.listdir():
        app.use_slots()
    return app


async def main() -> None:
    """Run the clip on this board until a new boot is due."""
    import machine  # noqa: PLC0415 -- only a board has it

    watchdog = machine.WDT(timeout=_WATCHDOG_MS)
    app = _made()
    if hasattr(gc, "threshold"):
        # Never by count from here on: the frames of the sample path, which go back at once, would count, too.
        gc.threshold(-1)
    await app.run(watchdog)
