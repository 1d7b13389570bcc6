"""Coming in by a one-time link: accepting an invitation, setting a new password. Whoever has the link may."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from server.access.accounts import normal_email, read_name, role_of
from server.access.acts import Duty
from server.access.passwords import Passwords
from server.access.tokens import Token, revoke_tokens, tokens_of
from server.access.visit import Visit
from server.audit.trail import SYSTEM, Entry, append
from server.people import invitations, recoveries
from server.people.invitations import Invitation
from server.people.links import LinkRefusedError
from server.people.mail import Mailer
from server.problems import ProblemError
from server.store.engine import reading, writing

INVITATION: Final = "invitation"
RECOVERY: Final = "recovery"
T = TypeVar("T")
_SUBJECT: Final = "A new password for Plumbline"
_MAIL: Final = """Somebody asked for a new password for your account at Plumbline.

If it was you, open this within the hour:

    {url}

If it was not, there is nothing to do: your password stays as it is.
"""
log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovering:
    """Whose account a link sets a new password of, and the tokens of programs that open it meanwhile."""

    email: str
    name: str
    tokens: list[Token]


def link_refused(kind: str) -> ProblemError:
    """The answer to a link that cannot be used; it does not tell why."""
    return ProblemError(
        404,
        "This link cannot be used",
        f"It may have been used already, replaced by a newer one, or be too old. Ask for a new {kind} link.",
    )


class Joining:
    """What the holder of a link may do at one moment (UTC ms)."""

    def __init__(self, engine: Engine, passwords: Passwords, now_ms: int, visit: Visit) -> None:
        self._engine = engine
        self._passwords = passwords
        self._now_ms = now_ms
        self._visit = visit

    def invitation(self, token: str) -> Invitation:
        """What a link invites to. Raises ProblemError 404."""
        return self._read(INVITATION, lambda db: invitations.open_invitation(db, token, self._now_ms))

    async def accept(self, token: str, *, name: str, password: str) -> str:
        """Make the account; returns its address. Raises ProblemError 404, AccountError, WeakPasswordError."""
        found = await run_in_threadpool(self.invitation, token)
        name = read_name(name)
        hashed = await self._passwords.hash_in_turn(password, found.email, name)

        def change(db: Connection) -> list[Entry]:
            made = invitations.accept(db, token, name=name, password_hash=hashed, now_ms=self._now_ms)
            return [self._entry(f"U-{made}", f"invitation accepted, role {found.role}", found.role)]

        await run_in_threadpool(self._write, INVITATION, change)
        return found.email

    def recovery(self, token: str) -> Recovering:
        """Whose account a link is for, and what else opens it. Raises ProblemError 404."""

        def read(db: Connection) -> Recovering:
            owner = recoveries.open_recovery(db, token, self._now_ms)
            in_force = [one for one in tokens_of(db, owner.user_id) if one.in_force(self._now_ms)]
            return Recovering(owner.email, owner.name, in_force)

        return self._read(RECOVERY, read)

    async def recover(self, token: str, *, password: str, keep_tokens: bool = False) -> str:
        """Set the password and end all sessions, and the tokens of programs unless they are kept; returns the address.
        Raises ProblemError 404, WeakPasswordError."""
        found = await run_in_threadpool(self.recovery, token)
        hashed = await self._passwords.hash_in_turn(password, found.email, found.name)

        def change(db: Connection) -> list[Entry]:
            account = recoveries.recover(db, token, password_hash=hashed, now_ms=self._now_ms)
            ended = [] if keep_tokens else revoke_tokens(db, account, self._now_ms)
            done = self._entry(f"U-{account}", "password recovered", role_of(db, account))
            revoked = [f"token:{number} revoked" for number in ended]
            return [done, *(replace(done, act=Duty.MANAGE_TOKENS, detail=detail) for detail in revoked)]

        await run_in_threadpool(self._write, RECOVERY, change)
        return found.email

    def ask_by_mail(self, mailer: Mailer, email: str, base_url: str) -> None:
        """Send a recovery link to this address if there is an account for it. Says nothing and raises nothing: whoever
        asks is not to learn which. `base_url` is where browsers reach the pages."""
        try:
            with writing(self._engine) as db:
                offered = recoveries.offer_by_mail(db, email, self._now_ms)
                if offered is None:
                    return
                account, link = offered
                append(db, [self._entry(SYSTEM, f"recovery of U-{account} by mail")], self._now_ms)
            mailer.send(normal_email(email), _SUBJECT, _MAIL.format(url=f"{base_url}/{RECOVERY}/{link.token}"))
        except (OSError, SQLAlchemyError, ValueError) as error:
            # Not the traceback: it would hold the address, and smtplib's errors do too.
            log.error("a recovery link could not be sent: %s", type(error).__name__)  # noqa: TRY400

    def _entry(self, actor: str, detail: str, role: str = "") -> Entry:
        via, address = self._visit.via, self._visit.address
        return Entry(actor, role, "link", via, address, Duty.MANAGE_PEOPLE, "", "done", detail)

    def _read(self, kind: str, read: Callable[[Connection], T]) -> T:
        try:
            with reading(self._engine) as db:
                return read(db)
        except LinkRefusedError as error:
            raise link_refused(kind) from error

    def _write(self, kind: str, change: Callable[[Connection], list[Entry]]) -> None:
        try:
            with writing(self._engine) as db:
                append(db, change(db), self._now_ms)
        except LinkRefusedError as error:
            raise link_refused(kind) from error
