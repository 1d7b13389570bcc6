"""Mutual challenge on connect, session key, and the seal on control writes and journal (HMAC-SHA256, RFC 2104).

gateway -> clip  HELLO      gateway id 8 | nonce 16
clip -> gateway  CHALLENGE  nonce 16 | proof 16      proof = HMAC(key, "clip" | gateway id | both nonces)
gateway -> clip  AUTH       proof 16                  proof = HMAC(key, "gate" | gateway id | both nonces)
then every write  op | payload | counter u32 | tag 8  tag = HMAC(session, op | payload | counter)
and every journal notification  frame | tag 8         tag = HMAC(session, "jrnl" | frame)
"""

import hashlib
import struct

from .base import MalformedError, const

KEY_SIZE = 32
NONCE_SIZE = 16
PROOF_SIZE = 16
TAG_SIZE = 8
GATEWAY_ID_SIZE = 8
_BLOCK = const(64)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 of `message`, 32 bytes; written out because MicroPython ships hashlib without hmac."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    pad = bytearray(_BLOCK)
    pad[: len(key)] = key
    for i in range(_BLOCK):
        pad[i] ^= 0x36
    inner = hashlib.sha256(pad)
    inner.update(message)
    for i in range(_BLOCK):
        pad[i] ^= 0x36 ^ 0x5C
    outer = hashlib.sha256(pad)
    outer.update(inner.digest())
    return outer.digest()


def proof(key: bytes, side: bytes, gateway: bytes, nonce_gateway: bytes, nonce_clip: bytes) -> bytes:
    """Proof that `side` (b"clip" or b"gate") knows the key."""
    return hmac_sha256(key, side + gateway + nonce_gateway + nonce_clip)[:PROOF_SIZE]


def session_key(key: bytes, gateway: bytes, nonce_gateway: bytes, nonce_clip: bytes) -> bytes:
    """Key of one connection; both nonces enter, so neither side alone can repeat it."""
    return hmac_sha256(key, b"sess" + gateway + nonce_gateway + nonce_clip)


def with_tag(session: bytes, frame: bytes) -> bytes:
    """A journal notification: what `clip_records.journal_frame` made, and its tag."""
    return frame + hmac_sha256(session, b"jrnl" + frame)[:TAG_SIZE]


def same(a: bytes, b: bytes) -> bool:
    """Compare without telling by the time taken where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def unseal(session: bytes, data: bytes, last_counter: int) -> tuple[int, bytes, int]:
    """(op, payload, counter) of a sealed write. Raises MalformedError: too short, wrong tag, or a counter not above
    `last_counter` (a replay)."""
    if len(data) < 1 + 4 + TAG_SIZE:
        raise MalformedError("too short")
    message = bytes(data[:-TAG_SIZE])
    if not same(hmac_sha256(session, message)[:TAG_SIZE], bytes(data[-TAG_SIZE:])):
        raise MalformedError("wrong tag")
    counter: int = struct.unpack("<I", message[-4:])[0]
    if counter <= last_counter:
        raise MalformedError("repeated")
    return message[0], message[1:-4], counter
