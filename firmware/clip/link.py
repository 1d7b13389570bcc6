"""Connections and who is on the other side: handshake, sealed control writes, and their results; pairing.

While no gateway has authenticated, or one may be paired, the clip advertises. The newest that authenticates wins; every
other connection is ended before the readable values are filled in, because all connections read the same values.
"""

import os

from . import gatt as events
from . import lazy
from .beacon import Beacon
from .wire import clip_auth as auth
from .wire import clip_control as control
from .wire.base import MalformedError, const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pairing import Pairing
    from .wire.fragment import Joiner

AUTHENTICATE_MS = 10000  # a central that has not authenticated by then is dropped
SILENCE_MS = 60000  # so is a gateway that has written nothing for this long: its program died, its radio did not
PAIRING_MS = 60000  # how long a gateway may be paired
STRANGERS = 3  # connections that have not authenticated; one more ends the oldest, so that none of them blocks the clip
WRITES = 32  # of a connection that has not authenticated: pairing at the smallest MTU takes 6
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
        self.writes = 0
        self.joiner: "Joiner | None" = None


class Link:
    """`owner` carries out operations: `operate(op, payload, t_ms) ->
    result`; it hears of `linked(mtu)`, `mtu_changed(mtu)` and `paired(now_ms, gateways)`, fills in the readable values on
    `publish()`, and its `serial` goes into the keys of new gateways."""

    def __init__(self, gatt, sender, clock, owner) -> None:  # type: ignore[no-untyped-def]
        from . import keystore  # noqa: PLC0415 -- needed at boot, and when another gateway comes

        self._gatt = gatt
        self._sender = sender
        self._clock = clock
        self._keys = keystore.load()
        lazy.drop("keystore")
        self._newest: "tuple[bytes, bytes, bool] | None" = (
            None  # gateway and key to keep, and whether they were paired now
        )
        self._owner = owner
        self._sessions: dict[int, Session] = {}
        self._beacon = Beacon(gatt)
        self._window: "Pairing | None" = None  # while a gateway may be paired
        self._message = 0
        self.active: Session | None = None

    @property
    def private(self) -> bool:
        """Whether nobody but an authenticated gateway is connected."""
        return self.active is not None and len(self._sessions) == 1

    @property
    def pairing(self) -> bool:
        """Whether a gateway may be paired now."""
        return self._window is not None

    def hasten(self, now_ms: int) -> None:
        """Be found fast for a while: somebody has touched the clip."""
        self._beacon.hasten(now_ms)

    def open_pairing(self, now_ms: int) -> bool:
        """Let a gateway be paired for a minute, or for another one; False when there is no memory for it."""
        if self._window is None:
            try:
                from . import pairing  # noqa: PLC0415 -- it stays in memory no longer than it is needed

                self._window = pairing.Pairing(self._owner.serial, 0)
            except MemoryError:
                self._close_pairing(now_ms)
                return False
        self._window.until = now_ms + PAIRING_MS
        self._gatt.pairing = True
        self._beacon.hasten(now_ms)
        self._beacon.on(now_ms)
        return True

    def _close_pairing(self, now_ms: int) -> None:
        self._window = None
        self._gatt.pairing = False
        if self.active is None:
            self._beacon.on(now_ms)
        else:
            self._beacon.off()
        lazy.drop("pairing", "wire.pairing")

    def step(self, now_ms: int) -> None:
        """Take what the radio has noted since the last step."""
        event = self._gatt.take()
        while event is not None:
            self._handle(event, now_ms)
            event = self._gatt.take()
        self._remember(now_ms)
        for session in list(self._sessions.values()):
            limit = AUTHENTICATE_MS if session.key is None else SILENCE_MS
            if now_ms - session.heard_ms >= limit:
                session.heard_ms = now_ms
                self._gatt.disconnect(session.connection)
        self._sender.check(now_ms)
        window = self._window
        if window is not None:
            self._beacon.hasten(now_ms)
            try:
                answer = window.step()
            except MemoryError:
                answer = None
                window.until = now_ms  # there is no room for it now: no reason to stop measuring
            if answer is not None:
                session = self._sessions[answer[0]]
                session.heard_ms = now_ms
                self._tell(session, answer[1])
            if now_ms >= window.until:
                self._close_pairing(now_ms)
        self._beacon.step(now_ms)

    def _handle(self, event, now_ms: int) -> None:  # type: ignore[no-untyped-def]
        kind, connection, value, data, ticks = event
        if kind == events.CONNECTED:
            self._make_room()
            self._sessions[connection] = Session(connection, now_ms)
            if self.active is None or self.pairing:
                self._beacon.on(now_ms)
            if self.active is not None:
                self._gatt.hide()  # this one came in while the other authenticated
            return
        session = self._sessions.get(connection)
        if session is None:
            return
        if kind == events.DISCONNECTED:
            self._gone(session, now_ms)
        elif kind == events.MTU_CHANGED:
            session.mtu = value
            if session is self.active:
                self._sender.mtu = value
                self._owner.mtu_changed(value)
        elif kind == events.INDICATED:
            self._sender.confirmed(connection)
        elif kind == events.WRITTEN and value == self._gatt.control and data:
            self._written(session, data, self._clock.since(ticks), now_ms)

    def _make_room(self) -> None:
        """End the oldest of too many connections that have not authenticated."""
        strangers = [session for session in self._sessions.values() if session.key is None]
        if len(strangers) >= STRANGERS:
            for session in strangers:
                if session.heard_ms < strangers[0].heard_ms:
                    strangers[0] = session
            self._gatt.disconnect(strangers[0].connection)
            self._forget(strangers[0])

    def _gone(self, session: Session, now_ms: int) -> None:
        was_active = session is self.active
        self._forget(session)
        if was_active:
            self._gatt.hide()
            self._beacon.hasten(now_ms)
        if self.active is None:
            self._beacon.on(now_ms)
        else:
            self._owner.publish()

    def _tell(self, session: Session, event: bytes) -> None:
        """Indicate an event, in pieces if need be."""
        room = session.mtu - 3
        pieces = [event]
        if len(event) > room:
            from .wire import fragment  # noqa: PLC0415 -- most links never need it

            self._message += 1
            pieces = fragment.split(control.EVENT_FRAGMENT, self._message, event, room)
        for piece in pieces:
            self._sender.event(session.connection, piece)

    def _written(self, session: Session, data: bytes, t_ms: int, now_ms: int) -> None:
        if session.key is None:
            session.writes += 1
            if session.writes > WRITES:
                self._gatt.disconnect(session.connection)
                return
        if data[0] == control.FRAGMENT:
            if session.joiner is None:
                from .wire import fragment  # noqa: PLC0415 -- most links never need it

                session.joiner = fragment.Joiner()
            try:
                message = session.joiner.add(data)
            except MalformedError:
                self._tell(session, control.pack_result(control.FRAGMENT, 0, control.REFUSED_MALFORMED))
                return
            if message is None:
                return
            data = message
        self._control(session, data, t_ms, now_ms)

    def _control(self, session: Session, data: bytes, t_ms: int, now_ms: int) -> None:
        op = data[0]
        counter = 0
        result: int | None
        try:
            if op == control.PAIR:
                result = control.REFUSED_NOT_PAIRING
                if self._window is not None:
                    session.heard_ms = now_ms
                    result = self._window.ask(session.connection, data)
            elif op == control.HELLO:
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
            self._tell(session, control.pack_result(op, counter, result))

    def _hello(self, session: Session, data: bytes) -> "int | None":
        gateway, nonce = control.parse_hello(data)
        key = self._key_of(session, gateway)
        if key is None:
            return control.REFUSED_UNKNOWN_GATEWAY
        mine = os.urandom(auth.NONCE_SIZE)
        session.challenge = (gateway, key, nonce, mine)
        proof = auth.proof(key, b"clip", gateway, nonce, mine)
        self._tell(session, control.pack_challenge(mine, proof))
        return None

    def _key_of(self, session: Session, gateway: bytes) -> "bytes | None":
        key = self._window.key_of(session.connection, gateway) if self._window is not None else None
        if key is not None:
            return key
        for known, key in self._keys:
            if known == gateway:
                return key
        return None

    def _auth(self, session: Session, data: bytes, now_ms: int) -> int:
        proof = control.parse_auth(data)
        challenge, session.challenge = session.challenge, None
        if challenge is None:
            return control.REFUSED_PROOF
        gateway, key, theirs, mine = challenge
        if not auth.same(proof, auth.proof(key, b"gate", gateway, theirs, mine)):
            return control.REFUSED_PROOF
        window = self._window
        new = window is not None and window.key_of(session.connection, gateway) == key
        if not new and (gateway, key) not in self._keys:
            return control.REFUSED_NOT_PAIRING  # the window has closed since it said hello
        for other in list(self._sessions.values()):
            if other is not session:
                self._gatt.disconnect(other.connection)
                self._forget(other)
        session.key = auth.session_key(key, gateway, theirs, mine)
        session.counter = 0
        session.heard_ms = now_ms
        self.active = session
        if window is None:
            self._beacon.off()
        elif new:
            window = None  # before the key is kept, which needs the room that it had
            self._close_pairing(now_ms)
        self._remember(now_ms)  # one that authenticated in this same round
        if not self._keys or self._keys[0] != (gateway, key):
            self._newest = (gateway, key, new)
        self._sender.open(session.connection, session.mtu)
        self._owner.linked(session.mtu)
        return control.OK

    def _forget(self, session: Session) -> None:
        connection = session.connection
        del self._sessions[connection]
        self._sender.forget(connection)
        if self._window is not None:
            self._window.forget(connection)
        if session is self.active:
            self.active = None

    def _remember(self, now_ms: int) -> None:
        """Keep the key of the gateway that authenticated last in the first place, before it is told that it has."""
        if self._newest is None:
            return
        from . import keystore  # noqa: PLC0415

        gateway, key, new = self._newest
        self._newest = None
        self._keys = keystore.with_first(self._keys, gateway, key)
        try:
            keystore.save(self._keys)
        except OSError:
            self._owner.recorder.failed += 1
        lazy.drop("keystore")
        if new:
            self._owner.paired(now_ms, len(self._keys))
