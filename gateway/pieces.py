"""Messages on a connection whose MTU may be too small for them: cut when they go, joined when they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from firmware.clip import protocol
from gateway.radio import Gatt

control = protocol.control
uuids = protocol.uuids

DOORS: Final = {uuids.EVENT: "event", uuids.STATUS: "status", uuids.JOURNAL: "journal"}
"""Where messages may come in pieces, and what that is called."""


class Pieces:
    """One connection's. `on_malformed(door, reason, data)` gets every piece that does not go with the one before."""

    def __init__(self, gatt: Gatt, on_malformed: Callable[[str, str, bytes], None]) -> None:
        self._gatt = gatt
        self._on_malformed = on_malformed
        self._number = 0

    async def write(self, data: bytes) -> None:
        """Write to control, one message at a time. Raises RadioError."""
        room = self._gatt.mtu - 3
        if len(data) <= room:
            await self._gatt.write(uuids.CONTROL, data)
            return
        self._number += 1
        for piece in protocol.fragment.split(control.FRAGMENT, self._number, data, room):
            await self._gatt.write(uuids.CONTROL, piece)

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None], is_whole: Callable[[bytes], bool]) -> None:
        """Hand every message of a characteristic to `callback`; `is_whole` knows messages that begin like a piece.

        Raises RadioError.
        """
        door = DOORS.get(uuid)
        joiner = protocol.fragment.Joiner()

        def on_data(data: bytes) -> None:
            if door is None or data[:1] != bytes([control.EVENT_FRAGMENT]) or is_whole(data):
                callback(data)
                return
            try:
                message = joiner.add(data)
            except protocol.MalformedError as error:
                self._on_malformed(door, str(error), data)
                return
            if message is not None:
                callback(message)

        await self._gatt.subscribe(uuid, on_data)
