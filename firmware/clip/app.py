"""The clip: what the parts are and in which order they work, 25 times a second.

`main` makes the parts from the board's hardware and runs until the next boot.
"""

import asyncio
import gc
import struct
import time

from . import guarded, haptic_drv2605l, identity, keystore, prescription
from .battery import Battery
from .clock import Clock
from .detector import Detector
from .diary import Diary
from .fusion import Fusion
from .gatt import Gatt
from .haptic_drv2605l import Drv2605l
from .journal import Journal
from .lease import Arbiter
from .link import Link
from .motor import Motor
from .operations import Operations
from .pausing import Pausing
from .recorder import Recorder
from .reminder import ACTION_CONFIRM, ACTION_NONE, ACTION_REMIND, Policy
from .sender import Sender
from .sensing import Sensing
from .shown import Shown
from .wire import clip_records as records
from .wire import clip_status as status
from .wire import clip_stream as stream
from .wire import clip_uuids as uuids
from .wire.base import MalformedError, clamp, const

FIRMWARE = const("0.1.0")
_TICK_MS = const(40)
_POLICY_FILE = const("policy.bin")
_POLICY_KIND = const(6)
_POLICY_VERSION = const(1)
LIFE_MS = const(4233600000)  # 49 days: times in records are 32 bits, and a clip on its charger may live that long
_KEEP_MS = const(5000)  # how often the state of a running slouch is kept


class App:
    """All parts of one clip. `i2c`, `imu` (a driver on it), `ble`, `uuid` (its type), `adc` are the board's; `ticks_ms` its time.

    `rtc_s` are seconds of a clock that goes on over a restart; `powered` says that it did since the last one.
    """

    def __init__(self, i2c, imu, ble, uuid, adc, unique_id: bytes, ticks_ms, rtc_s, powered: bool) -> None:  # type: ignore[no-untyped-def]
        self.clock = Clock(ticks_ms)
        self.serial = identity.serial_of(unique_id)
        self.boot, self.boot_counter = identity.begin()
        self.plan = prescription.plan_store()
        self.calibration = prescription.calibration_store()
        self.settings = prescription.settings_store()
        self.journal = Journal()
        self.gatt = Gatt(ble, uuid, self.serial, FIRMWARE, ticks_ms)
        self.sender = Sender(self.gatt, self.journal)
        self.recorder = Recorder(self.boot, self.journal, self._versions)
        self.policy = Policy(self.plan.value)
        self._rtc_s = rtc_s
        self._restore_policy(powered)
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
        self.link = Link(self.gatt, self.sender, self.clock, keystore.load(), self)
        self.local_minute = -1
        self._next_second = 0
        self.recorder.event(records.BOOT, 0, self.boot_counter)

    def _versions(self) -> "tuple[int, int]":
        return self.plan.version, self.calibration.version

    # --- every 40 ms ---

    async def run(self) -> None:
        """Work until a new boot is due, before clip times run out."""
        self.gatt.advertise()
        now = due = self.clock.now()
        while now < LIFE_MS:
            now = self.clock.now()
            if now >= due:
                self.tick(now)
                due += _TICK_MS
                now = self.clock.now()
                if due <= now:  # too slow for a moment: skip ticks, keep their beat
                    due += (now - due) // _TICK_MS * _TICK_MS + _TICK_MS
            wait = self.sender.step(now)
            await asyncio.sleep_ms(due - now if wait < 0 else min(due - now, wait))  # type: ignore[attr-defined]

    def tick(self, now: int) -> None:
        """One round: the radio's news, samples, judgement, policy, motor."""
        self.link.step(now)
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
        told = self.policy.take_record()
        while told is not None:
            self.recorder.reminder(told)
            told = self.policy.take_record()
        if now >= self._next_second:
            self._next_second = now - now % 1000 + 1000
            self._each_second(now)

    def _act(self, action: int, now: int) -> None:
        if action == ACTION_CONFIRM:
            self.motor.play(haptic_drv2605l.CONFIRM, now, self.settings.value)
        elif action == ACTION_REMIND and not self.motor.play(haptic_drv2605l.REMINDER, now, self.settings.value):
            self.policy.motor_failed(now)

    def _each_second(self, now: int) -> None:
        self.local_minute = self.clock.local_minute(now)
        self.pausing.step(now)
        if self.battery.poll(now):
            self.recorder.event(records.LOW_BATTERY, now, self.battery.percent)
        if self.policy.changed or (now % _KEEP_MS < 1000 and self.policy.due_ms() >= 0):
            self._keep_policy()
        self.shown.step(now)
        gc.collect()

    # --- the policy's state in flash ---

    def _restore_policy(self, powered: bool) -> None:
        kept = guarded.load(_POLICY_FILE, _POLICY_KIND, _POLICY_VERSION)
        if kept is None or len(kept) < 4:
            return
        elapsed = self._rtc_s() - struct.unpack("<I", kept[:4])[0]
        try:
            self.policy.restore(kept[4:], elapsed * 1000 if powered and elapsed >= 0 else None)
        except MalformedError:
            pass  # it starts afresh

    def _keep_policy(self) -> None:
        self.policy.changed = False
        try:
            kept = struct.pack("<I", self._rtc_s()) + self.policy.snapshot()
            guarded.save(_POLICY_FILE, _POLICY_KIND, _POLICY_VERSION, kept)
        except OSError:
            self.recorder.failed += 1

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
        self.arbiter.drop()
        self.publish()
        self.mtu_changed(mtu)
        self.sensing.builder.gap = True
        self.shown.again(self.clock.now())

    def publish(self) -> None:
        """Fill in the readable values, unless a stranger could read them too."""
        if self.link.private:
            self.gatt.write(self.gatt.settings, status.pack_settings(*self.settings.value))
            self.gatt.write(self.gatt.plan, self.plan.value.pack())
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


async def main() -> None:
    """Run the clip on this board."""
    import bluetooth  # noqa: PLC0415 -- the radio's stack takes its memory when it is imported
    import machine  # noqa: PLC0415

    from . import board  # noqa: PLC0415 -- only a board has the pins

    ticks_ms = time.ticks_ms  # type: ignore[attr-defined]
    powered = machine.reset_cause() in (machine.WDT_RESET, machine.SOFT_RESET)
    i2c, imu, adc = board.parts()
    app = App(i2c, imu, bluetooth.BLE(), bluetooth.UUID, adc, machine.unique_id(), ticks_ms, _rtc_s, powered)
    await app.run()
    machine.reset()
