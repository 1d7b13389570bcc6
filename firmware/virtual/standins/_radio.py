# The connection to the radio, and the clock that it grants. One file for MicroPython and CPython.
# Frames: see firmware/virtual/frames.py; operations: see firmware/virtual/ops.py.
import os
import struct
import sys

_CALL = 2
_IDLE = 3
_REPLY = 2
_GRANT = 3
_EVENT = 4

now_us = 0
now_ms = 0  # since boot
horizon_us = 0  # before it the clock moves without asking
deadline_us = -1  # of the watchdog
settings = {}

_sock = None
_read = 0
_boot_us = 0
_events = []
_handlers = {}
_dispatching = False


def _receive(n):
    data = _sock.recv(n)
    if len(data) == n:
        return data
    while len(data) < n:
        if not data:
            leave()
        more = _sock.recv(n - len(data))
        if not more:
            leave()
        data += more
    return data


def leave(code=1):
    # Not sys.exit: firmware that catches everything must not survive its board.
    if sys.implementation.name == "cpython":
        os._exit(code)
    raise SystemExit(code)


def _send(kind, payload):
    data = struct.pack("<IBq", len(payload), kind, now_us) + payload
    try:
        sent = _sock.send(data)
        while sent < len(data):
            sent += _sock.send(data[sent:])
    except OSError:
        leave()


def _next():
    # Read one frame: (kind, payload). Time moves to the frame's.
    global _read, now_us, now_ms, horizon_us
    try:
        length, kind, now, horizon_us = struct.unpack("<IBqq", _receive(21))
        if now > now_us:
            now_us = now
            now_ms = (now - _boot_us) // 1000
        _read += 1
        return kind, (_receive(length) if length else b"")
    except OSError:
        leave()


def drop(name):
    # Forget a module; a dictionary keeps what a removed entry had.
    sys.modules[name] = None
    del sys.modules[name]


def call(op, *parts):
    payload = bytes([op])
    for part in parts:
        payload += part
    _send(_CALL, payload)
    while True:
        kind, answer = _next()
        if kind == _REPLY:
            if answer[0]:
                raise OSError(answer[0])
            return answer[1:]
        if kind == _EVENT:
            _events.append(answer)


def on_event(number, handler):
    _handlers[number] = handler


def dispatch():
    # Run the interrupt handlers of what came in; one at a time, as the board's scheduler does.
    global _dispatching
    if _dispatching:
        return
    _dispatching = True
    try:
        while _events:
            event = _events.pop(0)
            handler = _handlers.get(event[0] & 0x60)
            if handler is not None:
                handler(event)
    finally:
        _dispatching = False


def wait(until_us):
    # Nothing to do before until_us (-1: ever): wait for that time, or for an event; then run the handlers.
    global now_us, now_ms
    if not _events:
        due = until_us
        if deadline_us >= 0 and (due < 0 or deadline_us < due):
            due = deadline_us
        if 0 <= due < horizon_us:
            now_us = max(now_us, due)
            now_ms = (now_us - _boot_us) // 1000
        else:
            _send(_IDLE, struct.pack("<qI", due, _read & 0xFFFFFFFF))
            kind, payload = _next()
            if kind == _EVENT:
                _events.append(payload)
        if 0 <= deadline_us <= now_us:
            reset(3)  # WDT_RESET
    dispatch()


def at_ms(ms):
    # The moment at which now_ms becomes ms.
    return _boot_us + ms * 1000


def sleep_us(us):
    until = now_us + us
    while now_us < until:
        wait(until)


def reset(cause):
    call(0x34, bytes([cause]))
    leave(0)
