"""Starts the newest firmware that works: what `main.py` on the board calls.

The package `clip` in the file system, of which this is a part, is put there by cable and no update touches it. It
chooses between the two slots in flash (see `slots`) and is itself what runs when neither holds a whole image. A
firmware on trial is started three times at most; has none of these boots confirmed it, the one before runs again.
"""

import gc
import sys
import time

from . import slots
from .wire.base import const

_STARTS = const(3)
_RESTART_MS = const(1000)
_TRIAL_MS = const(60000)  # the watchdog's time for a firmware on trial to come so far that it feeds it


def choose(state, is_whole, save) -> int:  # type: ignore[no-untyped-def]
    """The slot to run, -1 for neither. `is_whole(slot)` says whether its image is what the state says; what changes is
    given to `save(state)` before anything is started."""
    before = list(state)
    active = int(state[slots.ACTIVE])
    if not slots.has_failed(state, active) and is_whole(active) and _may_start(state, save):
        return active
    if state[slots.TRIAL]:
        state[slots.TRIAL] = 0
        state[slots.FAILED] |= 1 << active | slots.TELL
    chosen = 1 - active
    if not slots.has_failed(state, chosen) and is_whole(chosen):
        state[slots.ACTIVE] = chosen
    else:
        chosen = -1
    try:
        if state != before:
            save(state)
    except OSError:
        pass  # the next boot comes to the same
    return chosen


def _may_start(state, save) -> bool:  # type: ignore[no-untyped-def]
    """Whether the active slot's firmware is to be started; counts it when it is on trial."""
    if not state[slots.TRIAL]:
        return True
    if state[slots.STARTS] >= _STARTS:
        return False
    state[slots.STARTS] += 1
    try:
        save(state)
    except OSError:
        return False  # a trial that cannot be counted could go on for ever
    return True


def mount() -> None:
    """Put the slot that is to run in front of the search path; leave everything as it is when there is none."""
    device = slots.blocks()  # type: ignore[no-untyped-call]
    state = slots.load()
    if device is None or state is None:
        return
    slot = choose(state, lambda slot: slots.is_whole(device, slot, *slots.image(state, slot)[:2]), slots.save)
    if slot < 0:
        return
    import machine  # noqa: PLC0415 -- only a board has both
    import vfs  # noqa: PLC0415

    size = slots.slot_size(device)
    # MicroPython has mounted the first slot by itself, whatever it holds.
    sys.path[:] = [path for path in sys.path if not path.startswith("/rom")]
    vfs.mount(vfs.VfsRom(memoryview(vfs.rom_ioctl(2, 0))[slot * size : (slot + 1) * size]), slots.PLACES[slot])
    sys.path.insert(0, slots.PLACES[slot])
    if state[slots.TRIAL]:
        machine.WDT(timeout=_TRIAL_MS)


def start() -> None:
    """Run the firmware; a firmware that ends with an error is started anew, and on trial counts as failed."""
    try:
        mount()
        for name in list(sys.modules):
            if name.split(".")[0] == "clip":
                del sys.modules[name]
        gc.collect()
        __import__("clip.main")
    except Exception as error:  # noqa: BLE001 -- whatever it is, a clip without firmware is of no use
        import machine  # noqa: PLC0415

        sys.print_exception(error)  # type: ignore[attr-defined]
        time.sleep_ms(_RESTART_MS)  # type: ignore[attr-defined]
        machine.reset()
