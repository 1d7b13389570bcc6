"""Errors as people and programs are told them: RFC 9457 problem details for the API, a page for everybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """One field that cannot be used, and what would be accepted."""

    field: str
    detail: str


class ProblemError(Exception):
    """An answer other than what was asked for. `detail` says what to do about it; `kind`, with `members`, tells
    programs of an answer that they can act upon; `leads_to` is the page to which people are led who would see it, and
    `and_back` says that it leads back to where they were."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        retry_after_s: int | None = None,
        kind: str = "",
        members: Mapping[str, object] | None = None,
        leads_to: str = "",
        and_back: bool = False,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        self.kind = kind
        self.members = dict(members or {})
        self.leads_to = leads_to
        self.and_back = and_back

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        return headers | ({"www-authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {})

    def as_json(self) -> JSONResponse:
        """The answer for a program."""
        body: dict[str, object] = {
            "type": f"urn:plumbline:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            body["errors"] = [{"field": error.field, "detail": error.detail} for error in self.errors]
        return JSONResponse(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def too_many_attempts(wait_ms: int, why: str = "") -> ProblemError:
    """What somebody is told who has to wait for `wait_ms` before the next attempt; `why` is a sentence put before."""
    minutes = -(-wait_ms // 60_000)
    detail = f"{why} Wait {minutes} min and try again.".strip()
    return ProblemError(429, "Too many attempts", detail, retry_after_s=-(-wait_ms // 1000))


def not_found(what: str = "page") -> ProblemError:
    """What is not there, and what is not yours to see: the answers must not differ."""
    return ProblemError(
        404,
        "Not found",
        f"There is no such {what}, or it is not yours to see. Check the address, or go on from the start.",
    )


def not_allowed() -> ProblemError:
    """The answer to somebody who knows that there is something, but is not there to do this with it."""
    return ProblemError(
        403, "Not yours to do", "Your account is not meant for this. If you need it, ask who runs Plumbline for you."
    )


def outside_scopes() -> ProblemError:
    """The answer to a program whose owner may do this, but not with this token."""
    return ProblemError(
        403,
        "Outside the token's scopes",
        "The token was not made for this. Make one with the scope that is needed on the account’s page.",
        kind="outside-scopes",
    )


def not_signed_in() -> ProblemError:
    """The answer to somebody without a session."""
    return ProblemError(
        401, "Sign in first", "Your session has ended or you have not signed in. Sign in and try again."
    )


def token_refused() -> ProblemError:
    """The answer to a program whose token is good for nothing."""
    return ProblemError(
        401,
        "The token is not taken",
        "It is unknown, expired or revoked, or its owner’s account has ended. Make a new one on the account’s page.",
        kind="token-refused",
    )


def second_factor_missing() -> ProblemError:
    """The answer to somebody who may do nothing before they have a second factor."""
    return ProblemError(
        403,
        "Set up a second factor first",
        "Your account needs more than a password. Set up a passkey or an authenticator app on your account’s page.",
        kind="second-factor-missing",
        leads_to="/account/second-factor",
    )


def confirm_first() -> ProblemError:
    """The answer to a change of how somebody signs in, when they did so too long ago."""
    return ProblemError(
        403,
        "Confirm that it is you",
        "This needs a sign-in of the last few minutes. Confirm with your password or a passkey, and repeat it.",
        kind="confirm-first",
        leads_to="/account/confirm",
        and_back=True,
    )


def stale_form() -> ProblemError:
    """The answer to a writing request without a form token of ours."""
    return ProblemError(
        403,
        "The form is out of date",
        "Open the page again and repeat the change. "
        "Programs send the form token of GET /api/v1/session as X-Form-Token.",
    )


def from_other_site() -> ProblemError:
    """The answer to a writing request that another site's page made."""
    return ProblemError(
        403, "Refused", "The request came from a page of another site. Open the page here and try again."
    )


def busy() -> ProblemError:
    """The answer while the database cannot be used, or somebody else holds for long what is needed of it."""
    return ProblemError(
        503, "Not possible just now", "The server cannot get at its data. Try again in a minute.", retry_after_s=60
    )


def of_status(status: int) -> ProblemError:
    """A plain problem for an HTTP status."""
    if status == HTTPStatus.NOT_FOUND:
        return not_found()
    phrase = HTTPStatus(status).phrase
    details = {
        405: "This address does not take that method.",
        413: "What was sent is too large.",
    }
    return ProblemError(status, phrase, details.get(status, "The request could not be answered. Try again."))
