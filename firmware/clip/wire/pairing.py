"""Pairing: both sides draw a key pair and get the same secret from their own half and the other's (X25519, RFC 7748).

central -> clip  PAIR    op u8 | gateway id 8 | public key 32
clip -> central  PAIRED  event u8 | public key 32 | confirmation 16    confirmation = HMAC(key, "conf")
                         key = HMAC(secret, "pair" | gateway id | serial | gateway's public key | clip's public key)
"""

from .base import MalformedError, need
from .clip_auth import GATEWAY_ID_SIZE, KEY_SIZE, PROOF_SIZE, hmac_sha256
from .clip_control import EVENT_PAIRED, PAIR

PUBLIC_SIZE = 32


def pack_pair(gateway: bytes, public: bytes) -> bytes:
    """What a gateway writes bare to be paired; 8 bytes and 32."""
    return bytes((PAIR,)) + gateway + public


def parse_pair(data: bytes) -> "tuple[bytes, bytes]":
    """(gateway id, its public key). Raises MalformedError."""
    need(data, 1 + GATEWAY_ID_SIZE + PUBLIC_SIZE, "pair")
    return bytes(data[1 : 1 + GATEWAY_ID_SIZE]), bytes(data[1 + GATEWAY_ID_SIZE :])


def pack_paired(public: bytes, key: bytes) -> bytes:
    """The clip's answer: its public key of 32 bytes, and that it has the key."""
    return bytes((EVENT_PAIRED,)) + public + confirmation(key)


def parse_paired(data: bytes) -> "tuple[bytes, bytes]":
    """(the clip's public key, confirmation). Raises MalformedError."""
    need(data, 1 + PUBLIC_SIZE + PROOF_SIZE, "paired")
    return bytes(data[1 : 1 + PUBLIC_SIZE]), bytes(data[1 + PUBLIC_SIZE :])


def derive(secret: bytes, gateway: bytes, serial: str, public_gateway: bytes, public_clip: bytes) -> bytes:
    """The key that both will prove to each other from now on.

    Raises MalformedError for a secret of zeros: the other's public key was one that gives everybody the same.
    """
    if secret == bytes(KEY_SIZE):
        raise MalformedError("public key of low order")
    return hmac_sha256(secret, b"pair" + gateway + serial.encode() + public_gateway + public_clip)


def confirmation(key: bytes) -> bytes:
    """Shows that its sender has the key."""
    return hmac_sha256(key, b"conf")[:PROOF_SIZE]
