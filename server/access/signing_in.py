"""Signing in, the same for pages and programs: a password, then a second factor where the account has one, then a
session. A passkey is both at once; the clinic's own sign-in answers for itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from server.access import sign_in_trail, steps
from server.access.accounts import Credentials, credentials, hold_account, normal_email
from server.access.clinic import ClinicIdentity, ClinicSignInError
from server.access.clinic_accounts import account_of
from server.access.factors import Factors, code_proves, factors_of, factors_within
from server.access.forms import new_secret
from server.access.passkeys import PasskeyRefusedError, ask_to_show, owner_shown
from server.access.rules import Site
from server.access.sessions import Browser, Proof, close_session, open_session
from server.access.steps import Purpose, Step
from server.access.visit import Visit
from server.access.web import Desk
from server.audit.trail import append
from server.problems import ProblemError, too_many_attempts
from server.store.engine import reading, writing

REFUSED: Final = "The e-mail address or the password does not match."
"""Never says which: that would tell who has an account."""
CODE_REFUSED: Final = "The code does not match. Codes of the app change every half minute and are good once."
PASSKEY_REFUSED: Final = "This passkey cannot be used here. Try another one, or sign in with your password."
CLINIC_REFUSED: Final = (
    "The clinic’s sign-in did not lead to an account here. Ask your administrator for an invitation, or try again."
)
_TOO_MANY: Final = "Too many attempts to sign in."

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrival:
    """A request of somebody who wants in: the browser, the session's token that it came with, which ends, and the
    cookie of the step it is at."""

    browser: Browser
    replaces: str = field(default="", repr=False)
    step: str = field(default="", repr=False)
    via: str = "page"

    @property
    def visit(self) -> Visit:
        """From where, for the trail."""
        return Visit(self.browser.address, self.via)


@dataclass(frozen=True)
class Opened:
    """A session, by its token."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Halfway:
    """The password was right and something is still wanted. `step` is a cookie, `factors` what can be shown."""

    step: str = field(repr=False)
    factors: Factors


@dataclass(frozen=True)
class Question:
    """What the browser is asked (JSON), and the cookie that its answer must come with."""

    step: str = field(repr=False)
    options: str


async def sign_in(desk: Desk, *, email: str, password: str, arrival: Arrival) -> Opened | Halfway:
    """The first step. Raises ProblemError: 429 after too many attempts, 401 for anything that does not match."""
    try:
        right = await check_password(desk, email=email, password=password, address=arrival.browser.address)
    except ProblemError as problem:
        if problem.status == 401:  # what is held back is not written down: it could be without end
            await _refused(desk, "password", arrival)
        raise
    outcome = await run_in_threadpool(_after_password, desk, right, arrival)
    if outcome is None:
        await _refused(desk, "password", arrival)
        raise ProblemError(401, "Not signed in", REFUSED)
    return outcome


def _after_password(desk: Desk, right: Credentials, arrival: Arrival) -> Opened | Halfway | None:
    """A session, or half of one; None when the password was changed since it was checked."""
    with writing(desk.engine) as db:
        if hold_account(db, right.user_id, right.password_hash) is None:
            return None
        factors = factors_within(db, right.user_id)
        if not factors.any:
            return _open(db, desk, right.user_id, Proof.PASSWORD, arrival)
        step = new_secret()
        steps.begin(db, step, Purpose.FACTOR, desk.session_clock(), user_id=right.user_id)
        act, what = sign_in_trail.SIGN_IN, "password, and a second factor is asked for"
        sign_in_trail.tell(db, right.user_id, act, what, arrival.visit, desk.clock(), outcome="allowed")
    return Halfway(step, factors)


async def check_password(desk: Desk, *, email: str, password: str, address: str) -> Credentials:
    """Whose password it is, and the hash that it matches. Takes as long when there is no such account. Raises
    ProblemError as `sign_in`."""
    account = normal_email(email)[:254]
    wait_ms = desk.attempts.begin(account, address, desk.session_clock())
    if wait_ms:
        log.warning("sign-in held back after too many attempts from %s", address)
        raise too_many_attempts(wait_ms, _TOO_MANY)
    found = await run_in_threadpool(credentials, desk.engine, account)
    if not await desk.passwords.matches(password, found.password_hash if found else None) or found is None:
        log.info("sign-in refused from %s", address)
        raise ProblemError(401, "Not signed in", REFUSED)
    desk.attempts.succeeded(account, address)
    return found


async def halfway(desk: Desk, step: str) -> Halfway | None:
    """Where somebody stands who has given the password; None for anybody else."""
    found = await run_in_threadpool(_find, desk, step)
    if found is None or found.user_id is None:
        return None
    return Halfway(step, await run_in_threadpool(factors_of, desk.engine, found.user_id))


