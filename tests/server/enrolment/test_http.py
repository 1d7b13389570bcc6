"""The page that makes codes, the exchange that takes them, and what each says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select, update
from starlette.requests import Request

from gateway import messages
from server.access.rules import AccessRules
from server.app import create_app
from server.broker import Account
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.enrolment.service import VALID_MS
from server.mqtt.downlink import take_status
from server.pages.computers import command_line
from server.store import reading, writing
from server.store.tables import assignment, gateway, patient
from tests.server.conftest import Clinic, quick_passwords

PAGE = "/patients/1/computers"
CA = "-----BEGIN CERTIFICATE-----"


class Door:
    """An application whose broker takes note of who may come."""

    def __init__(self, clinic: Clinic, url: str = "mqtt://127.0.0.1:1883", **rules: Any) -> None:
        self.clinic = clinic
        self.may_come: list[str] = []
        self.broken = False
        keeper = Doorkeeper(clinic.engine, BrokerFace(url, CA), [Account("server", "s", "server")], self._admit)
        self.app: FastAPI = create_app(
            clinic.engine,
            lambda: clinic.now_ms,
            rules=AccessRules(**rules),
            passwords=quick_passwords(),
            doorkeeper=keeper,
        )

    def _admit(self, accounts: Sequence[Account]) -> None:
        if self.broken:
            raise OSError("no space")
        self.may_come = [account.name for account in accounts]

    def computer(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A program on a patient's computer."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://clinic.test")

    @asynccontextmanager
    async def therapist(self, who: str = "mara") -> AsyncIterator[httpx.AsyncClient]:
        client = await self.clinic.signed_in_at(self.app, who)
        yield client
        await client.aclose()

    async def code(self, therapist: httpx.AsyncClient) -> str:
        answer = await therapist.post(f"{PAGE}/code")
        assert answer.status_code == 200
        found = re.search(r'class="code"[^>]*>([0-9A-Z-]+)<', answer.text)
        assert found is not None
        return found[1]


async def exchange(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post("/api/v1/enrol", json={"code": code})


@pytest.fixture
def door(clinic: Clinic) -> Door:
    return Door(clinic)


async def test_a_code_from_the_page_makes_a_gateway_that_may_come_at_once(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as computer:
        code = await door.code(mara)
        answer = await exchange(computer, code)
        assert answer.status_code == 201
        given = answer.json()
        assert given["broker"] == "mqtt://127.0.0.1:1883"
        assert given["ca"] == CA
        assert door.may_come == ["server", given["gateway"]]
        page = (await mara.get(PAGE)).text
        assert given["gateway"] in page
        assert "Not heard yet" in page
        assert given["password"] not in page
        assert code not in page
        gone = await mara.post(f"{PAGE}/{given['gateway']}/disconnect")
        assert gone.status_code == 303
        assert door.may_come == ["server"]
        page = (await mara.get(PAGE)).text
        assert "by Mara Lindqvist" in page
        assert "No computer is connected" in page


async def test_the_page_shows_the_line_to_type_and_draws_it(door: Door) -> None:
    async with door.therapist() as mara:
        answer = await mara.post(f"{PAGE}/code")
        assert "no-store" in answer.headers["cache-control"]
        assert re.search(r"plumbline gateway enrol \w{5}-\w{5} --server http://clinic\.test<", answer.text)
        assert re.search(r"<figure[^>]*><svg [^>]*class=\"segno\"", answer.text)
        assert " style=" not in answer.text, "the security policy forbids it"


def test_a_server_behind_tls_names_its_secure_address() -> None:
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": [(b"host", b"clinic.test")]}
    for secure, address in ((True, "https://clinic.test"), (False, "http://clinic.test")):
        line = command_line(Request(scope), "4F7KQ-M2XPN", secure=secure)
        assert line == f"plumbline gateway enrol 4F7KQ-M2XPN --server {address}"


async def test_each_refusal_says_what_to_do(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as computer:
        used, voided = await door.code(mara), ""
        assert (await exchange(computer, used)).status_code == 201
        voided, old = await door.code(mara), await door.code(mara)
        door.clinic.now_ms += VALID_MS
        for code, status, words in (
            (used, 410, "has been used"),
            (voided, 410, "was replaced"),
            (old, 410, "too old"),
            ("00000-00000", 404, "No such code"),
            ("123", 422, "10 letters and digits"),
        ):
            answer = await exchange(computer, code)
            assert answer.status_code == status, code
            assert words in answer.text
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_wrong_code_is_told_the_same_whether_or_not_one_is_open(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as computer:
        before = await exchange(computer, "00000-00000")
        await door.code(mara)
        after = await exchange(computer, "00000-00000")
        assert (before.status_code, before.text) == (after.status_code, after.text)


async def test_guessing_is_limited_by_address(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as guesser, door.computer("127.0.0.2") as other:
        code = await door.code(mara)
        answers = [await exchange(guesser, f"{number:010d}") for number in range(11)]
        assert [answer.status_code for answer in answers] == [404] * 10 + [429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 15 * 60
        held = await exchange(guesser, code)
        assert held.status_code == 429, "also for the right code"
        assert (await exchange(other, code)).status_code == 201, "which is still good elsewhere"


async def test_guessing_is_limited_in_total(clinic: Clinic) -> None:
    rules = AccessRules()
    few = type(rules.codes)(pair=10, account=4, address=10)
    door = Door(clinic, codes=few)
    statuses = []
    for host in range(5):
        async with door.computer(f"127.0.0.{host + 1}") as guesser:
            statuses.append((await exchange(guesser, "00000-00000")).status_code)
    assert statuses == [404] * 4 + [429]


async def test_a_broker_on_loopback_is_not_offered_to_other_computers(clinic: Clinic) -> None:
    door, open_door = Door(clinic), Door(clinic, url="mqtts://broker.clinic.test:8883")
    async with door.therapist() as mara:
        code = await door.code(mara)
    async with door.computer("192.168.1.20") as away, open_door.computer("192.168.1.20") as served:
        refused = await exchange(away, code)
        assert refused.status_code == 503
        assert "PLUMBLINE_SERVER_GATEWAY_MQTT_URL" in refused.text
        assert (await exchange(served, code)).status_code == 201, "the code was not used up"


async def test_a_server_that_keeps_no_accounts_says_so(clinic: Clinic) -> None:
    mara = await clinic.signed_in()
    page = await mara.get(PAGE)
    assert "Make a code" not in page.text
    assert "does not keep" in page.text
    async with clinic.client() as client:
        assert (await exchange(client, "00000-00000")).status_code == 503
    await mara.aclose()


async def test_a_broker_that_cannot_be_told_now_costs_nothing(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as computer:
        code = await door.code(mara)
        door.broken = True
        assert (await exchange(computer, code)).status_code == 201


async def test_nobody_disconnects_another_patients_computer(door: Door) -> None:
    async with door.therapist() as mara, door.computer() as computer, door.therapist("otto") as otto:
        given = (await exchange(computer, await door.code(mara))).json()
        name = f"computers/{given['gateway']}/disconnect"
        for client, patient_id in ((mara, 2), (otto, 1), (otto, 6)):
            assert (await client.post(f"/patients/{patient_id}/{name}")).status_code == 404
        assert given["gateway"] in door.may_come


async def test_the_page_tells_of_clips_and_of_one_that_is_somebody_elses(door: Door) -> None:
    clinic, mine, theirs = door.clinic, "d" * 16, "e" * 16
    with writing(clinic.engine) as db:
        db.execute(insert(assignment).values(clip=theirs, patient_id=clinic.patients["Faye Nakamura"], start_ms=0))
    async with door.therapist() as mara, door.computer() as computer:
        given = (await exchange(computer, await door.code(mara))).json()
        clips = tuple(messages.ClipStatus(clip=clip, link="live") for clip in (mine, theirs))
        told = messages.Status(schema="status/1", online=True, utc_ms=clinic.now_ms, clips=clips)
        with writing(clinic.engine) as db:
            take_status(db, given["gateway"], told, clinic.now_ms)
        page = (await mara.get(PAGE)).text
        assert "Connected now" in page
        assert mine in page
        assert page.count("assigned to somebody else") == 1
        assert "Faye" not in page
        with reading(clinic.engine) as db:
            rows = db.execute(select(assignment.c.patient_id).where(assignment.c.clip.in_([mine, theirs]))).all()
        assert sorted(row.patient_id for row in rows) == [1, clinic.patients["Faye Nakamura"]]
        with writing(clinic.engine) as db:
            db.execute(update(gateway).where(gateway.c.id == given["gateway"]).values(online=False))
        assert "Computer offline" in (await mara.get(PAGE)).text


async def test_names_are_escaped_and_the_code_is_not_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with writing(door.clinic.engine) as db:
        db.execute(update(patient).where(patient.c.id == 1).values(name="<script>alert(1)</script>"))
    caplog.set_level("DEBUG")
    async with door.therapist() as mara, door.computer() as computer:
        code = await door.code(mara)
        given = (await exchange(computer, code)).json()
        assert "<script>alert" not in (await mara.get(PAGE)).text
    assert given["gateway"] in caplog.text
    for secret in (code, code.replace("-", ""), given["password"]):
        assert secret not in caplog.text
