"""What the hot path allocates, measured on a recording made for it."""

from __future__ import annotations

import json
import math
import os
import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware.virtual.interpreter import FIRMWARE

from .workday import PROGRAMS

PROGRAM = PROGRAMS / "allocation.py"
SAMPLES = 10_400
TICK_MS = 40
GYRO, ACC, TEMPERATURE = 1, 2, 3  # tags of the sensor's FIFO
Axes = tuple[int, int, int]


def motion(k: int, rng: random.Random) -> tuple[Axes, Axes]:
    """(rates, accelerations) of sample k in raw LSB: rest, leaning, shaking, white noise, and rail to rail."""
    t = k / 104
    phase = int(t / 7) % 5
    if phase == 1:
        lean = math.sin(t) / 2
        return (round(math.cos(t) * 409), 0, round(150 * math.sin(9 * t))), (
            0,
            round(4098 * math.cos(lean)),
            round(-4098 * math.sin(lean)),
        )
    if phase == 2:
        shake = round(9000 * math.sin(30 * t))
        return (shake * 3, -shake, 700), (shake, 4098 - shake, shake // 3)
    if phase == 3:
        any_axes = [rng.randint(-32768, 32767) for _ in range(6)]
        return (any_axes[0], any_axes[1], any_axes[2]), (any_axes[3], any_axes[4], any_axes[5])
    if phase == 4:
        rail = [rng.choice((-32768, 32767)) for _ in range(6)]
        return (rail[0], rail[1], rail[2]), (rail[3], rail[4], rail[5])
    rest = [rng.randint(-5, 5) for _ in range(5)]
    return (20 + rest[0], rest[1] - 11, rest[2]), (rest[3], 4098, rest[4])


def words(rng: random.Random) -> Iterator[bytes]:
    """Each sample's FIFO words: two, with a temperature now and then, and at times one that is missing."""
    for k in range(SAMPLES):
        slot = (k & 3) << 1
        rates, accelerations = motion(k, rng)
        sample = struct.pack("<B3hB3h", GYRO << 3 | slot, *rates, ACC << 3 | slot, *accelerations)
        if k % 65 == 7:
            sample += struct.pack("<B3h", TEMPERATURE << 3 | slot, rng.randint(-128, 127) << 8, 0, 0)
        yield sample[7:] if k % 1009 == 500 else sample


def recording(start_ms: int) -> dict[str, Any]:
    """What programs/allocation.py passes by: a poll each 40 ms, some late, one so late that samples are missing."""
    rng = random.Random(5)  # noqa: S311 - repeatable on purpose
    fifo = list(words(rng))
    polls = bytearray()
    at = 4
    now_ms = 0
    while at < len(fifo):
        gap_ms = 1000 if len(polls) == 3 * 1200 else rng.choice((TICK_MS, TICK_MS, TICK_MS, 4 * TICK_MS))
        now_ms += min(gap_ms, 4 * TICK_MS)
        end = min(4 + now_ms * 104 // 1000, len(fifo))
        motor = 3 if 300 < len(polls) // 3 < 330 else 2 if 330 <= len(polls) // 3 < 340 else 0
        polls += bytes((sum(map(len, fifo[at:end])) // 7, motor, gap_ms // 4))
        at = end
    first = sum(map(len, fifo[:4])) // 7
    return {"words": b"".join(fifo).hex(), "polls": polls.hex(), "first": first, "start_ms": start_ms}


def grown(folder: Path, micropython: str, start_ms: int = (1 << 30) - 5000) -> int:
    """Bytes by which the heap grows from the FIFO's bytes to the packets in the queue, over all of a recording that
    begins at clip time `start_ms`. The heap is locked: raises
    subprocess.CalledProcessError when a byte was asked for."""
    source, answer = folder / "allocation.in.json", folder / "allocation.out.json"
    source.write_text(json.dumps(recording(start_ms)))
    env = {**os.environ, "MICROPYPATH": os.pathsep.join([str(FIRMWARE), ".frozen"])}
    line = [micropython, "-X", "heapsize=2m", str(PROGRAM), str(source), str(answer)]
    subprocess.run(line, check=True, capture_output=True, env=env, timeout=120)  # noqa: S603 - ours
    return int(json.loads(answer.read_text())["grown"])
