"""How much processor time the clip takes: the real application for some simulated minutes, with a radio and a bus in this very process.

The stand-ins of `firmware.virtual` are here, too, but what they ask of the radio is answered at once: a sensor whose words come
from a file, a haptic chip that is there, a gateway whose writes have been made beforehand. Time goes on when the application waits.
"""

import gc
import json
import struct
import sys

from utime import clock  # of the processor; `time` will be the stand-in

_NOTIFY = 0x09
_WORD = 7
_ROUNDS = 25  # a second


class Radio:
    """Takes the place of the module `_radio`."""

    now_us = 0
    now_ms = 0
    deadline_us = -1  # of the watchdog, which has no teeth here
    settings = {"unique_id": "00112233445566aa", "reset_cause": 1}  # switched on

    def __init__(self, script, words):
        self.script = script
        self.words = words
        self.handlers = {}
        self.events = []
        self.control = 0
        self.written = b""
        self.read = 0
        self.stream = 0
        self.stream_handle = 0
        self.busy = False

    # --- what the stand-ins call ---

    def call(self, op, *parts):
        if op == 0x20:
            return self.transfer(*struct.unpack("<BBH", parts[0]))
        if op == _NOTIFY:
            if struct.unpack("<HHB", parts[0])[1] == self.stream_handle:
                self.stream += 1
            return b""
        if op == 0x08:
            return self.written
        if op == 0x06:
            return self.register(json.loads(parts[0]))
        if op == 0x30:
            return struct.pack("<I", 1900000)
        if op == 0x31:
            return b"\x01"
        if op == 0x33:
            return b"\x5a" * struct.unpack("<H", parts[0])[0]
        if op == 0x03:
            return b"0"
        return b""

    def transfer(self, address, register, size):
        if address == 0x5A:
            return b"\xe0" if register == 0 else bytes(size)
        if register == 0x0F:
            return b"\x6c"
        if register == 0x3A:
            waiting = min(self.now_ms * 104 // 1000 * 2 - self.read, 512)
            return struct.pack("<H", waiting)
        if register == 0x78:
            self.read += size // _WORD
            return self.words.read(size)
        return bytes(size)

    def register(self, services):
        handle = 8
        handles = []
        for service in services:
            row = []
            for characteristic in service[1]:
                handle += 2
                row.append(handle)
                if characteristic[0].startswith("7d1e0004"):
                    self.control = handle
                elif characteristic[0].startswith("7d1e0002"):
                    self.stream_handle = handle
            handles.append(row)
        return json.dumps(handles).encode()

    def on_event(self, number, handler):
        self.handlers[number] = handler

    def dispatch(self):
        if self.busy:
            return
        self.busy = True
        while self.events:
            event = self.events.pop(0)
            self.handlers[event[0] & 0x60](event)
        self.busy = False

    def wait(self, until_us):
        self.now_us = max(self.now_us, until_us)
        self.now_ms = self.now_us // 1000
        if not self.handlers:
            raise SystemExit("the clip has not come up")
        while self.script and self.now_ms >= self.script[0][0]:
            self.play(self.script.pop(0))
        self.dispatch()

    def play(self, entry):
        what = entry[1]
        if what == "connect":
            self.events.append(struct.pack("<BHB6s", 1, 1, 0, b"GATEWA"))
            self.events.append(struct.pack("<BHH", 21, 1, 247))
        elif what == "write":
            self.written = bytes([int(entry[2][i : i + 2], 16) for i in range(0, len(entry[2]), 2)])
            self.events.append(struct.pack("<BHH", 3, 1, self.control))
            self.dispatch()
            self.events.append(struct.pack("<BHHB", 20, 1, self.control, 0))
        elif what == "begin":
            self.begun = clock()
            self.stream = 0
        else:
            answer(self, clock() - self.begun)

    def at_ms(self, ms):
        return ms * 1000

    def sleep_us(self, us):
        self.wait(self.now_us + us)

    def leave(self, code=1):
        raise SystemExit(code)

    reset = leave


def timed(times, work):
    """Seconds of processor time of one of `times` pieces of work."""
    begun = clock()
    for _ in range(times):
        work()
    return (clock() - begun) / times


def bus():
    """Seconds that the stand-ins take for what a round asks of the bus: how many words wait, and those of four samples."""
    i2c = machine.I2C()
    level = bytearray(2)
    burst = bytearray(8 * _WORD)

    def work():
        i2c.readfrom_mem_into(0x6A, 0x3A, level)
        i2c.readfrom_mem_into(0x6A, 0x78, burst)

    return timed(1000, work)


def answer(radio, spent):
    """Say what was measured."""
    seconds = data["seconds"]
    out = {"second": spent / seconds, "packets": radio.stream / seconds}
    collecting = timed(100, gc.collect)
    radio.words.seek(0)
    out["bus"] = bus() * _ROUNDS
    out["collecting"] = collecting
    with open(sys.argv[3], "w") as file:
        json.dump(out, file)
    raise SystemExit(0)


with open(sys.argv[1]) as file:
    data = json.load(file)
sys.modules["_radio"] = Radio(data["script"], open(sys.argv[2], "rb"))

import _random_os
import _tasks

sys.modules["_asyncio"] = _tasks
sys.modules["os"] = _random_os.Os()

import asyncio

import _patch
import machine

_patch.into(asyncio.core)

import clip.main
