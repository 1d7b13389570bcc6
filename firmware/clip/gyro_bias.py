"""The gyroscope's bias, learnt at rest and in motion, in whole numbers of at most 31 bits.

As in Laidig and Seel (see `fusion`), a Kalman filter whose measurement is the gyroscope's mean at rest and, in motion, the
drift of the low-passed gravity. One variance stands for the three axes. At rest the turning of the measured gravity is
taken off the gyroscope's mean first, so that a slow slouch is not learnt as bias; a slow turn about the vertical, which
gravity does not show, counts for little.
"""

from .wire.base import clamp, const, isqrt

# Bias in deg/s, Q24; measurements in deg/s, Q16; variances in (deg/s)**2, Q26.
_BIAS_MAX = const(4 << 24)
_ERROR_MAX = const(4 << 16)
_VAR_START = const(1 << 24)  # 0.5 deg/s
_VAR_KNOWN = const(6_039_798)  # 0.3 deg/s
_WALK = const(6711)  # a second: 0.1 deg/s after 100 s
_REST_NOISE = const(301_990)  # 0.15 deg/s in 0.2 s, times seconds
_MOTION_NOISE = const(1 << 26)  # 1 deg/s in 1 s
_DRIFT_MAX = const(4_969_000)  # 2 deg/s, see `correct`

_SLIGHT = const(13_107)  # 0.2 deg/s, see `correct`
_REST_MS = const(1500)
_FOLLOW_MS = const(500)
_ODD_S = const(20)
_REST_DPS = const(2)  # a window's mean against the mean before
_REST_ACC = const(3276)  # 0.025 g, 1 g = 2**17
_ACC_MAX = const(163_840)  # 1.25 g
_TURN_MAX = const(1 << 22)


