"""mosquitto's files: configuration, hashed passwords and access rules."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from .access import Account, mosquitto_acl

# mosquitto 2's own default for its password file format $7$ (PBKDF2-SHA512). Passwords here are random, so that the
# count need not slow a guesser down.
_ITERATIONS: Final = 101
_SALT_BYTES: Final = 12


def password_line(account: Account) -> str:
    """The account as a line of mosquitto's password file."""
    salt = os.urandom(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ITERATIONS)
    return f"{account.name}:$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def write_configuration(folder: Path, accounts: Sequence[Account], host: str, port: int) -> Path:
    """Write all files into `folder` and return the configuration's path."""
    _write_private(folder / "passwords", (password_line(account) for account in accounts))
    _write_private(folder / "rules", [mosquitto_acl(accounts)])
    lines = [
        f"listener {port} {host}",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'rules'}",
        "persistence false",
        "max_inflight_messages 20",
        "message_size_limit 1048576",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Started by root it would change to a user that may not read this folder.
        lines.append("user root")
    configuration = folder / "mosquitto.conf"
    _write_private(configuration, lines)
    return configuration


def _write_private(path: Path, lines: Iterable[str]) -> None:
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
