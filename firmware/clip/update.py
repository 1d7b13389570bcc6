"""Takes a new firmware in, and installs it when its wearer says so.

It comes in pieces, in order, into the slot that does not run. What is written is read back, and the digest is of what
was read. A sector is erased when the first byte for it comes, so that no round takes longer than one erase. After a lost
link the gateway begins again and is told where to go on; after a restart, from the start.
"""

import hashlib

from . import slots
from .wire import clip_control as control
from .wire.base import need
from .wire.clip_update import pack_at, parse_begin, parse_data, version_of


class Updater:
    """`device` is the partition with the slots, `version` that of the firmware that runs, as text."""

    def __init__(self, device, version: str) -> None:  # type: ignore[no-untyped-def]
        self._device = device
        self._version = version_of(version)
        self._block = int(device.ioctl(5, 0))
        self._running = slots.running()
        state = slots.load()
        self._slot = 1 - (self._running if self._running >= 0 else state[slots.ACTIVE] if state else 0)
        self._wanted: tuple[int, bytes, bytes] = (0, b"", b"")  # size, SHA-256, version
        self._at = 0
        self._read = hashlib.sha256()
        self.ready = False  # a whole image waits to be installed

    def operate(self, op: int, payload: bytes) -> "tuple[int, bytes]":
        """Carry out one of the three operations: (one of control's results, an event to tell before it or nothing).

        Raises MalformedError.
        """
        try:
            if op == control.UPDATE_BEGIN:
                result = self._begin(*parse_begin(payload))
                return result, pack_at(self._at) if result == control.OK else b""
            if op == control.UPDATE_DATA:
                return self._data(*parse_data(payload)), b""
            need(payload, 0, "update")
            return self._end(), b""
        except OSError:
            return control.REFUSED_BUSY, b""

    def _begin(self, size: int, digest: bytes, version: bytes) -> int:
        wanted = (size, digest, version)
        if wanted == self._wanted:
            return control.OK
        state = slots.load()
        if state is not None and state[slots.TRIAL] and state[slots.ACTIVE] == self._running:
            return control.REFUSED_BUSY  # what the other slot holds may be needed yet
        if version <= self._version or (self.ready and version <= self._wanted[2]):
            return control.REFUSED_OLD_VERSION
        if not 0 < size <= slots.slot_size(self._device):
            return control.REFUSED_OUT_OF_RANGE
        if state is not None and _has_failed(state, digest):
            return control.REFUSED_DIGEST
        self._restart()
        self._wanted = wanted
        if slots.is_whole(self._device, self._slot, size, digest):
            self._at = size  # it is there from before a restart
            self.ready = True
        return control.OK

    def _restart(self) -> None:
        self.ready = False
        self._at = 0
        self._read = hashlib.sha256()

    def _data(self, at: int, data: memoryview) -> int:
        if at != self._at or at + len(data) > self._wanted[0]:
            return control.REFUSED_OUT_OF_RANGE
        while data:
            place = self._slot * slots.slot_size(self._device) + self._at
            block, inside = place // self._block, place % self._block
            piece = data[: self._block - inside]
            if not inside:
                self._device.ioctl(6, block)
            self._device.writeblocks(block, piece, inside)
            back = bytearray(len(piece))
            self._device.readblocks(block, back, inside)
            self._read.update(back)
            self._at += len(piece)
            data = data[len(piece) :]
        return control.OK

    def _end(self) -> int:
        size, digest, _ = self._wanted
        if not size or self._at != size:
            return control.REFUSED_OUT_OF_RANGE
        if not self.ready:
            if self._read.digest() != digest:
                self._restart()
                return control.REFUSED_DIGEST
            self.ready = True
        return control.OK

    def install(self) -> None:
        """Start the image that waits, on trial. Returns only when the flash takes nothing any more."""
        import machine  # noqa: PLC0415 -- only a board can be reset

        state = slots.load() or slots.blank()
        state = slots.with_image(state, self._slot, *self._wanted)
        state[slots.ACTIVE] = self._slot
        state[slots.TRIAL] = 1
        state[slots.STARTS] = 0
        state[slots.FAILED] &= ~(1 << self._slot)
        try:
            slots.save(state)
        except OSError:
            return
        machine.reset()


def _has_failed(state: "list", digest: bytes) -> bool:  # type: ignore[type-arg]
    """Whether an image with this digest was on trial and did not run."""
    return any(slots.has_failed(state, slot) and slots.image(state, slot)[1] == digest for slot in (0, 1))
