"""What proves a broker password without being it: mosquitto's format `$7$`, PBKDF2-SHA512, for both brokers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import Final

# mosquitto 2's own default. Passwords here are random, so that the count need not slow a guesser down.
_ITERATIONS: Final = 101
_SALT_BYTES: Final = 12


def verifier_of(password: str) -> str:
    """The verifier of a password, each time with a new salt."""
    salt = os.urandom(_SALT_BYTES)
    digest = _digest(password, salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(password: str, verifier: str) -> bool:
    """Whether `verifier` was made from the password. Never for something that is no verifier."""
    try:
        _, kind, iterations, salt, digest = verifier.split("$")
        expected = _digest(password, base64.b64decode(salt, validate=True), int(iterations))
        return kind == "7" and hmac.compare_digest(expected, base64.b64decode(digest, validate=True))
    except (ValueError, binascii.Error):
        return False


def _digest(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
