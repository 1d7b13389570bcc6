"""Orientation from gyroscope and accelerometer, in whole numbers of at most 31 bits.

The method is that of D. Laidig and T. Seel, "VQF: Highly accurate IMU orientation estimation with bias estimation and
magnetic disturbance rejection", Information Fusion 91 (2023), with these differences:

* The almost-inertial frame is never written out. The states of the second-order low-pass are kept in the sensor's axes
  and turned by every gyroscope step, which is the same filter; rounding is forgotten with its time constant.
* A step integrates a parabola through the last three rates, with the coning term between two steps (J. E. Bortz, "A
  new mathematical formulation for strapdown inertial navigation", IEEE Trans. AES-7, 1971), and looks LAG_US ahead: so
  late are the rates that a MEMS gyroscope gives out after its own digital filter.
* The low-pass fills anew when the bias is first learnt at rest, and when the gyroscope is cut at its full scale: nobody knows how
  far the sensor has turned.
* The bias is learnt as `gyro_bias` says.

Scales: 1 g is 2**13 (states: 2**26), an angle of one radian is 2**S with S chosen for rate and range, quaternions are
Q28 inside. Products stay below 2**30 because full scale is at most 12288 units of angle a sample; the bounds are in the
comments where they are not plain. Same input, same output, bit for bit, on every interpreter.
"""

from .gyro_bias import Bias, scaled
from .wire.base import clamp, const, isqrt

TAU_MS = const(3000)  # time constant of the gravity low-pass, the method's published value
LAG_US = const(3500)
RATE_MIN_MHZ = const(10_000)
RATE_MAX_MHZ = const(1_000_000)

_ONE_G = const(8192)
_CUT = const(32_760)  # a rate that the sensor has cut
_TURN_MAX = const(14000)  # units of angle a sample; three axes and the correction squared stay below 2**30
_LEVEL_MAX = const(4000)
_STATE_MAX = const(9216 << 13)  # 1.125 g an axis; a mean over seconds is never more
_WC_UHZ = const(471405)  # corner of the low-pass, rad/s: sqrt(2) / tau

_LOST = const(1 << 20)  # beyond the doubt of a right angle; also keeps a weightless mean from standing anything up


