"""One's own account: sessions, password, second factors, and what needs a fresh proof."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import select

from server.access.factors import Factors, factors_of
from server.access.forms import form_token
from server.access.my_account import WRONG_CODE
from server.access.sessions import Browser, open_session, sessions_of
from server.store.engine import reading
from server.store.tables import audit_entry
from tests.server.access.conftest import Town
from tests.server.access.decisions import Who
from tests.server.conftest import ORIGIN, PASSWORD
from tests.server.transactions import committed

from .keys import Key
from .test_steps_in import code, field, give_app, give_codes, give_passkey, give_password

MINUTE = 60_000
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
JSON = {"accept": "application/json"}


@pytest.fixture
def named(make_clinic: Any) -> Any:
    """A clinic that knows its address."""
    return make_clinic(public_url=ORIGIN)


class Person:
    """Somebody in a browser, whose forms carry what the page before them held."""

    def __init__(self, clinic: Any, client: httpx.AsyncClient) -> None:
        self.clinic, self.client = clinic, client

    @property
    def token(self) -> str:
        return form_token(self.client.cookies["plumbline-session"])

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, **data: str) -> httpx.Response:
        return await self.client.post(path, data={"form_token": self.token, **data})

    async def send(self, path: str, body: Any = None) -> httpx.Response:
        """As the page's script does."""
        return await self.client.post(path, json=body or {}, headers={**JSON, "x-form-token": self.token})


