"""The light detector: what the clip makes of its own samples when no gateway judges.

It works on hops of 250 ms of clip time with the angles and rules of the gateway's core, without that one's finer
points: no bends, no slips, no looking back to when a movement ended, and a not-worn minute is written back one epoch
at most. `sink` gets
`second(index, code, hops, sagittal, lateral, low, high)` for each whole second (sums and extremes in millidegrees over
`hops` hops with an angle), `episode(start_ms, end_ms, peak, mean, reason)` (0.1 deg) and `not_worn(since_ms, until_ms)`.
"""

import math

from .wear import WearGate
from .wire import clip_category as code
from .wire import clip_records as records
from .wire.base import clamp, const, isqrt
from .wire.clip_calibration import Q14

_HOP_MS = const(250)
_HOPS = const(4)
_EPISODE_FLOOR_MS = const(3000)  # the least dwell of a plan, so that each reminder has its episode
_LATE_MS = const(300)  # a hop is closed without a later sample this long after its end

_LEAN_MDEG = const(15000)
_LEAN_END_MDEG = const(10000)
_LYING_MDEG = const(60000)
_LYING_END_MDEG = const(50000)
_WINDOW = const(8)  # hops of the activity gate, 2 s
_SHAKE_MG = const(100)
_SHAKE_END_MG = const(70)
_SWAY_SHAKE_MG = const(35)
_SWAY_SHAKE_END_MG = const(25)
_SWAY_MDEG = const(16000)
_SWAY_END_MDEG = const(11000)
_STEP_MG = const(30)  # shaken less over half a second, nobody takes a step
_STEPS = const(5)  # so many half seconds of the window must have shaken
_FIRM = const(12)  # hops; a younger slouch is over as soon as the angle falls clearly
_SLACK_MDEG = const(1500)
_HALF_SECOND = const(13)  # samples at 26 Hz
_MDEG = 180000.0 / math.pi
# What of each hop stays in the activity gate's window: samples, sum and sum of squares of |a|, way of the direction, whether it
# shook, and the direction (three zeros: none).
_USED = const(0)
_ACC = const(1)
_ACC_SQ = const(2)
_PATH = const(3)
_SHAKEN = const(4)
_X = const(5)
_Y = const(6)
_Z = const(7)
_ROW = const(8)


