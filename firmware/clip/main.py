"""Starts the clip: what `loader` imports last, from a slot in flash or from the file system.

Whatever ends the firmware, the clip starts anew. Only Ctrl-C on the cable leads to the prompt.
"""

import asyncio
import gc
import time

import machine
import micropython

_LOADING = 2048  # bytes between collections: while it is loaded and made what stays must lie close together
_SHORT_LIFE_MS = 60000
_WAIT_MS = 5000  # before the next life after a short one, so that neither flash nor battery is worn down; below the watchdog's time
_AT_THE_CABLE_MS = 600000  # the watchdog cannot be stopped, but it can be given time

# Loading takes most of the heap: keep no line numbers.
micropython.opt_level(3)
if hasattr(gc, "threshold"):
    gc.threshold(_LOADING)

try:
    from . import app

    asyncio.run(app.main())
except KeyboardInterrupt:
    machine.WDT(timeout=_AT_THE_CABLE_MS)
    raise
except Exception as error:  # noqa: BLE001 -- a clip that has stopped is of no use
    from . import crash

    crash.write(error)
    if time.ticks_ms() < _SHORT_LIFE_MS:  # type: ignore[attr-defined]
        time.sleep_ms(_WAIT_MS)  # type: ignore[attr-defined]
machine.reset()
