"""The reference board: Seeed XIAO ESP32-C3 or -S3. Another board, or another sensor, is another version of this file."""

import sys

from machine import ADC, I2C, Pin, freq

from .imu_lsm6dsox import Lsm6dsox

CPU_HZ = 80000000  # the slowest at which the radio works


def pads(machine: str) -> "tuple[int, ...]":
    """GPIO numbers of the pads D4 (SDA), D5 (SCL), D1 (battery's divider), D3 (button) and D10 (light) on a board by its
    MicroPython's name for it. D0, D8 and D9 are strapping pins of the C3, D2 is one of the S3: what hangs on them is seen at
    reset."""
    return (5, 6, 2, 4, 9) if "ESP32S3" in machine else (6, 7, 3, 5, 10)


def parts() -> "tuple[object, ...]":
    """(bus of sensor and haptic chip, driver of the sensor, ADC that sees half the cell's voltage, pin of the button, which pulls
    it down, pin of the light, which a high level lights)."""
    freq(CPU_HZ)
    sda, scl, battery, button, light = pads(getattr(sys.implementation, "_machine", ""))
    i2c = I2C(0, sda=Pin(sda), scl=Pin(scl), freq=400000)
    return i2c, Lsm6dsox(i2c), ADC(Pin(battery)), Pin(button, Pin.IN, Pin.PULL_UP), Pin(light, Pin.OUT, value=0)
