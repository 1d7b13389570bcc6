"""Streams of days kept in a folder, so that core and policy can be judged again without the fusion's minutes."""

from __future__ import annotations

import hashlib
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from firmware.clip import fusion
from gateway.core import Samples, Trailer
from gateway.lab import activities, motion, script, trunk

from . import clip, sensor
from .clip import Step, Stream, stream
from .day import Day

_MODULES: Final = (fusion, activities, motion, script, trunk, clip, sensor)
"""What a stream depends on besides the day."""


def kept_stream(folder: Path | None, day: Day, step: Step = lambda _share: None) -> Stream:
    """The stream of a day, from the folder if the same day went through the same files before. Raises OSError."""
    if folder is None:
        return stream(day, step)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"simulated-{day.seed}-{_key(day)}.npz"
    if not path.exists():
        made = stream(day, step)
        part = path.with_suffix(".part.npz")
        rows = np.array([astuple(trailer) for trailer in made.trailers])
        s = made.samples
        np.savez(part, t=s.t_ms, q=s.quaternion, a=s.acc_mg, h=s.held, trailers=rows, period=made.period_ms)
        part.replace(path)
        return made
    with np.load(path) as file:
        samples = Samples(file["t"], file["q"], file["a"], file["h"])
        trailers = [Trailer(t, g, a, int(s), int(c)) for t, g, a, s, c in file["trailers"].tolist()]
        return Stream(samples, trailers, float(file["period"]))


def _key(day: Day) -> str:
    text = repr((day.script.to_json(), day.chip, day.motor, day.gaps))
    return hashlib.sha256(text.encode() + _sources()).hexdigest()[:16]


@cache
def _sources() -> bytes:
    total = hashlib.sha256()
    files = [Path(str(module.__file__)) for module in _MODULES]
    for path in (*files, files[0].with_name("gyro_bias.py")):
        total.update(path.read_bytes())
    return total.digest()
