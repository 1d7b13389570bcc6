# What the virtual clip's MicroPython runs: connect, put the stand-ins in place, run the firmware.
import os
import sys
import vfs

import _hello
import _radio

# Folders of the firmware by short names, as on the board: each of its modules keeps the path that it came from.
for folder in os.getenv("PLUMBLINE_PATH").split(":"):
    at = "/%d" % len(sys.path)
    vfs.mount(vfs.VfsPosix(folder), at)
    sys.path.insert(-1, at)

_hello.connect(os.getenv("PLUMBLINE_RADIO"), os.getenv("PLUMBLINE_TOKEN"))
_hello = _radio.drop("_hello")

import _tasks
import _random_os

sys.modules["_asyncio"] = _tasks
sys.modules["os"] = _random_os.Os()

import asyncio

_tasks.into(asyncio.core)

# On the board these are there before the firmware is.
import bluetooth
import machine

if "partition.bin" in os.listdir():
    import _partition

    _partition.open_file()

__import__(_radio.settings["program"])
