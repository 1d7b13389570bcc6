"""The one door from a request to data: who is signed in, whether the form is ours, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from server.access.attempts import AttemptRules, Attempts
from server.access.bearer import bearer_of, shows_token
from server.access.browsers import name_of
from server.access.care import Care
from server.access.clinic import ClinicSignIn
from server.access.forms import form_token, is_form_token, new_secret
from server.access.lately import Lately
from server.access.office import Office
from server.access.passwords import Passwords
from server.access.rules import AccessRules
from server.access.scopes import acts_of, duties_of
from server.access.sealing import SecretBox
from server.access.sessions import Browser, OpenSession, Person, Proof, find_open
from server.access.visit import Visit
from server.enrolment.doorkeeper import Doorkeeper
from server.people.mail import Mailer
from server.problems import ProblemError, not_signed_in, second_factor_missing, stale_form
from server.rights.tombstones import Tombstones
from server.store.engine import reading

TOKEN_HEADER: Final = "x-form-token"  # noqa: S105 - the name of a header
TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the name of a field
REFRESH_HEADER: Final = "x-refresh"
"""Sent by scripts that keep a page up to date: such a request does not keep the session alive."""
MAILS: Final = AttemptRules(span_ms=3_600_000, pair=3, account=3, address=20)
"""Mails asked for by somebody who cannot sign in."""
EMERGENCIES: Final = AttemptRules(span_ms=3_600_000, pair=10, account=10, address=10**6)
"""Patients to whom one person tries to take emergency access, found or not."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Desk:
    """What the doors of one application share. `clock` tells the time of the data and of care, `session_clock` that of
    the people at their browsers; they differ where data are simulated faster than real time. Both in UTC ms. Without a
    `box` there are no authenticator apps, without a `clinic` nobody signs in by an account there, without `tombstones`
    nobody can be erased."""

    engine: Engine
    clock: Callable[[], int]
    session_clock: Callable[[], int]
    rules: AccessRules
    passwords: Passwords
    attempts: Attempts
    code_attempts: Attempts
    doorkeeper: Doorkeeper | None = None
    factor_attempts: Attempts = field(default_factory=Attempts)
    question_attempts: Attempts = field(default_factory=Attempts)
    token_attempts: Attempts = field(default_factory=Attempts)
    box: SecretBox | None = None
    clinic: ClinicSignIn | None = None
    mailer: Mailer | None = None
    lately: Lately = field(default_factory=Lately)
    tombstones: Tombstones | None = None
    mail_attempts: Attempts = field(default_factory=lambda: Attempts(MAILS))
    emergency_attempts: Attempts = field(default_factory=lambda: Attempts(EMERGENCIES))

    def tell_broker(self) -> None:
        """Let the broker know at once who may come; what fails now is done when it works again."""
        if self.doorkeeper is not None:
            self.doorkeeper.tell()

    def ask_database(self) -> None:
        """Raise SQLAlchemyError when the database does not answer."""
        with reading(self.engine) as db:
            db.execute(text("SELECT 1"))


@dataclass(frozen=True)
class SignedIn:
    """A request of somebody who has signed in. `care` is the only way to patients' data, `office` to all else."""

    person: Person
    care: Care
    office: Office
    form_token: str
    now_ms: int


@dataclass(frozen=True)
class Known:
    """A request with a session, of somebody who may have to set up a second factor before anything else. `now_ms` is
    the time of sessions."""

    person: Person
    session: OpenSession
    token: str = field(repr=False)
    form_token: str = field(repr=False)
    now_ms: int
    visit: Visit

    def must_set_up(self, rules: AccessRules) -> bool:
        """Whether this person may do nothing yet but set up a second factor."""
        return self.session.proof is Proof.PASSWORD and self.person.role in rules.second_factor_for


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    desk: Desk = request.app.state.desk
    return desk


