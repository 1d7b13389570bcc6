# What the virtual clip's MicroPython runs: connect, put the stand-ins in place, run the firmware.
import os
import sys

import _radio

_radio.connect(os.getenv("PLUMBLINE_RADIO"), os.getenv("PLUMBLINE_TOKEN"))

import _tasks
import _random_os

sys.modules["_asyncio"] = _tasks
sys.modules["os"] = _random_os.Os()

import asyncio

import _patch

_patch.into(asyncio.core)

__import__(_radio.settings["program"])
