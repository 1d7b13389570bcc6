"""The clip's main, in trouble: a file says what its rounds do once five seconds have gone by."""

import os
import time

from clip import app

_tick = app.App.tick


def trouble():
    """What is written in `trouble.txt`. It happens in one life, unless it is to happen in all."""
    try:
        with open("trouble.txt") as file:
            what = file.read()
    except OSError:
        return ""
    if not what.startswith("always "):
        os.remove("trouble.txt")
    return what


def tick(self, now):
    _tick(self, now)
    if now < 5000:
        return
    what = trouble()
    if what == "hang":
        while True:
            time.sleep_ms(10)  # as in waiting for a bus that never is free
    elif what.endswith("raise"):
        raise KeyError("a secret", 7)
    elif what == "memory":
        bytearray(1 << 30)
    elif what == "deep":
        tick(self, now + deep(0))


def deep(n):
    return deep(n + 1) + 1


app.App.tick = tick

import clip.main
