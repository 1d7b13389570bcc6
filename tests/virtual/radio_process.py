"""A radio with one tiny clip, until it is told to shut down: FLASH ADDRESS_FILE [wait_for ...]."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from firmware.virtual import RadioHost, VirtualClip, simulate

PROGRAMS = Path(__file__).parent / "programs"


async def main(flash: Path, tell: Callable[[str], int], keep: Callable[[str], int], wait_for: list[str]) -> None:
    clip = VirtualClip("00112233445566aa", flash=flash, program="tiny", search=(PROGRAMS,))
    packets: list[str] = []

    def note(t_us: int, sender: str, receiver: str, data: bytes) -> None:
        packets.append(f"{t_us} {sender} {receiver} {data.hex()}\n")

    async with RadioHost([clip], start_utc_ms=1_700_000_000_000, wait_for=wait_for, packet_log=note) as host:
        tell(host.address + "\n")
        await host.until_shutdown()
    keep("".join(packets))


flash, address = Path(sys.argv[1]), Path(sys.argv[2])
simulate(main(flash, address.write_text, address.with_suffix(".packets").write_text, sys.argv[3:]))