async def answer_code(desk: Desk, *, code: str, arrival: Arrival) -> Opened:
    """The second step by a code of an app, or a recovery code. Raises ProblemError: 401 for a code that does not fit
    and where there is no first step, 429 after too many attempts."""
    now_ms = desk.session_clock()
    step = await run_in_threadpool(_find, desk, arrival.step)
    user_id = step.user_id if step else None
    if user_id is None:
        raise begin_again()
    address = arrival.browser.address
    wait_ms = desk.factor_attempts.begin(str(user_id), address, now_ms)
    if wait_ms:
        log.warning("second step of account %d held back after too many attempts from %s", user_id, address)
        raise too_many_attempts(wait_ms, _TOO_MANY)
    opened = await run_in_threadpool(_after_code, desk, user_id, code, arrival)
    if opened is None:
        log.warning("a second factor of account %d from %s does not fit", user_id, address)
        raise ProblemError(401, "Not signed in", CODE_REFUSED)
    desk.factor_attempts.succeeded(str(user_id), address)
    return opened


def _after_code(desk: Desk, user_id: int, code: str, arrival: Arrival) -> Opened | None:
    """A session, None for a code that does not fit; the try counts and the code is used up in the same transaction.
    Raises ProblemError 401 where the first step is over, as it is when the password was changed since."""
    now_ms = desk.session_clock()
    with writing(desk.engine) as db:
        held = hold_account(db, user_id)
        goes_on = steps.count_try(db, arrival.step, Purpose.FACTOR, now_ms) is not None and held is not None
        proof = code_proves(db, desk.box, user_id, code, now_ms) if goes_on else None
        if proof is not None:
            return _open(db, desk, user_id, proof, arrival)
        if goes_on:
            append(db, [sign_in_trail.refused(f"code of U-{user_id}", arrival.visit)], desk.clock())
    if not goes_on:
        raise begin_again()
    return None


async def ask_for_passkey(desk: Desk, arrival: Arrival) -> Question:
    """What the browser is to ask its authenticators: for one of the person who is half way, or for any. Raises
    ProblemError 404 where passkeys are not in use, 429."""
    site = passkey_site(desk)
    wait_ms = desk.question_attempts.begin("", arrival.browser.address, desk.session_clock())
    if wait_ms:
        raise too_many_attempts(wait_ms, _TOO_MANY)
    first = await run_in_threadpool(_find, desk, arrival.step)
    token = arrival.step if first else new_secret()
    asked = await run_in_threadpool(ask_to_show, desk.engine, site, first.user_id if first else None)
    await run_in_threadpool(_begin, desk, token, Purpose.PASSKEY, {"challenge": asked.challenge})
    return Question(token, asked.options)


async def answer_passkey(desk: Desk, *, answer: dict[str, Any], arrival: Arrival) -> Opened:
    """A session for whose passkey it is, whether or not they gave the password before. Raises ProblemError 401 for
    anything that proves nothing, 404 where passkeys are not in use."""
    site = passkey_site(desk)
    asked = await run_in_threadpool(_take, desk, arrival.step, Purpose.PASSKEY)
    opened = None if asked is None else await run_in_threadpool(_after_passkey, desk, site, asked, answer, arrival)
    if opened is None:
        log.warning("passkey refused from %s", arrival.browser.address)
        if asked is not None:
            await _refused(desk, Proof.PASSKEY.value, arrival)
        raise ProblemError(401, "Not signed in", PASSKEY_REFUSED)
    return opened


def _after_passkey(desk: Desk, site: Site, asked: Step, answer: dict[str, Any], arrival: Arrival) -> Opened | None:
    """A session, None where the answer proves nothing or is somebody else's than the password was."""
    now_ms = desk.session_clock()
    try:
        with writing(desk.engine) as db:
            user_id = owner_shown(db, site, answer, asked.body["challenge"], now_ms)
            first = steps.find(db, arrival.step, Purpose.FACTOR, now_ms)
            if first is not None and first.user_id != user_id:
                return None
            return None if hold_account(db, user_id) is None else _open(db, desk, user_id, Proof.PASSKEY, arrival)
    except PasskeyRefusedError as error:
        log.info("passkey: %s", error)
        return None


async def go_to_clinic(desk: Desk, arrival: Arrival, wanted: str) -> tuple[str, str]:
    """Where the browser goes to sign in at the clinic, and the cookie that it must come back with. `wanted` is where it
    is led in the end. Raises ProblemError 404 where there is no such sign-in, 429, 502 when it does not answer."""
    clinic, back = _clinic(desk)
    now_ms = desk.session_clock()
    wait_ms = desk.question_attempts.begin("", arrival.browser.address, now_ms)
    if wait_ms:
        raise too_many_attempts(wait_ms, _TOO_MANY)
    try:
        errand = await clinic.start(back, now_ms)
    except ClinicSignInError as error:
        log.error("sign-in at the clinic: %s", error)  # noqa: TRY400 - the message says it all
        raise ProblemError(
            502, "The clinic’s sign-in does not answer", "Try again in a few minutes, or sign in with your password."
        ) from error
    token = new_secret()
    body = {"state": errand.state, "nonce": errand.nonce, "verifier": errand.verifier, "next": wanted}
    await run_in_threadpool(_begin, desk, token, Purpose.CLINIC, body)
    return errand.url, token


