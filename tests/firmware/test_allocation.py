"""The hot path allocates nothing: in MicroPython, where the heap can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_from_the_fifo_to_the_packet_the_heap_does_not_grow(micropython: Callable[..., Any]) -> None:
    answer = micropython("allocation.py", None)
    assert answer["fed"] == 10_400
    assert answer["samples"] == 2_600
    assert answer["packets"] > 230
    assert answer["grown"] == 0
