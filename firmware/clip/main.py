"""Starts the clip. On the board, `main.py` in the root of the flash is the line `import clip.main`."""

import asyncio
import gc

import micropython

# Compiling the application takes most of the heap: keep no line numbers, and collect often while it goes on.
micropython.opt_level(3)
if hasattr(gc, "threshold"):
    gc.threshold(8192)

from . import app  # noqa: E402

asyncio.run(app.main())
