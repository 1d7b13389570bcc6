"""Headers on every answer, bodies of bounded size, errors that tell people what to do and strangers nothing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import server
from server.access.headers import SECURITY

ROOT = Path(server.__file__).parent


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/login",
        "/patients",
        "/nowhere",
        "/static/plumbline.css",
        "/static/nothing",
        "/api/v1/health",
        "/api/v1/no",
    ],
)
async def test_every_answer_is_dressed(clinic: Any, path: str) -> None:
    async with clinic.client() as client:
        answer = await client.get(path)
        for name, value in SECURITY.items():
            assert answer.headers[name] == value
        assert answer.headers["cache-control"] == ("no-cache" if path.endswith(".css") else "no-store")


def test_the_policy_allows_no_inline_code() -> None:
    policy = SECURITY["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert "*" not in policy


async def test_a_crash_tells_strangers_nothing(clinic: Any) -> None:
    def crash() -> None:
        raise RuntimeError("the secret ingredient")

    clinic.app.get("/crash")(crash)
    clinic.app.get("/api/v1/crash")(crash)
    async with clinic.client() as client:
        page, api = await client.get("/crash"), await client.get("/api/v1/crash")
    assert page.status_code == api.status_code == 500
    assert "Something failed here" in page.text
    assert api.headers["content-type"] == "application/problem+json"
    assert "ingredient" not in page.text + api.text
    assert page.headers["content-security-policy"] == SECURITY["content-security-policy"]


async def test_errors_speak_to_people_as_pages_and_to_programs_as_problems(clinic: Any) -> None:
    client = await clinic.signed_in()
    for path, status in (("/nowhere", 404), ("/patients/0/plan", 422), ("/patients/1/days/0", 422)):
        page = await client.get(path)
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        assert "<h1>" in page.text
    for path, status in (("nowhere", 404), ("patients/x", 422), ("patients/1/days/0", 422), ("patients/99", 404)):
        answer = await client.get(f"/api/v1/{path}")
        body = answer.json()
        assert answer.status_code == body["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["title"]
        assert body["detail"]
    wrong_method = await client.put("/api/v1/patients")
    assert wrong_method.status_code == 405
    assert wrong_method.headers["content-type"] == "application/problem+json"
    await client.aclose()


@pytest.mark.parametrize("path", ["/api/v1/session", "/login"])
async def test_large_bodies_are_refused(clinic: Any, path: str) -> None:
    async with clinic.client() as client:
        assert (
            await client.post(path, content=b"x" * 70_000, headers={"content-type": "application/json"})
        ).status_code in (
            413,
            403,
        )

        async def drip() -> Any:
            for _ in range(80):
                yield b"y" * 1000

        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post(path, content=drip(), headers=form)).status_code in (413, 422)


BEHIND_THE_REPOSITORY = (
    "server.store",
    "sqlalchemy",
    "server.ingest",
    "server.people",
    "server.rights",
    "server.audit",
    "server.summaries.service",
    "server.plans.service",
    "server.preview.service",
)


def test_pages_and_api_reach_data_through_the_repository_only() -> None:
    """From behind it they may know types and constants (which are capitalised), and call nothing."""
    for folder in ("pages", "api"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    names = [(alias.name, "") for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [(node.module or "", alias.name) for alias in node.names]
                else:
                    continue
                for module, name in names:
                    if module.startswith(BEHIND_THE_REPOSITORY):
                        only_known = name[:1].isupper() and not module.startswith(("server.store", "sqlalchemy"))
                        assert only_known, f"{file}: {module} {name}"
