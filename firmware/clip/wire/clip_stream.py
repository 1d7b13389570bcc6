"""Stream packets: 8-byte header, n samples of 7 bytes, and once a second a 6-byte trailer. Little-endian.

header   version << 4 | flags  u8 | n u8 | packet_seq u16 | t_ms u32 (clip time of the first sample)
sample   smallest-three quaternion, sensor to earth with z up, 2 + 3 x 15 bits | companded |a| - 1 g, i8
trailer  log RMS gyro u8 | log RMS acc u8 | saturated samples u8 | motor on, 1/100 s u8 | chip deg C i8 | 0

A packet holds samples of one motor state only, so the flag speaks for all of them. The interval between samples is
`status.sample_period_us`.
"""

import struct

from .base import VERSION, clamp, const, isqrt

HEADER_SIZE = 8
SAMPLE_SIZE = 7
TRAILER_SIZE = 6
PACKET_MS = 400  # a packet goes when full or after this long
PACKET_SAMPLES = 16  # so that at 26 Hz it has 11 samples, and 13 from a sensor that is a fifth too fast
PACKET_SIZE = 126  # bytes of header, that many samples, and trailer

FLAG_TRAILER = 1
FLAG_MOTOR = 2  # motor running, or it ran less than 500 ms ago: hold the category, leave out of angles
FLAG_UNSETTLED = 4  # fusion has not converged since boot or since the IMU came back
FLAG_GAP = 8  # samples were lost before this packet
FLAG_SUMMARY = 15  # not a combination of the others: the packet is a 1-Hz summary

SUMMARY_SIZE = 20
_SQRT2_Q14 = const(23170)


def compand(milli_g: int) -> int:
    """Signed |a| - 1 g in mg to one signed byte, root law: c = sqrt(4 |x|), saturating at 4.032 g."""
    return isqrt(4 * milli_g) if 0 <= milli_g < 4032 else -compand(-milli_g) if milli_g < 0 else 127


def pack_sample(buf: bytearray, at: int, w: int, x: int, y: int, z: int, code: int) -> None:
    """Write one sample at `at`: quaternion in Q15 (any sign, norm 32768), `code` from `compand`. Allocates nothing
    on a 32-bit chip."""
    largest = 0
    top = w if w >= 0 else -w
    if (x if x >= 0 else -x) > top:
        largest = 1
        top = x if x >= 0 else -x
    if (y if y >= 0 else -y) > top:
        largest = 2
        top = y if y >= 0 else -y
    if (z if z >= 0 else -z) > top:
        largest = 3
    if largest == 0:
        sign = w
        a = x
        b = y
        c = z
    elif largest == 1:
        sign = x
        a = w
        b = y
        c = z
    elif largest == 2:
        sign = y
        a = w
        b = x
        c = z
    else:
        sign = z
        a = w
        b = x
        c = y
    if sign < 0:
        a = -a
        b = -b
        c = -c
    a = clamp((a * _SQRT2_Q14 + 16384) >> 15, -16383, 16383) + 16384
    b = clamp((b * _SQRT2_Q14 + 16384) >> 15, -16383, 16383) + 16384
    c = clamp((c * _SQRT2_Q14 + 16384) >> 15, -16383, 16383) + 16384
    buf[at] = largest | ((a << 2) & 0xFC)
    buf[at + 1] = (a >> 6) & 0xFF
    buf[at + 2] = ((a >> 14) & 1) | ((b << 1) & 0xFE)
    buf[at + 3] = (b >> 7) & 0xFF
    buf[at + 4] = c & 0xFF
    buf[at + 5] = (c >> 8) & 0x7F
    buf[at + 6] = code & 0xFF


def pack_header(buf: bytearray, flags: int, n: int, seq: int, t_ms_low: int, t_ms_high: int) -> None:
    """Write the header. `t_ms` is carried in two 16-bit halves so that a 32-bit chip makes no big integer."""
    buf[0] = VERSION << 4 | flags
    buf[1] = n
    buf[2] = seq & 0xFF
    buf[3] = (seq >> 8) & 0xFF
    buf[4] = t_ms_low & 0xFF
    buf[5] = (t_ms_low >> 8) & 0xFF
    buf[6] = t_ms_high & 0xFF
    buf[7] = (t_ms_high >> 8) & 0xFF


def pack_trailer(buf: bytearray, at: int, gyro: int, acc: int, saturated: int, motor: int, celsius: int) -> None:
    """Write the trailer: the RMS values are codes of `log_code`, motor is in 1/100 s, celsius a whole degree."""
    buf[at] = gyro
    buf[at + 1] = acc
    buf[at + 2] = clamp(saturated, 0, 255)
    buf[at + 3] = clamp(motor, 0, 100)
    buf[at + 4] = clamp(celsius, -128, 127) & 0xFF
    buf[at + 5] = 0


def log_code(value: int) -> int:
    """RMS in 0.1 deg/s or mg to a byte: 16 log2(1 + value), by shifts with linear steps in between (error < 0.09 octave)."""
    v = value + 1
    octave = 0
    while v >> (octave + 1):
        octave += 1
    return clamp(16 * octave + (((v - (1 << octave)) << 4) >> octave), 0, 255)


def pack_summary(t_ms: int, category: int, w: int, x: int, y: int, z: int, acc_code: int, sagittal: int) -> bytearray:
    """1-Hz summary for an MTU below MTU_STREAM: category and orientation of the clip second that starts at `t_ms`;
    `acc_code` is `log_code` of the acceleration RMS in mg, `sagittal` whole degrees (-128: none)."""
    buf = bytearray(SUMMARY_SIZE)
    struct.pack_into("<BBHI", buf, 0, VERSION << 4 | FLAG_SUMMARY, category, 0, t_ms)
    pack_sample(buf, 8, w, x, y, z, 0)
    struct.pack_into("<bB", buf, 15, sagittal, acc_code)
    return buf
