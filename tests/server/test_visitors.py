"""Whose address a visit has: what a trusted proxy says, and nobody else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.access.attempts import AttemptRules
from server.serving import Face, configuration
from server.settings import Settings
from server.store import reading
from server.store.tables import audit_entry
from tests.server.conftest import ORIGIN, PASSWORD, Clinic

PROXY, SECOND_PROXY, NEIGHBOUR = "172.30.77.1", "10.9.8.7", "172.30.77.3"
ANNA, EVE = "203.0.113.7", "198.51.100.66"


@pytest.fixture
def served(make_clinic: Any) -> tuple[Clinic, Any]:
    """The application as it is served behind two proxies, one of them named by its network."""
    clinic = make_clinic(attempts=AttemptRules(pair=2, account=100, address=100))
    proxies = Settings(trusted_proxies=f"{PROXY}, 10.9.8.250/24").trusted_proxies  # type: ignore[arg-type]
    made = configuration(clinic.app, Face(secure=True, trusted_proxies=proxies))
    made.load()
    return clinic, made.loaded_app


async def tried(app: Any, peer: str, *forwarded: str, password: str = "not the password") -> int:
    """The answer to a sign-in by who connects from `peer` and says that it comes from elsewhere."""
    headers = [("origin", ORIGIN), *(("x-forwarded-for", word) for word in forwarded)]
    transport = httpx.ASGITransport(app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        answer = await client.post("/api/v1/session", json={"email": "mara@example.org", "password": password})
    return answer.status_code


def addresses(clinic: Clinic) -> list[str]:
    with reading(clinic.engine) as db:
        return list(db.scalars(select(audit_entry.c.address).order_by(audit_entry.c.number)))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (PROXY, [ANNA], ANNA),
        (PROXY, [f"{EVE}, {ANNA}"], ANNA),
        (PROXY, [EVE, ANNA], ANNA),
        (PROXY, [f"{EVE}, {ANNA}, {SECOND_PROXY}"], ANNA),
        (PROXY, [f"{ANNA}:51000"], ANNA),
        (PROXY, ["[2001:db8::7]:51000"], "2001:db8::7"),
        (PROXY, [], PROXY),
        (SECOND_PROXY, [ANNA], ANNA),
        (NEIGHBOUR, [ANNA], NEIGHBOUR),
        (NEIGHBOUR, [f"{ANNA}, {PROXY}"], NEIGHBOUR),
        ("127.0.0.1", [ANNA], "127.0.0.1"),
    ],
)
async def test_the_trail_has_the_address_that_a_trusted_proxy_saw(
    served: tuple[Clinic, Any], peer: str, forwarded: list[str], address: str
) -> None:
    clinic, app = served
    assert await tried(app, peer, *forwarded, password=PASSWORD) == 201
    assert addresses(clinic) == [address]


async def test_limits_count_visitors_behind_a_proxy_apart(served: tuple[Clinic, Any]) -> None:
    _, app = served
    assert [await tried(app, PROXY, EVE) for _ in range(3)] == [401, 401, 429]
    assert await tried(app, PROXY, f"{ANNA}, {EVE}") == 429, "what the visitor sent along changes nothing"
    assert await tried(app, PROXY, ANNA, password=PASSWORD) == 201


async def test_limits_are_not_escaped_by_a_made_up_header(served: tuple[Clinic, Any]) -> None:
    clinic, app = served
    assert [await tried(app, NEIGHBOUR, f"203.0.113.{last}") for last in range(3)] == [401, 401, 429]
    assert set(addresses(clinic)) == {NEIGHBOUR}


async def test_without_trusted_proxies_nobody_is_believed(clinic: Clinic) -> None:
    made = configuration(clinic.app, Face())
    made.load()
    assert await tried(made.loaded_app, "127.0.0.1", ANNA, password=PASSWORD) == 201
    assert addresses(clinic) == ["127.0.0.1"]