async def visit(clinic: Any, who: str = "mara", agent: str = FIREFOX) -> Person:
    client = clinic.client()
    client.headers["user-agent"] = agent
    answer = await client.post("/api/v1/session", json={"email": f"{who}@example.org", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return Person(clinic, client)


async def test_sessions_are_listed_to_their_owner_and_ended(clinic: Any) -> None:
    here = await visit(clinic)
    clinic.now_ms += 5 * MINUTE
    there = await visit(
        clinic, agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1"
    )
    otto = await visit(clinic, "otto")
    page = (await here.get("/account")).text
    assert page.count("Firefox on Linux") == 1
    assert page.count("Safari on iPhone") == 1
    assert page.count("This one") == 1
    assert "2 sessions" in page
    assert "127.0.0.1" in page
    assert here.client.cookies["plumbline-session"] not in page
    handles = re.findall(r"/account/sessions/([^/]+)/end", page)
    assert len(handles) == 1, "one's own session is ended by signing out"
    assert (await otto.post(f"/account/sessions/{handles[0]}/end")).status_code == 404
    assert (await there.get("/account")).status_code == 200
    assert (await here.post(f"/account/sessions/{handles[0]}/end")).status_code == 303
    assert (await there.get("/account")).headers["location"] == "/login?next=/account"
    assert (await here.get("/account")).status_code == 200


async def test_all_other_sessions_end_at_once(clinic: Any) -> None:
    here, there, otto = await visit(clinic), await visit(clinic), await visit(clinic, "otto")
    assert (await here.post("/account/sessions/end-others")).status_code == 303
    assert (await there.get("/account")).status_code == 303
    assert (await here.get("/account")).status_code == 200
    assert (await otto.get("/account")).status_code == 200


async def test_a_changed_password_ends_every_session_and_begins_one(clinic: Any) -> None:
    here, there = await visit(clinic), await visit(clinic)
    before = here.client.cookies["plumbline-session"]
    new = "seven grey herons stand still"
    assert (await here.post("/account/password", old="not this one", new=new, again=new)).status_code == 401
    assert (await here.post("/account/password", old=PASSWORD, new=new, again=new + "!")).status_code == 422
    for weak in ("short", "password12345", "mara@example.org", "Mara.Lindqvist1", "qwertyuiop123"):
        answer = await here.post("/account/password", old=PASSWORD, new=weak, again=weak)
        assert answer.status_code == 422, weak
        assert "The password" in answer.text or "a password has" in answer.text or "the password" in answer.text
    assert (await there.get("/account")).status_code == 200
    done = await here.post("/account/password", old=PASSWORD, new=new, again=new)
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert here.client.cookies["plumbline-session"] != before
    assert (await here.get("/account")).status_code == 200
    assert (await there.get("/account")).status_code == 303
    async with clinic.client() as client:
        credentials = {"email": "mara@example.org", "password": PASSWORD}
        assert (await client.post("/api/v1/session", json=credentials)).status_code == 401
        assert (await client.post("/api/v1/session", json={**credentials, "password": new})).status_code == 201


async def test_the_old_password_is_not_guessed_here_either(clinic: Any) -> None:
    here = await visit(clinic)
    for _ in range(5):
        assert (await here.post("/account/password", old="guess", new="x" * 20, again="x" * 20)).status_code == 401
    held = await here.post("/account/password", old=PASSWORD, new="x" * 20, again="x" * 20)
    assert held.status_code == 429
    assert (await here.post("/account/confirm", password=PASSWORD)).status_code == 429


async def test_an_app_is_set_up_and_the_session_counts_for_more(clinic: Any) -> None:
    here = await visit(clinic)
    before = here.client.cookies["plumbline-session"]
    assert (await here.get("/account/app")).headers["location"] == "/account"
    assert (await here.post("/account/app")).headers["location"] == "/account/app"
    page = (await here.get("/account/app")).text
    assert "<svg" in page
    secret = re.findall(r'<code class="line">([A-Z2-7 ]+)</code>', page)[0].replace(" ", "")
    wrong = await here.post("/account/app/code", code="12345")
    assert wrong.status_code == 422
    assert WRONG_CODE in wrong.text
    assert "Not set up" in (await here.get("/account")).text
    done = await here.post("/account/app/code", code=code(clinic, pyotp.TOTP(secret)))
    assert (done.status_code, done.headers["location"]) == (303, "/account/recovery-codes")
    assert here.client.cookies["plumbline-session"] != before, "its rights have risen"
    async with clinic.client() as thief:
        thief.cookies.set("plumbline-session", before)
        assert (await thief.get("/account")).status_code == 303
    account = (await here.get("/account")).text
    assert "Protected by a second factor" in account
    assert "password and app" in account
    assert "no recovery codes left" in account
    assert "/account/app" in (await here.get("/account")).text
    assert (await here.get("/account/app")).headers["location"] == "/account", "the secret is not shown again"


async def test_recovery_codes_are_shown_once(clinic: Any) -> None:
    here = await visit(clinic)
    assert (await here.post("/account/recovery-codes")).status_code == 409
    give_app(clinic)
    offered = (await here.get("/account/recovery-codes")).text
    assert not re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", offered)
    shown = (await here.post("/account/recovery-codes")).text
    codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", shown)
    assert len(set(codes)) == 10
    assert "10 left" in (await here.get("/account")).text
    assert not re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", (await here.get("/account/recovery-codes")).text)


async def test_a_passkey_is_added_named_and_removed(named: Any) -> None:
    here, otto = await visit(named), await visit(named, "otto")
    key = Key(ORIGIN, "clinic.test")
    assert 'value="Firefox on Linux"' in (await here.get("/account/passkeys/new")).text
    question = await here.send("/account/passkeys/question")
    answer = key.make(question.json())
    assert (await otto.send("/account/passkeys", {"answer": answer, "name": "Mine"})).status_code == 422
    made = await here.send("/account/passkeys", {"answer": answer, "name": "<b>Blue</b> key"})
    assert (made.status_code, made.json()) == (200, {"next": "/account/recovery-codes"})
    again = await here.send("/account/passkeys", {"answer": answer, "name": "Twice"})
    assert again.status_code == 422, "a challenge is answered once"
    page = (await here.get("/account")).text
    assert "&lt;b&gt;Blue&lt;/b&gt; key" in page
    number = re.findall(r"/account/passkeys/(\d+)/name", page)[0]
    assert (await otto.post(f"/account/passkeys/{number}/name", name="Mine")).status_code == 404
    assert (await otto.post(f"/account/passkeys/{number}/remove")).status_code == 404
    assert (await here.post(f"/account/passkeys/{number}/name", name=" Key in the drawer ")).status_code == 303
    assert "<b>Key in the drawer</b>" in (await here.get("/account")).text
    give_codes(named)
    assert (await here.post(f"/account/passkeys/{number}/remove")).status_code == 303
    page = (await here.get("/account")).text
    assert "With a password alone" in page
    assert "Recovery codes" not in page


async def test_what_changes_the_way_in_needs_a_fresh_proof(named: Any) -> None:
    key = give_passkey(named)
    totp = give_app(named)
    async with named.client() as client:
        await give_password(client)
        page = (await client.get("/login/factor")).text
        await client.post("/login/factor", data={"form_token": field(page, "form_token"), "code": code(named, totp)})
        here = Person(named, client)
        number = re.findall(r"/account/passkeys/(\d+)/name", (await here.get("/account")).text)[0]
        named.now_ms += 15 * MINUTE + 1
        for path in (
            "/account/app",
            "/account/app/remove",
            "/account/recovery-codes",
            f"/account/passkeys/{number}/remove",
        ):
            answer = await here.post(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/account/confirm"), path
        for path in ("/account/app/code",):
            assert (await here.post(path, code="123456")).headers["location"] == "/account/confirm"
        asked: list[tuple[str, Any]] = [("/account/passkeys/question", {}), ("/account/passkeys", {"answer": {}})]
        for path, body in asked:
            told = await here.send(path, body)
            assert (told.status_code, told.json()["type"]) == (403, "urn:plumbline:problem:confirm-first")
        assert (await here.get("/account/passkeys/new")).headers["location"] == (
            "/account/confirm?next=/account/passkeys/new"
        )
        assert "Use a passkey" in (await here.get("/account/confirm")).text
        assert (await here.post("/account/confirm", password="not this one")).status_code == 401
        before = client.cookies["plumbline-session"]
        done = await here.post("/account/confirm", password=PASSWORD, next="//evil.test")
        assert (done.status_code, done.headers["location"]) == (303, "/account")
        assert client.cookies["plumbline-session"] != before
        assert (await here.post("/account/app")).headers["location"] == "/account/app"
        named.now_ms += 15 * MINUTE + 1
        question = await here.send("/account/confirm/passkey/question")
        shown = await here.send(
            "/account/confirm/passkey", {"answer": key.show(question.json()), "next": "/account/app"}
        )
        assert (shown.status_code, shown.json()) == (200, {"next": "/account/app"})
        assert (await here.post("/account/app/remove")).headers["location"] == "/account"


async def test_somebody_elses_passkey_confirms_nothing(named: Any) -> None:
    give_passkey(named)
    theirs = give_passkey(named, "otto")
    client = named.client()
    token = committed(open_session)(named.engine, named.people["mara"], named.now_ms, named.rules)
    client.cookies.set("plumbline-session", token)
    here = Person(named, client)
    question = await here.send("/account/confirm/passkey/question")
    answer = await here.send("/account/confirm/passkey", {"answer": theirs.show(question.json())})
    assert answer.status_code == 401
    await client.aclose()


@pytest.fixture
def strict(make_clinic: Any) -> Any:
    """A clinic where therapists need a second factor."""
    return make_clinic(public_url=ORIGIN, second_factor_for=frozenset({"therapist"}))


async def test_who_needs_a_second_factor_can_do_nothing_else_before(strict: Any) -> None:
    here = await visit(strict)
    for path in ("/patients", "/patients/1", "/patients/1/plan"):
        assert (await here.get(path)).headers["location"] == "/account/second-factor"
    assert (await here.post("/patients/1/plan", reason="because")).headers["location"] == "/account/second-factor"
    told = await here.get("/api/v1/patients")
    assert (told.status_code, told.json()["type"]) == (403, "urn:plumbline:problem:second-factor-missing")
    assert (await here.get("/api/v1/session")).json()["second_factor_missing"] is True
    assert "One more thing" in (await here.get("/account/second-factor")).text
    await here.post("/account/app")
    secret = re.findall(r'<code class="line">([A-Z2-7 ]+)</code>', (await here.get("/account/app")).text)[0]
    totp = pyotp.TOTP(secret.replace(" ", ""))
    assert (await here.post("/account/app/code", code=code(strict, totp))).status_code == 303
    assert (await here.get("/patients")).status_code == 200
    assert (await here.get("/account/second-factor")).headers["location"] == "/account"
    kept = await here.post("/account/app/remove")
    assert kept.status_code == 409
    assert "Set up another one before" in kept.text
    assert "On since" in (await here.get("/account")).text


async def test_who_signs_in_with_more_than_a_password_has_what_is_needed(strict: Any) -> None:
    key = give_passkey(strict)
    async with strict.client() as client:
        headers = {"x-form-token": field((await client.get("/login")).text, "form_token"), **JSON}
        question = await client.post("/login/passkey/question", json={}, headers=headers)
        await client.post("/login/passkey", json={"answer": key.show(question.json())}, headers=headers)
        assert (await client.get("/patients")).status_code == 200


async def test_signing_out_is_open_to_who_has_not_set_one_up(strict: Any) -> None:
    here = await visit(strict)
    assert (await here.post("/logout")).status_code == 303
    assert (await here.get("/account")).status_code == 303


async def test_a_new_sign_in_forgets_sessions_that_are_over(clinic: Any) -> None:
    mara = clinic.people["mara"]
    committed(open_session)(clinic.engine, mara, 0, clinic.rules, browser=Browser("2001:db8::1", "Edge on Windows"))
    assert [one.browser.address for one in sessions_of(clinic.engine, mara, 1, clinic.rules)] == ["2001:db8::1"]
    assert sessions_of(clinic.engine, mara, clinic.rules.idle_ms, clinic.rules) == []


async def test_an_administrator_helps_who_has_lost_everything(town: Town) -> None:
    clinic = town.clinic
    give_app(clinic, "otto")
    give_codes(clinic, "otto")
    otto, vera = town.visitor(Who.COLLEAGUE), town.visitor(Who.ADMINISTRATOR)
    path = f"/people/accounts/{clinic.people['otto']}/factors"
    assert (await otto.post(path)).status_code == 403
    assert (await town.visitor(Who.OTHER_ADMINISTRATOR).post(path)).status_code == 404
    assert (await vera.post(f"/people/accounts/{town.accounts['vera']}/factors")).status_code == 409
    assert factors_of(clinic.engine, clinic.people["otto"]).any
    assert (await vera.post(path)).status_code == 303
    assert factors_of(clinic.engine, clinic.people["otto"]) == Factors(False, 0, 0)
    assert (await otto.get("/account")).headers["location"] == "/login?next=/account"
    await visit(clinic, "otto")
    with reading(clinic.engine) as db:
        told = db.execute(select(audit_entry.c.outcome, audit_entry.c.detail)).all()
    assert ("done", f"second factors of U-{clinic.people['otto']} removed") in [tuple(row) for row in told]


async def test_the_trail_tells_of_sign_ins_and_of_what_was_changed(clinic: Any) -> None:
    client = clinic.client()
    for who in ("mara", "nobody"):
        guess = {"email": f"{who}@example.org", "password": "not this one"}
        assert (await client.post("/api/v1/session", json=guess)).status_code == 401
    here, new = await visit(clinic), "seven grey herons stand still"
    assert (await here.post("/account/password", old=PASSWORD, new=new, again=new)).status_code == 303
    c, mara = audit_entry.c, f"U-{clinic.people['mara']}"
    with reading(clinic.engine) as db:
        rows = db.execute(select(c.actor, c.via, c.act, c.outcome, c.detail).order_by(c.number)).all()
    assert [tuple(row) for row in rows] == [
        ("-", "api", "sign in", "refused", "password"),
        ("-", "api", "sign in", "refused", "password"),
        (mara, "api", "sign in", "done", "password"),
        (mara, "page", "change how to sign in", "done", "password"),
    ]
    await client.aclose()


async def test_an_administrator_opens_no_account_from_a_session_left_open(town: Town) -> None:
    vera, clinic = town.visitor(Who.ADMINISTRATOR), town.clinic
    clinic.now_ms += clinic.rules.fresh_ms + 1
    for what in ("recovery", "factors"):
        answer = await vera.post(f"/people/accounts/{clinic.people['otto']}/{what}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/confirm")
    await vera.aclose()


async def test_who_has_confirmed_comes_back_to_where_they_were(town: Town) -> None:
    clinic, vera = town.clinic, await visit(town.clinic, "vera")
    clinic.now_ms += clinic.rules.fresh_ms + 1
    path = f"/people/accounts/{clinic.people['otto']}/recovery"
    vera.client.headers["referer"] = f"{ORIGIN}/people?of=1&more=2"
    answer = await vera.post(path)
    assert answer.headers["location"] == "/account/confirm?next=/people%3Fof%3D1%26more%3D2"
    wanted = html.unescape(field((await vera.get(answer.headers["location"])).text, "next"))
    assert wanted == "/people?of=1&more=2"
    done = await vera.post("/account/confirm", password=PASSWORD, next=wanted)
    assert (done.status_code, done.headers["location"]) == (303, wanted)
    assert (await vera.post(path)).status_code == 200


ELSEWHERE = (
    "https://evil.test/people",
    "https://evil.test//clinic.test/people",
    "http://clinic.test.evil.test/people",
    "http://clinic.test@evil.test/people",
    "http://clinic.test//evil.test",
    "http://clinic.test/account/confirm?next=/people",
    "http://[clinic.test/people",
    "javascript:alert(1)",
    "",
)


async def test_nobody_is_led_out_of_here(town: Town) -> None:
    clinic, vera = town.clinic, await visit(town.clinic, "vera")
    clinic.now_ms += clinic.rules.fresh_ms + 1
    for elsewhere in ELSEWHERE:
        vera.client.headers["referer"] = elsewhere
        answer = await vera.post(f"/people/accounts/{clinic.people['otto']}/recovery")
        page = (await vera.get(answer.headers["location"])).text
        assert field(page, "next") == "/account", elsewhere
    for wanted in (*ELSEWHERE, "//evil.test", "/\\evil.test", "https:evil.test", "/\tevil.test"):
        done = await vera.post("/account/confirm", password=PASSWORD, next=wanted)
        assert (done.status_code, done.headers["location"]) == (303, "/account"), wanted
