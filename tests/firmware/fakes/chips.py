"""The two chips behind a fake I2C bus, as register files driven by a fake clock."""

import math
import struct


class Clock:
    def __init__(self, ticks=(1 << 30) - 20000):
        self.now = 0
        self._start = ticks

    def ticks_ms(self):
        return (self._start + self.now) & ((1 << 30) - 1)


class Wearer:
    """Sagittal lean in degrees by time, on an upright sensor: x right, y up, z forward; breathing on top."""

    def __init__(self, lean, breathing=0.4, shake=None):
        self._lean = lean
        self._breathing = breathing
        self._shake = shake

    def angle(self, t):
        return math.radians(self._lean(t) + self._breathing * math.sin(2 * math.pi * 0.25 * t))

    def raw(self, t):
        a = self.angle(t)
        rate = math.degrees(self.angle(t + 0.005) - self.angle(t - 0.005)) / 0.01
        g = 1.0 + (self._shake(t) if self._shake else 0.0)
        # Leaning forward by a turns the sky towards -z and the sensor about +x.
        return (0, g * math.cos(a), -g * math.sin(a)), (rate, 0, 0)


class I2C:
    """LSM6DSOX at 0x6A with `rate` samples a second, DRV2605L at 0x5A."""

    def __init__(self, clock, wearer, rate=104.0):
        self.clock = clock
        self.wearer = wearer
        self.rate = rate
        self.imu = {0x0F: 0x6C}
        self.imu_alive = True
        self.haptic = {0x00: 0xE0, 0x01: 0x40}
        self.haptic_alive = True
        self.haptic_stuck = False  # GO never clears itself
        self.glitches = 0  # transfers from now on that fail, on either chip
        self.glitch_after = 0  # transfers before them that do not
        self.go = []  # (ms, slots)
        self._go_until = -1
        self._made = 0
        self._fifo = []
        self._on = None
        self.overrun = False

    def _fill(self):
        if self._on is None:
            return
        due = int((self.clock.now - self._on) * self.rate / 1000)
        while self._made < due:
            self._made += 1
            t = self._on / 1000 + self._made / self.rate
            acc, gyro = self.wearer.raw(t)
            self._word(1, [v / 0.070 for v in gyro])
            self._word(2, [v / 0.000244 for v in acc])
            if self._made % 65 == 0:
                self._word(3, [6 * 256, 0, 0])

    def _word(self, tag, values):
        if len(self._fifo) >= 512:
            self._fifo.pop(0)
            self.overrun = True
        ints = [max(-32768, min(32767, round(v))) for v in values]
        self._fifo.append(bytes([tag << 3 | (self._made & 3) << 1]) + struct.pack("<3h", *ints))

    def _check(self, address):
        if self.glitch_after:
            self.glitch_after -= 1
        elif self.glitches:
            self.glitches -= 1
            raise OSError(110)
        if (address == 0x6A and self.imu_alive) or (address == 0x5A and self.haptic_alive):
            return
        raise OSError(19)

    def readfrom_mem(self, address, register, n):
        buf = bytearray(n)
        self.readfrom_mem_into(address, register, buf)
        return bytes(buf)

    def readfrom_mem_into(self, address, register, buf):
        self._check(address)
        if address == 0x5A:
            running = self.clock.now < self._go_until or (self.haptic_stuck and self._go_until >= 0)
            self.haptic[0x0C] = 1 if running else 0
            for i in range(len(buf)):
                buf[i] = self.haptic.get(register + i, 0)
            return
        self._fill()
        if register == 0x3A:
            level = len(self._fifo)
            buf[0] = level & 0xFF
            buf[1] = level >> 8 | (0x40 if self.overrun else 0)
        elif register == 0x78:
            for at in range(0, len(buf), 7):
                word = self._fifo.pop(0) if self._fifo else bytes(7)
                for i in range(7):
                    buf[at + i] = word[i]
            self.overrun = False
        else:
            for i in range(len(buf)):
                buf[i] = self.imu.get(register + i, 0)

    def writeto_mem(self, address, register, data):
        self._check(address)
        chip = self.haptic if address == 0x5A else self.imu
        for i, byte in enumerate(data):
            chip[register + i] = byte
        if address == 0x5A and register == 0x0C and not data[0] & 1:
            self._go_until = -1
        elif address == 0x5A and register == 0x0C and not self.haptic[0x01] & 0x40:
            slots = bytes([self.haptic.get(0x04 + i, 0) for i in range(8)])
            self.go.append((self.clock.now, slots))
            self._go_until = self.clock.now + 600
        if address == 0x6A and register == 0x0A:
            self._fifo = []
            self._made = 0
            self._on = self.clock.now if data[0] & 7 == 6 else None
