"""A station's side of the clock: report idle, wait to be granted."""

from __future__ import annotations

import json
import selectors
import socket
from collections import deque
from collections.abc import Callable

from . import frames
from .simloop import Events, SimSelector, of_the_loop

_RECV = 1 << 16
_CONNECT_S = 30.0
_ALONE_S = 0.01


class RadioLostError(ConnectionError):
    """The connection to the radio has ended."""


class StationClock:
    """Time as the radio at `address` grants it.

    Raises OSError when the radio cannot be reached and RadioLostError when it refuses the station.
    """

    def __init__(self, address: str, name: str, *, bluetooth: bool) -> None:
        host, _, port = address.rpartition(":")
        self._sock = socket.create_connection((host, int(port)), timeout=_CONNECT_S)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._splitter = frames.Splitter(from_radio=True)
        self._received: deque[frames.Frame] = deque()
        self._frames_read = 0
        self._now_us = 0
        self._slept_us = 0
        self._step_ms = 0
        self.lost = False
        self._left = False
        self.on_frame: Callable[[frames.Frame], None] = lambda _frame: None
        self.on_lost: Callable[[], None] = lambda: None
        self.send(frames.HELLO, json.dumps({"name": name, "bluetooth": bluetooth}).encode())
        while not self._received:
            if not self._receive():
                raise RadioLostError("the radio refused the station")
        self._sock.settimeout(None)
        frame = self._next()
        answer = json.loads(frame.payload)
        if "error" in answer:
            raise RadioLostError(f"the radio refused the station: {answer['error']}")
        self.start_utc_ms = int(answer["start_utc_ms"])

    @property
    def now_us(self) -> int:
        """Simulated microseconds of a clock that nobody sets and that stands still while the station sleeps, as
        Linux' CLOCK_MONOTONIC does."""
        return self._now_us - self._slept_us

    @property
    def radio_us(self) -> int:
        """Simulated microseconds since the radio began."""
        return self._now_us

    @property
    def utc_ms(self) -> int:
        """UTC as the station's own clock shows it: right unless it was set."""
        return self.start_utc_ms + self._now_us // 1000 + self._step_ms

    def fileno(self) -> int:
        """The socket's number, for the selector."""
        return self._sock.fileno()

    def attach(self, selector: SimSelector) -> None:
        """See `Clock.attach`."""
        selector.register(self, selectors.EVENT_READ, self)

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame to the radio; nothing happens once the radio is lost."""
        self._send(frames.up(kind, payload))

    def close(self) -> None:
        """Leave: the radio drops the station and time goes on without it."""
        self.lost = True
        self._sock.close()

    def wait(self, selector: SimSelector, due_us: int | None) -> Events:
        """See `Clock.wait`."""
        if self.lost:
            self._take_leave(selector)
            return self._wait_alone(selector, due_us)
        self._send(frames.idle(None if due_us is None else due_us + self._slept_us, self._frames_read))
        events = selector.wall_select(None)
        theirs = of_the_loop(events)
        if len(theirs) < len(events):
            self._receive()
        elif theirs:
            self._hold()
        self._deliver()
        if self.lost:
            self._take_leave(selector)
        return theirs

    def _take_leave(self, selector: SimSelector) -> None:
        if not self._left:
            self._left = True
            selector.unregister(self)
            self.on_lost()

    def _wait_alone(self, selector: SimSelector, due_us: int | None) -> Events:
        """With nobody left to grant time, what still runs is cleaning up: let it."""
        events = selector.wall_select(0 if due_us is not None else _ALONE_S)
        if due_us is not None:
            self._now_us = max(self._now_us, due_us + self._slept_us)
        return events

    def _hold(self) -> None:
        """Something outside simulated time woke the station: stop the clock, and learn what time it is."""
        self.send(frames.BUSY)
        while not self.lost and not any(frame.kind == frames.GRANT for frame in self._received):
            self._receive()

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(_RECV)
        except OSError:
            data = b""
        if not data:
            self.lost = True
            return False
        self._received.extend(self._splitter.feed(data))
        return True

    def _deliver(self) -> None:
        while self._received:
            frame = self._next()
            if frame.kind == frames.CLOCK:
                slept_us, step_ms = frames.parse_clock(frame.payload)
                self._slept_us += slept_us
                self._step_ms += step_ms
            elif frame.kind != frames.GRANT:
                self.on_frame(frame)

    def _next(self) -> frames.Frame:
        frame = self._received.popleft()
        self._frames_read += 1
        self._now_us = max(self._now_us, frame.now_us)
        return frame

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            self.lost = True
