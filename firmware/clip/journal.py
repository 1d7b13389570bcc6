"""The journal: a ring of segments, files that only grow, kept over reboots and power cuts.

journal/N   segment N (hexadecimal): SLOTS slots; id n lies in segment (n - 1) // SLOTS, slot (n - 1) % SLOTS
slot        first u32 | overwritten u16 | length u8 | 96 bytes: record and zeros | crc32 over the id u32 and all before

Ids rise by one; those of a new journal start at random, so that nobody takes them for an older one's. A slot whose CRC
fails is read as unreadable, so that its reader can step over it, and its id is not given out again. What is
acknowledged is written with the next record: a power cut in between forgets it, and whoever said so says it again.
Acknowledged records stay until their segment is needed. When all segments are full the oldest gives way, and how
many records nobody had acknowledged is kept in every slot until a record has told it.
"""

import os
import struct
from binascii import crc32

from .wire.base import const
from .wire.clip_records import MAX_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

FOLDER = const("journal")
SEGMENTS = const(32)
SLOTS = const(128)  # at least 31 full segments are 3,968 records: five days of ten hours with 190 events each
SLOT_SIZE = const(107)
_PATH = const("%s/%x")


class Journal:
    """`oldest` is the first id in flash, `first` the first that is not acknowledged, `next` what the next record will
    get; `overwritten` counts records that gave way unacknowledged and of which no record has told."""

    def __init__(self, folder: str = FOLDER, segments: int = SEGMENTS, slots: int = SLOTS) -> None:
        self._folder = folder
        self._segments = segments
        self._slots = slots
        self._file: "IO[bytes] | None" = None
        self._at = -1
        self.overwritten = 0
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there
        found = self._find()
        if not found:
            segment = int(struct.unpack("<I", os.urandom(4))[0]) >> 12  # ids stay small integers for decades
            self.first = self.next = self.oldest = segment * slots + 1
            return
        self.first = self.oldest = min(found) * slots + 1
        newest = max(found)
        size = os.stat(_PATH % (folder, newest))[6]
        self.next = newest * slots + 1 + min(slots, (size + SLOT_SIZE - 1) // SLOT_SIZE)
        for number in range(self.next - 1, self.oldest - 1, -1):
            slot = self._take(number)
            if slot is not None:
                self.first, self.overwritten = struct.unpack("<IH", slot[:6])
                break
        self._check()

    def close(self) -> None:
        """Close the file that is open."""
        self._at = -1
        if self._file is not None:
            file = self._file
            self._file = None
            file.close()

    def _find(self) -> "list[int]":
        """The segments that there are."""
        found = []
        try:
            names = os.listdir(self._folder)
        except OSError:
            names = []  # a flash in ruins: every record will be counted as failed
        for name in names:
            try:
                found.append(int(name, 16))
            except ValueError:
                pass  # not ours
        return found

    def _check(self) -> None:
        """Count what has gone unacknowledged."""
        if self.first < self.oldest:
            self.overwritten = min(self.overwritten + self.oldest - self.first, 0xFFFF)
            self.first = self.oldest

    def _open(self, number: int, mode: str) -> "IO[bytes]":
        """The file of an id's segment, at its slot."""
        segment = (number - 1) // self._slots
        if self._file is None or self._at != segment:
            self.close()
            self._file = open(_PATH % (self._folder, segment), mode)
            self._at = segment
        self._file.seek((number - 1) % self._slots * SLOT_SIZE)
        return self._file

    def _take(self, number: int) -> "bytes | None":
        """The slot of an id, None when it is unreadable."""
        try:
            data = self._open(number, "r+b").read(SLOT_SIZE)
        except OSError:
            return None
        if len(data) < SLOT_SIZE or not 0 < data[6] <= MAX_SIZE:
            return None
        whole = struct.pack("<I", number) + data
        return data if struct.unpack("<I", data[-4:])[0] == crc32(whole[:-4]) else None

    def _write(self, record: bytes, untold: int) -> None:
        number = self.next
        head = struct.pack("<IIHB", number, self.first, untold, len(record))
        body = head + record + bytes(MAX_SIZE - len(record))
        file = self._open(number, "w+b" if (number - 1) % self._slots == 0 else "r+b")
        file.write(body[4:] + struct.pack("<I", crc32(body)))
        file.flush()

    def drop(self) -> None:
        """Give up the oldest segment."""
        self.close()
        try:
            os.remove(_PATH % (self._folder, (self.oldest - 1) // self._slots))
        except OSError:
            pass  # it is gone, or will be found again at the next boot
        self.oldest += self._slots
        self._check()

    def append(self, record: bytes, told: int = 0) -> int:
        """Write a record of 1 to 96 bytes, which tells of `told` that were overwritten; its id.

        Raises ValueError for another size, OSError from the flash.
        """
        if not 0 < len(record) <= MAX_SIZE:
            raise ValueError("%d bytes" % len(record))
        while self.next - self.oldest >= self._segments * self._slots:
            self.drop()
        while True:
            try:
                self._write(record, self.overwritten - told)
                break
            except OSError:
                self.close()
                if self.first - self.oldest < self._slots:
                    raise
                self.drop()  # a full flash: what is acknowledged gives way
        self.next += 1
        self.overwritten -= told
        return self.next - 1

    def read(self, number: int) -> "bytes | None":
        """The record of an id from `oldest` up to `next`, or None when its slot is unreadable."""
        slot = self._take(number)
        return bytes(slot[7 : 7 + slot[6]]) if slot is not None else None

    def acknowledge(self, number: int) -> bool:
        """Free every record up to and with `number`; False when that id was never given out."""
        if number >= self.next:
            return False
        self.first = max(self.first, number + 1)
        return True
