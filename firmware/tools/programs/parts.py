"""Processor seconds that parts of the sample path take of a second of clip time, each by itself, as JSON. The argument is a file of
words as the sensor's FIFO gives them."""

import json
import sys
from time import clock

from clip.detector import Detector
from clip.fusion import Fusion
from clip.imu_lsm6dsox import Lsm6dsox
from clip.stream import StreamBuilder


class Nothing:
    """A sink that takes everything."""

    def sample(self, ax, ay, az, gx, gy, gz):
        pass

    def temperature(self, celsius):
        pass

    def orientation(self, builder):
        pass

    def packet(self, buf, length):
        pass

    def second(self, index, code, hops, sagittal, lateral, low, high):
        pass

    def episode(self, start_ms, end_ms, peak, mean, reason):
        pass

    def not_worn(self, since_ms, until_ms):
        pass


def timed(times, work):
    """Seconds of processor time of one of `times` pieces of work."""
    begun = clock()
    for _ in range(times):
        work()
    return (clock() - begun) / times


def main():
    nothing = Nothing()
    imu = Lsm6dsox(None)
    fusion = Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps)
    builder = StreamBuilder(Fusion(imu.rate_mhz, imu.acc_lsb_ug, imu.gyro_lsb_udps), imu, nothing)
    detector = Detector(nothing)
    detector.set_calibration((1, 0, (0, 16384, 0), (0, 0, 16384)))
    with open(sys.argv[1], "rb") as words:
        words.readinto(imu.buffer)
    for k in range(624):  # until its low-pass has filled
        fusion.update(3, 4098 + k % 5, 11, 20, k % 7 - 3, -11)
    out = {
        "the sensor's words": timed(200, lambda: imu.decode(32, nothing)) / 16 * 104,
        "orientation": timed(8000, lambda: fusion.update(3, 4098, 11, 20, -3, -11)) * 104,
    }
    whole = timed(8000, lambda: builder.sample(3, 4098, 11, 20, -3, -11)) * 104
    out["filters and packets"] = max(0.0, whole - out["orientation"])
    now = [0]

    def judged():
        now[0] += 38
        detector.add(now[0], fusion.w, fusion.x, fusion.y, fusion.z, 3, False)

    out["the clip's own judgement"] = timed(3000, judged) * 26
    print(json.dumps(out))


main()
