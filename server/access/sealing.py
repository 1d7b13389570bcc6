"""Encryption of the few secrets that must be read again, with a key that is not in the database."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class SealingKeyError(ValueError):
    """The key file cannot be used; the message says why and what to do."""


class UnsealError(ValueError):
    """What was sealed cannot be read: with another key, or changed meanwhile."""


class SecretBox:
    """Seals and opens short texts (Fernet: AES-128-CBC with HMAC-SHA256). Raises SealingKeyError for a key that is
    none."""

    def __init__(self, key: bytes) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise SealingKeyError("a sealing key is 32 random bytes in URL-safe base64, 44 characters") from error

    @classmethod
    def at(cls, file: Path) -> SecretBox:
        """The box whose key is in this file; the file is made, for its user alone, when it is not there.

        Raises SealingKeyError when others may read the file or it holds no key, OSError when it cannot be used.
        """
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as made:
                made.write(Fernet.generate_key())
        return cls._of(file)

    @classmethod
    def found(cls, file: Path) -> SecretBox | None:
        """The box whose key is in this file, None where there is no such file. Raises as `at`."""
        return cls._of(file) if file.exists() else None

    @classmethod
    def _of(cls, file: Path) -> SecretBox:
        if file.stat().st_mode & _OTHERS:
            raise SealingKeyError(f"{file} may be read by others: chmod 600 {file}")
        try:
            return cls(file.read_bytes().strip())
        except SealingKeyError as error:
            raise SealingKeyError(f"{file}: {error}") from error

    def seal(self, secret: str) -> str:
        """The secret in a form that may be stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret again. Raises UnsealError."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UnsealError("sealed with another key, or changed since") from error
