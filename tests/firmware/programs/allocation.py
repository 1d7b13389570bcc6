"""From the FIFO's bytes to the finished packet: heap before and after samples, and the packets they made."""

import gc
import json
import math
import struct
import sys

from clip.fusion import Fusion
from clip.imu_lsm6dsox import Lsm6dsox
from clip.stream import StreamBuilder


class Sink:
    packets = 0
    samples = 0

    def packet(self, buf, length):
        self.packets += 1

    def orientation(self, builder):
        self.samples += 1


def fill(buf, k):
    at = 0
    for i in range(8):
        a = (k * 8 + i) / 104
        lean = math.sin(a) / 2
        gyro = (round(math.cos(a) * 409), 0, round(150 * math.sin(9 * a)))
        acc = (0, round(4098 * math.cos(lean)), round(-4098 * math.sin(lean)))
        struct.pack_into("<B3hB3h", buf, at, 1 << 3 | (i & 3) << 1, *gyro, 2 << 3 | (i & 3) << 1, *acc)
        at += 14


def main():
    imu = Lsm6dsox(None)
    sink = Sink()
    builder = StreamBuilder(Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps), imu, sink)
    builder.place(0, 0, 0)
    fed = 0
    grown = 0
    for k in range(1300):
        fill(imu.buffer, k)
        gc.collect()
        before = gc.mem_alloc()
        fed += imu.decode(16, builder)
        if k > 30:
            grown += gc.mem_alloc() - before
    with open(sys.argv[2], "w") as file:
        json.dump({"fed": fed, "grown": grown, "packets": sink.packets, "samples": sink.samples}, file)


if __name__ == "__main__":
    main()
