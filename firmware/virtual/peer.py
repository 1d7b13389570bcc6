"""A station's connection as the radio sees it."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
from collections import deque
from typing import TYPE_CHECKING, Protocol

from . import frames

if TYPE_CHECKING:
    from .scheduler import Scheduler

log = logging.getLogger(__name__)

_RECV = 1 << 16


class Handler(Protocol):
    """What the radio does with a station's frames."""

    def on_call(self, payload: bytes) -> bytes:
        """Answer a call that touches only the station's own state. Raises OSError: its errno is the answer."""

    def on_frame(self, kind: int, payload: bytes) -> None:
        """Handle a frame, at the end of the step."""

    def on_closed(self) -> None:
        """Handle the end of the connection, at the end of the step."""

    def on_stalled(self) -> None:
        """Handle that the station has not reported idle for a long while of wall time."""


class Peer:
    """One station. It sends and receives whole frames, and remembers whether the station is idle and until when.

    `inbox` holds what came in during the step, `sent` counts the frames to the station, `horizon_us` is how far it may
    move on its own if it `runs_ahead`. While it is `asleep` time goes on without it, and what is sent to it is kept.
    """

    def __init__(self, sock: socket.socket, scheduler: Scheduler) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = ""
        self.handler: Handler | None = None
        self.idle = False
        self.due_us: int | None = None
        self.sent = 0
        self.runs_ahead = False
        self.horizon_us = 0
        self.inbox: deque[tuple[int, bytes]] = deque()
        self.closed = False
        self.asleep = False
        self._kept: list[tuple[int, bytes]] = []
        self._scheduler = scheduler
        self._sock = sock
        self._splitter = frames.Splitter(from_radio=False)
        self._unsent = bytearray()

    def fileno(self) -> int:
        """The socket's number, for the selector."""
        return self._sock.fileno()

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame at the time that is; the station is busy from now on."""
        if self.closed:
            return
        if self.asleep:
            self._kept.append((kind, payload))
            return
        self.sent += 1
        self.idle = False
        data = frames.down(kind, self._scheduler.now_us, payload, horizon_us=self.horizon_us)
        if self._unsent:
            self._unsent += data
            return
        try:
            done = self._sock.send(data)
        except BlockingIOError:
            done = 0
        except OSError:
            return  # the reading side sees the end too, and tells the handler
        if done < len(data):
            self._unsent += data[done:]
            self._scheduler.watch(self, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def wake(self, kind: int, payload: bytes) -> None:
        """End its sleep with a frame that goes before everything that was kept."""
        self.asleep = False
        kept, self._kept = self._kept, []
        for frame in ((kind, payload), *kept):
            self.send(*frame)

    def flush(self) -> None:
        """Send what the socket did not take before."""
        try:
            done = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()
            done = 0
        del self._unsent[:done]
        if not self._unsent:
            self._scheduler.watch(self, selectors.EVENT_READ)

    def receive(self) -> list[frames.Frame] | None:
        """Frames that came in; None at the end of the connection."""
        try:
            data = self._sock.recv(_RECV)
        except BlockingIOError:
            return []
        except OSError:
            return None
        try:
            return self._splitter.feed(data) if data else None
        except frames.FrameError:
            log.exception("station %s", self.name or "(unnamed)")
            return None

    def gone(self) -> bool:
        """Whether the station has ended the connection and everything it sent has been read."""
        if self.closed:
            return True
        try:
            return self._sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self._sock.close()
