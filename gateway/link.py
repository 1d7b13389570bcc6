"""One connection to one clip: mutual proof of the key, then sealed operations and their results.

Writes go out one at a time in the order of their counters; a lease goes before everything else that waits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from firmware.clip import protocol
from gateway.pieces import Pieces
from gateway.radio import Gatt, RadioError, short_uuid
from gateway.turn import Turn

control = protocol.control
auth = protocol.auth

ANSWER_S: Final = 6.0
"""How long the clip may take to answer: the lease would have run out by then."""
PAIR_S: Final = 15.0
"""Finding a key takes the clip a few seconds."""


Answer = tuple[Any, ...]
"""Values of an event, see `protocol.control.parse_event`."""


class LinkError(Exception):
    """The connection is of no use any more; the message says why."""


class WrongClipError(LinkError):
    """The peripheral is another clip than the one looked for."""


class RefusedError(Exception):
    """The clip refused an operation."""

    def __init__(self, op: int, result: int) -> None:
        super().__init__(f"the clip refused operation 0x{op:02x}: {control.RESULT_NAMES[result]}")
        self.op = op
        self.result = result


@dataclass(frozen=True)
class Exchange:
    """A ping: UTC when it left, the clip's time when it came there, UTC when its radio had acknowledged it; in ms.

    The pong itself, which tells the clip's time, waits its turn among the clip's notifications and bounds nothing.
    """

    sent_utc_ms: int
    clip_ms: int
    received_utc_ms: int


class Link:
    """An open connection. Every method raises LinkError when the link is lost or the clip does not answer."""

    def __init__(
        self,
        gatt: Gatt,
        *,
        serial: str,
        key: bytes,
        gateway: bytes,
        utc_ms: Callable[[], int],
        on_malformed: Callable[[str, str, bytes], None],
    ) -> None:
        """`on_malformed(door, reason, data)` gets every event that does not follow the contract."""
        self._gatt = gatt
        self._pieces = Pieces(gatt, on_malformed)
        self._serial = serial
        self.key = key
        self._gateway = gateway
        self._utc_ms = utc_ms
        self._on_malformed = on_malformed
        self._session = b""
        self._counter = 0
        self._turn = Turn()
        self._waiting: dict[tuple[int, int], asyncio.Future[Answer]] = {}
        self._token = 0
        self._listening = False

    @property
    def lost(self) -> asyncio.Event:
        """Set when the link is gone."""
        return self._gatt.lost

    def without_tag(self, data: bytes) -> bytes:
        """The frame of a journal notification. Raises MalformedError when it is not from the clip of this session."""
        return auth.without_tag(self._session, data)

    def _is_sealed(self, data: bytes) -> bool:
        try:
            self.without_tag(data)
        except protocol.MalformedError:
            return False
        return True

    async def authenticate(self) -> None:
        """Check the serial, prove the key to each other, derive the session's key.

        Raises WrongClipError for another clip's serial, LinkError when the clip does not prove the key or refuses ours.
        """
        raw = await self.read(short_uuid(protocol.uuids.SERIAL))
        if raw.decode("ascii", "replace").strip("\0 ") != self._serial:
            raise WrongClipError("the peripheral has another serial")
        await self._listen()
        nonce = secrets.token_bytes(auth.NONCE_SIZE)
        nonce_clip, proof = await self._hello(nonce)
        expected = auth.proof(self.key, b"clip", self._gateway, nonce, nonce_clip)
        if not auth.same(expected, proof):
            raise LinkError("the clip does not know the key")
        mine = auth.proof(self.key, b"gate", self._gateway, nonce, nonce_clip)
        answer = self._expect(control.EVENT_RESULT, control.AUTH, 0)
        await self._write(control.pack_auth(mine))
        _, _, result = await self._answer(answer)
        if result != control.OK:
            raise LinkError(f"the clip refused the key: {control.RESULT_NAMES[result]}")
        self._session = auth.session_key(self.key, self._gateway, nonce, nonce_clip)
        self._counter = 0

    async def ask_for_key(self, public: bytes) -> tuple[bytes, bytes]:
        """The clip's public key, and its confirmation that it has found the common key; `public` is ours.

        Raises LinkError when the clip is not to be paired.
        """
        await self._listen()
        request = protocol.pairing.pack_pair(self._gateway, public)
        return await self._bare(request, control.EVENT_PAIRED, "the request to be paired", PAIR_S)

    async def _hello(self, nonce: bytes) -> tuple[bytes, bytes]:
        hello = control.pack_hello(self._gateway, nonce)
        return await self._bare(hello, control.EVENT_CHALLENGE, "the hello", ANSWER_S)

    async def _bare(self, data: bytes, event: int, what: str, timeout_s: float) -> tuple[bytes, bytes]:
        """Write something that no seal is on; the values of the event that answers it."""
        answer = self._expect(event, 0, 0)
        refusal = self._expect(control.EVENT_RESULT, data[0], 0)
        lost = asyncio.ensure_future(self._gatt.lost.wait())
        try:
            await self._write(data)
            await asyncio.wait((answer, refusal, lost), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            self._waiting.clear()
        if answer.done():
            first, second = answer.result()
            return first, second
        if refusal.done():
            raise LinkError(f"the clip refused: {control.RESULT_NAMES[refusal.result()[2]]}")
        raise LinkError("link lost" if self._gatt.lost.is_set() else f"the clip does not answer {what}")

    async def _listen(self) -> None:
        if not self._listening:
            await self.subscribe(protocol.uuids.EVENT, self._on_event)
            self._listening = True

    async def read(self, uuid: str) -> bytes:
        """Value of a characteristic."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._gatt.read(uuid)
        except (RadioError, TimeoutError) as error:
            raise LinkError(str(error) or "the clip does not answer a read") from error

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        """Hand every notification of a characteristic to `callback`."""
        is_whole = self._is_sealed if uuid == protocol.uuids.JOURNAL else _never
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._pieces.subscribe(uuid, callback, is_whole)
        except (RadioError, TimeoutError) as error:
            raise LinkError(str(error) or "the clip does not answer a subscription") from error

    async def operate(self, op: int, payload: bytes, *, urgent: bool = False) -> None:
        """Carry out a sealed operation and wait for its result. Raises RefusedError when the clip refuses it."""
        async with self._turn.taken(urgent=urgent):
            self._counter += 1
            counter = self._counter
            answer = self._expect(control.EVENT_RESULT, op, counter)
            await self._write(auth.seal(self._session, op, payload, counter))
        _, _, result = await self._answer(answer)
        if result == control.REFUSED_SEAL:
            raise LinkError("the clip does not accept the seal")
        if result != control.OK:
            raise RefusedError(op, result)

    async def ping(self) -> Exchange:
        """Ask for the clip's time."""
        self._token = (self._token + 1) & 0xFFFF
        token = self._token
        pong = self._expect(control.EVENT_PONG, 0, token)
        async with self._turn.taken(urgent=False):
            self._counter += 1
            sent = self._utc_ms()
            await self._write(auth.seal(self._session, control.PING, control.pack(control.PING, token), self._counter))
            received = self._utc_ms()
        _, clip_ms = await self._answer(pong)
        return Exchange(sent, clip_ms, received)

    async def begin_update(self, payload: bytes) -> int:
        """Announce a new firmware; from which byte on the clip wants it. Raises RefusedError."""
        told = self._expect(control.EVENT_UPDATE, 0, 0)
        try:
            await self.operate(control.UPDATE_BEGIN, payload)
        finally:
            self._waiting = {key: other for key, other in self._waiting.items() if other is not told}
        if not told.done():
            raise LinkError("the clip does not say how much of the firmware it has")
        return int(told.result()[0])

    async def close(self) -> None:
        """Disconnect."""
        await self._gatt.close()

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._pieces.write(data)
        except (RadioError, TimeoutError) as error:
            raise LinkError(str(error) or "the clip does not answer a write") from error

    def _expect(self, event: int, op: int, number: int) -> asyncio.Future[Answer]:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[_address(event, op, number)] = future
        return future

    async def _answer(self, future: asyncio.Future[Answer]) -> Answer:
        lost = asyncio.ensure_future(self._gatt.lost.wait())
        try:
            await asyncio.wait((future, lost), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            self._waiting = {key: other for key, other in self._waiting.items() if other is not future}
        if not future.done():
            raise LinkError("link lost" if self._gatt.lost.is_set() else "the clip does not answer")
        return future.result()

    def _on_event(self, data: bytes) -> None:
        try:
            event, values = _parse(data)
        except protocol.MalformedError as error:
            self._on_malformed("event", str(error), data)
            return
        if event == control.EVENT_PONG:
            future = self._waiting.pop(_address(event, 0, values[0]), None)
        elif event == control.EVENT_RESULT:
            future = self._waiting.pop(_address(event, values[0], values[1]), None)
        else:
            future = self._waiting.pop(_address(event, 0, 0), None)
        if future is not None and not future.done():
            future.set_result(values)


def _never(_: bytes) -> bool:
    return False


def _parse(data: bytes) -> tuple[int, Answer]:
    return control.parse_event(data)


def _address(event: int, op: int, number: int) -> tuple[int, int]:
    """What an answer is waited for under: results by operation and counter, pongs by token."""
    return event << 8 | op, number
