# What is asked of `machine` when the clip starts.
import _radio


def unique_id():
    text = _radio.settings["unique_id"]
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


def freq(hz=None):
    return 80000000


def reset_cause():
    return _radio.settings["reset_cause"]
