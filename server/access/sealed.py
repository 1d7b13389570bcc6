"""What is kept sealed in the database, and whether the key that is there opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, delete, select

from server.access.factors import factors_within
from server.access.recovery_codes import remove_codes
from server.access.sealing import SealingKeyError, SecretBox, UnsealError
from server.store.engine import reading
from server.store.tables import authenticator

COMMAND: Final = "plumbline server remove-lost-apps"
ADVICE: Final = (
    f"put the key file back from where its copy is kept; if it is gone for good, `{COMMAND}` removes these apps, so "
    "that their owners can set them up anew"
)


class LostKeyError(SealingKeyError):
    """Secrets are sealed with a key that is not there. `words` say so, and what is to be done is in `ADVICE`."""

    def __init__(self, words: str) -> None:
        super().__init__(f"{words}: {ADVICE}")
        self.words = words


def opening_box(engine: Engine, file: Path) -> SecretBox:
    """The box that opens all that is sealed in the database. Its key is made anew only where nothing is sealed yet.

    Raises LostKeyError, else as `SecretBox.at`.
    """
    require_key(engine, file)
    return SecretBox.at(file)


def require_key(engine: Engine, file: Path) -> None:
    """Raise LostKeyError when there are secrets that the key in this file does not open, or no such file, and
    SealingKeyError when it cannot be used. Changes nothing."""
    box = SecretBox.found(file)
    with reading(engine) as db:
        lost = len(lost_apps(db, box))
    if lost:
        apps = "the secret of an authenticator app" if lost == 1 else f"the secrets of {lost} authenticator apps"
        state = "does not open" if box else "is not there to open"
        raise LostKeyError(f"the sealing key {file} {state} {apps}")


def lost_apps(db: Connection, box: SecretBox | None) -> list[int]:
    """Whose apps' secrets nothing opens: account numbers. Secrets that were begun and never confirmed do not count."""
    c = authenticator.c
    query = select(c.user_id, c.sealed).where(c.confirmed_ms.is_not(None)).order_by(c.user_id)
    return [row.user_id for row in db.execute(query) if not _opens(box, row.sealed)]


def remove_lost_apps(db: Connection, box: SecretBox | None) -> list[int]:
    """Take these apps away; where no other second factor is left, recovery codes too. Returns whose they were."""
    lost = lost_apps(db, box)
    c = authenticator.c
    for row in db.execute(select(c.id, c.sealed)).all():
        if not _opens(box, row.sealed):
            db.execute(delete(authenticator).where(c.id == row.id))
    for user_id in lost:
        if not factors_within(db, user_id).any:
            remove_codes(db, user_id)
    return lost


def _opens(box: SecretBox | None, sealed: str) -> bool:
    if box is None:
        return False
    try:
        box.open(sealed)
    except UnsealError:
        return False
    return True
