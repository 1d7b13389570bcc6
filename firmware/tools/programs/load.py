"""How much processor time the clip takes: its own main for some simulated minutes, with everything around it in this very process.

No system call is made while time is measured: sensor, motor and radio are the few lines below, the file system is littlefs in memory,
as on a board, and time goes on when the application waits. What a board has not is kept outside of the heap where that can be done.
The firmware runs from an image, as from flash.

Arguments: script, image with the words of the sensor's FIFO, image of the firmware, keys, answer; a script that brings no gateway measures the clip alone.
"""

import asyncio
import gc
import json
import os
import struct
import sys
import vfs
from time import clock, ticks_ms  # of this machine

try:
    import ffi
    import uctypes

    room = None
except ImportError:
    ffi = None
    room = bytearray(192 * 1024)

_WORD = 7
_BLOCK = 4096
_BLOCKS = 128
_HAPTIC = 0x5A
_TICK_MS = 40
_RATE = 104
_JUDGED_MS = 38
_POLLS = 3000  # what the recording has samples for
_SLICE = 200
_START = ticks_ms() & 0x3FFFFFFF  # where asyncio's own queue begins


def apart(size):
    """Memory outside of the heap; where this interpreter has no way out, above the room that is kept for the application."""
    if ffi is None:
        return bytearray(size)
    return uctypes.bytearray_at(ffi.open(None).func("p", "malloc", "L")(size), size)


def loaded(path):
    """What is in a file."""
    data = memoryview(apart(os.stat(path)[6]))
    with open(path, "rb") as file:
        file.readinto(data)
    return data


class Flash:
    """Block device in memory."""

    def __init__(self):
        self.data = memoryview(apart(_BLOCKS * _BLOCK))

    def readblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        return _BLOCKS if op == 4 else _BLOCK if op == 5 else 0


class Time:
    """Takes the place of the module `time`."""

    now = _START

    @staticmethod
    def ticks_ms():
        return Time.now

    @staticmethod
    def time():
        return (Time.now - _START) // 1000


class Bus:
    """Sensor and haptic chip; the FIFO holds what the recording, a file, has up to now."""

    def __init__(self, words):
        self.words = words
        self.given = 0  # bytes

    def rewind(self):
        """Begin the recording anew, at the same time."""
        self.words.seek(0)

    def readfrom_mem(self, address, register, size):
        return b"\xe0" if address == _HAPTIC else b"\x6c"

    def readfrom_mem_into(self, address, register, buf):
        if register == 0x78:
            self.given += self.words.readinto(buf)
        elif register == 0x3A:
            waiting = (Time.now - _START) * 104 // 1000 * 2 - self.given // _WORD
            buf[0] = waiting & 0xFF
            buf[1] = waiting >> 8
        else:
            buf[0] = 0  # the motor has come to its end

    def writeto_mem(self, address, register, buf):
        pass


class Adc:
    @staticmethod
    def read_uv():
        return 1900000


class Watchdog:
    @staticmethod
    def feed():
        pass


def button():
    return 1


def light(level):
    pass


class Pin:
    IN = OUT = PULL_UP = 1

    def __new__(cls, number, mode=0, *pull, **level):
        return button if pull else light


class Machine:
    """Takes the place of the module `machine`."""

    PWRON_RESET = 1
    WDT_RESET = 3
    Pin = Pin

    @staticmethod
    def freq(hz):
        pass

    @staticmethod
    def unique_id():
        return bytes(8)

    @staticmethod
    def reset_cause():
        return Machine.PWRON_RESET

    @staticmethod
    def WDT(**unused):
        return Watchdog

    @staticmethod
    def I2C(number, **pins):
        return bus

    @staticmethod
    def ADC(pin):
        return Adc

    @staticmethod
    def reset():
        raise SystemExit("the clip has ended")


class Radio:
    """`bluetooth.BLE()` that counts what is sent, and takes what the script writes."""

    def __init__(self):
        self.sent = 0
        self.written = b""
        self.indicated = None

    def active(self, on):
        pass

    def config(self, **values):
        pass

    def irq(self, handler):
        self.handler = handler

    def gatts_register_services(self, services):
        handle = 8
        handles = []
        for service in services:
            row = []
            for _ in service[1]:
                handle += 2
                row.append(handle)
            handles.append(row)
        self.stream, _, self.control = handles[2][:3]
        return handles

    def gatts_write(self, handle, value):
        pass

    def gatts_read(self, handle):
        return self.written

    def gatts_set_buffer(self, handle, size):
        pass

    def gatts_notify(self, connection, handle, data):
        if handle == self.stream:
            self.sent += 1

    def gatts_indicate(self, connection, handle, data):
        self.indicated = (connection, handle, 0)

    def gap_advertise(self, interval, *data, **more):
        pass

    def gap_disconnect(self, connection):
        pass


