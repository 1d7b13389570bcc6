"""Tokens of programs when a password changes: they are shown, and end unless their owner keeps them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.access import tokens
from server.access.acts import Duty
from server.access.scopes import Scope
from server.people import recoveries
from server.store.engine import reading
from server.store.tables import audit_entry
from tests.server.conftest import PASSWORD
from tests.server.transactions import committed

from .test_my_account import visit
from .test_steps_in import field

NEW = "seven grey herons stand still"
DAY = 86_400_000


def give_token(clinic: Any, who: str = "mara", name: str = "Night export", valid_ms: int = 30 * DAY) -> str:
    made = committed(tokens.add_token)(
        clinic.engine,
        clinic.people[who],
        name=name,
        scopes=[Scope.READ_PATIENTS],
        valid_ms=valid_ms,
        now_ms=clinic.now_ms,
    )
    return made.secret


async def opens(clinic: Any, secret: str) -> bool:
    async with clinic.client() as program:
        answer = await program.get("/api/v1/patients", headers={"authorization": f"Bearer {secret}"})
    return bool(answer.status_code == 200)


def told(clinic: Any) -> list[tuple[str, ...]]:
    c = audit_entry.c
    query = select(c.actor, c.role, c.detail).where(c.act == Duty.MANAGE_TOKENS).order_by(c.number)
    with reading(clinic.engine) as db:
        return [tuple(row) for row in db.execute(query)]


@pytest.mark.parametrize("ticked", [True, False])
async def test_a_change_of_the_password_ends_them_as_its_owner_says(clinic: Any, ticked: bool) -> None:
    mine, more, others = give_token(clinic), give_token(clinic, name="Desk"), give_token(clinic, "otto")
    here = await visit(clinic)
    page = (await here.get("/account/password")).text
    assert "Night export" in page
    assert 'name="end_tokens" value="yes" checked' in page
    assert "Night export" not in (await (await visit(clinic, "otto")).get("/account/password")).text.replace(
        "Night export", "", 1
    )
    box = {"end_tokens": "yes"} if ticked else {}
    wrong = await here.post("/account/password", old="not this one", new=NEW, again=NEW, **box)
    assert ('value="yes" checked' in wrong.text) is ticked, "the choice is kept"
    assert await opens(clinic, mine), "nothing ends before the password is right"
    assert (await here.post("/account/password", old=PASSWORD, new=NEW, again=NEW, **box)).status_code == 303
    assert [await opens(clinic, secret) for secret in (mine, more)] == [not ticked] * 2
    assert await opens(clinic, others)
    mara = f"U-{clinic.people['mara']}"
    assert told(clinic) == [(mara, "therapist", f"token:{number} revoked") for number in (1, 2) if ticked]
    assert ("end_tokens" in (await here.get("/account/password")).text) is not ticked


async def recover(clinic: Any, client: httpx.AsyncClient, **box: str) -> httpx.Response:
    link = committed(recoveries.offer_recovery)(
        clinic.engine, clinic.people["mara"], author_id=None, valid_ms=DAY, now_ms=clinic.now_ms
    )
    path = f"/recovery/{link.token}"
    page = (await client.get(path)).text
    assert "Night export" in page
    assert "over" not in page.partition("Programs that")[2].partition("</ul>")[0]
    data = {"form_token": field(page, "form_token"), "password": NEW, "again": NEW}
    return await client.post(path, data={**data, **box})


async def test_a_recovery_ends_them_unless_they_are_kept(clinic: Any) -> None:
    mine, others = give_token(clinic), give_token(clinic, "otto")
    give_token(clinic, name="over", valid_ms=3_600_000)
    clinic.now_ms += 3_600_000
    async with clinic.client() as client:
        assert (await recover(clinic, client, keep_tokens="yes")).status_code == 303
        assert await opens(clinic, mine)
        assert (await recover(clinic, client)).status_code == 303
    assert (await opens(clinic, mine), await opens(clinic, others)) == (False, True)
    assert told(clinic) == [(f"U-{clinic.people['mara']}", "therapist", "token:1 revoked")]
