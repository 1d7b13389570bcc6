"""Signing in, in steps: second factors, passkeys, the clinic's own sign-in; pages and API."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pyotp
import pytest

from server.access.authenticators import begin_app, confirm_app
from server.access.clinic import ClinicSignIn
from server.access.clinic_settings import ClinicSettings
from server.access.passkeys import ask_to_make, keep_passkey
from server.access.recovery_codes import make_codes
from server.access.rules import AccessRules
from server.access.sealing import SecretBox
from server.access.signing_in import CLINIC_REFUSED, CODE_REFUSED, PASSKEY_REFUSED
from server.access.steps import LASTS_MS
from server.app import create_app
from server.store import writing
from tests.server.conftest import ORIGIN, PASSWORD, SEALING_KEY
from tests.server.transactions import committed

from .keys import PRESENT, Key
from .provider import CLIENT_ID, CLIENT_SECRET, ISSUER, Provider

BOX = SecretBox(SEALING_KEY)
MINUTE = 60_000


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def give_app(clinic: Any, who: str = "mara") -> pyotp.TOTP:
    """An app that was set up long ago."""
    then = clinic.now_ms - 10**8
    offer = begin_app(clinic.engine, BOX, clinic.people[who], f"{who}@example.org", then)
    totp = pyotp.TOTP(offer.secret)
    assert committed(confirm_app)(clinic.engine, BOX, clinic.people[who], totp.at(then // 1000), then)
    return totp


def give_codes(clinic: Any, who: str = "mara") -> list[str]:
    with writing(clinic.engine) as db:
        return make_codes(db, clinic.people[who], clinic.now_ms)


def give_passkey(clinic: Any, who: str = "mara") -> Key:
    site, user_id = clinic.rules.site, clinic.people[who]
    key = Key(site.origin, site.rp_id, credential=who.encode() * 5)
    asked = ask_to_make(clinic.engine, site, user_id, email=f"{who}@example.org", name=who)
    made = key.make(json.loads(asked.options))
    committed(keep_passkey)(clinic.engine, site, user_id, made, asked.challenge, name="Phone", now_ms=0)
    return key


def code(clinic: Any, totp: pyotp.TOTP) -> str:
    return totp.at(clinic.now_ms // 1000)


async def give_password(client: httpx.AsyncClient, **more: str) -> httpx.Response:
    form = (await client.get("/login")).text
    data = {"form_token": field(form, "form_token"), "email": "mara@example.org", "password": PASSWORD, **more}
    return await client.post("/login", data=data)


async def give_code(client: httpx.AsyncClient, typed: str, **more: str) -> httpx.Response:
    form = (await client.get("/login/factor")).text
    return await client.post("/login/factor", data={"form_token": field(form, "form_token"), "code": typed, **more})


async def show_passkey(client: httpx.AsyncClient, key: Key, **instead: Any) -> httpx.Response:
    page = await client.get("/login")
    token = field(page.text, "form_token") if page.status_code == 200 else ""
    headers = {"accept": "application/json", "x-form-token": token}
    question = await client.post("/login/passkey/question", json={}, headers=headers)
    assert question.status_code == 200, question.text
    body = {"answer": key.show(question.json(), **instead), "next": "/patients/1"}
    return await client.post("/login/passkey", json=body, headers=headers)


async def test_with_an_app_the_password_alone_opens_nothing(clinic: Any) -> None:
    totp = give_app(clinic)
    async with clinic.client() as client:
        answer = await give_password(client, next="/patients/1/plan")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login/factor?next=/patients/1/plan"
        assert "plumbline-session" not in client.cookies
        assert (await client.get("/patients")).headers["location"].startswith("/login")
        assert (await client.get("/api/v1/patients")).status_code == 401
        page = (await client.get(answer.headers["location"])).text
        assert "Six digits" in page
        done = await give_code(client, code(clinic, totp), next=field(page, "next"))
        assert (done.status_code, done.headers["location"]) == (303, "/patients/1/plan")
        assert (await client.get("/patients/1/plan")).status_code == 200
        assert "plumbline-step" not in client.cookies
        assert (await client.get("/account")).text.count("password and app") == 1


async def test_the_half_way_state_is_this_browsers_and_ends_by_itself(clinic: Any) -> None:
    totp = give_app(clinic)
    async with clinic.client() as client, clinic.client() as other:
        await give_password(client)
        assert (await other.get("/login/factor")).headers["location"] == "/login?next=/"
        form_token = field((await other.get("/login")).text, "form_token")
        refused = await other.post("/login/factor", data={"form_token": form_token, "code": code(clinic, totp)})
        assert refused.status_code == 401
        assert "plumbline-session" not in other.cookies
        page = (await client.get("/login/factor")).text
        clinic.now_ms += LASTS_MS
        late = await client.post(
            "/login/factor", data={"form_token": field(page, "form_token"), "code": code(clinic, totp)}
        )
        assert late.status_code == 401
        assert "Begin again with your password" in late.text


async def test_codes_are_guessed_only_so_often(clinic: Any) -> None:
    totp = give_app(clinic)
    async with clinic.client() as client:
        await give_password(client)
        for _ in range(5):
            answer = await give_code(client, "no such code")
            assert answer.status_code == 401
            assert CODE_REFUSED in answer.text
        assert (await client.get("/login/factor")).status_code == 200
        held = await give_code(client, code(clinic, totp))
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) == 3600
    async with clinic.client() as client:
        await give_password(client)  # a new sign-in does not begin the count anew
        assert (await give_code(client, code(clinic, totp))).status_code == 429
        clinic.now_ms += 60 * MINUTE
        await give_password(client)
        assert (await give_code(client, code(clinic, totp))).status_code == 303


async def test_a_step_has_its_own_limit_of_tries(make_clinic: Any) -> None:
    clinic = make_clinic(factors=AccessRules().attempts)
    totp = give_app(clinic)
    async with clinic.client() as client:
        await give_password(client)
        for _ in range(5):
            await give_code(client, "no such code")
        clinic.app.state.desk.factor_attempts.succeeded(str(clinic.people["mara"]), "127.0.0.1")
        late = await give_code(client, code(clinic, totp))
        assert late.status_code == 401
        assert "Begin again" in late.text
        assert (await client.get("/login/factor")).status_code == 303


async def test_a_code_that_was_seen_over_a_shoulder_is_worth_nothing(clinic: Any) -> None:
    totp = give_app(clinic)
    seen = code(clinic, totp)
    async with clinic.client() as client, clinic.client() as thief:
        await give_password(client)
        assert (await give_code(client, seen)).status_code == 303
        await give_password(thief)
        assert (await give_code(thief, seen)).status_code == 401


async def test_a_recovery_code_stands_in_once(clinic: Any) -> None:
    give_app(clinic)
    codes = give_codes(clinic)
    async with clinic.client() as client:
        await give_password(client)
        assert (await give_code(client, codes[0].lower())).status_code == 303
        page = (await client.get("/account")).text
        assert "9 left" in page
        assert "password and recovery code" in page
    async with clinic.client() as client:
        await give_password(client)
        assert (await give_code(client, codes[0])).status_code == 401


async def test_programs_are_told_of_the_second_step(clinic: Any) -> None:
    totp = give_app(clinic)
    give_codes(clinic)
    async with clinic.client() as client:
        credentials = {"email": "mara@example.org", "password": PASSWORD}
        first = await client.post("/api/v1/session", json=credentials)
        assert first.status_code == 401
        assert first.headers["content-type"] == "application/problem+json"
        told = first.json()
        assert told["type"] == "urn:plumbline:problem:second-factor"
        assert told["factors"] == ["app", "recovery code"]
        assert "/api/v1/session/factor" in told["detail"]
        assert "httponly" in first.headers["set-cookie"].lower()
        wrong = await client.post("/api/v1/session/factor", json={"code": "000000"})
        assert (wrong.status_code, wrong.json()["type"]) == (401, "about:blank")
        second = await client.post("/api/v1/session/factor", json={"code": code(clinic, totp)})
        assert second.status_code == 201
        assert second.json()["second_factor_missing"] is False
        assert (await client.get("/api/v1/patients")).status_code == 200
        assert (await client.post("/api/v1/session/factor", json={"code": "000000"})).status_code == 401


async def test_a_wrong_password_tells_nothing_of_factors(clinic: Any) -> None:
    give_app(clinic)
    async with clinic.client() as client:
        answers = [
            await client.post("/api/v1/session", json={"email": f"{who}@example.org", "password": "not the password"})
            for who in ("mara", "otto", "nobody")
        ]
    assert len({answer.text for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


@pytest.fixture
def named(make_clinic: Any) -> Any:
    """A clinic that knows its address."""
    return make_clinic(public_url=ORIGIN)


async def test_a_passkey_alone_opens_a_session(named: Any) -> None:
    key = give_passkey(named)
    async with named.client() as client:
        assert "Sign in with a passkey" in (await client.get("/login")).text
        answer = await show_passkey(client, key)
        assert (answer.status_code, answer.json()) == (200, {"next": "/patients/1"})
        page = await client.get("/account")
        assert "<dd>passkey</dd>" in page.text


async def test_a_challenge_is_answered_once_by_the_browser_that_asked(named: Any) -> None:
    key = give_passkey(named)
    async with named.client() as client, named.client() as thief:
        headers = {"x-form-token": field((await client.get("/login")).text, "form_token"), "accept": "application/json"}
        question = await client.post("/login/passkey/question", json={}, headers=headers)
        body = {"answer": key.show(question.json())}
        theirs = {"x-form-token": field((await thief.get("/login")).text, "form_token"), "accept": "application/json"}
        assert (await thief.post("/login/passkey", json=body, headers=theirs)).status_code == 401
        step = client.cookies["plumbline-step"]
        assert (await client.post("/login/passkey", json=body, headers=headers)).status_code == 200
        thief.cookies.set("plumbline-step", step)
        again = await thief.post("/login/passkey", json={"answer": key.show(question.json())}, headers=theirs)
        assert (again.status_code, again.json()["detail"]) == (401, PASSKEY_REFUSED)


async def test_what_a_passkey_does_not_prove(named: Any) -> None:
    key = give_passkey(named)
    async with named.client() as client:
        for wrong in ({"origin": "http://clinic.evil"}, {"type": "webauthn.create"}):
            assert (await show_passkey(client, key, **wrong)).status_code == 401
        key.flags = PRESENT
        assert (await show_passkey(client, key)).status_code == 401
        unknown = Key(ORIGIN, "clinic.test", credential=b"never seen before")
        assert (await show_passkey(client, unknown)).status_code == 401
        no_form = await client.post("/login/passkey/question", json={}, headers={"accept": "application/json"})
        assert no_form.status_code == 403
        assert "plumbline-session" not in client.cookies


async def test_after_the_password_only_ones_own_passkey_counts(named: Any) -> None:
    mine, others = give_passkey(named), give_passkey(named, "otto")
    async with named.client() as client:
        assert (await give_password(client)).headers["location"].startswith("/login/factor")
        assert "Use a passkey" in (await client.get("/login/factor")).text
        assert (await show_passkey(client, others)).status_code == 401
        assert (await show_passkey(client, mine)).status_code == 200


async def test_without_an_address_there_are_no_passkeys(clinic: Any) -> None:
    async with clinic.client() as client:
        page = (await client.get("/login")).text
        assert "passkey" not in page
        headers = {"x-form-token": field(page, "form_token"), "accept": "application/json"}
        answer = await client.post("/login/passkey/question", json={}, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


class AtTheClinic:
    """A clinic with a sign-in of its own."""

    def __init__(self, named: Any) -> None:
        self.provider = Provider(lambda: named.now_ms)
        settings = ClinicSettings(ISSUER, CLIENT_ID, CLIENT_SECRET, 1, "Clinic Rosenhof")
        clinic = ClinicSignIn(settings, transport=self.provider.transport())
        self.app = create_app(
            named.engine,
            lambda: named.now_ms,
            rules=named.rules,
            passwords=named.app.state.desk.passwords,
            clinic=clinic,
        )
        self.named = named

    def client(self) -> httpx.AsyncClient:
        client: httpx.AsyncClient = self.named.client(self.app)
        return client

    async def sign_in(
        self, client: httpx.AsyncClient, path: str = "/login/clinic?next=/patients/1/plan"
    ) -> httpx.Response:
        there = await client.get(path)
        assert there.status_code == 303, there.text
        # The browser comes back by a link of another site.
        return await client.get(
            self.provider.visit(there.headers["location"]), headers={"sec-fetch-site": "cross-site"}
        )


@pytest.fixture
def rosenhof(named: Any) -> AtTheClinic:
    return AtTheClinic(named)


async def test_who_signs_in_at_the_clinic_is_let_in(rosenhof: AtTheClinic) -> None:
    async with rosenhof.client() as client:
        page = (await client.get("/login?next=/patients/1/plan")).text
        assert "Sign in with Clinic Rosenhof" in page
        answer = await rosenhof.sign_in(client, re.findall(r'href="(/login/clinic[^"]*)"', page)[0])
        assert (answer.status_code, answer.headers["location"]) == (303, "/patients/1/plan")
        assert rosenhof.provider.wanted["redirect_uri"] == f"{ORIGIN}/login/clinic/answer"
        account = (await client.get("/account")).text
        assert "the clinic’s sign-in" in account
        assert ">Used</span>" in account


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "x"},
        {"aud": "x"},
        {"iss": "x"},
        {"exp": 1},
        {"email_verified": False},
        {"email": "nobody@example.org"},
    ],
    ids=str,
)
async def test_who_is_not_believed_or_not_known_is_not(rosenhof: AtTheClinic, claims: dict[str, Any]) -> None:
    rosenhof.provider.claims = claims
    async with rosenhof.client() as client:
        answer = await rosenhof.sign_in(client)
        assert answer.status_code == 401
        assert CLINIC_REFUSED in answer.text
        assert "plumbline-session" not in client.cookies


async def test_an_answer_belongs_to_the_visit_of_this_browser(rosenhof: AtTheClinic) -> None:
    async with rosenhof.client() as client, rosenhof.client() as victim:
        there = await client.get("/login/clinic")
        back = rosenhof.provider.visit(there.headers["location"])
        assert (await victim.get(back)).status_code == 401
        assert (await client.get(back.replace("state=", "state=x"))).status_code == 401
        assert (await client.get(back)).status_code == 401, "a visit is answered once, whatever the answer was"
        there = await client.get("/login/clinic")
        back = rosenhof.provider.visit(there.headers["location"])
        assert (await client.get(f"{back}&iss=https://evil.test")).status_code == 401
        there = await client.get("/login/clinic")
        back = rosenhof.provider.visit(there.headers["location"])
        assert (await client.get(f"{back}&iss={ISSUER}")).status_code == 303
        assert (await victim.get("/login/clinic/answer?error=access_denied")).status_code == 401


async def test_a_clinic_that_does_not_answer_is_said_so(rosenhof: AtTheClinic) -> None:
    rosenhof.provider.metadata = {"issuer": "https://evil.test"}
    async with rosenhof.client() as client:
        answer = await client.get("/login/clinic")
        assert answer.status_code == 502
        assert "does not answer" in answer.text


async def test_the_step_cookie_is_as_well_kept_as_the_sessions(make_clinic: Any) -> None:
    clinic = make_clinic(secure=True)
    give_app(clinic)
    async with clinic.client() as client:
        credentials = {"email": "mara@example.org", "password": PASSWORD}
        cookie = (await client.post("/api/v1/session", json=credentials)).headers["set-cookie"].lower()
        assert cookie.startswith("__host-plumbline-step=")
        assert all(part in cookie for part in ("httponly", "secure", "samesite=lax", "path=/"))
