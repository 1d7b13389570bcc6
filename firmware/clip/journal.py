"""The journal: a ring of fixed slots in one plain file, kept over reboots and power cuts.

file   two heads of 16 bytes, written in turn: generation u32 | oldest id kept u32 | slots u16 | 0 u32 | crc16
slot   id u32 | length u8 | 97 bytes: record and zeros | crc16           104 bytes, at (id - 1) % slots

Ids start at 1 and rise by one. A head whose CRC fails is ignored in favour of the other. A slot whose CRC fails is read
as unreadable, so that its reader can step over it. When the ring is full the oldest record gives way.
"""

import struct

from .wire.base import const, crc_fits, with_crc
from .wire.clip_records import MAX_SIZE

FILE = const("journal.bin")
SLOTS = const(4096)  # five working days of ten hours are 3,000 minutes and some hundred events
_SLOT_SIZE = const(104)
_HEAD = const("<IIHI")
_HEAD_SIZE = const(16)
_HEADS = const(2 * _HEAD_SIZE)
_BODY = const(97)


class Journal:
    """`first` is the oldest id still kept, `next` the id that the next record will get."""

    def __init__(self, path: str = FILE, slots: int = SLOTS) -> None:
        self._slots = slots
        self._generation = 0
        self.first = 1
        self.next = 1
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> None:
        kept = self._read_heads()
        if kept is None:
            self._file.seek(0)
            self._file.write(bytes(_HEADS))
            self._write_head()
            self.next = self._newest() + 1
            self.first = max(1, self.next - self._slots)
        else:
            self.next = max(self._newest() + 1, kept)
            self.first = max(kept, self.next - self._slots)

    def _read_heads(self) -> "int | None":
        """The oldest id kept by the newer of the valid heads, None when neither is valid."""
        self._file.seek(0)
        data = self._file.read(_HEADS)
        kept = None
        for i in range(2):
            head = data[i * _HEAD_SIZE : (i + 1) * _HEAD_SIZE]
            if len(head) < _HEAD_SIZE or not crc_fits(head):
                continue
            generation, oldest, slots, _ = struct.unpack(_HEAD, head[:-2])
            if slots == self._slots and generation >= self._generation:
                self._generation = generation
                kept = oldest
        return kept

    def _write_head(self) -> None:
        self._generation += 1
        head = struct.pack(_HEAD, self._generation, self.first, self._slots, 0)
        self._file.seek(self._generation % 2 * _HEAD_SIZE)
        self._file.write(with_crc(head))
        self._file.flush()

    def _read_slot(self, index: int) -> "tuple[int, bytes] | None":
        """(id, record) of a slot, or None when it was never written, is torn, or does not belong there."""
        self._file.seek(_HEADS + index * _SLOT_SIZE)
        data = self._file.read(_SLOT_SIZE)
        if len(data) < _SLOT_SIZE or not crc_fits(data):
            return None
        number, length = struct.unpack("<IB", data[:5])
        if (number - 1) % self._slots != index or not 0 < length <= MAX_SIZE:
            return None
        return number, bytes(data[5 : 5 + length])

    def _newest(self) -> int:
        """The highest id in the ring, 0 when it is empty: by bisection, because reading every slot takes seconds.

        Ids rise from slot to slot up to the newest; behind it stands the lap before. Unreadable slots are stepped over.
        """
        self._file.seek(0, 2)
        written = min(self._slots, max(0, self._file.tell() - _HEADS + _SLOT_SIZE - 1) // _SLOT_SIZE)
        low, base = self._readable(0, written)
        if base is None:
            return 0
        high = written
        newest = base
        while high - low > 1:
            middle, number = self._readable((low + high) // 2, high)
            if number is None or number < base:
                high = (low + high) // 2
            else:
                low, newest = middle, number
        return newest

    def _readable(self, index: int, end: int) -> "tuple[int, int | None]":
        while index < end:
            slot = self._read_slot(index)
            if slot is not None:
                return index, slot[0]
            index += 1
        return index, None

    def append(self, record: bytes) -> int:
        """Write a record of 1 to 96 bytes; its id. Raises ValueError for another size, OSError from the flash."""
        if not 0 < len(record) <= MAX_SIZE:
            raise ValueError("%d bytes" % len(record))
        number = self.next
        slot = struct.pack("<IB", number, len(record)) + record + bytes(_BODY - len(record))
        self._file.seek(_HEADS + (number - 1) % self._slots * _SLOT_SIZE)
        self._file.write(with_crc(slot))
        self._file.flush()
        self.next = number + 1
        self.first = max(self.first, self.next - self._slots)
        return number

    def read(self, number: int) -> "bytes | None":
        """The record of an id from `first` up to `next`, or None when its slot is unreadable."""
        slot = self._read_slot((number - 1) % self._slots)
        return slot[1] if slot is not None and slot[0] == number else None

    def acknowledge(self, number: int) -> bool:
        """Free every record up to and with `number`; False when that id was never given out."""
        if number >= self.next:
            return False
        if number >= self.first:
            self.first = number + 1
            self._write_head()
        return True
