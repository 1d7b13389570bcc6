"""Programs with tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx
import pytest
from sqlalchemy import Engine

from server.access.scopes import Scope
from server.access.tokens import Made, add_token
from server.store import writing
from tests.server.conftest import Clinic

DAY_MS = 86_400_000
MakeToken = Callable[..., Made]
MakeProgram = Callable[..., httpx.AsyncClient]


def token_for(engine: Engine, owner: int, now_ms: int, scopes: Iterable[Scope] = Scope, days: float = 30) -> Made:
    """A token of this account, made now."""
    with writing(engine) as db:
        return add_token(db, owner, name="Export", scopes=scopes, valid_ms=int(days * DAY_MS), now_ms=now_ms)


def program_at(clinic: Clinic, secret: str) -> httpx.AsyncClient:
    """A program that shows this token, and nothing else."""
    transport = httpx.ASGITransport(clinic.app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.AsyncClient(transport=transport, base_url="http://clinic.test", headers=headers)


@pytest.fixture
def program(clinic: Clinic) -> MakeProgram:
    """Makes a program of Mara's, with a token of these scopes."""

    def make(*scopes: Scope, who: str = "mara", days: float = 30) -> httpx.AsyncClient:
        made = token_for(clinic.engine, clinic.people[who], clinic.now_ms, scopes or Scope, days)
        return program_at(clinic, made.secret)

    return make
