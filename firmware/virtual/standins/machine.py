# MicroPython's `machine` as far as the clip uses it: every pin and bus is simulated by the radio's process.
import struct

import _radio

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def unique_id():
    text = _radio.settings["unique_id"]
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


def reset():
    _radio.reset()


soft_reset = reset


def reset_cause():
    return PWRON_RESET


def freq(hz=None):
    return 80000000


def idle():
    pass


def lightsleep(ms=None):
    if ms is not None:
        _radio.sleep_us(ms * 1000)


def disable_irq():
    return 0


def enable_irq(state):
    pass


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2
    _watched = {}

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self.id = id
        self._mode = mode
        self._value = value or 0

    def init(self, mode=-1, pull=-1, *, value=None):
        self._mode = mode
        if value is not None:
            self._value = value

    def value(self, x=None):
        if x is not None:
            self._value = 1 if x else 0
            return None
        if self._mode == Pin.OUT:
            return self._value
        return _radio.call(0x31, bytes([self.id]))[0]

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3):
        Pin._watched[self.id] = (self, handler)
        _radio.on_event(0x60, Pin._edge)
        _radio.call(0x32, bytes([self.id, trigger if handler is not None else 0]))

    @staticmethod
    def _edge(event):
        pin, handler = Pin._watched.get(event[1], (None, None))
        if handler is not None:
            handler(pin)


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        pass

    def scan(self):
        return list(_radio.call(0x22))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return _radio.call(0x20, struct.pack("<BBH", addr, memaddr, nbytes))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = _radio.call(0x20, struct.pack("<BBH", addr, memaddr, len(buf)))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        _radio.call(0x21, bytes([addr, memaddr]), bytes(buf))

    def readfrom(self, addr, nbytes, stop=True):
        return _radio.call(0x23, struct.pack("<BH", addr, nbytes))

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = self.readfrom(addr, len(buf))

    def writeto(self, addr, buf, stop=True):
        _radio.call(0x24, bytes([addr]), bytes(buf))
        return len(buf)


SoftI2C = I2C


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_12BIT = 12

    def __init__(self, id, *, atten=None, **unused):
        self._id = id.id if isinstance(id, Pin) else id

    def read_uv(self):
        return struct.unpack("<I", _radio.call(0x30, bytes([self._id])))[0]

    def read_u16(self):
        return min(65535, self.read_uv() * 65535 // 3300000)

    def atten(self, value):
        pass

    def width(self, value):
        pass


class WDT:
    def __init__(self, id=0, timeout=5000):
        self._us = timeout * 1000
        self.feed()

    def feed(self):
        _radio.deadline_us = _radio.now_us + self._us
