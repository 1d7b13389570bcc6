"""Starts the clip. On the board, `main.py` in the root of the flash is the line `import clip.main`."""

import asyncio

from . import app

asyncio.run(app.main())
