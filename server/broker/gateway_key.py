"""Gateways' passwords that can be said again: made from a key, so that a broker that takes them in the clear only can
be told them at any time. They are as hard to guess as the key; nothing but the key need be kept secret for them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32


class GatewayKeyError(ValueError):
    """The key's file cannot be used; the message says why."""


class GatewayKey:
    """The key in a file that only the server's user can read; made when there is none. Raises OSError and
    GatewayKeyError."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(secrets.token_bytes(_KEY_BYTES))
        self._key = file.read_bytes()
        if len(self._key) != _KEY_BYTES:
            raise GatewayKeyError(f"{file} holds no key of {_KEY_BYTES} bytes; bring it back from a backup")

    def password_of(self, gateway_id: str) -> str:
        """The gateway's password: HMAC-SHA256 of its id, in URL-safe letters."""
        digest = hmac.digest(self._key, b"plumbline gateway " + gateway_id.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
