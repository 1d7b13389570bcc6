# MicroPython's `time` on the board: the clock is the one that the radio grants, ticks wrap at 2**30. What the firmware does without
# is in `_time`, and loaded when it is asked for.
import _radio

_PERIOD = 1 << 30
_MASK = _PERIOD - 1
_HALF = _PERIOD >> 1
_start = _radio.settings.get("ticks_start", 0)


def __getattr__(name):
    import _time

    return getattr(_time, name)


def ticks_ms():
    return (_radio.now_ms + _start) & _MASK


def ticks_add(ticks, delta):
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep_ms(ms):
    if ms > 0:
        _radio.sleep_us(ms * 1000)


def time():
    # Without a clock chip the board counts from when it was switched on; a restart does not stop that clock.
    return (_radio.now_us - _radio.settings.get("powered_us", 0)) // 1000000
