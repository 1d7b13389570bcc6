"""Signing a firmware for publication, and the key for that."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from firmware.clip import protocol


class WrongKeyError(Exception):
    """The file holds no key that can sign a release."""


def make_key(path: Path) -> str:
    """Write a new publisher's key, readable by its user only; its public half in hexadecimal, for the gateways.

    Raises FileExistsError: a key that signed something is not to be lost.
    """
    key = Ed25519PrivateKey.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public_of(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file. Raises WrongKeyError, OSError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WrongKeyError(f"{path} holds no private key without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongKeyError(f"{path} holds a key of another kind than Ed25519")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Its public half, 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def pack(key: Ed25519PrivateKey, version: str, image: bytes) -> bytes:
    """A release of an image. Raises ValueError for a version that is not three numbers up to 255."""
    number = version_number(version)
    signed = protocol.update.pack_signed(number, len(image), hashlib.sha256(image).digest())
    return signed + key.sign(signed) + image


def version_number(version: str) -> bytes:
    """A version such as "0.2.0" as bytes. Raises ValueError."""
    try:
        number = protocol.update.version_of(version)
    except ValueError:
        number = b""
    if len(number) != 3:
        raise ValueError(f"a version is three numbers up to 255, such as 0.2.0, not {version!r}")
    return number
