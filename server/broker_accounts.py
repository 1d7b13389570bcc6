"""The server's own account at a broker that it starts itself, in one private file.

Gateways are in the store; those that an earlier version put here still count.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Final

from server.broker import Account

SERVER: Final = "server"


class BrokerAccounts:
    """Accounts in `folder`, readable by the server's user only."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "accounts.json"

    def all(self) -> tuple[Account, ...]:
        """Every account; the server's own is made when there is none."""
        if not self._file.exists():
            self._write([Account(SERVER, secrets.token_urlsafe(24), "server")])
        return tuple(Account(**entry) for entry in json.loads(self._file.read_text()))

    def server(self) -> Account:
        """The server's own account."""
        return next(account for account in self.all() if account.role == "server")

    def _write(self, accounts: list[Account]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump([vars(account) for account in accounts], stream)
        fresh.replace(self._file)
