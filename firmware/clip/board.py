"""The reference board: Seeed XIAO ESP32-C3 (an -S3 has the same pads under other numbers). Another board, or another sensor, is
another version of this file."""

from machine import ADC, I2C, Pin, freq

from .imu_lsm6dsox import Lsm6dsox

I2C_SDA = 6  # pad D4
I2C_SCL = 7  # pad D5
BATTERY = 3  # pad D1, over the divider; D0 is a strapping pin and would see half the cell's voltage at reset
CPU_HZ = 80000000  # the slowest at which the radio works


def parts() -> "tuple[object, object, object]":
    """(bus of sensor and haptic chip, driver of the sensor, ADC that sees half the cell's voltage)."""
    freq(CPU_HZ)
    i2c = I2C(0, sda=Pin(I2C_SDA), scl=Pin(I2C_SCL), freq=400000)
    return i2c, Lsm6dsox(i2c), ADC(Pin(BATTERY))
