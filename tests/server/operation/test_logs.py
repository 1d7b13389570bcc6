"""Logs: one line each, for people or machines, and nothing about a person in them."""

from __future__ import annotations

import io
import json
import logging

import pytest
from fastapi import APIRouter
from sqlalchemy import Engine, insert
from sqlalchemy.exc import IntegrityError

from server.operation import logs
from server.store import writing
from server.store.tables import user_account
from tests.server.conftest import PASSWORD, Clinic

SECRET = "a-token-in-a-link"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("form", "stream", "machine"),
    [("auto", io.StringIO, True), ("auto", Terminal, False), ("text", io.StringIO, False), ("json", Terminal, True)],
)
def test_for_whom(form: logs.Format, stream: type[io.StringIO], machine: bool) -> None:
    out = stream()
    logs.set_up(form, "info", out)
    before = logs.request_id.set("f00d")
    logging.getLogger("server.x").info("settled %d rows", 3)
    logging.getLogger("server.x").debug("not told")
    logs.request_id.reset(before)
    if machine:
        told = json.loads(out.getvalue())
        assert (told["level"], told["logger"], told["message"]) == ("INFO", "server.x", "settled 3 rows")
        assert told["request_id"] == "f00d"
        assert told["timestamp"].endswith("+00:00")
    else:
        assert out.getvalue() == "INFO server.x settled 3 rows [f00d]\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_database_repeats_of_a_row_is_left_out(engine: Engine, form: logs.Format) -> None:
    out = io.StringIO()
    logs.set_up(form, "info", out)
    values = dict(zip(("email", "name", "role"), ("anna@example.org", "Anna Example", "therapist"), strict=True))
    try:
        with writing(engine) as db:
            db.execute(insert(user_account).values(**values, created_ms=0))
            db.execute(insert(user_account).values(**values, created_ms=0))
    except IntegrityError:
        logging.getLogger("server.x").exception("it failed")
    try:
        with writing(engine) as db:
            db.execute(insert(user_account).values(**{**values, "role": None}))
    except IntegrityError:
        logging.getLogger("server.x").exception("it failed")
    assert out.getvalue().count("it failed") == 2
    assert out.getvalue().count("IntegrityError") >= 2
    assert "Anna" not in out.getvalue()
    assert "anna@" not in out.getvalue()


async def test_a_walked_application_logs_nobody(clinic: Clinic) -> None:
    """People sign in, well and badly, look at pages, make a plan and a code, and something breaks: in all that is
    logged, down to the last level, there is no name, address, password, token or code."""
    out = io.StringIO()
    logs.set_up("json", "debug", out)
    router = APIRouter()

    @router.get("/broken/{token}")
    def broken(token: str) -> None:
        raise ValueError("nothing about anybody")

    clinic.app.include_router(router)
    bad = clinic.client()
    await bad.post("/api/v1/session", json={"email": "mara@example.org", "password": "not her password"})
    mara = await clinic.signed_in()
    number = clinic.patients["Ada Keller"]
    pages = ["/", "/patients", f"/patients/{number}", f"/patients/{number}/days/2026-03-24", f"/patients/{number}/plan"]
    answers = [await mara.get(page, follow_redirects=True) for page in pages]
    assert "Ada Keller" in answers[-1].text
    code = await mara.post(f"/patients/{number}/computers", data={"form_token": mara.headers["x-form-token"]})
    assert (await mara.get(f"/broken/{SECRET}?email=ada@example.org")).status_code == 500
    assert (await bad.get(f"/api/v1/patients/{number}?name=Ada+Keller")).status_code == 401
    told = out.getvalue()
    assert "ValueError" in told
    assert '"route": "/patients/{patient_id}"' in told
    secrets = [PASSWORD, "not her password", SECRET, mara.headers["x-form-token"], *mara.cookies.values()]
    secrets += [word for word in code.text.split() if len(word) == 11 and word[5] == "-"]
    people = [
        "Mara",
        "Lindqvist",
        "Otto",
        "Brandt",
        "Keller",
        "Okafor",
        "Marchetti",
        "Whitfield",
        "Sørensen",
        "Nakamura",
    ]
    for word in [*secrets, *people, "@"]:
        assert word.lower() not in told.lower(), word
    assert all(json.loads(line) for line in told.splitlines())


def test_addresses_that_libraries_repeat_are_left_out() -> None:
    assert (
        logs.without_persons("cannot tell <anna.b@example.org>, 3 times") == "cannot tell <[address left out]>, 3 times"
    )
    assert logs.without_persons("[SQL: x]\n[parameters: ('Anna', 3)]") == "[SQL: x]\n[parameters: left out]"
    kept = logs.without_persons("name\n  Input should be shorter [type=x, input_value='Anna', input_type=str]")
    assert "Anna" not in kept
    assert "Input should be shorter" in kept
