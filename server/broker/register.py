"""The file that tells the built-in broker who may come. The server writes it, the broker reads it when it changes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .access import Account
from .verifier import matches


def write(path: Path, accounts: Iterable[Account]) -> None:
    """Write the accounts, as verifiers, readable by this user only. A reader finds the old file or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps([{"name": a.name, "role": a.role, "verifier": a.proof} for a in accounts]))
    fresh.replace(path)


class Register:
    """The accounts in a file, as they are now. Raises OSError or ValueError when it cannot be read at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int] | None = None
        self._accounts: dict[str, Account] = {}
        self.look()

    def look(self) -> bool:
        """Read the file again if it has changed; whether it has."""
        status = self._path.stat()
        mark = (status.st_mtime_ns, status.st_ino)
        if mark == self._mark:
            return False
        entries = json.loads(self._path.read_text())
        self._accounts = {
            entry["name"]: Account(entry["name"], "", entry["role"], entry["verifier"]) for entry in entries
        }
        self._mark = mark
        return True

    def account(self, name: str | None) -> Account | None:
        """The account of this name."""
        return self._accounts.get(name or "")

    def knows(self, name: str | None, password: str | None) -> bool:
        """Whether name and password belong together."""
        account = self.account(name)
        return account is not None and matches(password or "", account.verifier)
