"""The reference board: Seeed XIAO ESP32-C3 or -S3. Another board, or another sensor, is another version of this file."""

import sys

from machine import ADC, I2C, Pin, freq

from .imu_lsm6dsox import Lsm6dsox

CPU_HZ = 80000000  # the slowest at which the radio works


def pads(machine: str) -> "tuple[int, int, int]":
    """GPIO numbers of the pads D4 (SDA), D5 (SCL) and D1 (battery's divider) on a board by its MicroPython's name for it. D0 is a
    strapping pin of the C3 and would see half the cell's voltage at reset."""
    return (5, 6, 2) if "ESP32S3" in machine else (6, 7, 3)


def parts() -> "tuple[object, object, object]":
    """(bus of sensor and haptic chip, driver of the sensor, ADC that sees half the cell's voltage)."""
    freq(CPU_HZ)
    sda, scl, battery = pads(getattr(sys.implementation, "_machine", ""))
    i2c = I2C(0, sda=Pin(sda), scl=Pin(scl), freq=400000)
    return i2c, Lsm6dsox(i2c), ADC(Pin(battery))
