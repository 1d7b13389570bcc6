"""How much of the processor the clip would need. An estimate: nobody has tried it on a board.

The processor time of the whole application is measured in an interpreter on this machine, and what it would be on a
chip follows from a loop of whole numbers whose time was published for the chip and is measured here, too. MicroPython
does the same work for the same bytecode everywhere, so that the ratio holds for code of the same kind. Two loops give
a range: sums, which stay small as the clip's numbers do, and products, which are big and leave garbage. The time on a
chip is taken to go with its clock.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from firmware.clip.protocol import auth, category, control, status
from firmware.virtual import interpreter
from firmware.virtual.provision import provision

from .energy import Chip
from .workday import CALIBRATION, GATEWAY, KEY, PROGRAMS, Workday, plan_bytes

PROGRAM: Final = PROGRAMS / "load.py"
CLOCK_MHZ: Final = 80
"""What `board.py` sets."""
LIMIT: Final = 0.8
"""Share of the processor, at the upper end of the estimate, beyond which there would be no room for what is not in it:
the radio's stack, the bus, interrupts, and caches that miss."""
PUBLISHED: Final = (
    "shaoziyang/micropython_benchmarks on github.com, README: a million integer additions and multiplications in "
    "MicroPython 1.23, ESP32-S3 at 240 MHz 3.376 s and 11.005 s, ESP32-C3 at 160 MHz 4.851 s and 14.260 s"
)
_MHZ_S: Final[dict[Chip, tuple[float, float]]] = {"C3": (160 * 4.851, 160 * 14.260), "S3": (240 * 3.376, 240 * 11.005)}
_SECONDS: Final = 120
_HEAP: Final = 192 * 1024
_BENCHMARK: Final = PROGRAMS / "benchmark.py"
_BENCHMARK_HEAP: Final = 224 * 1024  # as the boards of the published figures had
_PARTS: Final = PROGRAMS / "parts.py"
_RATE_HZ: Final = 104
_WARM_S: Final = 20
_NONCE: Final = bytes(16)
_CLIPS_NONCE: Final = b"\x5a" * 16  # the program's random bytes are all the same


def words(seconds: float) -> bytes:
    """What the sensor's FIFO would have given in so much of the scripted day: two words of 7 bytes a sample."""
    t_s = np.arange(round(seconds * _RATE_HZ)) / _RATE_HZ
    acc, gyro, _ = Workday().sample(t_s)
    raw = np.column_stack((gyro * 1e6 / status.GYRO_LSB_UDPS, acc * 1e6 / status.ACC_LSB_UG)).round().astype(int)
    out = bytearray()
    for k, row in enumerate(raw.tolist()):
        slot = (k & 3) << 1
        out += struct.pack("<B3hB3h", 1 << 3 | slot, *row[:3], 2 << 3 | slot, *row[3:])
    return bytes(out)


def script() -> list[tuple[int, str, str]]:
    """What the radio brings, (ms, what, bytes in hexadecimal): a gateway that connects, says what there is to say and
    renews its lease; `begin` and `end` of the measurement."""
    hello = control.pack_hello(GATEWAY, _NONCE)
    proof = control.pack_auth(auth.proof(KEY, b"gate", GATEWAY, _NONCE, _CLIPS_NONCE))
    session = auth.session_key(KEY, GATEWAY, _NONCE, _CLIPS_NONCE)
    operations = [
        (3000, control.SET_PLAN, plan_bytes()),
        (3200, control.SET_CALIBRATION, CALIBRATION),
        (3400, control.TIME, control.pack(control.TIME, 3400, 1_700_000_000_000, 60)),
        (3600, control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1)),
    ]
    end_ms = (_WARM_S + _SECONDS) * 1000
    leases = range(5000, end_ms, 2000)
    operations += [
        (ms, control.LEASE, control.pack(control.LEASE, category.UPRIGHT, 4000, ms - 300, 20)) for ms in leases
    ]
    writes = [(2000, hello), (2500, proof)]
    writes += [(ms, auth.seal(session, op, payload, k)) for k, (ms, op, payload) in enumerate(operations, 1)]
    marks = [(1000, "connect", ""), (_WARM_S * 1000, "begin", ""), (end_ms, "end", "")]
    return sorted([*marks, *((ms, "write", data.hex()) for ms, data in writes)])


@dataclass(frozen=True)
class Load:
    """Processor seconds here: of the clip in each second, without the stand-ins for the bus; of its parts; of each
    benchmark loop. And stream packets a second, by which one sees that it did its work."""

    second: float
    parts: dict[str, float]
    sums: float
    products: float
    packets: float

    def share(self, chip: Chip, seconds: float | None = None) -> tuple[float, float]:
        """Least and most that `seconds` of processor time here, those of a whole second unless given, would be of the
        chip's time."""
        here = self.second if seconds is None else seconds
        ratios = [
            published / CLOCK_MHZ / measured
            for published, measured in zip(_MHZ_S[chip], (self.sums, self.products), strict=True)
        ]
        return here * min(ratios), here * max(ratios)

    def as_json(self) -> dict[str, Any]:
        """Everything, for a file: seconds measured here, and shares of each chip's time (least, most)."""
        chips: tuple[Chip, ...] = ("C3", "S3")
        return {
            "published": PUBLISHED,
            "clock_mhz": CLOCK_MHZ,
            "measured_s": {**vars(self)},
            "share": {chip: self.share(chip) for chip in chips},
            "share_of_parts": {
                chip: {name: self.share(chip, seconds) for name, seconds in self.parts.items()} for chip in chips
            },
        }


def measure(folder: Path, micropython: str) -> Load:
    """Run the application for two simulated minutes with a gateway that listens, and the benchmark.

    Raises subprocess.CalledProcessError when it fails, RuntimeError when the clip did not stream.
    """
    folder = folder / "load"
    provision(folder, [(GATEWAY, KEY)])
    source, fifo, answer = folder / "load.in.json", folder / "fifo.bin", folder / "load.out.json"
    source.write_text(json.dumps({"script": script(), "seconds": _SECONDS}))
    fifo.write_bytes(words(_WARM_S + _SECONDS + 1))
    line, env = interpreter.command("micropython", str(_HEAP), [interpreter.FIRMWARE], micropython)
    path = os.pathsep.join([env["MICROPYPATH"].split(os.pathsep)[0], env["PLUMBLINE_PATH"]])
    _run([*line[:3], str(PROGRAM), str(source), str(fifo), str(answer)], folder, path)
    out = json.loads(answer.read_text())
    bench = _run([micropython, "-X", f"heapsize={_BENCHMARK_HEAP}", str(_BENCHMARK)], folder, "")
    sums, products = map(float, bench.split())
    second = out["second"] - out["bus"]
    told = _run([micropython, "-X", "heapsize=2m", str(_PARTS), str(fifo)], folder, str(interpreter.FIRMWARE))
    found = {**json.loads(told), "collecting garbage": out["collecting"]}
    parts = dict(sorted(found.items(), key=lambda part: -part[1]))
    parts["policy, radio, journal and all the rest"] = max(0.0, second - sum(parts.values()))
    if out["packets"] < 2:
        raise RuntimeError(f"the clip sent {out['packets']:.1f} packets a second instead of 2.4")
    return Load(second, parts, sums, products, out["packets"])


def _run(line: list[str], folder: Path, search: str) -> str:
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join([search, ".frozen"])}
    done = subprocess.run(  # noqa: S603 - ours
        line, check=True, capture_output=True, text=True, cwd=folder, env=environment, timeout=120
    )
    return done.stdout