def scaled(num: int, den: int, bits: int) -> tuple[int, int]:
    """(mantissa, shift) with mantissa / 2**shift the nearest to num / den, the mantissa of `bits` bits. For num / den of 0
    to 2**bits; a shift is never negative."""
    shift = 0
    while (num << (shift + 1)) + den // 2 < den << bits:
        shift += 1
    return ((num << shift) + den // 2) // den, shift


class Bias:
    """Estimator for a sensor of `rate_mhz` and `gyro_lsb_udps`, fed with sums over `samples` samples, about 0.1 s.

    `dps_x, dps_y, dps_z` is the bias in deg/s, Q24, and `x, y, z` the same in units of which `units / den` are one deg/s; `known`
    says that it is good to 0.3 deg/s, `learnt` is true for the one window in which the first second of rest has been taken in.
    """

    def __init__(self, rate_mhz: int, gyro_lsb_udps: int, units: int, den: int) -> None:
        self.samples = max(1, (rate_mhz + 5000) // 10_000)
        window_us = self.samples * 1_000_000_000 // rate_mhz
        self._gain, self._shift = scaled(units, den << 14, 12)
        self._second = (1_000_000 + window_us // 2) // window_us
        self._follow = min(64, window_us * 64 // (_FOLLOW_MS * 1000))
        self._rest_windows = _REST_MS * 1000 // window_us
        self._odd_max = _ODD_S * 1_000_000 // window_us
        self._walk = _WALK * window_us // 1_000_000
        self._rest_noise = _REST_NOISE * 1000 // (window_us // 1000)
        self._rest_rate = _REST_DPS * 64_000_000 // gyro_lsb_udps
        self._mean_gain, self._mean_shift = scaled(gyro_lsb_udps * 1024, 1_000_000, 13)
        # Cross product of two gravities, 1 g = 2**14, to deg/s in Q16: 180 / pi * 2**16 / 2**28 / window, times 2**12.
        self._turn_gain = 57_296_000 // window_us
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at boot."""
        self.x = self.y = self.z = 0
        self.known = False
        self.learnt = False
        self._begun = False
        self._lessons = 0
        self.dps_x = self.dps_y = self.dps_z = 0
        self._var = _VAR_START
        self._windows = 0  # since the last measurement in motion
        self._still = 0
        self._odd = 0  # windows at rest in a row whose mean rate the bias does not explain
        self._gx = self._gy = self._gz = 0  # mean rate, LSB in Q6
        self._ax = self._ay = self._az = 0  # mean acceleration, 1 g = 2**17
        self._tx = self._ty = self._tz = 0  # turn of the mean acceleration, deg/s in Q16

    def means(self, gx: int, gy: int, gz: int, ax: int, ay: int, az: int) -> None:
        """At a window's end, look for rest: sums over its samples of the rates, raw LSB, and accelerations, 1 g = 2**13."""
        if not self._begun:
            self._begun = True
            self._gx = (gx << 6) // self.samples
            self._gy = (gy << 6) // self.samples
            self._gz = (gz << 6) // self.samples
            self._ax = (ax << 4) // self.samples
            self._ay = (ay << 4) // self.samples
            self._az = (az << 4) // self.samples
        still = self._rates(gx, gy, gz)
        if not self._accelerations(ax, ay, az) or not still:
            self._still = 0
        elif self._still < self._rest_windows:
            self._still += 1

    def correct(self, drift_x: int, drift_y: int, drift_z: int, filled: bool) -> None:
        """After `means`: correct the bias by the window. The drift is the low-passed gravity x its change over the
        corner, 1 g**2 = 2**26; it counts once the low-pass is `filled`."""
        var = min(self._var + self._walk, _VAR_START)
        windows = self._windows + 1
        self.learnt = False
        if self._still >= self._rest_windows:
            mean = self._mean_gain
            shift = self._mean_shift
            ex = ((self._gx * mean) >> shift) + self._tx - (self.dps_x >> 8)
            ey = ((self._gy * mean) >> shift) + self._ty - (self.dps_y >> 8)
            ez = ((self._gz * mean) >> shift) + self._tz - (self.dps_z >> 8)
            limit = _ERROR_MAX
            if self._lessons == self._second:
                # More than two standard deviations and a little is no bias but a slow even turn, of a chair or a car,
                # and counts as that much only; if it goes on, the bias was wrong after all.
                limit = _SLIGHT + (isqrt(var) << 4)
                if -limit <= ex <= limit and -limit <= ey <= limit and -limit <= ez <= limit:
                    self._odd = 0
                else:
                    self._odd += 1
                    if self._odd > self._odd_max:
                        self._odd = 0
                        var = _VAR_START
                        limit = _ERROR_MAX
            gain = ((var >> 10) << 15) // ((var + self._rest_noise) >> 10)
            var -= ((var >> 10) * gain) >> 5
            if self._lessons < self._second:
                # The first second of rest is averaged, however far the bias is from what its variance leads to expect.
                self._lessons += 1
                gain = max(gain, 32767 // self._lessons)
                self.learnt = self._lessons == self._second
            self._learn(ex, ey, ez, limit, gain)
        elif filled and windows >= self._second:
            gain = ((var >> 10) << 15) // ((var + _MOTION_NOISE) >> 10)
            # To deg/s in Q16: 180 / pi * sqrt(2) / 3 s * 2**16 / 2**26, which is 27 in 1024.
            self._learn(
                (clamp(drift_x, -_DRIFT_MAX, _DRIFT_MAX) * 27) >> 10,
                (clamp(drift_y, -_DRIFT_MAX, _DRIFT_MAX) * 27) >> 10,
                (clamp(drift_z, -_DRIFT_MAX, _DRIFT_MAX) * 27) >> 10,
                _ERROR_MAX,
                gain,
            )
            var -= ((var >> 10) * gain) >> 5
        self._windows = windows if windows < self._second else 0
        self._var = var
        self.known = var < _VAR_KNOWN

    def _rates(self, gx: int, gy: int, gz: int) -> bool:
        """Follow the mean of the rates; whether they are those of rest."""
        samples = self.samples
        follow = self._follow
        limit = self._rest_rate
        gx = (gx << 6) // samples - self._gx
        gy = (gy << 6) // samples - self._gy
        gz = (gz << 6) // samples - self._gz
        self._gx += (gx * follow + 32) >> 6
        self._gy += (gy * follow + 32) >> 6
        self._gz += (gz * follow + 32) >> 6
        if not (-limit <= gx <= limit and -limit <= gy <= limit and -limit <= gz <= limit):
            return False
        limit += limit
        return -limit <= self._gx <= limit and -limit <= self._gy <= limit and -limit <= self._gz <= limit

    def _accelerations(self, ax: int, ay: int, az: int) -> bool:
        """Follow the mean of the accelerations; whether they are those of rest. Leaves the turn of the sensor that their
        mean's turn amounts to."""
        samples = self.samples
        follow = self._follow
        x = self._ax
        y = self._ay
        z = self._az
        ax = (ax << 4) // samples - x
        ay = (ay << 4) // samples - y
        az = (az << 4) // samples - z
        self._ax = x + ((ax * follow + 32) >> 6)
        self._ay = y + ((ay * follow + 32) >> 6)
        self._az = z + ((az * follow + 32) >> 6)
        limit = _REST_ACC
        if not (-limit <= ax <= limit and -limit <= ay <= limit and -limit <= az <= limit):
            return False
        ax = self._ax
        ay = self._ay
        az = self._az
        limit = _ACC_MAX
        if not (-limit <= ax <= limit and -limit <= ay <= limit and -limit <= az <= limit):
            return False
        x = (x + 4) >> 3
        y = (y + 4) >> 3
        z = (z + 4) >> 3
        ax = (ax + 4) >> 3
        ay = (ay + 4) >> 3
        az = (az + 4) >> 3
        gain = self._turn_gain
        self._tx = ((clamp(y * az - z * ay, -_TURN_MAX, _TURN_MAX) >> 4) * gain) >> 8
        self._ty = ((clamp(z * ax - x * az, -_TURN_MAX, _TURN_MAX) >> 4) * gain) >> 8
        self._tz = ((clamp(x * ay - y * ax, -_TURN_MAX, _TURN_MAX) >> 4) * gain) >> 8
        return True

    def _learn(self, ex: int, ey: int, ez: int, limit: int, gain: int) -> None:
        """Add what the bias is wrong by, at most `limit`, times gain (Q15)."""
        self.dps_x = clamp(self.dps_x + (((clamp(ex, -limit, limit) >> 4) * gain) >> 3), -_BIAS_MAX, _BIAS_MAX)
        self.dps_y = clamp(self.dps_y + (((clamp(ey, -limit, limit) >> 4) * gain) >> 3), -_BIAS_MAX, _BIAS_MAX)
        self.dps_z = clamp(self.dps_z + (((clamp(ez, -limit, limit) >> 4) * gain) >> 3), -_BIAS_MAX, _BIAS_MAX)
        gain = self._gain
        shift = self._shift
        self.x = ((self.dps_x >> 10) * gain) >> shift
        self.y = ((self.dps_y >> 10) * gain) >> shift
        self.z = ((self.dps_z >> 10) * gain) >> shift
