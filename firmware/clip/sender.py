"""What leaves the clip by radio, one notification at a time and 50 ms apart.

First the events that answer a gateway, then the stream, then the status, then the journal. A status or a record that is
longer than the MTU allows goes in pieces, between which events and stream take their turn. A notification that the stack
has no buffer for stays where it is and is tried again.
"""

from .wire import clip_auth as auth
from .wire import clip_control as control
from .wire import clip_records as records
from .wire import clip_stream as stream
from .wire import clip_uuids as uuids
from .wire.base import const

_SLOTS = const(8)  # more than three seconds of stream
_CONFIRM_MS = const(3000)
_EVENTS_MAX = const(16)  # of the authenticated gateway
_EVENTS_OTHERS = const(6)


class Sender:
    """Queues and what empties them. `connection` is the authenticated one, None without."""

    def __init__(self, gatt, journal) -> None:  # type: ignore[no-untyped-def]
        self._gatt = gatt
        self._journal = journal
        self._next_ms = 0
        self._events: list[tuple[int, bytes]] = []
        self._unconfirmed: dict[int, int] = {}  # connection whose indication is not confirmed yet, until when to wait
        self._slots = [bytearray(stream.PACKET_SIZE) for _ in range(_SLOTS)]
        self._lengths = [0] * _SLOTS
        self._first = 0
        self._waiting = 0
        self._status: bytes | None = None
        self._level: bytes | None = None
        self._pieces: list[bytes] = []  # of the status or record that is being sent
        self._handle = 0  # where they go
        self._message = 0
        self._cursor: int | None = None
        self._end_told = False
        self.connection: int | None = None
        self.key = b""  # of its session
        self.mtu = 23
        self.dropped = 0

    # --- what others want sent ---

    def event(self, connection: int, data: bytes) -> None:
        """Indicate an answer. A central that never confirms gets no more than a few."""
        waiting = 0
        for entry in self._events:
            if entry[0] == connection:
                waiting += 1
        if waiting < (_EVENTS_MAX if connection == self.connection else _EVENTS_OTHERS):
            self._events.append((connection, data))

    def packet(self, buf: bytearray, length: int) -> bool:
        """Queue a stream packet; False when all slots were full and the oldest gave way."""
        if self.connection is None:
            return True
        full = self._waiting == _SLOTS
        if full:
            self._first = (self._first + 1) % _SLOTS
            self._waiting -= 1
            self.dropped = min(self.dropped + 1, 0xFFFF)
            self._slots[self._first][0] |= stream.FLAG_GAP
        at = (self._first + self._waiting) % _SLOTS
        slot = self._slots[at]
        for i in range(length):
            slot[i] = buf[i]
        self._lengths[at] = length
        self._waiting += 1
        return not full

    def status(self, data: bytes) -> None:
        """Notify this status next; a newer one replaces it."""
        if self.connection is not None:
            self._status = data

    def level(self, data: bytes) -> None:
        """Notify this battery level next; a newer one replaces it."""
        if self.connection is not None:
            self._level = data

    def read_journal(self, number: int) -> None:
        """Notify every record from this id on, say where they end, and go on as records come."""
        self._cursor = max(number, self._journal.first)
        self._end_told = False

    def confirmed(self, connection: int) -> None:
        """The central has confirmed an indication."""
        self._unconfirmed.pop(connection, None)

    def open(self, connection: int, mtu: int) -> None:
        """A gateway has authenticated."""
        self.connection = connection
        self.mtu = mtu
        self._clear()

    def forget(self, connection: int) -> None:
        """A connection is gone."""
        self._events = [entry for entry in self._events if entry[0] != connection]
        self._unconfirmed.pop(connection, None)
        if self.connection == connection:
            self.connection = None
            self._clear()

    def _clear(self) -> None:
        self._first = self._waiting = 0
        self._status = self._level = None
        self._pieces = []
        self._cursor = None

    # --- sending ---

    def step(self, now_ms: int) -> int:
        """Send one notification if one waits and its time has come; how long until the next one's, -1 when none waits."""
        if now_ms >= self._next_ms and self._pending():
            self._next_ms = now_ms + uuids.NOTIFY_SPACING_MS
            try:
                self._send(now_ms)
            except OSError:
                pass  # no buffer (ENOMEM), or the connection is just going: the next round knows more
        return self._next_ms - now_ms if self._pending() else -1

    def _pending(self) -> bool:
        return bool(
            self._next_event() >= 0
            or self._waiting
            or self._pieces
            or self._status
            or self._level
            or self._journal_pending()
        )

    def _next_event(self) -> int:
        """Index of the first event whose connection has confirmed the one before, -1 when there is none."""
        for i in range(len(self._events)):
            if self._events[i][0] not in self._unconfirmed:
                return i
        return -1

    def _journal_pending(self) -> bool:
        if self._cursor is None or self.connection is None:
            return False
        return self._cursor < self._journal.next or not self._end_told

    def check(self, now_ms: int) -> None:
        """Give up waiting for a confirmation that does not come."""
        for connection in list(self._unconfirmed):
            if now_ms >= self._unconfirmed[connection]:
                del self._unconfirmed[connection]

    def _send(self, now_ms: int) -> None:
        at = self._next_event()
        if at >= 0:
            connection, data = self._events[at]
            self._gatt.indicate(connection, data)
            self._events.pop(at)
            self._unconfirmed[connection] = now_ms + _CONFIRM_MS
        elif self._waiting:
            slot = memoryview(self._slots[self._first])[: self._lengths[self._first]]
            self._gatt.notify(self.connection, self._gatt.stream, slot)
            self._first = (self._first + 1) % _SLOTS
            self._waiting -= 1
        elif self._pieces or self._more():
            self._gatt.notify(self.connection, self._handle, self._pieces[0])
            self._pieces.pop(0)

    def _more(self) -> bool:
        """Make pieces of what waits longest of status and journal."""
        if self._status:
            status = self._status
            self._status = None
            self._cut(self._gatt.status, status)
        elif self._level:
            self._pieces = [self._level]
            self._handle = self._gatt.battery
            self._level = None
        elif self._journal_pending():
            self._take_record()
        return bool(self._pieces)

    def _cut(self, handle: int, data: bytes) -> None:
        room = self.mtu - 3
        self._handle = handle
        if len(data) <= room:
            self._pieces = [data]
        else:
            from .wire import fragment  # noqa: PLC0415 -- most links never need it

            self._message += 1
            self._pieces = fragment.split(control.EVENT_FRAGMENT, self._message, data, room)

    def _take_record(self) -> None:
        number = max(self._cursor or 0, self._journal.first)
        record = b""
        if number >= self._journal.next:
            self._end_told = True
        else:
            record = self._journal.read(number) or bytes((records.UNREADABLE,))
            self._cursor = number + 1
        self._cut(self._gatt.journal, auth.with_tag(self.key, records.journal_frame(number, record)))
