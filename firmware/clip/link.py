"""Connections and who is on the other side: handshake, sealed control writes, and their results.

While no gateway has authenticated the clip advertises. The newest that authenticates wins; every other connection is
ended before the readable values are filled in, because all connections read the same values.
"""

import os

from . import gatt as events
from .wire import clip_auth as auth
from .wire import clip_control as control
from .wire.base import MalformedError, const

AUTHENTICATE_MS = 10000  # a central that has not authenticated by then is dropped
SILENCE_MS = 60000  # so is a gateway that has written nothing for this long: its program died, its radio did not
_DEFAULT_MTU = const(23)


class Session:
    """One connection."""

    def __init__(self, connection: int, now_ms: int) -> None:
        self.connection = connection
        self.mtu = _DEFAULT_MTU
        self.heard_ms = now_ms
        self.challenge: tuple[bytes, bytes, bytes, bytes] | None = None  # gateway, key, its nonce, ours
        self.key: bytes | None = None
        self.counter = 0


class Link:
    """`owner` carries out operations: `operate(op, payload, t_ms) -> result`; it hears of `linked(mtu)` and
    `mtu_changed(mtu)`, and fills in the readable values on `publish()`."""

    def __init__(self, gatt, sender, clock, keys, owner) -> None:  # type: ignore[no-untyped-def]
        self._gatt = gatt
        self._sender = sender
        self._clock = clock
        self._keys = dict(keys)
        self._owner = owner
        self._sessions: dict[int, Session] = {}
        self.active: Session | None = None

    @property
    def private(self) -> bool:
        """Whether nobody but an authenticated gateway is connected."""
        return self.active is not None and len(self._sessions) == 1

    def step(self, now_ms: int) -> None:
        """Take what the radio has noted since the last step."""
        event = self._gatt.take()
        while event is not None:
            self._handle(event, now_ms)
            event = self._gatt.take()
        for session in list(self._sessions.values()):
            limit = AUTHENTICATE_MS if session.key is None else SILENCE_MS
            if now_ms - session.heard_ms >= limit:
                session.heard_ms = now_ms
                self._gatt.disconnect(session.connection)
        self._sender.check(now_ms)

    def _handle(self, event, now_ms: int) -> None:  # type: ignore[no-untyped-def]
        kind, connection, value, data, ticks = event
        if kind == events.CONNECTED:
            self._sessions[connection] = Session(connection, now_ms)
            if self.active is None:
                self._gatt.advertise()  # the stack stops by itself when a central connects
            else:
                self._gatt.hide()  # this one came in while the other authenticated
            return
        session = self._sessions.get(connection)
        if session is None:
            return
        if kind == events.DISCONNECTED:
            self._gone(session)
        elif kind == events.MTU_CHANGED:
            session.mtu = value
            if session is self.active:
                self._sender.mtu = value
                self._owner.mtu_changed(value)
        elif kind == events.INDICATED:
            self._sender.confirmed(connection)
        elif kind == events.WRITTEN and value == self._gatt.control and data:
            self._control(session, data, self._clock.since(ticks), now_ms)

    def _gone(self, session: Session) -> None:
        del self._sessions[session.connection]
        self._sender.forget(session.connection)
        if session is self.active:
            self.active = None
            self._gatt.hide()
        if self.active is None:
            self._gatt.advertise()
        else:
            self._owner.publish()

    def _control(self, session: Session, data: bytes, t_ms: int, now_ms: int) -> None:
        op = data[0]
        counter = 0
        try:
            if op == control.HELLO:
                result = self._hello(session, data)
            elif op == control.AUTH:
                result = self._auth(session, data, now_ms)
            elif session.key is None or session is not self.active:
                result = control.REFUSED_SEAL
            else:
                try:
                    op, payload, counter = auth.unseal(session.key, data, session.counter)
                except MalformedError:
                    result = control.REFUSED_SEAL
                else:
                    session.counter = counter
                    session.heard_ms = now_ms
                    result = self._owner.operate(op, payload, t_ms)
        except MalformedError:
            result = control.REFUSED_MALFORMED
        if result is not None:
            self._sender.event(session.connection, control.pack_result(op, counter, result))

    def _hello(self, session: Session, data: bytes) -> "int | None":
        gateway, nonce = control.parse_hello(data)
        key = self._keys.get(gateway)
        if key is None:
            return control.REFUSED_UNKNOWN_GATEWAY
        mine = os.urandom(auth.NONCE_SIZE)
        session.challenge = (gateway, key, nonce, mine)
        proof = auth.proof(key, b"clip", gateway, nonce, mine)
        self._sender.event(session.connection, control.pack_challenge(mine, proof))
        return None

    def _auth(self, session: Session, data: bytes, now_ms: int) -> int:
        proof = control.parse_auth(data)
        challenge, session.challenge = session.challenge, None
        if challenge is None:
            return control.REFUSED_PROOF
        gateway, key, theirs, mine = challenge
        if not auth.same(proof, auth.proof(key, b"gate", gateway, theirs, mine)):
            return control.REFUSED_PROOF
        for other in list(self._sessions.values()):
            if other is not session:
                self._gatt.disconnect(other.connection)
                self._gone_quietly(other)
        self._gatt.stop_advertising()
        session.key = auth.session_key(key, gateway, theirs, mine)
        session.counter = 0
        session.heard_ms = now_ms
        self.active = session
        self._sender.open(session.connection, session.mtu)
        self._owner.linked(session.mtu)
        return control.OK

    def _gone_quietly(self, session: Session) -> None:
        del self._sessions[session.connection]
        self._sender.forget(session.connection)
        if session is self.active:
            self.active = None
