"""Starts the clip. On the board, `main.py` in the root of the flash is the line `import clip.main`."""

import asyncio
import gc

import micropython

_LOADING = 2048  # bytes between collections: while the application is loaded what stays must lie close together
_RUNNING = 16384  # more than a second takes, at the end of which the application collects

# Loading takes most of the heap: keep no line numbers.
micropython.opt_level(3)
if hasattr(gc, "threshold"):
    gc.threshold(_LOADING)

from . import app  # noqa: E402

if hasattr(gc, "threshold"):
    gc.threshold(_RUNNING)

asyncio.run(app.main())
