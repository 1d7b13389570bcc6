"""Signing in and out, on the page and through the API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from server.access.forms import form_token
from server.access.signing_in import REFUSED
from server.app import create_app


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


async def submit(client: Any, email: str, password: str, **more: str) -> Any:
    form = (await client.get("/login")).text
    data = {"form_token": field(form, "form_token"), "email": email, "password": password, **more}
    return await client.post("/login", data=data)


async def test_signing_in_leads_to_the_page_that_was_asked_for(clinic: Any) -> None:
    async with clinic.client() as client:
        asked = await client.get("/patients/1/plan")
        assert asked.status_code == 303
        assert asked.headers["location"] == "/login?next=/patients/1/plan"
        form = (await client.get(asked.headers["location"])).text
        answer = await submit(client, " Mara@Example.org ", "a quiet afternoon", next=field(form, "next"))
        assert answer.status_code == 303
        assert answer.headers["location"] == "/patients/1/plan"
        assert (await client.get("/patients/1/plan")).status_code == 200
        assert (await client.get("/login")).headers["location"] == "/"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "/a\nb"]
)
async def test_never_leads_to_another_site(clinic: Any, elsewhere: str) -> None:
    async with clinic.client() as client:
        answer = await submit(client, "mara@example.org", "a quiet afternoon", next=elsewhere)
        assert answer.headers["location"] == "/"


async def test_the_refusal_does_not_tell_who_has_an_account(clinic: Any) -> None:
    async with clinic.client() as client:
        answers = [
            await submit(client, "mara@example.org", "not the password"),
            await submit(client, "nobody@example.org", "not the password"),
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
        assert all(REFUSED in answer.text for answer in answers)
        clean = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
        assert clean[0] == clean[1]
        assert "not the password" not in answers[0].text


async def test_guessing_is_slowed_down_on_page_and_api_together(clinic: Any) -> None:
    async with clinic.client() as client:
        for _ in range(5):
            assert (await submit(client, "mara@example.org", "guess guess guess")).status_code == 401
        page = await submit(client, "mara@example.org", "a quiet afternoon")
        assert page.status_code == 429
        assert int(page.headers["retry-after"]) == 15 * 60
        assert "Wait 15 min" in page.text
        credentials = {"email": "MARA@example.org", "password": "a quiet afternoon"}
        api = await client.post("/api/v1/session", json=credentials)
        assert api.status_code == 429
        assert api.headers["content-type"] == "application/problem+json"
        clinic.now_ms += 15 * 60_000
        assert (await client.post("/api/v1/session", json=credentials)).status_code == 201


async def test_the_form_belongs_to_the_browser_that_asked_for_it(clinic: Any) -> None:
    async with clinic.client() as client, clinic.client() as other:
        foreign = field((await other.get("/login")).text, "form_token")
        await client.get("/login")
        data = {"form_token": foreign, "email": "mara@example.org", "password": "a quiet afternoon"}
        assert (await client.post("/login", data=data)).status_code == 403
        client.cookies.clear()
        assert (await client.post("/login", data={**data, "form_token": form_token("")})).status_code == 403


async def test_the_api_takes_credentials_as_json_only(clinic: Any) -> None:
    async with clinic.client() as client:
        data = {"email": "mara@example.org", "password": "a quiet afternoon"}
        assert (await client.post("/api/v1/session", data=data)).status_code == 422
        text = '{"email":"mara@example.org","password":"a quiet afternoon"}'
        plain = await client.post("/api/v1/session", content=text, headers={"content-type": "text/plain"})
        assert plain.status_code == 422


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(make_clinic: Any) -> None:
    clinic = make_clinic(secure=True)
    async with clinic.client() as client:
        credentials = {"email": "mara@example.org", "password": "a quiet afternoon"}
        answer = await client.post("/api/v1/session", json=credentials)
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-plumbline-session=")
        assert all(part in cookie for part in ("httponly", "secure", "samesite=lax", "path=/"))
        assert "domain" not in cookie
        assert "max-age=31536000" in answer.headers["strict-transport-security"]


async def test_a_new_sign_in_replaces_the_session(clinic: Any) -> None:
    client = await clinic.signed_in()
    before = client.cookies["plumbline-session"]
    credentials = {"email": "mara@example.org", "password": "a quiet afternoon"}
    assert (await client.post("/api/v1/session", json=credentials)).status_code == 201
    assert client.cookies["plumbline-session"] != before
    async with clinic.client() as thief:
        thief.cookies.set("plumbline-session", before)
        assert (await thief.get("/api/v1/patients")).status_code == 401
    await client.aclose()


async def test_signing_out_ends_the_session_on_the_server(clinic: Any) -> None:
    client = await clinic.signed_in()
    token = client.cookies["plumbline-session"]
    answer = await client.post("/logout")
    assert answer.status_code == 303
    async with clinic.client() as thief:
        thief.cookies.set("plumbline-session", token)
        assert (await thief.get("/api/v1/patients")).status_code == 401
    await client.aclose()


async def test_signing_out_through_the_api(clinic: Any) -> None:
    client = await clinic.signed_in()
    assert (await client.delete("/api/v1/session")).status_code == 204
    assert (await client.get("/api/v1/session")).status_code == 401
    await client.aclose()


async def test_simulated_time_may_race_without_ending_sessions(clinic: Any) -> None:
    wall = 1_000_000
    app = create_app(
        clinic.engine, lambda: clinic.now_ms, session_clock=lambda: wall, passwords=clinic.app.state.desk.passwords
    )
    async with clinic.client(app) as client:
        credentials = {"email": "mara@example.org", "password": "a quiet afternoon"}
        assert (await client.post("/api/v1/session", json=credentials)).status_code == 201
        clinic.now_ms += 30 * 86_400_000
        assert (await client.get("/api/v1/patients")).json()[0]["today"] == "2026-04-24"
        wall += clinic.rules.idle_ms
        assert (await client.get("/api/v1/patients")).status_code == 401
