"""When each judgement reached the clip: leases read off the air, a line of JSON each. (They are sealed, not secret.)"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from firmware.clip import protocol

FILE: Final = "leases.jsonl"
CLIP_STATION: Final = "clip-"
"""What the air calls a clip: this and its serial."""
_ATT_HEADER: Final = 7
"""L2CAP length and channel, ATT opcode and handle (Bluetooth Core Specification, Vol 3, parts A 3.1 and F 3.4.5.1)."""
_ATT_CHANNEL: Final = 0x0004
_ATT_WRITE_REQUEST: Final = 0x12
_LEASE: Final = struct.Struct("<BIIh")
_SEALED_SIZE: Final = 1 + _LEASE.size + 4 + protocol.auth.TAG_SIZE


@dataclass(frozen=True)
class Lease:
    """A lease as it arrived at the clip `clip` at `t_ms` of simulated time: the category, and since when of the clip's
    time."""

    t_ms: int
    category: int
    since_ms: int
    judged_to_ms: int
    clip: str = ""


def lease_in(t_ms: int, data: bytes, clip: str = "") -> Lease | None:
    """The lease that an L2CAP frame carries, if it carries one."""
    if len(data) != _ATT_HEADER + _SEALED_SIZE:
        return None
    _, channel, opcode, _, op = struct.unpack_from("<HHBHB", data)
    if (channel, opcode, op) != (_ATT_CHANNEL, _ATT_WRITE_REQUEST, protocol.control.LEASE):
        return None
    category, since, judged_to, _ = _LEASE.unpack_from(data, _ATT_HEADER + 1)
    return Lease(t_ms, category, since, judged_to, clip)


class LeaseLog:
    """A packet log of the air that keeps leases only."""

    def __init__(self, folder: Path) -> None:
        self._stream = (folder / FILE).open("w", buffering=1)

    def __call__(self, t_us: int, sender: str, receiver: str, data: bytes) -> None:
        """Take a frame that the air carries."""
        del sender
        if lease := lease_in(t_us // 1000, data, receiver.removeprefix(CLIP_STATION)):
            self._stream.write(json.dumps(asdict(lease)) + "\n")


def read(folder: Path) -> Iterator[Lease]:
    """The leases of a run, in order."""
    with (folder / FILE).open() as stream:
        for line in stream:
            yield Lease(**json.loads(line))
