"""The gateways that this clip trusts, a key each, the one that authenticated last first.

`pack` and `parse` are pure: whoever provisions a clip uses them too.
"""

from . import guarded
from .wire.base import MalformedError, const
from .wire.clip_auth import GATEWAY_ID_SIZE, KEY_SIZE

FILE = const("keys.bin")
MAX_GATEWAYS = const(4)
_KIND = const(1)
_VERSION = const(1)
_ENTRY = GATEWAY_ID_SIZE + KEY_SIZE


def pack(keys: "list[tuple[bytes, bytes]]") -> bytes:
    """Content of the key file: (gateway id of 8 bytes, key of 32 bytes), at most four.

    Raises ValueError for more, or for other sizes.
    """
    return guarded.frame(_KIND, _VERSION, _payload(keys))


def _payload(keys: "list[tuple[bytes, bytes]]") -> bytes:
    if len(keys) > MAX_GATEWAYS:
        raise ValueError("at most %d" % MAX_GATEWAYS)
    payload = b""
    for gateway, key in keys:
        if len(gateway) != GATEWAY_ID_SIZE or len(key) != KEY_SIZE:
            raise ValueError("%d bytes and %d" % (len(gateway), len(key)))
        payload += bytes(gateway) + bytes(key)
    return payload


def parse(data: bytes) -> "list[tuple[bytes, bytes]]":
    """The (gateway id, key) pairs of a key file's content. Raises MalformedError."""
    payload = guarded.unframe(data, _KIND, _VERSION)
    if payload is None or len(payload) % _ENTRY or len(payload) > MAX_GATEWAYS * _ENTRY:
        raise MalformedError("damaged")
    return [
        (payload[at : at + GATEWAY_ID_SIZE], payload[at + GATEWAY_ID_SIZE : at + _ENTRY])
        for at in range(0, len(payload), _ENTRY)
    ]


def load(path: str = FILE) -> "list[tuple[bytes, bytes]]":
    """The pairs of the clip's key file; none when it is absent or damaged."""
    try:
        with open(path, "rb") as file:
            return parse(file.read())
    except (OSError, MalformedError):
        return []


def with_first(keys: "list[tuple[bytes, bytes]]", gateway: bytes, key: bytes) -> "list[tuple[bytes, bytes]]":
    """`keys` with this gateway in the first place: what it had before is gone, and so is the last one when there are more
    than four."""
    return ([(gateway, key)] + [entry for entry in keys if entry[0] != gateway])[:MAX_GATEWAYS]


def save(keys: "list[tuple[bytes, bytes]]", path: str = FILE) -> None:
    """Replace the clip's key file. A power cut leaves the old or the new one. Raises OSError when the flash is full."""
    guarded.save(path, _KIND, _VERSION, _payload(keys))
