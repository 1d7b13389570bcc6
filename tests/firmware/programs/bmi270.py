"""The BMI270's driver under the firmware's own sensing, fusion and stream, between a chip of registers and a sink."""

import json
import math
import sys
import time
from binascii import hexlify

from bmi270_chip import CONFIG_SIZE, Chip
from clip.fusion import Fusion
from clip.imu_bmi270 import CONFIG_FILE, Bmi270
from clip.sensing import Sensing

if not hasattr(time, "sleep_ms"):
    time.sleep_ms = lambda ms: None

CONFIG = bytes([(7 * k + k // 256) & 0xFF for k in range(CONFIG_SIZE)])
RATE = 100
TICK_MS = 40


class Sink:
    def __init__(self):
        self.packets = []
        self.events = []

    def packet(self, buf, length):
        self.packets.append(hexlify(bytes(buf[:length])).decode())

    def orientation(self, builder):
        pass

    def imu_lost(self, now):
        self.events.append(["lost", now])

    def imu_back(self, now):
        self.events.append(["back", now])


def lean_deg(t):
    """Upright, then from 5 s on to 20 degrees, with a second to get there."""
    return 20 * min(1.0, max(0.0, t - 5))


def feel(chip, imu, k):
    t = k / RATE
    lean = math.radians(lean_deg(t))
    rate = (lean_deg(t) - lean_deg(t - 1 / RATE)) * RATE
    one_g = 1000000 / imu.acc_lsb_ug
    gyro = (int(rate * 1000000 / imu.gyro_lsb_udps), 0, 0)
    chip.feel(gyro, (0, round(one_g * math.cos(lean)), round(-one_g * math.sin(lean))), 31)


def main():
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    with open(CONFIG_FILE, "wb") as file:
        file.write(CONFIG[: wanted.get("config", CONFIG_SIZE)])
    if not wanted.get("config", 1):
        import os

        os.remove(CONFIG_FILE)
    chip = Chip(CONFIG, wanted.get("who", 0x24))
    imu = Bmi270(chip)
    sink = Sink()
    sensing = Sensing(imu, Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps), sink)
    away = wanted.get("away", [0, 0])
    stuck = wanted.get("stuck", [0, 0])
    felt = waiting = 0
    pins = []
    for now in range(0, wanted["ms"], TICK_MS):
        while felt < now * RATE // 1000:
            feel(chip, imu, felt)
            felt += 1
        if away[0] <= now < away[1] and chip.present:
            chip.present = False
        elif now >= away[1] and not chip.present:
            chip.present = True
            chip.reset()
        pins.append(chip.int1)
        if not stuck[0] <= now < stuck[1]:
            sensing.poll(now)
        waiting = max(waiting, len(chip.fifo))
    answer = {
        "packets": sink.packets,
        "events": sink.events,
        "resets": chip.resets,
        "waiting": waiting,
        "risen": sum(pins),
        "celsius": sensing.builder.celsius,
        "period_us": sensing.builder.period_us,
        "registers": [chip.registers[at] for at in (0x40, 0x41, 0x42, 0x43, 0x46, 0x48, 0x49, 0x7C, 0x7D)],
    }
    with open(sys.argv[2], "w") as file:
        json.dump(answer, file)


main()
