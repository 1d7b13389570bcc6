"""mosquitto's files: configuration, hashed passwords and access rules."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .access import Account, mosquitto_acl


def password_line(account: Account) -> str:
    """The account as a line of mosquitto's password file."""
    return f"{account.name}:{account.proof}"


def write_accounts(folder: Path, accounts: Sequence[Account]) -> None:
    """Write who may come and what they may do into `folder`; a broker that runs reads it when it is told to."""
    write_passwords(folder / "passwords", accounts)
    _write_private(folder / "rules", [mosquitto_acl(accounts)])


def write_passwords(path: Path, accounts: Iterable[Account]) -> None:
    """Write mosquitto's password file, readable by this user only. Raises OSError."""
    _write_private(path, (password_line(account) for account in accounts))


def write_configuration(folder: Path, accounts: Sequence[Account], host: str, port: int) -> Path:
    """Write all files into `folder` and return the configuration's path."""
    write_accounts(folder, accounts)
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
    # The broker may read at any moment: it finds the old file or the new one.
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(path)
