# MicroPython's `machine` as far as the clip uses it: every pin and bus is simulated by the radio's process. What the firmware does
# without is in `_machine`, and loaded when it is asked for; what it asks for at its start only is in `_chip`.
import struct

import _radio

PWRON_RESET = 1
WDT_RESET = 3
SOFT_RESET = 5


def __getattr__(name):
    if name in ("unique_id", "freq", "reset_cause"):
        import _chip

        _radio.drop("_chip")
        return getattr(_chip, name)
    import _machine

    return getattr(_machine, name)


def reset():
    _radio.reset(SOFT_RESET)


_levels = bytearray(b"\1" * 64)


def _edge(event):
    _levels[event[1]] = event[2]


class Pin:
    IN = 1
    OUT = 3
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self.id = id
        self.mode = mode
        self.level = value or 0
        # The radio says when what pulls a pin down does so: reading it then costs no question.
        self.pull = pull
        if pull == Pin.PULL_UP:
            _radio.on_event(0x60, _edge)

    def __getattr__(self, name):
        import _machine

        return getattr(_machine.Driven(self), name)

    def __call__(self, x=None):
        if x is not None and self.mode == Pin.OUT:
            self.level = 1 if x else 0
            _radio.call(0x36, bytes([self.id, self.level]))
            return None
        if self.pull == Pin.PULL_UP:
            return _levels[self.id]
        return self.value(x)


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        pass

    def __getattr__(self, name):
        import _machine

        return getattr(_machine.Bare, name)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return _radio.call(0x20, struct.pack("<BBH", addr, memaddr, nbytes))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = _radio.call(0x20, struct.pack("<BBH", addr, memaddr, len(buf)))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        _radio.call(0x21, bytes([addr, memaddr]), bytes(buf))


class ADC:
    def __init__(self, id, *, atten=None, **unused):
        self._id = id.id if isinstance(id, Pin) else id

    def read_uv(self):
        return struct.unpack("<I", _radio.call(0x30, bytes([self._id])))[0]

    def read_u16(self):
        return min(65535, self.read_uv() * 65535 // 3300000)


class WDT:
    def __init__(self, id=0, timeout=5000):
        self._us = timeout * 1000
        self.feed()

    def feed(self):
        _radio.deadline_us = _radio.now_us + self._us
