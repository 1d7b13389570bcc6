"""What somebody can see and change of how they themselves sign in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from server.access import authenticators, passkeys, recovery_codes, sign_in_trail, steps
from server.access.accounts import Credentials, hold_account, set_password
from server.access.acts import Duty
from server.access.authenticators import AppOffer
from server.access.clinic_accounts import is_linked
from server.access.doorway import Doorway
from server.access.factors import factors_within
from server.access.passkeys import Passkey, PasskeyLimitError, PasskeyRefusedError
from server.access.passwords import WeakPasswordError
from server.access.sealing import SecretBox, UnsealError
from server.access.sessions import (
    Browser,
    OpenSession,
    Proof,
    close_named_session,
    close_other_sessions,
    open_session,
    renew_session,
    sessions_of,
)
from server.access.signing_in import check_password, passkey_site
from server.access.steps import Purpose, Step
from server.access.tokens import Token, revoke_tokens, tokens_of
from server.access.web import Desk, Known
from server.audit.trail import Entry, append
from server.problems import FieldError, ProblemError, confirm_first, not_found, not_signed_in
from server.store.engine import reading, writing

WRONG_CODE: Final = "The code does not match. Check that the phone’s clock is right, and type the code it shows now."
log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class AccountView:
    """The account's page: sessions, the most lately used first, and what it signs in with."""

    sessions: list[OpenSession]
    passkeys: list[Passkey]
    app_since_ms: int | None
    recovery_left: int
    clinic_linked: bool

    @property
    def protected(self) -> bool:
        """Whether there is a second factor."""
        return self.app_since_ms is not None or bool(self.passkeys)


@dataclass(frozen=True)
class Gained:
    """The session's new token, after its owner has set up a second factor, and whether recovery codes are wanting."""

    token: str = field(repr=False)
    wants_codes: bool


@dataclass(frozen=True)
class _Deed:
    """Something that somebody does with their own account, and what the trail is to be told of it."""

    entry: Entry
    refusal: ProblemError | None = None

    def told(self, outcome: str) -> Entry:
        """What the trail is told, once it is known how it ended."""
        return replace(self.entry, outcome=outcome)


