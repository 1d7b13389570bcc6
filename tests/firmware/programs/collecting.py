"""The clip's main with a meter: at each collection, bytes that had been allocated since the one before by the stand-ins of bus
and radio, by everything else, and the stream packets of that time."""

import asyncio
import gc

import _radio
import bluetooth
import machine
from clip import app


class Meter:
    """Takes the place of `gc` in the application."""

    apart = 0  # bytes that a stand-in allocated
    inside = False
    packets = 0
    kept = 0

    def mem_free(self):
        return gc.mem_free()

    def collect(self):
        total = gc.mem_alloc() - self.kept
        print("collect", self.apart, total - self.apart, self.packets)
        gc.collect()
        Meter.apart = Meter.packets = 0
        Meter.kept = gc.mem_alloc()


def enter():
    """Bytes now, unless within another stand-in."""
    if Meter.inside:
        return -1
    Meter.inside = True
    return gc.mem_alloc()


def leave(before):
    if before >= 0:
        Meter.apart += gc.mem_alloc() - before
        Meter.inside = False


def meter_two(call):
    def metered(a, b):
        before = enter()
        try:
            return call(a, b)
        finally:
            leave(before)

    return metered


def meter_four(call):
    def metered(a, b, c, d):
        before = enter()
        try:
            return call(a, b, c, d)
        finally:
            leave(before)

    return metered


def meter_wait(call):
    def metered(until):
        before = enter()
        call(until)
        leave(before)

    return metered


def count(call):
    def packet(self, buf, length):
        Meter.packets += 1
        call(self, buf, length)

    return packet


for name in ("readfrom_mem", "readfrom_mem_into", "writeto_mem"):
    setattr(machine.I2C, name, meter_four(getattr(machine.I2C, name)))
for name in ("gatts_notify", "gatts_indicate"):
    setattr(bluetooth.BLE, name, meter_four(getattr(bluetooth.BLE, name)))
bluetooth.BLE.gatts_read = meter_two(bluetooth.BLE.gatts_read)
_radio.wait = meter_wait(_radio.wait)
app.App.packet = count(app.App.packet)
app.gc = Meter()
gc.threshold(-1)
asyncio.run(app.main())
