"""Signing in, the same for pages and programs: a password, then a second factor where the account has one, then a
session. A passkey is both at once; the clinic's own sign-in answers for itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool

from server.access import sign_in_trail, steps
from server.access.accounts import credentials, normal_email
from server.access.clinic import ClinicSignInError
from server.access.clinic_accounts import account_of
from server.access.factors import Factors, code_proves, factors_of
from server.access.forms import new_secret
from server.access.passkeys import PasskeyRefusedError, ask_to_show, owner_shown
from server.access.rules import Site
from server.access.sessions import Browser, Proof, open_session
from server.access.steps import Purpose, Step
from server.access.visit import Visit
from server.access.web import Desk
from server.problems import ProblemError, too_many_attempts

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
        user_id = await check_password(desk, email=email, password=password, address=arrival.browser.address)
    except ProblemError as problem:
        if problem.status == 401:  # what is held back is not written down: it could be without end
            await _refused(desk, "password", arrival)
        raise
    factors = await run_in_threadpool(factors_of, desk.engine, user_id)
    if not factors.any:
        return await _open(desk, user_id, Proof.PASSWORD, arrival)
    step = new_secret()
    await run_in_threadpool(steps.begin, desk.engine, step, Purpose.FACTOR, desk.session_clock(), user_id=user_id)
    return Halfway(step, factors)


async def check_password(desk: Desk, *, email: str, password: str, address: str) -> int:
    """Whose password it is. Takes as long when there is no such account. Raises ProblemError as `sign_in`."""
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
    return found.user_id


async def halfway(desk: Desk, step: str) -> Halfway | None:
    """Where somebody stands who has given the password; None for anybody else."""
    found = await run_in_threadpool(steps.find, desk.engine, step, Purpose.FACTOR, desk.session_clock())
    if found is None or found.user_id is None:
        return None
    return Halfway(step, await run_in_threadpool(factors_of, desk.engine, found.user_id))


async def answer_code(desk: Desk, *, code: str, arrival: Arrival) -> Opened:
    """The second step by a code of an app, or a recovery code. Raises ProblemError: 401 for a code that does not fit
    and where there is no first step, 429 after too many attempts."""
    now_ms = desk.session_clock()
    step = await run_in_threadpool(steps.find, desk.engine, arrival.step, Purpose.FACTOR, now_ms)
    user_id = step.user_id if step else None
    if user_id is None:
        raise begin_again()
    address = arrival.browser.address
    wait_ms = desk.factor_attempts.begin(str(user_id), address, now_ms)
    if wait_ms:
        log.warning("second step of account %d held back after too many attempts from %s", user_id, address)
        raise too_many_attempts(wait_ms, _TOO_MANY)
    if await run_in_threadpool(steps.count_try, desk.engine, arrival.step, Purpose.FACTOR, now_ms) is None:
        raise begin_again()
    proof = await run_in_threadpool(code_proves, desk.engine, desk.box, user_id, code, now_ms)
    if proof is None:
        log.warning("a second factor of account %d from %s does not fit", user_id, address)
        await _refused(desk, f"code of U-{user_id}", arrival)
        raise ProblemError(401, "Not signed in", CODE_REFUSED)
    desk.factor_attempts.succeeded(str(user_id), address)
    return await _open(desk, user_id, proof, arrival)


async def ask_for_passkey(desk: Desk, arrival: Arrival) -> Question:
    """What the browser is to ask its authenticators: for one of the person who is half way, or for any. Raises
    ProblemError 404 where passkeys are not in use, 429."""
    site = passkey_site(desk)
    now_ms, engine = desk.session_clock(), desk.engine
    wait_ms = desk.question_attempts.begin("", arrival.browser.address, now_ms)
    if wait_ms:
        raise too_many_attempts(wait_ms, _TOO_MANY)
    first = await run_in_threadpool(steps.find, engine, arrival.step, Purpose.FACTOR, now_ms)
    token = arrival.step if first else new_secret()
    asked = await run_in_threadpool(ask_to_show, engine, site, first.user_id if first else None)
    body = {"challenge": asked.challenge}
    await run_in_threadpool(steps.begin, engine, token, Purpose.PASSKEY, now_ms, body=body)
    return Question(token, asked.options)


async def answer_passkey(desk: Desk, *, answer: dict[str, Any], arrival: Arrival) -> Opened:
    """A session for whose passkey it is, whether or not they gave the password before. Raises ProblemError 401 for
    anything that proves nothing, 404 where passkeys are not in use."""
    site = passkey_site(desk)
    now_ms, address = desk.session_clock(), arrival.browser.address
    asked = await run_in_threadpool(steps.take, desk.engine, arrival.step, Purpose.PASSKEY, now_ms)
    first = await run_in_threadpool(steps.find, desk.engine, arrival.step, Purpose.FACTOR, now_ms)
    user_id = await _shown(desk, site, asked, answer, now_ms)
    if user_id is None or (first is not None and first.user_id != user_id):
        log.warning("passkey refused from %s", address)
        if asked is not None:
            await _refused(desk, Proof.PASSKEY.value, arrival)
        raise ProblemError(401, "Not signed in", PASSKEY_REFUSED)
    return await _open(desk, user_id, Proof.PASSKEY, arrival)


async def _shown(desk: Desk, site: Site, asked: Step | None, answer: dict[str, Any], now_ms: int) -> int | None:
    if asked is None:
        return None
    try:
        return await run_in_threadpool(owner_shown, desk.engine, site, answer, asked.body["challenge"], now_ms)
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
    await run_in_threadpool(steps.begin, desk.engine, token, Purpose.CLINIC, now_ms, body=body)
    return errand.url, token


async def back_from_clinic(desk: Desk, *, code: str, state: str, issuer: str, arrival: Arrival) -> tuple[Opened, str]:
    """A session for whom the clinic has signed in, and where they wanted to go. `issuer` is who says so, "" where that
    was not said (RFC 9207). Raises ProblemError 401."""
    clinic, back = _clinic(desk)
    now_ms, address = desk.session_clock(), arrival.browser.address
    step = await run_in_threadpool(steps.take, desk.engine, arrival.step, Purpose.CLINIC, now_ms)
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
        raise refused from error
    organisation = clinic.settings.organisation_id
    user_id = await run_in_threadpool(account_of, desk.engine, identity, organisation, now_ms)
    if user_id is None:
        log.warning("the clinic has signed in somebody from %s who has no account here", address)
        await _refused(desk, Proof.CLINIC.value, arrival)
        raise refused
    return await _open(desk, user_id, Proof.CLINIC, arrival), step.body["next"]


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


async def _refused(desk: Desk, how: str, arrival: Arrival) -> None:
    await run_in_threadpool(sign_in_trail.tell, desk.engine, sign_in_trail.refused(how, arrival.visit), desk.clock())


async def _open(desk: Desk, user_id: int, proof: Proof, arrival: Arrival) -> Opened:
    now_ms, engine = desk.session_clock(), desk.engine
    if arrival.step:
        await run_in_threadpool(steps.drop_all, engine, arrival.step)
    token = await run_in_threadpool(
        open_session,
        engine,
        user_id,
        now_ms,
        desk.rules,
        replaces=arrival.replaces,
        proof=proof,
        browser=arrival.browser,
    )
    entry = sign_in_trail.came_in(user_id, proof.value, arrival.visit)
    await run_in_threadpool(sign_in_trail.tell, engine, entry, desk.clock())
    log.info("account %d signed in by %s from %s", user_id, proof.value, arrival.browser.address)
    return Opened(token)
