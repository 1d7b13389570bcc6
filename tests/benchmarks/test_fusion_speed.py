"""What a sample costs the fusion: eight hours at 104 Hz, three million samples, are to be replayed in two minutes."""

from __future__ import annotations

import random
import time

from firmware.clip.fusion import Fusion

SAMPLES = 10_000
AT_MOST_US = 35
"""Measured 8 on an idle machine."""


def test_a_sample_costs_little() -> None:
    rng = random.Random(1)
    rows = [
        (rng.randrange(-300, 300), rng.randrange(-300, 300), 4098, *(rng.randrange(-900, 900) for _ in range(3)))
        for _ in range(SAMPLES)
    ]
    fusion = Fusion(104_000, 244, 70_000)
    took = []
    for _ in range(3):
        start = time.process_time()
        for ax, ay, az, gx, gy, gz in rows:
            fusion.update(ax, ay, az, gx, gy, gz)
        took.append(time.process_time() - start)
    assert min(took) / SAMPLES * 1e6 < AT_MOST_US
