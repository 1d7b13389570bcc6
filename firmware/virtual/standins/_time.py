# The rest of `time`, which other programs use.
import _radio


def ticks_us():
    return (_radio.now_us + _radio.settings.get("ticks_start", 0) * 1000) & ((1 << 30) - 1)


ticks_cpu = ticks_us


def sleep_us(us):
    if us > 0:
        _radio.sleep_us(us)


def sleep(s):
    sleep_us(int(s * 1000) * 1000)


def time_ns():
    return _radio.now_us * 1000