class Detector:
    """`category`, `since_ms` and `sagittal_ddeg` are its judgement as of the newest whole hop."""

    def __init__(self, sink) -> None:  # type: ignore[no-untyped-def]
        self._sink = sink
        self.category = code.LOST
        self.since_ms = 0
        self.sagittal_ddeg = 0
        self.usable = False
        self._paused = False
        self._calibration: tuple[tuple[float, ...], ...] | None = None
        self._angle = 10000
        self._recovery = 5000
        self._recovery_hops = 4
        self._wear = WearGate()
        self._moving = False
        self._rows = [[0] * _ROW for _ in range(_WINDOW)]  # written in turns
        self._filled = 0
        self._hop = -1
        self._open_hop()
        self._before_x = self._before_y = self._before_z = 0  # direction of the last sample
        self._joined = False  # the next sample goes on from it
        self._received_in_second = 0
        self._second_hops = self._second_sagittal = self._second_lateral = 0
        self._second_low = self._second_high = 0
        self._latches()
        self._sum = self._count = 0
        self._peak = 0

    def _latches(self) -> None:
        self._lying = False
        self._leaning = {code.LEANING_BACK: False, code.LEANING_LEFT: False, code.LEANING_RIGHT: False}
        self._firm = False
        self._above = 0  # hops of the slouch that has not fallen clearly below its angle
        self._below = 0
        self._sagittal_before: int | None = None

    def _open_hop(self) -> None:
        self._x = self._y = self._z = 0
        self._used = 0
        self._received = 0
        self._acc = self._acc_sq = 0
        self._path = 0

    # --- what it judges by ---

    def set_plan(self, plan) -> None:  # type: ignore[no-untyped-def]
        """Take the thresholds of a plan."""
        self._angle = plan.angle_deg * 1000
        self._recovery = plan.recovery_deg * 1000
        self._recovery_hops = max(1, (plan.recovery_ds * 100 + _HOP_MS - 1) // _HOP_MS)

    def set_calibration(self, calibration: "tuple[int, int, tuple[int, ...], tuple[int, ...]] | None") -> None:
        """Take a calibration (version, procedure, up, forward), or None."""
        if calibration is None:
            self._calibration = None
            return
        up = [v / Q14 for v in calibration[2]]
        forward = [v / Q14 for v in calibration[3]]
        right = (
            forward[1] * up[2] - forward[2] * up[1],
            forward[2] * up[0] - forward[0] * up[2],
            forward[0] * up[1] - forward[1] * up[0],
        )
        self._calibration = (tuple(up), tuple(forward), right)
        self._latches()

    def set_paused(self, paused: bool) -> None:
        """Paused seconds are not measured."""
        self._paused = paused

    # --- samples ---

    def add(self, t_ms: int, w: int, x: int, y: int, z: int, acc_mg: int, held: bool) -> None:
        """One stream sample: orientation in Q15, |a| - 1 g in mg, and whether the motor disturbed it."""
        self.advance(t_ms // _HOP_MS)
        self._received += 1
        if held:
            self._joined = False
            return
        sky_x = (x * z - w * y) >> 15
        sky_y = (y * z + w * x) >> 15
        sky_z = Q14 - ((x * x + y * y) >> 15)
        self._x += sky_x
        self._y += sky_y
        self._z += sky_z
        self._used += 1
        acc = clamp(acc_mg, -4000, 4000)
        self._acc += acc
        self._acc_sq += acc * acc
        if self._joined:
            dx = sky_x - self._before_x
            dy = sky_y - self._before_y
            dz = sky_z - self._before_z
            self._path += isqrt(min(dx * dx + dy * dy + dz * dz, 1 << 28))
        self._before_x = sky_x
        self._before_y = sky_y
        self._before_z = sky_z
        self._joined = True

    def tick(self, now_ms: int) -> None:
        """Close the hops that ended long ago: no sample is coming for them."""
        self.advance((now_ms - _LATE_MS) // _HOP_MS)

    def advance(self, hop: int) -> None:
        """Close every hop before `hop`."""
        if self._hop < 0:
            self._hop = max(hop, 0)
        while self._hop < hop:
            self._close_hop()
            self._open_hop()
            self._hop += 1

    # --- hops ---

    def _close_hop(self) -> None:
        used = self._used
        self.usable = used > 0
        sky16 = None
        sagittal = lateral = tilt = 0
        if used:
            sky16 = (self._x * 4 // used, self._y * 4 // used, self._z * 4 // used)
            if self._calibration is not None:
                sagittal, lateral, tilt = self._angles()
        moving = self._activity(sky16)
        start_ms = self._hop * _HOP_MS
        if self._wear.step(start_ms, sky16, self._shake_of_hop(), moving):
            self._sink.not_worn(self._wear.since_ms, start_ms + _HOP_MS)
        self._received_in_second += self._received
        ends_second = self._hop % _HOPS == _HOPS - 1
        lost = ends_second and self._received_in_second < _HALF_SECOND
        category = self._categorise(sagittal, lateral, tilt, moving, lost)
        if category != self.category:
            self._turn(category, start_ms, sagittal, lost)
        if self.usable and self._calibration is not None:
            self._sagittal_before = sagittal
            self.sagittal_ddeg = _tenths(sagittal)
            self._count_second(sagittal, lateral)
            if category == code.SLOUCHED and sagittal >= self._recovery:
                self._sum += _tenths(sagittal)
                self._count += 1
                self._peak = max(self._peak, _tenths(sagittal))
        else:
            self._sagittal_before = None
        if ends_second:
            self._sink.second(
                self._hop // _HOPS,
                self.category,
                self._second_hops,
                self._second_sagittal,
                self._second_lateral,
                self._second_low,
                self._second_high,
            )
            self._received_in_second = 0
            self._second_hops = self._second_sagittal = self._second_lateral = 0

    def _angles(self) -> "tuple[int, int, int]":
        """Sagittal, lateral and tilt in millidegrees, of the hop's mean direction (see wire.calibration)."""
        up, forward, right = self._calibration  # type: ignore[misc]
        x, y, z = float(self._x), float(self._y), float(self._z)
        norm = math.sqrt(x * x + y * y + z * z) or 1.0
        along_up = x * up[0] + y * up[1] + z * up[2]
        along_forward = x * forward[0] + y * forward[1] + z * forward[2]
        along_right = x * right[0] + y * right[1] + z * right[2]
        return (
            round(math.atan2(-along_forward, along_up) * _MDEG),
            round(math.asin(max(-1.0, min(1.0, -along_right / norm))) * _MDEG),
            round(math.acos(max(-1.0, min(1.0, along_up / norm))) * _MDEG),
        )

    def _shake_of_hop(self) -> int:
        n = self._used
        return isqrt(max(0, self._acc_sq // n - (self._acc // n) * (self._acc // n))) if n else 0

    def _activity(self, sky16: "tuple[int, int, int] | None") -> bool:
        """Steps shake |a|; bends and swings tilt the trunk to and fro: the length of its way less the way made good."""
        rows = self._rows
        before = rows[self._filled - 1 & _WINDOW - 1]
        row = rows[self._filled & _WINDOW - 1]
        used = self._used + before[_USED]
        acc = self._acc + before[_ACC]
        acc_sq = self._acc_sq + before[_ACC_SQ]
        mean = acc // used if used else 0
        row[_USED] = self._used
        row[_ACC] = self._acc
        row[_ACC_SQ] = self._acc_sq
        row[_PATH] = self._path
        row[_SHAKEN] = 1 if used and isqrt(max(0, acc_sq // used - mean * mean)) >= _STEP_MG else 0
        row[_X], row[_Y], row[_Z] = sky16 or (0, 0, 0)
        self._filled += 1
        used = acc = acc_sq = path = shaken = 0
        for each in rows:
            used += each[_USED]
            acc += each[_ACC]
            acc_sq += each[_ACC_SQ]
            path += each[_PATH]
            shaken += each[_SHAKEN]
        if not used:
            return self._moving
        mean = acc // used
        shake = isqrt(max(0, acc_sq // used - mean * mean))
        first = rows[max(0, self._filled - _WINDOW) & _WINDOW - 1]
        sway = 0
        if (first[_X] or first[_Y] or first[_Z]) and sky16:
            dx = (first[_X] - row[_X]) >> 2
            dy = (first[_Y] - row[_Y]) >> 2
            dz = (first[_Z] - row[_Z]) >> 2
            sway = (path - isqrt(dx * dx + dy * dy + dz * dz)) * 7 // 2  # 3.497 mdeg to a step of Q14
        going = shaken >= _STEPS
        if going and (shake >= _SHAKE_MG or (shake >= _SWAY_SHAKE_MG and sway >= _SWAY_MDEG)):
            self._moving = True
        elif shake < _SHAKE_END_MG and (shake < _SWAY_SHAKE_END_MG or sway < _SWAY_END_MDEG):
            self._moving = False
        return self._moving

    def _categorise(self, sagittal: int, lateral: int, tilt: int, moving: bool, lost: bool) -> int:
        if lost:
            self._latches()
            return code.PAUSED if self._paused else code.LOST
        if not self.usable:
            return code.PAUSED if self._paused else code.LOST if self.category == code.PAUSED else self.category
        calibrated = self._calibration is not None
        if calibrated:
            self._lying = tilt >= (_LYING_END_MDEG if self._lying else _LYING_MDEG)
            leaning = self._lean(sagittal, lateral)
            self._below = self._below + 1 if sagittal < self._recovery else 0
        else:
            leaning = 0
        if self._paused or self._wear.off or moving or self._lying or leaning or not calibrated:
            self._above = 0
            self._firm = False
        else:
            if sagittal >= self._angle:
                self._above += 1
            elif self._above and sagittal >= max(self._angle - _SLACK_MDEG, self._recovery):
                self._above += 1
            else:
                self._above = 0
            if self._above >= _FIRM:
                self._firm = True
            elif self._below >= self._recovery_hops:
                self._firm = False
        if self._paused:
            return code.PAUSED
        if self._wear.off:
            return code.NOT_WORN
        if not calibrated:
            return code.UNCALIBRATED
        if moving:
            return code.MOVING
        if self._lying:
            return code.LYING
        return leaning or (code.SLOUCHED if self._above or self._firm else code.UPRIGHT)

    def _lean(self, sagittal: int, lateral: int) -> int:
        largest = leaning = 0
        for side in (code.LEANING_BACK, code.LEANING_LEFT, code.LEANING_RIGHT):
            amount = lateral
            if side != code.LEANING_RIGHT:
                amount = -lateral if side == code.LEANING_LEFT else -sagittal
            self._leaning[side] = amount >= (_LEAN_END_MDEG if self._leaning[side] else _LEAN_MDEG)
            if self._leaning[side] and amount > largest:
                largest, leaning = amount, side
        return leaning

    def _turn(self, category: int, start_ms: int, sagittal: int, lost: bool) -> None:
        """Another category begins."""
        since = start_ms
        if lost:
            since = start_ms + _HOP_MS - _HOPS * _HOP_MS
        elif category == code.UPRIGHT and self.category == code.SLOUCHED:
            since = start_ms + _HOP_MS - self._below * _HOP_MS
        elif category == code.SLOUCHED:
            since = self._crossing(start_ms, sagittal)
        elif category == code.NOT_WORN:
            since = self._wear.since_ms
        since = max(since, 0 if category == code.SLOUCHED else self.since_ms)
        if self.category == code.SLOUCHED and self._count and since - self.since_ms >= _EPISODE_FLOOR_MS:
            self._sink.episode(self.since_ms, since, self._peak, self._sum // self._count, _end_reason(category))
        self.category = category
        self.since_ms = since
        self._sum = self._count = 0
        self._peak = 0

    def _crossing(self, start_ms: int, sagittal: int) -> int:
        """When the angle was crossed: on the line between the middles of this hop and the one before."""
        before = self._sagittal_before
        if before is None or before >= self._angle or sagittal <= before:
            return start_ms
        return start_ms - _HOP_MS // 2 + _HOP_MS * (self._angle - before) // (sagittal - before)

    def _count_second(self, sagittal: int, lateral: int) -> None:
        if not self._second_hops:
            self._second_low = self._second_high = sagittal
        self._second_hops += 1
        self._second_sagittal += sagittal
        self._second_lateral += lateral
        self._second_low = min(self._second_low, sagittal)
        self._second_high = max(self._second_high, sagittal)


def _tenths(mdeg: int) -> int:
    return (mdeg + 50) // 100


def _end_reason(category: int) -> int:
    if category == code.UPRIGHT:
        return records.END_RECOVERED
    if category == code.PAUSED:
        return records.END_PAUSED
    if category == code.LOST:
        return records.END_LOST
    return records.END_NOT_WORN if category == code.NOT_WORN else records.END_MOVED