class MyAccount(Doorway[Duty]):
    """One's own account, for one request. Sessions and factors go by the time of sessions, all else by that of data."""

    def __init__(self, desk: Desk, holder: Known) -> None:
        super().__init__(desk.engine, holder.person, desk.clock(), holder.visit)
        self._desk = desk
        self._holder = holder
        self._me = holder.person.id
        self._session_ms = holder.now_ms

    @contextmanager
    def _doing(self, detail: str, act: str = sign_in_trail.CHANGE) -> Iterator[Connection]:
        """One transaction that holds a change and the entry that it was done."""
        with self._changing(lambda _: _Deed(self._teller.entry(act, "", detail=detail))) as (db, _):
            yield db

    def view(self) -> AccountView:
        """All of it."""
        sessions = sessions_of(self._engine, self._me, self._session_ms, self._desk.rules)
        with reading(self._engine) as db:
            return AccountView(
                sessions,
                passkeys.passkeys_of(db, self._me),
                authenticators.app_since(db, self._me),
                recovery_codes.codes_left(db, self._me),
                is_linked(db, self._me),
            )

    # --- sessions ---

    def end_session(self, handle: str) -> None:
        """End one of one's sessions. Raises ProblemError 404 when there is no such."""
        with self._doing("another session", sign_in_trail.SIGN_OUT) as db:
            if not close_named_session(db, self._me, handle):
                raise not_found("session")

    def end_others(self) -> int:
        """End all of one's sessions but this; returns how many there were."""
        with self._doing("all other sessions", sign_in_trail.SIGN_OUT) as db:
            return close_other_sessions(db, self._me, keep=self._holder.session.handle)

    # --- proofs ---

    def require_fresh(self) -> None:
        """Raise ProblemError 403 when this session's owner last showed too long ago who they are."""
        if self._session_ms - self._holder.session.proved_ms > self._desk.rules.fresh_ms:
            raise confirm_first()

    async def confirm(self, password: str, address: str) -> str:
        """Show by the password that it is oneself; returns the session's new token. Raises ProblemError 401, 429."""
        await self._check_password(password, address, sign_in_trail.CONFIRM)
        return await run_in_threadpool(self._confirmed, Proof.PASSWORD)

    def _confirmed(self, how: Proof, *, better: Proof | None = None) -> str:
        with self._doing(how.value, sign_in_trail.CONFIRM) as db:
            return self._renew(db, better)

    def ask_to_confirm(self) -> str:
        """What the browser is to ask its authenticators (JSON). Raises ProblemError 404 where there are no passkeys."""
        asked = passkeys.ask_to_show(self._engine, passkey_site(self._desk), self._me)
        self._begin(Purpose.PASSKEY, asked.challenge)
        return asked.options

    def confirm_by_passkey(self, answer: dict[str, Any]) -> str:
        """Show by a passkey that it is oneself; returns the session's new token. Raises ProblemError 401, 404."""
        site = passkey_site(self._desk)
        asked = self._take(Purpose.PASSKEY)
        refused = ProblemError(401, "Not confirmed", "This passkey does not belong to your account. Try another one.")
        if asked is None:
            raise refused
        try:
            with writing(self._engine) as db:
                owner = passkeys.owner_shown(db, site, answer, asked.body["challenge"], self._session_ms)
        except PasskeyRefusedError as error:
            log.info("passkey: %s", error)
            owner = None
        if owner != self._me:
            self._refused(sign_in_trail.CONFIRM, Proof.PASSKEY.value)
            raise refused
        return self._confirmed(Proof.PASSKEY, better=self._better(Proof.PASSKEY))

    # --- password ---

    def tokens(self) -> list[Token]:
        """One's tokens for programs that are in force, the newest first."""
        with reading(self._engine) as db:
            return [one for one in tokens_of(db, self._me) if one.in_force(self._now_ms)]

    async def change_password(self, old: str, new: str, browser: Browser, *, end_tokens: bool) -> str:
        """A new password; all sessions end, and a new one begins whose token is returned. `end_tokens`: those of one's
        programs end, too. Raises ProblemError: 401 when `old` is not the password, 422 when the new one is too weak,
        429 after too many attempts."""
        right = await self._check_password(old, browser.address, sign_in_trail.CHANGE)
        person = self._holder.person
        try:
            hashed = await self._desk.passwords.hash_in_turn(new, person.email, person.name)
        except WeakPasswordError as error:
            await run_in_threadpool(self._refused, sign_in_trail.CHANGE, "weak password")
            raise ProblemError(422, "Choose another password", f"{error}.", [FieldError("new", str(error))]) from error
        return await run_in_threadpool(self._replace_password, right, hashed, browser, end_tokens=end_tokens)

    def _replace_password(self, right: Credentials, hashed: str, browser: Browser, *, end_tokens: bool) -> str:
        session = self._holder.session
        with self._doing("password") as db:
            if hold_account(db, self._me, right.password_hash) is None:  # changed elsewhere at the same moment
                raise not_signed_in()
            set_password(db, self._me, hashed, self._now_ms)
            token = open_session(db, self._me, self._session_ms, self._desk.rules, proof=session.proof, browser=browser)
            if end_tokens:
                ended = [f"token:{number} revoked" for number in revoke_tokens(db, self._me, self._now_ms)]
                entries = [self._teller.entry(Duty.MANAGE_TOKENS, "done", detail=detail) for detail in ended]
                append(db, entries, self._now_ms)
        log.info("account %d changed its password", self._me)
        return token

    async def _check_password(self, password: str, address: str, act: str) -> Credentials:
        refused = ProblemError(401, "Not confirmed", "That is not your password.")
        try:
            right = await check_password(
                self._desk, email=self._holder.person.email, password=password, address=address
            )
        except ProblemError as problem:
            if problem.status != 401:  # what is held back is not written down: it could be without end
                raise
            await run_in_threadpool(self._refused, act, Proof.PASSWORD.value)
            raise refused from problem
        if right.user_id != self._me:
            raise refused
        return right

    # --- authenticator app ---

    def begin_app(self) -> AppOffer:
        """A secret to put into an app. Raises ProblemError 403 as `require_fresh`, 404 where apps are not in use."""
        self.require_fresh()
        return authenticators.begin_app(
            self._engine, self._box(), self._me, self._holder.person.email, self._session_ms
        )

    def begun_app(self) -> AppOffer:
        """The secret that waits for its first code. Raises ProblemError 404 when there is none, 403 as above."""
        self.require_fresh()
        try:
            offer = authenticators.begun_app(self._engine, self._box(), self._me, self._holder.person.email)
        except UnsealError as error:
            raise self._sealed_elsewhere() from error
        if offer is None:
            raise not_found("step")
        return offer

    def confirm_app(self, code: str) -> Gained:
        """Take the app's first code. Raises ProblemError 422 for a wrong one, and as `begin_app`."""
        self.require_fresh()
        box = self._box()
        with self._doing("app added") as db:
            try:
                right = authenticators.confirm_app(db, box, self._me, code, self._session_ms)
            except UnsealError as error:
                raise self._sealed_elsewhere() from error
            if not right:
                raise ProblemError(422, "Not confirmed", WRONG_CODE, [FieldError("code", WRONG_CODE)])
            return self._gain(db, Proof.APP)

    def remove_app(self) -> None:
        """Ask for no codes any more. Raises ProblemError 403 as `require_fresh`, 409 as `_keep_one`."""
        self.require_fresh()
        with self._doing("app removed") as db:
            authenticators.remove_app(db, self._me)
            self._keep_one(db)
        log.info("account %d removed its authenticator app", self._me)

    # --- passkeys ---

    def ask_for_passkey(self) -> str:
        """What the browser is to make (JSON). Raises ProblemError 403 as `require_fresh`, 404 where not in use."""
        self.require_fresh()
        person = self._holder.person
        site = passkey_site(self._desk)
        asked = passkeys.ask_to_make(self._engine, site, self._me, email=person.email, name=person.name)
        self._begin(Purpose.NEW_PASSKEY, asked.challenge)
        return asked.options

    def add_passkey(self, answer: dict[str, Any], name: str) -> Gained:
        """Keep what the browser has made. Raises ProblemError 422 when it cannot be used, and as `ask_for_passkey`."""
        self.require_fresh()
        site = passkey_site(self._desk)
        asked = self._take(Purpose.NEW_PASSKEY)
        refused = ProblemError(422, "Not kept", "The passkey could not be checked. Try again, or with another device.")
        if asked is None:
            raise refused
        try:
            with self._doing("passkey added") as db:
                passkeys.keep_passkey(
                    db, site, self._me, answer, asked.body["challenge"], name=name, now_ms=self._session_ms
                )
                return self._gain(db, Proof.PASSKEY)
        except PasskeyRefusedError as error:
            log.info("new passkey: %s", error)
            raise refused from error
        except PasskeyLimitError as error:
            detail = f"You have {passkeys.MOST} passkeys already. Remove one that you no longer use."
            raise ProblemError(409, "Too many passkeys", detail) from error

    def rename_passkey(self, passkey_id: int, name: str) -> None:
        """Call a passkey so. Raises ProblemError 404 when there is no such."""
        with writing(self._engine) as db:
            if not passkeys.rename_passkey(db, self._me, passkey_id, name):
                raise not_found("passkey")

    def remove_passkey(self, passkey_id: int) -> None:
        """Take a passkey no more. Raises ProblemError 404, 403 as `require_fresh`, 409 as `_keep_one`."""
        self.require_fresh()
        with self._doing("passkey removed") as db:
            if not passkeys.remove_passkey(db, self._me, passkey_id):
                raise not_found("passkey")
            self._keep_one(db)
        log.info("account %d removed a passkey", self._me)

    # --- recovery codes ---

    def new_codes(self) -> list[str]:
        """Recovery codes in place of earlier ones. Raises ProblemError 403 as `require_fresh`, 409 without a second
        factor."""
        self.require_fresh()
        with self._doing("recovery codes made") as db:
            if not factors_within(db, self._me).any:
                raise ProblemError(
                    409,
                    "No second factor",
                    "Recovery codes stand in for a passkey or an app. Set up one of them first.",
                )
            return recovery_codes.make_codes(db, self._me, self._session_ms)

    def _gain(self, db: Connection, proof: Proof) -> Gained:
        log.info("account %d sets up a second factor: %s", self._me, proof.value)
        return Gained(self._renew(db, self._better(proof)), recovery_codes.codes_left(db, self._me) == 0)

    def _renew(self, db: Connection, better: Proof | None) -> str:
        """The session's new token. Raises ProblemError 401 when it has ended meanwhile."""
        token = renew_session(db, self._holder.token, self._session_ms, better)
        if token is None:
            raise not_signed_in()
        return token

    def _refused(self, act: str, detail: str) -> None:
        self._teller.tell([self._teller.entry(act, "refused", detail=detail)])

    def _better(self, proof: Proof) -> Proof | None:
        """How the session counts from now on, where that is more than before."""
        return proof if self._holder.session.proof is Proof.PASSWORD else None

    def _keep_one(self, db: Connection) -> None:
        """Raise ProblemError 409 where a second factor is required and none left. Recovery codes go with the last."""
        if factors_within(db, self._me).any:
            return
        if self._holder.person.role in self._desk.rules.second_factor_for:
            detail = "Your account needs a second factor. Set up another one before you remove this."
            raise ProblemError(409, "The last second factor", detail)
        recovery_codes.remove_codes(db, self._me)

    def _begin(self, purpose: Purpose, challenge: str) -> None:
        body = {"challenge": challenge}
        with writing(self._engine) as db:
            steps.begin(db, self._holder.token, purpose, self._session_ms, user_id=self._me, body=body)

    def _take(self, purpose: Purpose) -> Step | None:
        with writing(self._engine) as db:
            return steps.take(db, self._holder.token, purpose, self._session_ms)

    def _box(self) -> SecretBox:
        if self._desk.box is None:
            raise ProblemError(404, "Not in use", "Authenticator apps are not in use on this server.")
        return self._desk.box

    @staticmethod
    def _sealed_elsewhere() -> ProblemError:
        log.error("a secret cannot be opened: is the key file another one?")
        return ProblemError(409, "Begin again", "What was begun cannot be read any more. Set the app up anew.")
