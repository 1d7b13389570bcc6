"""Every kind of entry that the trail has of signing in: whose, with which role, in the transaction that it tells of."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select

from server.access import my_account, sign_in_trail, signing_in, steps, telling
from server.access.accounts import credentials, set_password
from server.access.sessions import Browser
from server.access.sign_in_trail import CHANGE, CONFIRM, REPLACED, SIGN_IN, SIGN_OUT
from server.access.signing_in import Arrival, sign_in
from server.access.steps import Purpose
from server.problems import ProblemError
from server.store.engine import reading, writing
from server.store.tables import audit_entry, passkey, session
from tests.server.conftest import ORIGIN, PASSWORD

from .keys import Key
from .test_my_account import Person, visit
from .test_steps_in import AtTheClinic, code, field, give_app, give_code, give_codes, give_passkey, give_password
from .test_steps_in import show_passkey as answer_with_passkey

THERAPIST = "therapist"
NEW = "seven grey herons stand still"


@pytest.fixture
def named(make_clinic: Any) -> Any:
    """A clinic that knows its address."""
    return make_clinic(public_url=ORIGIN)


def told(clinic: Any) -> list[tuple[str, ...]]:
    """(actor, role, act, outcome, detail) of every entry about signing in, the oldest first."""
    c = audit_entry.c
    columns = c.actor, c.role, c.act, c.outcome, c.detail
    query = select(*columns).where(c.act.in_([SIGN_IN, SIGN_OUT, CONFIRM, CHANGE])).order_by(c.number)
    with reading(clinic.engine) as db:
        return [tuple(row) for row in db.execute(query)]


def count(clinic: Any, table: Any) -> int:
    with reading(clinic.engine) as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def mara(clinic: Any, act: str, outcome: str, detail: str) -> tuple[str, ...]:
    return (f"U-{clinic.people['mara']}", THERAPIST, act, outcome, detail)


def nobody(detail: str) -> tuple[str, ...]:
    return ("-", "", SIGN_IN, "refused", detail)


async def test_sessions_that_begin_and_end(clinic: Any) -> None:
    here, there = await visit(clinic), await visit(clinic)
    assert told(clinic) == [mara(clinic, SIGN_IN, "done", "password")] * 2
    answer = await here.client.post("/api/v1/session", json={"email": "mara@example.org", "password": PASSWORD})
    assert told(clinic)[2:] == [
        mara(clinic, SIGN_OUT, "done", REPLACED),
        mara(clinic, SIGN_IN, "done", "password"),
    ]
    await here.post("/account/sessions/end-others")
    assert (await there.get("/account")).status_code == 303
    await here.post("/account/sessions/of-nobody/end")
    third = await visit(clinic)
    page = (await here.get("/account")).text
    await here.post(f"/account/sessions/{page.split('/account/sessions/')[1].split('/end')[0]}/end")
    assert (await third.get("/account")).status_code == 303
    await here.client.delete("/api/v1/session", headers={"x-form-token": answer.json()["form_token"]})
    again = await visit(clinic)
    await again.post("/logout")
    assert told(clinic)[4:] == [
        mara(clinic, SIGN_OUT, "done", "all other sessions"),
        mara(clinic, SIGN_OUT, "failed", "another session"),
        mara(clinic, SIGN_IN, "done", "password"),
        mara(clinic, SIGN_OUT, "done", "another session"),
        mara(clinic, SIGN_OUT, "done", ""),
        mara(clinic, SIGN_IN, "done", "password"),
        mara(clinic, SIGN_OUT, "done", ""),
    ]


async def test_the_second_step(named: Any) -> None:
    totp, key = give_app(named), give_passkey(named)
    (recovery, *_), halfway = give_codes(named), "password, and a second factor is asked for"
    async with named.client() as client:
        await give_password(client)
        await give_code(client, "no such code")
        await give_code(client, code(named, totp))
    async with named.client() as client:
        await give_password(client)
        await give_code(client, recovery)
    async with named.client() as client:
        await answer_with_passkey(client, Key(ORIGIN, "clinic.test", credential=b"never seen"))
        await answer_with_passkey(client, key)
    assert told(named) == [
        mara(named, SIGN_IN, "allowed", halfway),
        nobody(f"code of U-{named.people['mara']}"),
        mara(named, SIGN_IN, "done", "app"),
        mara(named, SIGN_IN, "allowed", halfway),
        mara(named, SIGN_IN, "done", "recovery"),
        nobody("passkey"),
        mara(named, SIGN_IN, "done", "passkey"),
    ]


async def test_the_clinics_own_sign_in(named: Any) -> None:
    rosenhof = AtTheClinic(named)
    for claims in ({}, {"nonce": "of another visit"}, {"sub": "somebody", "email": "nobody@example.org"}):
        rosenhof.provider.claims = claims
        async with rosenhof.client() as client:
            await rosenhof.sign_in(client)
    assert told(named) == [mara(named, SIGN_IN, "done", "clinic"), nobody("clinic"), nobody("clinic")]


async def test_what_is_changed_and_what_is_refused(named: Any) -> None:
    here, key = await visit(named), Key(ORIGIN, "clinic.test", credential=b"a key of one's own")
    await here.post("/account/app")
    secret = (await here.get("/account/app")).text.split('<code class="line">')[1].split("</code>")[0].replace(" ", "")
    await here.post("/account/app/code", code="12345")
    await here.post("/account/app/code", code=totp_now(named, secret))
    question = (await here.send("/account/passkeys/question")).json()
    assert (await here.send("/account/passkeys", {"answer": key.make(question)})).status_code == 200
    await here.post("/account/recovery-codes")
    await here.post("/account/confirm", password="not this one")
    await here.post("/account/confirm", password=PASSWORD)
    await here.send("/account/confirm/passkey/question")
    stranger = Key(ORIGIN, "clinic.test", credential=b"never seen")
    await here.send("/account/confirm/passkey", {"answer": stranger.show(question)})
    question = (await here.send("/account/confirm/passkey/question")).json()
    await here.send("/account/confirm/passkey", {"answer": key.show(question)})
    number = (await here.get("/account")).text.split("/account/passkeys/")[2].split("/")[0]
    await here.post(f"/account/passkeys/{number}/remove")
    await here.post("/account/app/remove")
    for old, new in (("not this one", NEW), (PASSWORD, "short"), (PASSWORD, NEW)):
        await here.post("/account/password", old=old, new=new, again=new)
    assert told(named)[1:] == [
        mara(named, CHANGE, "failed", "app added"),
        mara(named, CHANGE, "done", "app added"),
        mara(named, CHANGE, "done", "passkey added"),
        mara(named, CHANGE, "done", "recovery codes made"),
        mara(named, CONFIRM, "refused", "password"),
        mara(named, CONFIRM, "done", "password"),
        mara(named, CONFIRM, "refused", "passkey"),
        mara(named, CONFIRM, "done", "passkey"),
        mara(named, CHANGE, "done", "passkey removed"),
        mara(named, CHANGE, "done", "app removed"),
        mara(named, CHANGE, "refused", "password"),
        mara(named, CHANGE, "refused", "weak password"),
        mara(named, CHANGE, "done", "password"),
    ]


def totp_now(clinic: Any, secret: str) -> str:
    return code(clinic, pyotp.TOTP(secret))


class TrailGoneError(Exception):
    """The trail cannot be written."""


@pytest.fixture
def no_trail(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it, and nothing can be written into the trail any more."""

    def gone(*_: object) -> None:
        raise TrailGoneError

    def take_away() -> None:
        for module in (signing_in, sign_in_trail, my_account, telling):
            monkeypatch.setattr(module, "append", gone)

    return take_away