class Bluetooth:
    """Takes the place of the module `bluetooth`."""

    @staticmethod
    def BLE():
        return radio

    @staticmethod
    def UUID(value):
        return value


class Os:
    """`os` whose random bytes are known beforehand."""

    def __getattr__(self, name):
        return getattr(os, name)

    @staticmethod
    def urandom(size):
        return b"\x5a" * size


class Script:
    """What happens besides: entries of ms u32 | what u8 (see `play`) | length u8 | bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.read()

    def read(self):
        """Take the next entry."""
        ms, self.what, size = struct.unpack_from("<IBB", self.data, self.at)
        self.due = _START + ms
        self.at += 6
        self.bytes = bytes(self.data[self.at : self.at + size])
        self.at += size

    def play(self):
        """Let it happen."""
        if self.what == 0:
            radio.handler(1, (1, 0, b"GATEWA"))
            radio.handler(21, (1, 247))
        elif self.what == 1:
            radio.written = self.bytes
            radio.handler(3, (1, radio.control))
        else:
            marks.append((clock(), radio.sent))
            if self.what == 3:
                raise SystemExit
        self.read()


def wait(queue, ms):
    """Of asyncio's queue of things to wait for: there is nothing but time."""
    Time.now += ms
    if radio.indicated is not None:
        event = radio.indicated
        radio.indicated = None
        radio.handler(20, event)
    while Time.now >= script.due:
        script.play()


def timed(times, work, *arguments):
    """Seconds of processor time of one of `times` pieces of work, the heap being collected now and then, outside of that time."""
    spent = 0
    for _ in range(times // _SLICE):
        gc.collect()
        begun = clock()
        for _ in range(_SLICE):
            work(*arguments)
        spent += clock() - begun
    return spent / times


def bus_round():
    """What the stand-in for the bus does in a round."""
    bus.rewind()
    bus.readfrom_mem_into(0x6A, 0x3A, level)
    bus.readfrom_mem_into(0x6A, 0x78, burst)


def poll():
    """A poll of the sensor that finds samples."""
    Time.now += _TICK_MS
    app.sensing.poll(app.clock.now())


def parts():
    """Seconds of processor time that parts of the application take in a second, each by itself in the state that it has come to."""
    builder = app.sensing.builder
    fusion = builder.fusion
    still = (3, 4098, 11, 20, -3, -11)
    out = {"round": timed(10000, app.tick, app.clock.now()) * 1000 / _TICK_MS}
    bus.rewind()
    out["path"] = timed(_POLLS, poll) * 1000 / _TICK_MS
    out["sample"] = timed(20000, builder.sample, *still) * _RATE
    out["orientation"] = timed(20000, fusion.update, *still) * _RATE
    ms = [builder.high << 16 | builder.low]

    def judged():
        ms[0] += _JUDGED_MS
        app.detector.add(ms[0], fusion.w, fusion.x, fusion.y, fusion.z, 3, False)

    out["judgement"] = timed(10000, judged) * 1000 / _JUDGED_MS
    out["collecting"] = timed(1000, gc.collect)
    out["bus"] = timed(20000, bus_round) * 1000 / _TICK_MS
    return out


def prepare():
    """Put the stand-ins in place, and the files of the clip."""
    with open(sys.argv[4], "rb") as file:
        keys = file.read()
    vfs.mount(vfs.VfsRom(loaded(sys.argv[3])), "/rom")
    sys.path.insert(0, "/rom")
    flash = Flash()
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    os.chdir("/flash")
    with open("keys.bin", "wb") as file:
        file.write(keys)
    sys.modules["time"] = Time
    sys.modules["os"] = Os()
    sys.modules["machine"] = Machine
    sys.modules["bluetooth"] = Bluetooth
    asyncio.core.ticks = Time.ticks_ms
    asyncio.core.IOQueue.wait_io_event = wait


def make(*parts):
    """Takes the place of the class of the application."""
    global app
    app = App(*parts)
    return app


answer = open(sys.argv[5], "w")
vfs.mount(vfs.VfsRom(loaded(sys.argv[2])), "/recording")
bus = Bus(open("/recording/fifo.bin", "rb"))
script = Script(loaded(sys.argv[1]))
radio = Radio()
marks = []
level = bytearray(2)
burst = bytearray(8 * _WORD)
prepare()
room = None
gc.collect()

from clip import app as application

App = application.App
application.App = make
try:
    import clip.main
except SystemExit:
    begin, end = marks
out = parts()
out["second"] = end[0] - begin[0]
out["packets"] = end[1] - begin[1]
out["kept"] = os.listdir()
json.dump(out, answer)
answer.close()
