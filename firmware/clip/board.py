"""The reference board: Seeed XIAO ESP32-C3 (an -S3 has the same pads under other numbers)."""

from machine import ADC, I2C, Pin

I2C_SDA = 6  # pad D4
I2C_SCL = 7  # pad D5
BATTERY = 3  # pad D1, over the divider; D0 is a strapping pin and would see half the cell's voltage at reset


def parts() -> "tuple[object, object]":
    """(bus of sensor and haptic chip, ADC that sees half the cell's voltage)."""
    return I2C(0, sda=Pin(I2C_SDA), scl=Pin(I2C_SCL), freq=400000), ADC(Pin(BATTERY))
