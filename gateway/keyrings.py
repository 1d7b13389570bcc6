"""The system's keyring for the one secret that this program keeps there, where there is a keyring and the package."""

from __future__ import annotations

import importlib
from typing import Any, Final

SERVICE: Final = "plumbline gateway"
_USABLE: Final = 1.0
"""Priority from which the package counts a keyring as secure and working."""


class KeyringError(Exception):
    """The password is not to be had from the keyring; the message says what to do."""


def keep(gateway: str, password: str) -> str:
    """Put the password of a gateway into the system's keyring; the keyring's name, '' where there is none to use."""
    keyring = _package()
    if keyring is None:
        return ""
    try:
        backend = keyring.get_keyring()
        if backend.priority < _USABLE:
            return ""
        keyring.set_password(SERVICE, gateway, password)
        return str(backend.name) if keyring.get_password(SERVICE, gateway) == password else ""
    except Exception:  # noqa: BLE001 - whatever a desktop's keyring raises, the file does instead
        return ""


def find(gateway: str) -> str:
    """The password of a gateway. Raises KeyringError."""
    keyring = _package()
    again = "or enrol this computer again with --keep-in file"
    if keyring is None:
        raise KeyringError(f"the password is in the system's keyring: pip install 'plumbline[keyring]', {again}")
    try:
        password = keyring.get_password(SERVICE, gateway)
    except Exception as error:
        raise KeyringError(f"the system's keyring cannot be read ({error}): unlock it, {again}") from error
    if password is None:
        raise KeyringError(f"the system's keyring has no password of gateway {gateway}: sign in as its user, {again}")
    return str(password)


def _package() -> Any:
    try:
        return importlib.import_module("keyring")
    except ImportError:
        return None
