"""Loaded by every Python that starts with this folder on its path: its event loops run beside the virtual radio.

So the commands of the README run as they are, on a computer whose Bluetooth and clock are the simulation's.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from typing import Any


def _run(program: Coroutine[Any, Any, Any], **_: Any) -> Any:
    from firmware.virtual import station

    async def main(place: station.Station) -> Any:
        time.time_ns = lambda: place.utc_ms() * 1_000_000
        return await program

    return station.run(main, address=os.environ["PATIENTS_RADIO"], name="gateway")


asyncio.run = _run  # type: ignore[assignment]
