"""Every route, as nobody, as another therapist, from another site, and without a form token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from server.access.accounts import end_care

OPEN = {
    ("GET", "/"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/api/v1/health"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/enrol"),
}
WITHOUT_A_SESSION = {("POST", "/api/v1/session"), ("POST", "/api/v1/enrol")}
"""What programs write before they have one."""
OF_ONES_OWN = {
    ("GET", "/patients"),
    ("GET", "/api/v1/patients"),
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/logout"),
}
PLAN_FORM = {"based_on": "1", "reason": "because", "mode": "track"}


def routes(holder: Any) -> Iterator[tuple[str, str]]:
    for route in holder.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield method, route.path
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


def address(path: str, patient_id: int) -> str:
    return path.replace("{patient_id}", str(patient_id)).replace("{day}", "2026-03-25").replace("{gateway}", "0" * 16)


async def ask(client: Any, method: str, path: str, **headers: str) -> Any:
    if method in ("GET", "DELETE"):
        return await client.request(method, path, headers=headers)
    if path.startswith("/api/"):
        body = {"plan": {"dwell_s": 99}, "reason": "because"}
        return await client.request(method, path, json=body, headers=headers)
    return await client.request(method, path, data=PLAN_FORM, headers=headers)


@pytest.fixture
def all_routes(clinic: Any) -> list[tuple[str, str]]:
    found = sorted(routes(clinic.app))
    assert len(found) >= 18
    assert set(found) >= OPEN | OF_ONES_OWN
    return found


async def test_nobody_gets_nothing(clinic: Any, all_routes: list[tuple[str, str]]) -> None:
    async with clinic.client() as client:
        for method, path in all_routes:
            if (method, path) in OPEN:
                continue
            answer = await ask(client, method, address(path, 1))
            if path.startswith("/api/"):
                assert answer.status_code == 401, (method, path)
                assert answer.headers["content-type"] == "application/problem+json"
            elif method == "GET":
                assert answer.status_code == 303, (method, path)
                assert answer.headers["location"].startswith("/login")
            else:
                assert answer.status_code in (401, 403), (method, path)
            assert "Keller" not in answer.text


async def test_another_therapist_cannot_tell_a_patient_from_nobody(
    clinic: Any, all_routes: list[tuple[str, str]]
) -> None:
    client = await clinic.signed_in("otto")
    for method, path in all_routes:
        if (method, path) in OPEN | OF_ONES_OWN:
            continue
        assert "{patient_id}" in path, f"{path} is neither open, nor one's own, nor of a patient: say here what it is"
        foreign = await ask(client, method, address(path, clinic.patients["Ada Keller"]))
        absent = await ask(client, method, address(path, 987_654))
        assert foreign.status_code == absent.status_code == 404, (method, path, foreign.status_code)
        assert foreign.text == absent.text
    lists = [await client.get("/patients"), await client.get("/api/v1/patients")]
    for answer in lists:
        assert "Nakamura" in answer.text
        assert "Keller" not in answer.text
    await client.aclose()


async def test_ones_own_patients_are_there(clinic: Any, all_routes: list[tuple[str, str]]) -> None:
    client = await clinic.signed_in("mara")
    for method, path in all_routes:
        if method == "GET":
            answer = await ask(client, method, address(path, clinic.patients["Ada Keller"]))
            assert answer.status_code in (200, 303), (method, path, answer.text)
    await client.aclose()


async def test_all_routes_work_on_both_databases(clinic_on_both: Any) -> None:
    mara, otto = await clinic_on_both.signed_in("mara"), await clinic_on_both.signed_in("otto")
    for method, path in sorted(routes(clinic_on_both.app)):
        if "{patient_id}" in path:
            expected = (404,) if "{gateway}" in path else (200, 201, 303, 422)  # there is no such computer
            assert (await ask(mara, method, address(path, 1))).status_code in expected, (method, path)
            assert (await ask(otto, method, address(path, 1))).status_code == 404, (method, path)
    assert (await mara.post("/logout")).status_code == 303
    assert (await mara.get("/api/v1/session")).status_code == 401
    await mara.aclose()
    await otto.aclose()


async def test_writing_needs_the_form_token_of_the_session(clinic: Any, all_routes: list[tuple[str, str]]) -> None:
    client = await clinic.signed_in("mara")
    own = client.headers.pop("x-form-token")
    other = await clinic.signed_in("otto")
    for method, path in all_routes:
        if method == "GET" or (method, path) in WITHOUT_A_SESSION:
            continue
        for token in ("", "f" * 64, other.headers["x-form-token"]):
            answer = await ask(client, method, address(path, 1), **{"x-form-token": token})
            assert answer.status_code == 403, (method, path)
    client.headers["x-form-token"] = own
    assert (await client.get("/api/v1/session")).status_code == 200
    assert len((await client.get("/api/v1/patients/1/plan")).json()["history"]) == 2
    await client.aclose()
    await other.aclose()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://clinic.test.evil.test"},
    ],
)
async def test_no_other_site_writes(clinic: Any, all_routes: list[tuple[str, str]], headers: dict[str, str]) -> None:
    client = await clinic.signed_in("mara")
    for method, path in all_routes:
        if method != "GET":
            answer = await ask(client, method, address(path, 1), **headers)
            assert answer.status_code == 403, (method, path)
            assert "another site" in answer.text
    assert (await client.get("/api/v1/session")).status_code == 200
    await client.aclose()


async def test_own_pages_and_programs_may_write(clinic: Any) -> None:
    client = await clinic.signed_in("mara")
    body = {"plan": {"dwell_s": 99}, "reason": "because"}
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": "http://clinic.test"}):
        answer = await client.post("/api/v1/patients/1/plan", json=body, headers=headers)
        assert answer.status_code == 201
    del client.headers["origin"]
    assert (await client.post("/api/v1/patients/1/plan", json=body)).status_code == 201
    await client.aclose()


async def test_the_end_of_care_is_the_end_of_access(clinic: Any) -> None:
    client = await clinic.signed_in("mara")
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    end_care(clinic.engine, clinic.people["mara"], 1, clinic.now_ms)
    for path in ("/api/v1/patients/1", "/patients/1", "/patients/1/plan", "/api/v1/patients/1/days/2026-03-24"):
        assert (await client.get(path)).status_code == 404
    assert "Keller" not in (await client.get("/patients")).text
    await client.aclose()


async def test_care_begins_when_it_begins(clinic: Any) -> None:
    from server.access.accounts import begin_care

    client = await clinic.signed_in("otto")
    begin_care(clinic.engine, clinic.people["otto"], 1, clinic.now_ms + 1000)
    assert (await client.get("/api/v1/patients/1")).status_code == 404
    clinic.now_ms += 1000
    assert (await client.get("/api/v1/patients/1")).status_code == 200
    await client.aclose()
