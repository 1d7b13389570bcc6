"""The shipped gateway in a process of its own, which stands still at a moment of an erasure until it is killed.

`python -m tests.line.cut_gateway ADDRESS CONFIG MOMENT`: "decided", when the erasure is decided and nothing is erased;
"erased", when all is erased and nobody has been told; "never".
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path
from unittest.mock import patch

from firmware.virtual import Station, station
from gateway import app, config
from gateway.erasing import Erasing

WAIT_S = 120


class Cut(Erasing):
    """Stands still where it is told to."""

    moment = "never"

    def decide(self, clip: str, *, holds: bool) -> None:
        super().decide(clip, holds=holds)
        self._at("decided")

    async def finish(self, clip: str) -> None:
        await super().finish(clip)
        self._at("erased")

    def _at(self, moment: str) -> None:
        if moment == self.moment:
            print(moment, flush=True)
            time.sleep(WAIT_S)


async def _run(place: Station, path: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await app.run(config.load(path), utc_ms=place.utc_ms, stop=stop, config_file=path)


if __name__ == "__main__":
    Cut.moment = sys.argv[3]
    with patch.object(app, "Erasing", Cut):
        station.run(lambda place: _run(place, Path(sys.argv[2])), address=sys.argv[1], name="home")
