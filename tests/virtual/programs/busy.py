"""Firmware that reads the clock in a loop."""

import time

while time.ticks_ms() < 1000:
    pass