async def test_nobody_comes_in_without_the_trail_knowing(clinic: Any, no_trail: Any) -> None:
    totp, codes = give_app(clinic, "otto"), give_codes(clinic, "otto")
    no_trail()
    async with clinic.client() as client:
        answer = await client.post("/api/v1/session", json={"email": "mara@example.org", "password": PASSWORD})
    assert answer.status_code == 500
    assert count(clinic, session) == 0
    with pytest.raises(TrailGoneError):
        signing_in._after_code(clinic.app.state.desk, clinic.people["otto"], codes[0], half(clinic, "otto"))
    with pytest.raises(TrailGoneError):
        signing_in._after_code(clinic.app.state.desk, clinic.people["otto"], code(clinic, totp), half(clinic, "otto"))
    assert count(clinic, session) == 0


def half(clinic: Any, who: str) -> Arrival:
    """A browser in which the password was given."""
    desk = clinic.app.state.desk
    with writing(clinic.engine) as db:
        steps.begin(db, "a step", Purpose.FACTOR, desk.session_clock(), user_id=clinic.people[who])
    return Arrival(Browser(), step="a step")


async def test_nothing_is_changed_without_the_trail_knowing(named: Any, no_trail: Any) -> None:
    key = give_passkey(named)
    client = named.client()
    await answer_with_passkey(client, key)
    here = Person(named, client)
    number = (await here.get("/account")).text.split("/account/passkeys/")[2].split("/")[0]
    before = credentials(named.engine, "mara@example.org")
    no_trail()
    assert (await here.post(f"/account/passkeys/{number}/remove")).status_code == 500
    assert (await here.post("/account/password", old=PASSWORD, new=NEW, again=NEW)).status_code == 500
    assert (await here.post("/logout")).status_code == 500
    assert (count(named, passkey), count(named, session)) == (1, 1)
    assert credentials(named.engine, "mara@example.org") == before
    await client.aclose()


async def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(
    clinic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, check = clinic.app.state.desk, signing_in.check_password

    async def overtaken(*args: Any, **kwargs: Any) -> Any:
        right = await check(*args, **kwargs)
        with writing(clinic.engine) as db:
            set_password(db, right.user_id, "a new hash", clinic.now_ms)
        return right

    monkeypatch.setattr(signing_in, "check_password", overtaken)
    arrival = Arrival(Browser("192.0.2.1"))
    with pytest.raises(ProblemError) as caught:
        await sign_in(desk, email="mara@example.org", password=PASSWORD, arrival=arrival)
    assert caught.value.status == 401
    assert count(clinic, session) == 0
    assert told(clinic) == [nobody("password")]


async def test_the_trail_names_the_address_of_the_request_not_that_of_the_session(clinic: Any) -> None:
    here = await visit(clinic)
    with writing(clinic.engine) as db:
        db.execute(session.update().values(address="192.0.2.77"))
    await here.post("/account/confirm", password=PASSWORD)
    with reading(clinic.engine) as db:
        assert db.scalar(select(audit_entry.c.address).where(audit_entry.c.act == CONFIRM)) == "127.0.0.1"
    assert field((await here.get("/account/confirm")).text, "next") == "/account"
