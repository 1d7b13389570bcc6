"""A pairing window: the clip's key pair, and the key with the gateway that asks. Loaded only while it is open."""

import os

from . import lazy
from .wire import clip_control as control
from .wire import pairing as wire
from .wire.base import MalformedError, const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .x25519 import Multiplication

_PRIVATE_SIZE = const(32)
_BITS = const(5)  # a round; a multiplication has 510, each of which leaves 2 to 3 kB to collect


class Pairing:
    """One window, open until `until`. `step` once a round; the key pair serves whoever asks in it."""

    def __init__(self, serial: str, until: int) -> None:
        self._serial = serial
        self._private = os.urandom(_PRIVATE_SIZE)
        self._public = b""
        self._work: "Multiplication | None" = self._times(None)
        self._asked: tuple[int, bytes, bytes] | None = None
        self._found: tuple[int, bytes, bytes] | None = None
        self.until = until

    def _times(self, point: "bytes | None") -> "Multiplication":
        """The private key times a point, or the base point; its code is there as long as it has work to do."""
        from . import x25519  # noqa: PLC0415

        work = x25519.Multiplication(self._private, x25519.BASE if point is None else point)
        lazy.drop("x25519")
        return work

    def ask(self, connection: int, data: bytes) -> "int | None":
        """A central wants to be paired; a result when nothing else will answer it. Raises MalformedError."""
        gateway, public = wire.parse_pair(data)
        if self._asked is not None:
            return control.REFUSED_BUSY
        self._asked = (connection, gateway, public)
        if self._public:
            self._work = self._times(public)
        return None

    def key_of(self, connection: int, gateway: bytes) -> "bytes | None":
        """The key that was found with a gateway and that it has to prove on the same connection; None without one."""
        found = self._found
        return found[2] if found is not None and found[:2] == (connection, gateway) else None

    def forget(self, connection: int) -> None:
        """A connection is gone."""
        if self._asked is not None and self._asked[0] == connection:
            self._asked = None
        if self._found is not None and self._found[0] == connection:
            self._found = None

    def step(self) -> "tuple[int, bytes] | None":
        """Go on; (connection, event) when there is an answer for who has asked."""
        asked = self._asked
        work = self._work
        if work is None or (self._public and asked is None) or not work.step(_BITS):
            return None
        self._work = None
        if not self._public:
            self._public = work.result
            if asked is not None:
                self._work = self._times(asked[2])
            return None
        if asked is None:
            return None
        self._asked = None
        connection, gateway, public = asked
        try:
            key = wire.derive(work.result, gateway, self._serial, public, self._public)
        except MalformedError:
            return connection, control.pack_result(control.PAIR, 0, control.REFUSED_MALFORMED)
        self._found = (connection, gateway, key)
        return connection, wire.pack_paired(self._public, key)
