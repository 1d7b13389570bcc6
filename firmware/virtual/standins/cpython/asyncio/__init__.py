# MicroPython's `asyncio` for CPython: the interface that MicroPython documents, on the same tasks and ticks.
from . import core
from .core import (
    CancelledError,
    Loop,
    TimeoutError,
    create_task,
    current_task,
    get_event_loop,
    new_event_loop,
    run,
    run_until_complete,
    sleep,
    sleep_ms,
)
from .sync import Event, Lock, ThreadSafeFlag, gather, wait_for, wait_for_ms