class Fusion:
    """Orientation of one sensor.

    rate_mhz: samples per 1000 s, 10 Hz to 1 kHz; acc_lsb_ug: micro-g per LSB, 10 to 500; gyro_lsb_udps: micro-deg/s per
    LSB, 1000 to 150,000. Raises ValueError outside of these. A turn of more than 49 degrees in one sample is cut to it.

    `w, x, y, z` is the newest orientation, sensor to earth with z up, Q15 with norm 32768; its yaw starts anywhere and
    drifts. `settled` says that the low-pass is full and the bias is known to 0.3 deg/s. `bias` is what has been learnt of it.
    """

    def __init__(self, rate_mhz: int, acc_lsb_ug: int, gyro_lsb_udps: int) -> None:
        if (
            not RATE_MIN_MHZ <= rate_mhz <= RATE_MAX_MHZ
            or not 10 <= acc_lsb_ug <= 500
            or not 1000 <= gyro_lsb_udps <= 150_000
        ):
            raise ValueError("%d mHz, %d ug, %d udps" % (rate_mhz, acc_lsb_ug, gyro_lsb_udps))
        # One LSB of the gyroscope for one sample, in radians: num / den.
        num = gyro_lsb_udps * 17_453_293
        den = rate_mhz * 10**12
        s = 24
        while s > 14 and num << (15 + s) > 12288 * den:
            s -= 1
        fraction = 14
        while num << (s + fraction) > 6144 * den:
            fraction -= 1
        self._s = s
        self._fraction = fraction
        self._mask = (1 << fraction) - 1
        self._coning = 12 << (s - fraction)
        gain = ((num << (s + fraction)) + den // 2) // den
        self._gain = gain
        # Integral from k - 1 to k, moved ahead by LAG_US, of the parabola through the rates at k, k - 1 and k - 2: with
        # a = lag * rate it is w + (a - 1/2) dw + (a**2 - 1/6) / 2 ddw. Above 430 Hz the lead is shortened, not the width.
        ahead = LAG_US * rate_mhz // 1000  # micro-samples
        self._lead = gain * min(ahead - 500_000, 1_000_000) // 1_000_000
        self._curve = gain * min(ahead * ahead // 1_000_000 - 166_667, 0) // 2_000_000
        self._acc_gain, self._acc_shift = scaled(acc_lsb_ug * _ONE_G, 1_000_000, 13)
        self._acc_half = (1 << self._acc_shift) >> 1
        self._k, shift = scaled(_WC_UHZ, rate_mhz * 1000, 12)
        self._k_damp = self._k * 46341 // 32768
        self._k_shift = shift - 13
        self._k_half = 1 << (self._k_shift - 1)
        self._fill = TAU_MS * rate_mhz // 1_000_000
        self._refill = self._fill // 8
        self.bias = Bias(rate_mhz, gyro_lsb_udps, 17_453_293 << (s + fraction), rate_mhz * 1_000_000)
        self._window = self.bias.samples
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at boot. The next sample is upright wherever its acceleration says."""
        self.w = 32768
        self.x = self.y = self.z = 0
        self.settled = False
        self._n = 0
        self._qw = 1 << 28
        self._qx = self._qy = self._qz = 0
        self._x0 = self._x1 = self._x2 = 0  # low-passed acceleration
        self._y0 = self._y1 = self._y2 = 0  # its rate of change over the corner
        self._gx = self._gy = self._gz = 0  # rates before
        self._dx = self._dy = self._dz = 0  # their last change
        self._rx = self._ry = self._rz = 0  # fractions of an angle unit that are still to be turned
        self._tx = self._ty = self._tz = 0  # the turn before
        self._bx = self._by = self._bz = 0  # bias, in fractions of an angle unit a sample
        self.bias.reset()
        self._count = 0  # samples in the window, and their sums
        self._sgx = self._sgy = self._sgz = 0
        self._sax = self._say = self._saz = 0

    def update(self, ax: int, ay: int, az: int, gx: int, gy: int, gz: int) -> None:
        """Take one sample, raw LSB from -32768 to 32767. Allocates nothing."""
        gain = self._acc_gain
        shift = self._acc_shift
        half = self._acc_half
        ax = (ax * gain + half) >> shift
        ay = (ay * gain + half) >> shift
        az = (az * gain + half) >> shift
        n = self._n
        if n == 0:
            self._start(ax, ay, az, gx, gy, gz)
            return

        # The turn since the sample before, in units of angle; what the shift cuts off is kept for the next sample.
        gain = self._gain
        lead = self._lead
        curve = self._curve
        shift = self._fraction
        mask = self._mask
        t0 = self._tx
        t1 = self._ty
        t2 = self._tz
        d = gx - self._gx
        tx = gain * gx + lead * d + curve * (d - self._dx) - self._bx + self._rx
        self._dx = d
        self._gx = gx
        rx = tx & mask
        tx >>= shift
        d = gy - self._gy
        ty = gain * gy + lead * d + curve * (d - self._dy) - self._by + self._ry
        self._dy = d
        self._gy = gy
        ry = ty & mask
        ty >>= shift
        d = gz - self._gz
        tz = gain * gz + lead * d + curve * (d - self._dz) - self._bz + self._rz
        self._dz = d
        self._gz = gz
        rz = tz & mask
        tz >>= shift
        if not (-_CUT < gx < _CUT and -_CUT < gy < _CUT and -_CUT < gz < _CUT) and n > self._refill:
            n = self._refill
            self._y0 = self._y1 = self._y2 = 0
        if tx > _TURN_MAX:
            tx = _TURN_MAX
        elif tx < -_TURN_MAX:
            tx = -_TURN_MAX
        if ty > _TURN_MAX:
            ty = _TURN_MAX
        elif ty < -_TURN_MAX:
            ty = -_TURN_MAX
        if tz > _TURN_MAX:
            tz = _TURN_MAX
        elif tz < -_TURN_MAX:
            tz = -_TURN_MAX
        d = self._coning
        self._rx = rx + (t1 * tz - t2 * ty) // d
        self._ry = ry + (t2 * tx - t0 * tz) // d
        self._rz = rz + (t0 * ty - t1 * tx) // d
        self._tx = tx
        self._ty = ty
        self._tz = tz

        x0 = (self._x0 + 4096) >> 13
        x1 = (self._x1 + 4096) >> 13
        x2 = (self._x2 + 4096) >> 13
        self._turn(tx, ty, tz, x0, x1, x2)

        # Rodrigues' formula, transposed: v - sin a/a t x v + (1 - cos a)/a**2 t x (t x v), as a matrix less the identity.
        s = self._s
        half = 1 << (s - 1)
        t = (tx * tx + ty * ty + tz * tz) >> (s + s - 14)
        c = 8192 - ((t * (683 - (t * 23 >> 14))) >> 14)
        d = 16384 - ((t * (2731 - (t * 137 >> 14))) >> 14)
        t0 = c * tx >> 14
        t1 = c * ty >> 14
        t2 = c * tz >> 14
        xx = (t0 * tx + half) >> s
        yy = (t1 * ty + half) >> s
        zz = (t2 * tz + half) >> s
        m01 = (t0 * ty + half) >> s
        m02 = (t0 * tz + half) >> s
        m12 = (t1 * tz + half) >> s
        tx = (d * tx + 8192) >> 14
        ty = (d * ty + 8192) >> 14
        tz = (d * tz + 8192) >> 14
        m00 = -yy - zz
        m11 = -xx - zz
        m22 = -xx - yy
        m10 = m01 - tz
        m01 += tz
        m20 = m02 + ty
        m02 -= ty
        m21 = m12 - tx
        m12 += tx
        shift = s - 13
        half >>= 13
        h0 = self._x0 + ((m00 * x0 + m01 * x1 + m02 * x2 + half) >> shift)
        h1 = self._x1 + ((m10 * x0 + m11 * x1 + m12 * x2 + half) >> shift)
        h2 = self._x2 + ((m20 * x0 + m21 * x1 + m22 * x2 + half) >> shift)

        # The low-pass on what is left between it and the measured acceleration, up to 18 g: a running mean until it is
        # full, then two integrators, h for the low-passed acceleration and y for its change over the corner.
        t0 = ax - ((h0 + 4096) >> 13)
        t1 = ay - ((h1 + 4096) >> 13)
        t2 = az - ((h2 + 4096) >> 13)
        if n < self._fill:
            n += 1
            h0 += ((t0 << 10) // n) << 3
            h1 += ((t1 << 10) // n) << 3
            h2 += ((t2 << 10) // n) << 3
            self._n = n
        else:
            y0 = self._y0
            y1 = self._y1
            y2 = self._y2
            x0 = (y0 + 4096) >> 13
            x1 = (y1 + 4096) >> 13
            x2 = (y2 + 4096) >> 13
            k = self._k
            damp = self._k_damp
            k_shift = self._k_shift
            k_half = self._k_half
            y0 += ((m00 * x0 + m01 * x1 + m02 * x2 + half) >> shift) + ((k * t0 - damp * x0 + k_half) >> k_shift)
            y1 += ((m10 * x0 + m11 * x1 + m12 * x2 + half) >> shift) + ((k * t1 - damp * x1 + k_half) >> k_shift)
            y2 += ((m20 * x0 + m21 * x1 + m22 * x2 + half) >> shift) + ((k * t2 - damp * x2 + k_half) >> k_shift)
            if not -_STATE_MAX <= y0 <= _STATE_MAX:
                y0 = _STATE_MAX if y0 > 0 else -_STATE_MAX
            if not -_STATE_MAX <= y1 <= _STATE_MAX:
                y1 = _STATE_MAX if y1 > 0 else -_STATE_MAX
            if not -_STATE_MAX <= y2 <= _STATE_MAX:
                y2 = _STATE_MAX if y2 > 0 else -_STATE_MAX
            self._y0 = y0
            self._y1 = y1
            self._y2 = y2
            h0 += (k * ((y0 + 4096) >> 13) + k_half) >> k_shift
            h1 += (k * ((y1 + 4096) >> 13) + k_half) >> k_shift
            h2 += (k * ((y2 + 4096) >> 13) + k_half) >> k_shift
        if not -_STATE_MAX <= h0 <= _STATE_MAX:
            h0 = _STATE_MAX if h0 > 0 else -_STATE_MAX
        if not -_STATE_MAX <= h1 <= _STATE_MAX:
            h1 = _STATE_MAX if h1 > 0 else -_STATE_MAX
        if not -_STATE_MAX <= h2 <= _STATE_MAX:
            h2 = _STATE_MAX if h2 > 0 else -_STATE_MAX
        self._x0 = h0
        self._x1 = h1
        self._x2 = h2

        self._sgx += gx
        self._sgy += gy
        self._sgz += gz
        self._sax += ax
        self._say += ay
        self._saz += az
        n = self._count + 1
        if n == self._window:
            n = 0
            self._end_window()
        self._count = n

    def _start(self, ax: int, ay: int, az: int, gx: int, gy: int, gz: int) -> None:
        """Begin with the first sample that is not weightless."""
        top = max(abs(ax), abs(ay), abs(az))
        while top > 9216:
            ax >>= 1
            ay >>= 1
            az >>= 1
            top >>= 1
        self._gx = gx
        self._gy = gy
        self._gz = gz
        if top < 1024:
            return
        self._n = 1
        self._x0 = ax << 13
        self._x1 = ay << 13
        self._x2 = az << 13
        self._stand(ax, ay, az)

    def _stand(self, x0: int, x1: int, x2: int) -> None:
        """The orientation of least turn in which (x0, x1, x2), not null, points up."""
        norm = isqrt(x0 * x0 + x1 * x1 + x2 * x2)
        x0 = (x0 << 14) // norm
        x1 = (x1 << 14) // norm
        x2 = (x2 << 14) // norm
        # cos of half the angle to the nearer of up and down; it is at least sqrt(1/2)
        half = isqrt((1 << 27) + (abs(x2) << 13))
        x0 = ((x0 << 13) // half) << 14
        x1 = ((x1 << 13) // half) << 14
        half <<= 14
        if x2 >= 0:
            self._qw = half
            self._qx = x1
            self._qy = -x0
            self._qz = 0
        else:
            self._qw = x1
            self._qx = half
            self._qy = 0
            self._qz = x0
        self._publish()

    def _publish(self) -> None:
        self.w = (self._qw + 4096) >> 13
        self.x = (self._qx + 4096) >> 13
        self.y = (self._qy + 4096) >> 13
        self.z = (self._qz + 4096) >> 13

    def _turn(self, tx: int, ty: int, tz: int, x0: int, x1: int, x2: int) -> None:
        """Turn the quaternion by (tx, ty, tz) and half of the way that its up is off the low-passed acceleration."""
        hw = self._qw
        hx = self._qx
        hy = self._qy
        hz = self._qz
        w = (hw + 8192) >> 14
        x = (hx + 8192) >> 14
        y = (hy + 8192) >> 14
        z = (hz + 8192) >> 14
        s = self._s
        # The quaternion's up in the sensor's axes, Q14; acceleration x up is the turn that is wanting.
        u0 = (x * z - w * y + 4096) >> 13
        u1 = (y * z + w * x + 4096) >> 13
        u2 = ((w * w + z * z + 4096) >> 13) - 16384
        shift = 28 - s
        half = (1 << shift) >> 1
        d = (x1 * u2 - x2 * u1 + half) >> shift
        tx += d if -_LEVEL_MAX <= d <= _LEVEL_MAX else _LEVEL_MAX if d > 0 else -_LEVEL_MAX
        d = (x2 * u0 - x0 * u2 + half) >> shift
        ty += d if -_LEVEL_MAX <= d <= _LEVEL_MAX else _LEVEL_MAX if d > 0 else -_LEVEL_MAX
        d = (x0 * u1 - x1 * u0 + half) >> shift
        tz += d if -_LEVEL_MAX <= d <= _LEVEL_MAX else _LEVEL_MAX if d > 0 else -_LEVEL_MAX
        # Half-angle quaternion in units of 2**-(s + 1): 2 cos(a/2) - 2 and 2 sin(a/2)/a t.
        d = tx * tx + ty * ty + tz * tz
        t = d >> (s + s - 14)
        c = -(((d >> s) * (4096 - (t * 85 >> 14)) + 8192) >> 14)
        d = 16384 - ((t * (683 - (t * 9 >> 14))) >> 14)
        tx = (d * tx + 8192) >> 14
        ty = (d * ty + 8192) >> 14
        tz = (d * tz + 8192) >> 14
        shift = s - 13
        half = 1 << (shift - 1)
        hw += (w * c - x * tx - y * ty - z * tz + half) >> shift
        hx += (x * c + w * tx + y * tz - z * ty + half) >> shift
        hy += (y * c + w * ty + z * tx - x * tz + half) >> shift
        hz += (z * c + w * tz + x * ty - y * tx + half) >> shift
        self._qw = hw
        self._qx = hx
        self._qy = hy
        self._qz = hz
        self._publish()

    def _end_window(self) -> None:
        """Correct the bias, and bring the quaternion's norm back to one."""
        bias = self.bias
        bias.means(self._sgx, self._sgy, self._sgz, self._sax, self._say, self._saz)
        self._sgx = self._sgy = self._sgz = 0
        self._sax = self._say = self._saz = 0
        x0 = (self._x0 + 4096) >> 13
        x1 = (self._x1 + 4096) >> 13
        x2 = (self._x2 + 4096) >> 13
        y0 = (self._y0 + 4096) >> 13
        y1 = (self._y1 + 4096) >> 13
        y2 = (self._y2 + 4096) >> 13
        filled = self._n >= self._fill
        bias.correct(x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0, filled)
        self._bx = bias.x
        self._by = bias.y
        self._bz = bias.z
        if bias.learnt and self._n > self._refill:
            self._n = self._refill  # what has been filled in was turned by the bias that has just been learnt
            self._y0 = self._y1 = self._y2 = 0
        self.settled = bias.known and self._n >= self._fill
        self._hold(x0, x1, x2)

    def _hold(self, x0: int, x1: int, x2: int) -> None:
        """Bring the quaternion's norm back to one; stand it up anew when its up is more than a right angle off."""
        hw = self._qw
        hx = self._qx
        hy = self._qy
        hz = self._qz
        w = (hw + 8192) >> 14
        x = (hx + 8192) >> 14
        y = (hy + 8192) >> 14
        z = (hz + 8192) >> 14
        u0 = (x * z - w * y) >> 13
        u1 = (y * z + w * x) >> 13
        u2 = ((w * w + z * z) >> 13) - 16384
        if u0 * x0 + u1 * x1 + u2 * x2 < -_LOST:
            self._stand(x0, x1, x2)
            return
        low = w * (hw - (w << 14)) + x * (hx - (x << 14)) + y * (hy - (y << 14)) + z * (hz - (z << 14))
        short = clamp((1 << 28) - w * w - x * x - y * y - z * z - (low >> 13), -32767, 32767)
        self._qw = hw + ((w * short + 16384) >> 15)
        self._qx = hx + ((x * short + 16384) >> 15)
        self._qy = hy + ((y * short + 16384) >> 15)
        self._qz = hz + ((z * short + 16384) >> 15)