async def back_from_clinic(desk: Desk, *, code: str, state: str, issuer: str, arrival: Arrival) -> tuple[Opened, str]:
    """A session for whom the clinic has signed in, and where they wanted to go. `issuer` is who says so, "" where that
    was not said (RFC 9207). Raises ProblemError 401."""
    clinic, back = _clinic(desk)
    now_ms, address = desk.session_clock(), arrival.browser.address
    step = await run_in_threadpool(_take, desk, arrival.step, Purpose.CLINIC)
    refused = ProblemError(401, "Not signed in", CLINIC_REFUSED)
    if step is None or not code or state != step.body["state"] or issuer not in ("", clinic.settings.issuer):
        log.warning("an answer of the clinic's sign-in from %s belongs to no visit of this browser", address)
        raise refused
    try:
        identity = await clinic.finish(
            code, nonce=step.body["nonce"], verifier=step.body["verifier"], redirect_uri=back, now_ms=now_ms
        )
    except ClinicSignInError as error:
        log.warning("sign-in at the clinic from %s: %s", address, error)
        await _refused(desk, Proof.CLINIC.value, arrival)
        raise refused from error
    opened = await run_in_threadpool(_after_clinic, desk, identity, clinic.settings.organisation_id, arrival)
    if opened is None:
        log.warning("the clinic has signed in somebody from %s who has no account here", address)
        await _refused(desk, Proof.CLINIC.value, arrival)
        raise refused
    return opened, step.body["next"]


def _after_clinic(desk: Desk, identity: ClinicIdentity, organisation_id: int, arrival: Arrival) -> Opened | None:
    """A session, None for somebody without an account."""
    with writing(desk.engine) as db:
        user_id = account_of(db, identity, organisation_id, desk.session_clock())
        if user_id is None or hold_account(db, user_id) is None:
            return None
        return _open(db, desk, user_id, Proof.CLINIC, arrival)


def sign_out(desk: Desk, token: str, visit: Visit) -> None:
    """End a session, if it still is one."""
    with writing(desk.engine) as db:
        user_id = close_session(db, token)
        if user_id is not None:
            sign_in_trail.tell(db, user_id, sign_in_trail.SIGN_OUT, "", visit, desk.clock())


def passkey_site(desk: Desk) -> Site:
    """Where passkeys work. Raises ProblemError 404 where they do not."""
    if desk.rules.site is None:
        raise ProblemError(
            404, "Passkeys are not in use", "Who runs the server has to tell it its public address. Use your password."
        )
    return desk.rules.site


def begin_again() -> ProblemError:
    """The answer to a second step without a first."""
    return ProblemError(401, "Not signed in", "That took too long, or too many tries. Begin again with your password.")


def _clinic(desk: Desk) -> tuple[Any, str]:
    if desk.clinic is None:
        raise ProblemError(404, "Not in use", "There is no sign-in by a clinic’s own accounts here. Use your password.")
    return desk.clinic, f"{desk.rules.public_url.rstrip('/')}/login/clinic/answer"


def _find(desk: Desk, step: str) -> Step | None:
    with reading(desk.engine) as db:
        return steps.find(db, step, Purpose.FACTOR, desk.session_clock())


def _begin(desk: Desk, step: str, purpose: Purpose, body: dict[str, str]) -> None:
    with writing(desk.engine) as db:
        steps.begin(db, step, purpose, desk.session_clock(), body=body)


def _take(desk: Desk, step: str, purpose: Purpose) -> Step | None:
    with writing(desk.engine) as db:
        return steps.take(db, step, purpose, desk.session_clock())


async def _refused(desk: Desk, how: str, arrival: Arrival) -> None:
    await run_in_threadpool(sign_in_trail.tell_of_refusal, desk.engine, how, arrival.visit, desk.clock())


def _open(db: Connection, desk: Desk, user_id: int, proof: Proof, arrival: Arrival) -> Opened:
    """Begin the session and tell the trail. The session that the browser had ends, whoever's it was."""
    if arrival.step:
        steps.drop_all(db, arrival.step)
    visit, entries = arrival.visit, []
    if arrival.replaces and (before := close_session(db, arrival.replaces)) is not None:
        entries.append(sign_in_trail.entry_of(db, before, sign_in_trail.SIGN_OUT, sign_in_trail.REPLACED, visit))
    token = open_session(db, user_id, desk.session_clock(), desk.rules, proof=proof, browser=arrival.browser)
    entries.append(sign_in_trail.entry_of(db, user_id, sign_in_trail.SIGN_IN, proof.value, visit))
    append(db, entries, desk.clock())
    log.info("account %d signed in by %s from %s", user_id, proof.value, arrival.browser.address)
    return Opened(token)
