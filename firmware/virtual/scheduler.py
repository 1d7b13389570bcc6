"""Who may move simulated time, and when: the radio's side of the clock.

A step is bulk-synchronous. Stations that were given something work at the same time, in wall time; what they send is
kept until every station has reported idle with nothing in flight, then handled in the order of the stations' names.
Then the radio's own callbacks run dry. Only when that brings nothing more does time move, to the earliest instant that
anybody waits for. So a run is the same every time, whatever the computer was doing.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import socket
import struct
import time
from collections.abc import Callable

from . import frames
from .peer import Peer
from .simloop import MICRO, Events, SimSelector, of_the_loop

log = logging.getLogger(__name__)

# A station this far behind its pace does not catch up: `speed` is an upper bound.
_LAG_S = 0.05
STALL_S = 60.0
_HELD_S = 0.1
# A clip that nobody waits for asks for time this often, so that what comes from outside is not far behind it.
AHEAD_US = 250_000


class Scheduler:
    """The clock of the radio's own loop, and the one that grants time to the stations.

    `speed` bounds simulated seconds per wall second, None does not. `on_hello(peer, payload)` decides about a new
    connection: it sets the peer's name and handler, or drops it. `on_held()` is called now and then, in wall time,
    while time is held.
    """

    def __init__(self) -> None:
        self.now_us = 0
        self.speed: float | None = None
        self.held: set[str] = set()
        self.on_hello: Callable[[Peer, bytes], None] = lambda peer, _payload: self.drop(peer)
        self.on_held: Callable[[], None] = lambda: None
        self._selector: SimSelector | None = None
        self._peers: list[Peer] = []
        self._anchor: tuple[float, int] = (time.monotonic(), 0)
        self._own_due_us: int | None = None

    # -- membership

    def attach(self, selector: SimSelector) -> None:
        """See `Clock.attach`."""
        self._selector = selector

    def has(self, name: str) -> bool:
        """Whether a station of this name takes part; one whose end has not been handled yet does not."""
        return any(peer.name == name and not peer.gone() for peer in self._peers)

    def adopt(self, sock: socket.socket) -> Peer:
        """Take a new connection; it takes part once it has said hello."""
        peer = Peer(sock, self)
        self._need_selector().register(peer, selectors.EVENT_READ, peer)
        return peer

    def watch(self, peer: Peer, events: int) -> None:
        """Wait for these events of the peer's socket."""
        self._need_selector().modify(peer, events, peer)

    def drop(self, peer: Peer) -> None:
        """Forget a station; time goes on without it."""
        if not peer.closed:
            with contextlib.suppress(KeyError, ValueError):
                self._need_selector().unregister(peer)
            peer.close()
        if peer in self._peers:
            self._peers.remove(peer)

    def close(self) -> None:
        """Drop every station."""
        if self._selector is None:
            return
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Peer):
                self.drop(key.data)

    def hold(self, name: str) -> None:
        """Keep time still until `release(name)`."""
        self.held.add(name)

    def release(self, name: str) -> None:
        """End a hold."""
        self.held.discard(name)

    def set_speed(self, speed: float | None) -> None:
        """Change the pace from now on."""
        if speed is not None and speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self._anchor = (time.monotonic(), self.now_us)

    # -- the step

    def wait(self, selector: SimSelector, due_us: int | None) -> Events:
        """Bring time to `due_us` or return earlier with something for the loop to do (see `Clock.wait`)."""
        self._own_due_us = due_us
        timeout: float | None = 0.0
        while True:
            events = selector.wall_select(timeout)
            for key, mask in events:
                if isinstance(key.data, Peer):
                    self._serve(key.data, mask)
            theirs = of_the_loop(events)
            if theirs:
                self._catch_up()
                return theirs
            busy = [peer for peer in self._peers if not peer.idle]
            if busy:
                if timeout == STALL_S and not events:
                    self._stalled(busy)
                timeout = STALL_S
            elif self._dispatch():
                return []
            else:
                timeout = self._advance()
                if due_us is not None and due_us <= self.now_us:
                    return []

    def _advance(self) -> float | None:
        """Nobody has anything to do: move time, if its pace allows, and wake who waited for it.

        Returns how long to wait now, in wall seconds, None for as long as it takes.
        """
        if self.held:
            self.on_held()
            return _HELD_S
        target = self._earliest(self._own_due_us)
        if target is None:
            return None
        wait = self._wall_wait(target)
        if wait > 0:
            return wait
        self.now_us = max(self.now_us, target)
        if self._own_due_us is None or self._own_due_us > self.now_us:
            self._grant()
        return STALL_S

    def _serve(self, peer: Peer, mask: int) -> None:
        if peer.closed:
            return
        if mask & selectors.EVENT_WRITE:
            peer.flush()
        if not mask & selectors.EVENT_READ:
            return
        received = peer.receive()
        if received is None:
            self._ended(peer)
            return
        for frame in received:
            try:
                self._take(peer, frame)
            except frames.FrameError:
                log.exception("station %s", peer.name)
                self._ended(peer)
            if peer.closed:
                return

    def _take(self, peer: Peer, frame: frames.Frame) -> None:
        handler = peer.handler
        self.now_us = max(self.now_us, min(frame.now_us, peer.horizon_us))
        if handler is None:
            if frame.kind != frames.HELLO:
                self.drop(peer)
                return
            self.on_hello(peer, frame.payload)
            if not peer.closed:
                self._peers.append(peer)
                self._peers.sort(key=lambda p: p.name)
        elif frame.kind == frames.IDLE:
            peer.due_us, frames_read = frames.parse_idle(frame.payload)
            peer.idle = frames_read == peer.sent & 0xFFFFFFFF
            peer.horizon_us = 0
        elif frame.kind == frames.CALL:
            try:
                answer = b"\x00" + handler.on_call(frame.payload)
            except OSError as error:
                answer = bytes([error.errno or errno.EIO])
            except (ValueError, LookupError, TypeError, struct.error):
                log.exception("station %s called with nonsense", peer.name)
                answer = bytes([errno.EINVAL])
            if peer.inbox:
                peer.horizon_us = self.now_us
            peer.send(frames.REPLY, answer)
        elif frame.kind == frames.BUSY:
            self._catch_up()
            peer.send(frames.GRANT)
        else:
            peer.idle = False
            peer.inbox.append((frame.kind, frame.payload))

    def _ended(self, peer: Peer) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._need_selector().unregister(peer)
        peer.close()
        peer.idle = True
        peer.due_us = None

    def _dispatch(self) -> bool:
        """Handle what the stations sent in this step; whether there was anything."""
        any_work = False
        for peer in list(self._peers):
            handler = peer.handler
            if handler is None:
                continue
            while peer.inbox:
                any_work = True
                kind, payload = peer.inbox.popleft()
                handler.on_frame(kind, payload)
            if peer.closed and peer in self._peers:
                any_work = True
                self._peers.remove(peer)
                handler.on_closed()
        return any_work

    def _earliest(self, due_us: int | None) -> int | None:
        dues = [peer.due_us for peer in self._peers if peer.due_us is not None and not peer.asleep]
        if due_us is not None:
            dues.append(due_us)
        return min(dues, default=None)

    def _grant(self) -> None:
        """Wake one station that is due: the first by name, so that stations due together keep an order."""
        for peer in self._peers:
            if peer.due_us is not None and peer.due_us <= self.now_us and not peer.asleep:
                peer.due_us = None
                if peer.runs_ahead:
                    peer.horizon_us = self._horizon()
                peer.send(frames.GRANT)
                return

    def _horizon(self) -> int:
        """How far a station may move on its own: until somebody else waits for something, and not far."""
        limit = self.now_us + AHEAD_US
        others = self._earliest(self._own_due_us)
        if others is not None:
            limit = min(limit, others)
        if self.speed is not None:
            limit = min(limit, self._paced_us())
        return max(limit, self.now_us)

    @staticmethod
    def _stalled(busy: list[Peer]) -> None:
        for peer in busy:
            log.warning("station %s has been busy for %d s", peer.name, STALL_S)
            if peer.handler is not None:
                peer.handler.on_stalled()

    # -- pace

    def _wall_wait(self, target_us: int) -> float:
        """Wall seconds until the pace allows `target_us`."""
        if self.speed is None or target_us <= self.now_us:
            return 0.0
        wall, sim = self._anchor
        now = time.monotonic()
        wait = wall + (target_us - sim) / MICRO / self.speed - now
        if wait < -_LAG_S:
            self._anchor = (now, target_us)
        return max(0.0, wait)

    def _catch_up(self) -> None:
        """Between two events of a paced run, time has gone on: move it as far as the pace says and nobody waits."""
        if self.speed is None or self.held or any(not peer.idle for peer in self._peers):
            return
        limit = self._earliest(self._own_due_us)
        paced = self._paced_us()
        self.now_us = max(self.now_us, paced if limit is None else min(paced, limit))

    def _paced_us(self) -> int:
        """What time it is if nothing holds it up."""
        wall, sim = self._anchor
        return sim + round((time.monotonic() - wall) * (self.speed or 0) * MICRO)

    def _need_selector(self) -> SimSelector:
        if self._selector is None:
            raise RuntimeError("the scheduler has no loop")
        return self._selector