async def known(request: Request) -> Known:
    """Dependency of the routes that concern nothing but one's own session and account. Raises ProblemError 401, or 403
    for a writing request without the session's form token."""
    desk = desk_of(request)
    token = request.cookies.get(desk.rules.session_cookie, "")
    by_hand = REFRESH_HEADER not in request.headers
    now_ms = desk.session_clock()
    if shows_token(request):
        raise not_signed_in()
    found = await run_in_threadpool(find_open, desk.engine, token, now_ms, desk.rules, counts=by_hand)
    if found is None:
        raise not_signed_in()
    request.state.known = somebody = Known(*found, token, form_token(token), now_ms, visit_of(request))
    await require_form_token(request, token)
    return somebody


async def known_on_the_way(request: Request) -> Known | None:
    """Who had asked when a request came to nothing, as far as the database can tell; for the head of the page that says
    so, and nothing else."""
    found: Known | None = getattr(request.state, "known", None)
    if found is None and request.method in _SAFE and not shows_token(request):
        with suppress(ProblemError, SQLAlchemyError):
            found = await known(request)
    return found


async def signed_in(request: Request) -> SignedIn:
    """Dependency of every route that shows or changes data. Raises ProblemError as `known` does, and 403 for somebody
    who has to set up a second factor first; for a program's token as `bearer_of`."""
    desk = desk_of(request)
    if shows_token(request):
        return await run_in_threadpool(_with_token, request, desk)
    somebody = await known(request)
    if somebody.must_set_up(desk.rules):
        raise second_factor_missing()
    person, now_ms = somebody.person, desk.clock()
    visit = visit_of(request)
    care, office = Care(desk.engine, person, now_ms, visit), Office(desk.engine, person, now_ms, visit)
    return SignedIn(person, care, office, somebody.form_token, now_ms)


def _with_token(request: Request, desk: Desk) -> SignedIn:
    address, now_ms = client_address(request), desk.clock()
    bearer = bearer_of(request, desk.engine, desk.token_attempts, address, now_ms=now_ms, clock_ms=desk.session_clock())
    person, visit = bearer.person, Visit(address, f"token:{bearer.token_id}")
    care = Care(desk.engine, person, now_ms, visit, acts_of(bearer.scopes))
    office = Office(desk.engine, person, now_ms, visit, duties_of(bearer.scopes))
    return SignedIn(person, care, office, "", now_ms)


def visit_of(request: Request) -> Visit:
    """From where a request came, and whether a page or a program made it."""
    via = "api" if request.url.path.startswith("/api/") else "page"
    by_itself = request.method in _SAFE and REFRESH_HEADER in request.headers
    return Visit(client_address(request), via, by_itself, desk_of(request).lately)


def client_address(request: Request) -> str:
    """The network address that a request came from."""
    return request.client.host if request.client else ""


def browser_of(request: Request) -> Browser:
    """Where a request came from, and what the browser is."""
    return Browser(client_address(request), name_of(request.headers.get("user-agent", "")))


async def require_form_token(request: Request, secret: str) -> None:
    """Raise ProblemError 403 unless a writing request carries the form token of the cookie `secret`."""
    if request.method in _SAFE:
        return
    sent: object = request.headers.get(TOKEN_HEADER)
    if sent is None and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        sent = (await request.form()).get(TOKEN_FIELD)
    if not isinstance(sent, str) or not is_form_token(sent, secret):
        raise stale_form()


def visitor_secret(request: Request) -> str:
    """The secret in the visitor's cookie, or a new one."""
    return request.cookies.get(desk_of(request).rules.visitor_cookie) or new_secret()


def set_cookie(response: Response, rules: AccessRules, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """A cookie for this host only, out of reach of scripts. Without `max_age_s` it ends with the browser, and its
    session before that."""
    response.set_cookie(name, value, max_age_s, path="/", secure=rules.secure, httponly=True, samesite="lax")


def drop_cookie(response: Response, rules: AccessRules, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/", secure=rules.secure, httponly=True, samesite="lax")


Door = Annotated[SignedIn, Depends(signed_in)]
Holder = Annotated[Known, Depends(known)]
