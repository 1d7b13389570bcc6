"""How much of the processor the clip would need. An estimate: nobody has tried it on a board.

The processor time of the whole application is measured in an interpreter on this machine, in one process and without
a system call, and what it would be on a chip follows from a loop of whole numbers whose time was published for the chip
and is measured here, too, in turns with the application. MicroPython does the same work for the same bytecode
everywhere, so that the ratio holds for code of the same kind. Two loops give a range: sums, which stay small as the
clip's numbers do, and products, which are big and leave garbage. The time on a chip is taken to go with its clock.
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

from firmware.clip import keystore
from firmware.clip.protocol import auth, category, control, status
from firmware.virtual.compiled import compiled
from firmware.virtual.provision import provision

from . import romfs
from .energy import Chip
from .workday import CALIBRATION, GATEWAY, KEY, PROGRAMS, Workday, plan_bytes

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
REST: Final = "waiting, the gateway's writes, the journal, the rest"
_SECONDS: Final = 120
_ROUNDS: Final = 5
"""Of measuring, the least of which counts: whatever else this machine does only adds."""
_HEAP: Final = 128 * 1024
_NOT_APART: Final = 1536 * 1024  # more of it, where recording, flash and image must lie in it
_BENCHMARK: Final = PROGRAMS / "benchmark.py"
_BENCHMARK_HEAP: Final = 224 * 1024  # as the boards of the published figures had
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


_CONNECT, _WRITE, _BEGIN, _END = range(4)


def script(linked: bool) -> bytes:
    """What happens while the program runs, in its form: begin and end of the measurement and, if `linked`, a gateway
    that connects, says what there is to say, renews its lease every two seconds and pings every ten."""
    end_ms = (_WARM_S + _SECONDS) * 1000
    entries = [(_WARM_S * 1000, _BEGIN, b""), (end_ms, _END, b"")]
    if linked:
        entries += [(1000, _CONNECT, b""), *((ms, _WRITE, data) for ms, data in _writes(end_ms))]
    return b"".join(struct.pack("<IBB", ms, what, len(data)) + data for ms, what, data in sorted(entries))


def _writes(end_ms: int) -> list[tuple[int, bytes]]:
    hello = control.pack_hello(GATEWAY, _NONCE)
    proof = control.pack_auth(auth.proof(KEY, b"gate", GATEWAY, _NONCE, _CLIPS_NONCE))
    session = auth.session_key(KEY, GATEWAY, _NONCE, _CLIPS_NONCE)
    operations = [
        (3000, control.SET_PLAN, plan_bytes()),
        (3200, control.SET_CALIBRATION, CALIBRATION),
        (3400, control.TIME, control.pack(control.TIME, 3400, 1_700_000_000_000, 60)),
        (3600, control.JOURNAL_READ, control.pack(control.JOURNAL_READ, 1)),
    ]
    for ms in range(5000, end_ms, 2000):
        operations.append((ms, control.LEASE, control.pack(control.LEASE, category.UPRIGHT, 4000, ms - 300, 20)))
        if ms % 10_000 == 5000:
            operations.append((ms + 500, control.PING, control.pack(control.PING, 1)))
    sealed = [(ms, auth.seal(session, op, payload, k)) for k, (ms, op, payload) in enumerate(operations, 1)]
    return [(2000, hello), (2500, proof), *sealed]


@dataclass(frozen=True)
class Load:
    """Processor seconds here: of the clip in each second while a gateway listens and `alone`, without the stand-in for
    the bus; of its parts; of each benchmark loop. And stream packets a second, by which it shows that it worked."""

    second: float
    alone: float
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


def measure(folder: Path, micropython: str, rom: bytes, rounds: int = _ROUNDS) -> Load:
    """Run the firmware of an image for two simulated minutes with a gateway that listens, the benchmark, and the
    firmware alone, in turns.

    Raises subprocess.CalledProcessError when it fails, RuntimeError when the clip did not do its work.
    """
    folder = folder / "load"
    provision(folder, [(GATEWAY, KEY)])
    (folder / "rom.img").write_bytes(rom)
    recording = folder / "recording"
    recording.mkdir()
    (recording / "fifo.bin").write_bytes(words(_WARM_S + _SECONDS + 1))
    (folder / "recording.img").write_bytes(romfs.image(recording))
    for name in ("linked", "alone"):
        (folder / name).write_bytes(script(name == "linked"))
    heap = _HEAP + (0 if _has_apart(folder, micropython) else _NOT_APART)
    told = [
        (
            _application(folder, micropython, heap, "linked"),
            json.loads(_run([micropython, "-X", f"heapsize={_BENCHMARK_HEAP}", str(_BENCHMARK)], folder)),
            _application(folder, micropython, heap, "alone"),
        )
        for _ in range(rounds)
    ]
    linked, loops, alone = (
        {name: min(run[name] for run in runs) for name in runs[0]} for runs in zip(*told, strict=True)
    )
    if linked["packets"] < 2:
        raise RuntimeError(f"the clip sent {linked['packets']:.1f} packets a second instead of 2.4")
    second = linked["second"] - linked["bus"]
    found = {
        "orientation": linked["orientation"],
        "filters and packets": linked["sample"] - linked["orientation"] - linked["judgement"],
        "the sensor's words": linked["path"] - linked["sample"] - linked["bus"],
        "the clip's own judgement": linked["judgement"],
        "link, policy, motor and button each round": linked["round"],
        "collecting garbage": linked["collecting"],
    }
    parts = dict(sorted(found.items(), key=lambda part: -part[1]))
    parts[REST] = second - sum(parts.values())
    return Load(second, alone["second"] - alone["bus"], parts, loops["sums"], loops["products"], linked["packets"])


def _has_apart(folder: Path, micropython: str) -> bool:
    """Whether this interpreter can use memory outside of its heap."""
    return _run([micropython, "-c", "try:\n import ffi\n print(1)\nexcept ImportError:\n pass"], folder) != ""


def _application(folder: Path, micropython: str, heap: int, script_name: str) -> dict[str, float]:
    """What the program found out; raises RuntimeError when the clip did not take what the gateway wrote."""
    answer = folder / "load.out.json"
    files = [str(folder / name) for name in (script_name, "recording.img", "rom.img", keystore.FILE)]
    programs = compiled(PROGRAMS)
    search = PROGRAMS if programs is None else programs
    _run([micropython, "-X", f"heapsize={heap}", "-m", "load", *files, str(answer)], folder, search)
    told: dict[str, Any] = json.loads(answer.read_text())
    kept = told.pop("kept")
    if ("plan.bin" in kept) != (script_name == "linked"):
        raise RuntimeError(f"the clip has kept {', '.join(kept)}")
    return {name: float(value) / (_SECONDS if name in ("second", "packets") else 1) for name, value in told.items()}


def _run(line: list[str], folder: Path, search: Path | None = None) -> str:
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join([str(search or ""), ".frozen"])}
    done = subprocess.run(  # noqa: S603 - ours
        line, check=True, capture_output=True, text=True, cwd=folder, env=environment, timeout=120
    )
    return done.stdout
