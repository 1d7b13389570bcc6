"""Messages that are longer than the MTU allows, in pieces.

piece   kind u8 | mark u8 | content, at least a byte
mark    number of the message, from 0 to 7 and again, in the upper 3 bits | 16 in the last piece | index of the piece

`kind` is FRAGMENT in a write to control and EVENT_FRAGMENT in what the clip sends. Pieces of a message come in order.
"""

from .base import MalformedError, const

MESSAGE_MAX = 160
_HEADER = const(2)
_LAST = const(16)


def split(kind: int, number: int, message: bytes, room: int) -> "list[bytes]":
    """`message` in pieces of at most `room` bytes; it is the `number`th. Raises ValueError for one that takes more than
    16."""
    size = room - _HEADER
    count = (len(message) + size - 1) // size
    if not 0 < count <= _LAST:
        raise ValueError("%d pieces" % count)
    pieces = []
    for i in range(count):
        mark = (number & 7) << 5 | (_LAST if i == count - 1 else 0) | i
        pieces.append(bytes((kind, mark)) + message[i * size : i * size + size])
    return pieces


class Joiner:
    """Joins the pieces that one side of one connection sends. Keeps MESSAGE_MAX bytes at most."""

    def __init__(self) -> None:
        self._number = 0
        self._next = 0  # index of the piece that is waited for, 0 without a message
        self._message = b""

    def add(self, piece: bytes) -> "bytes | None":
        """The message when this was its last piece, None until then and for a piece that is there already.

        Raises MalformedError, and forgets the message, for what does not go on where the last piece ended, and for more
        than MESSAGE_MAX bytes.
        """
        if len(piece) <= _HEADER:
            raise MalformedError("empty piece")
        mark = piece[1]
        index = mark & 15
        if index == 0:
            self._number = mark >> 5
            self._message = b""
        elif index == self._next - 1 and mark >> 5 == self._number:
            return None
        elif index != self._next or mark >> 5 != self._number:
            self._next = 0
            raise MalformedError("piece %d of message %d" % (index, mark >> 5))
        if len(self._message) + len(piece) - _HEADER > MESSAGE_MAX:
            self._next = 0
            self._message = b""
            raise MalformedError("message too long")
        self._next = index + 1
        self._message += piece[_HEADER:]
        if not mark & _LAST:
            return None
        message = self._message
        self._next = 0
        self._message = b""
        return message
