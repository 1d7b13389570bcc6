# The rest of `machine`, which other programs use.
import struct

import _radio
import machine

HARD_RESET = 2
DEEPSLEEP_RESET = 4

_watched = {}


soft_reset = machine.reset


def idle():
    pass


def lightsleep(ms=None):
    if ms is not None:
        _radio.sleep_us(ms * 1000)


def disable_irq():
    return 0


def enable_irq(state):
    pass


class Driven:
    # What a pin can do.
    def __init__(self, pin):
        self.pin = pin

    def init(self, mode=-1, pull=-1, *, value=None):
        self.pin.mode = mode
        if value is not None:
            self.pin.level = value

    def value(self, x=None):
        pin = self.pin
        if x is not None:
            pin.level = 1 if x else 0
            _radio.call(0x36, bytes([pin.id, pin.level]))
            return None
        if pin.mode == pin.OUT:
            return pin.level
        if pin.pull == pin.PULL_UP:
            return pin()
        return _radio.call(0x31, bytes([pin.id]))[0]

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3):
        _watched[self.pin.id] = (self.pin, handler)
        _radio.on_event(0x60, _edge)
        _radio.call(0x32, bytes([self.pin.id, trigger if handler is not None else 0]))


def _edge(event):
    machine._edge(event)
    pin, handler = _watched.get(event[1], (None, None))
    if handler is not None:
        handler(pin)


class Bare:
    # Transfers on the bus without a register.
    @staticmethod
    def scan():
        return list(_radio.call(0x22))

    @staticmethod
    def readfrom(addr, nbytes, stop=True):
        return _radio.call(0x23, struct.pack("<BH", addr, nbytes))

    @staticmethod
    def readfrom_into(addr, buf, stop=True):
        buf[:] = Bare.readfrom(addr, len(buf))

    @staticmethod
    def writeto(addr, buf, stop=True):
        _radio.call(0x24, bytes([addr]), bytes(buf))
        return len(buf)
