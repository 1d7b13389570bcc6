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
from .recorder import Recorder
from .reminder import ACTION_CONFIRM, ACTION_NONE, ACTION_REMIND, Policy
from .sender import Sender
from .sensing import Sensing
from .wire import clip_control as control
from .wire import clip_records as records
from .wire import clip_status as status
from .wire import clip_stream as stream
from .wire import clip_uuids as uuids
from .wire.base import MalformedError, clamp, const

FIRMWARE = const("0.1.0")
_TICK_MS = const(40)
_STATUS_MS = const(5000)
_POLICY_FILE = const("policy.bin")
_POLICY_KIND = const(6)
_POLICY_VERSION = const(1)
_MINUTE_MS = const(60000)
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
        self.link = Link(self.gatt, self.sender, self.clock, keystore.load(), self)
        self._paused_until = 0
        self._snoozed = False
        self._local_minute = -1
        self._next_second = 0
        self._next_status = 0
        self._shown: tuple[object, ...] | None = None
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
        action = self.policy.tick(now, self._local_minute)
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
        self._local_minute = self.clock.local_minute(now)
        if self._paused_until and now >= self._paused_until:
            self._resume_measuring(now)
        snoozed = now < self.policy.snoozed_until
        if self._snoozed and not snoozed:
            self.recorder.event(records.SNOOZE_ENDED, now)
        self._snoozed = snoozed
        if self.battery.poll(now):
            self.recorder.event(records.LOW_BATTERY, now, self.battery.percent)
        if self.policy.changed or (now % _KEEP_MS < 1000 and self.policy.due_ms() >= 0):
            self._keep_policy()
        self._show(now)
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
        self._shown = None
        self._show(self.clock.now())

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
        if op == control.SET_PLAN:
            return self._set_plan(payload, t_ms)
        if op == control.SET_CALIBRATION:
            return self._set_calibration(payload, t_ms)
        if op == control.SET_SETTINGS:
            result = self.settings.accept(payload)
            self.publish()
            return result
        values = control.parse(op, payload)
        if op == control.LEASE:
            self.arbiter.lease(t_ms, values[0], values[1], values[3])
        elif op == control.TIME:
            self.clock.set_utc(*values)
            self._local_minute = self.clock.local_minute(t_ms)
        elif op == control.PING:
            active = self.link.active
            if active is not None:
                self.sender.event(active.connection, control.pack_pong(values[0], t_ms))
        elif op == control.JOURNAL_READ:
            self.sender.read_journal(values[0])
        elif op == control.JOURNAL_ACK:
            return control.OK if self.journal.acknowledge(values[0]) else control.REFUSED_OUT_OF_RANGE
        elif op == control.BUZZ:
            return self._buzz(values[0], t_ms)
        elif op == control.PAUSE:
            return self._pause(values[0], t_ms)
        elif op == control.SNOOZE:
            return self._snooze(values[0], t_ms)
        elif op == control.RESUME:
            self._resume(t_ms)
        return control.OK

    def _set_plan(self, payload: bytes, t_ms: int) -> int:
        before = self.plan.version
        result = self.plan.accept(payload)
        if result == control.OK and self.plan.version != before:
            self.policy.set_plan(self.plan.value)
            self.detector.set_plan(self.plan.value)
            self.arbiter.recovery_ddeg = self.plan.value.recovery_deg * 10
            self.publish()
            self.recorder.event(records.PLAN_APPLIED, t_ms, self.plan.version)
            self._show(t_ms)
        return result

    def _set_calibration(self, payload: bytes, t_ms: int) -> int:
        before = self.calibration.version
        result = self.calibration.accept(payload)
        if result == control.OK and self.calibration.version != before:
            self.detector.set_calibration(self.calibration.value)
            self.publish()
            self.recorder.event(records.CALIBRATED, t_ms, self.calibration.version)
            self.motor.play(haptic_drv2605l.CALIBRATED, t_ms, self.settings.value)
            self._show(t_ms)
        return result

    def _buzz(self, pattern: int, t_ms: int) -> int:
        try:
            played = self.motor.play(pattern, t_ms, self.settings.value)
        except ValueError:
            return control.REFUSED_OUT_OF_RANGE
        return control.OK if played else control.REFUSED_BUSY

    def _pause(self, minutes: int, t_ms: int) -> int:
        if not minutes:
            return control.REFUSED_OUT_OF_RANGE
        self._paused_until = t_ms + minutes * _MINUTE_MS
        self._set_paused(True)
        self.recorder.event(records.PAUSED, t_ms, minutes)
        return control.OK

    def _snooze(self, minutes: int, t_ms: int) -> int:
        if not minutes:
            return control.REFUSED_OUT_OF_RANGE
        self.policy.snooze(t_ms + minutes * _MINUTE_MS)
        self._snoozed = True
        self.recorder.event(records.SNOOZED, t_ms, minutes)
        return control.OK

    def _resume(self, t_ms: int) -> None:
        if self._paused_until:
            self._resume_measuring(t_ms)
        if self._snoozed:
            self.policy.resume()
            self._snoozed = False
            self.recorder.event(records.SNOOZE_ENDED, t_ms)

    def _resume_measuring(self, t_ms: int) -> None:
        self._paused_until = 0
        self._set_paused(False)
        self.recorder.event(records.RESUMED, t_ms)

    def _set_paused(self, paused: bool) -> None:
        self.detector.set_paused(paused)
        self.arbiter.paused = paused

    # --- status ---

    def _show(self, now: int) -> None:
        """Keep the readable status fresh while a gateway may read it, and notify it when it matters."""
        if self.link.active is None:
            return
        flags = self._flags(now)
        state = self.policy.state
        builder = self.sensing.builder
        data = status.pack_values(
            flags,
            self.boot,
            self.boot_counter & 0xFFFF,
            now,
            builder.period_us * 4,
            status.ACC_RANGE_G,
            status.GYRO_RANGE_DPS,
            self.plan.version,
            self.calibration.version,
            self.battery.millivolts,
            self.battery.percent,
            state,
            clamp(builder.celsius, -128, 127),
            self.journal.first,
            self.journal.next,
            self.sender.dropped,
            self.arbiter.judge,
        )
        if self.link.private:
            self.gatt.write(self.gatt.status, data)
        shown = (flags, self._versions(), state, self.arbiter.judge, self.sender.dropped)
        if shown != self._shown or now >= self._next_status:
            self._shown = shown
            self._next_status = now + _STATUS_MS
            self.sender.status(data)
            self.gatt.write(self.gatt.battery, bytes((self.battery.percent,)))

    def _flags(self, now: int) -> int:
        return (
            (status.STATUS_IMU_OK if self.sensing.ok else 0)
            | (status.STATUS_HAPTIC_OK if self.motor.ok else 0)
            | (status.STATUS_UTC_KNOWN if self.clock.utc_known else 0)
            | (status.STATUS_PAUSED if self._paused_until else 0)
            | (status.STATUS_SNOOZED if now < self.policy.snoozed_until else 0)
        )


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
