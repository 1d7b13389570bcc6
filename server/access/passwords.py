"""Password hashing with argon2id, away from the event loop and never more than a few at once."""

from __future__ import annotations

from typing import Final

import anyio
import anyio.to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from server.access.common_passwords import weakness

SHORTEST: Final = 12
"""A new password has at least this many characters (OWASP ASVS 5.0, 6.2: at least 8, 15 advised)."""
LONGEST: Final = 256
"""Longer input is refused before it is hashed."""
_AT_ONCE: Final = 2
# One hash takes 64 MiB; an unlimited number of sign-ins at once would be a way to exhaust memory.


class WeakPasswordError(ValueError):
    """A new password is too short, too long, or one of those that are tried first."""


class Passwords:
    """Hashes and checks passwords. `hasher` is replaceable so that tests need not spend 0.2 s a check."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._nobody = self._hash.hash("nobody has this password")
        self._limiter: anyio.CapacityLimiter | None = None

    def hash(self, password: str, *about: str) -> str:
        """The hash to store, at once: for commands, where nobody else waits. `about` is what others know of the
        account, such as its e-mail address. Raises WeakPasswordError."""
        _require_strong(password, about)
        return self._hash.hash(password)

    async def hash_in_turn(self, password: str, *about: str) -> str:
        """The same, as one of the few at once. Raises WeakPasswordError."""
        _require_strong(password, about)
        return await anyio.to_thread.run_sync(self._hash.hash, password, limiter=self._turns())

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` belongs to the hash `stored`; as slow for None (no such account) as for any other."""
        if len(password) > LONGEST:
            return False
        return await anyio.to_thread.run_sync(self._matches, password, stored, limiter=self._turns())

    def _matches(self, password: str, stored: str | None) -> bool:
        try:
            same = self._hash.verify(password, stored or self._nobody)
        except PwdlibError:  # what is stored is no hash of ours: no password belongs to it
            return False
        return same and bool(stored)

    def _turns(self) -> anyio.CapacityLimiter:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        return self._limiter


def _require_strong(password: str, about: tuple[str, ...]) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(f"a password has {SHORTEST} to {LONGEST} characters")
    if reason := weakness(password, about):
        raise WeakPasswordError(reason)
