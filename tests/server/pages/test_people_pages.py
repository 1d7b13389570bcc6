"""Administration, coming in by a link, emergency access and a patient's own day, as the browsers of those who need
them see it: forms only, no script."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.access.rules import AccessRules
from server.app import create_app
from server.people.invitations import VALID_MS
from server.store.engine import reading
from server.store.tables import audit_entry, care_relation, user_account
from tests.server.access.conftest import ABSENT, Town, settle_in
from tests.server.access.decisions import Who
from tests.server.conftest import ORIGIN, PASSWORD, Clinic, MakeClinic, quick_passwords

NEW_PASSWORD = "seven quiet herons"
LINK = re.compile(rf"{ORIGIN}(/(?:invitation|recovery)/[\w-]+)")


@pytest.fixture
def town(make_clinic: MakeClinic) -> Town:
    """Both practices."""
    return settle_in(make_clinic())


def link_in(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    found = LINK.search(page.text)
    assert found, page.text
    return found[1]


async def filled_in(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Open a form of a visitor without a session and send it."""
    page = await client.get(path)
    token = re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)
    assert token, page.text
    return await client.post(path, data={"form_token": token[1], **fields})


async def join(town: Town, path: str, name: str = "Nora New", password: str = NEW_PASSWORD) -> httpx.Response:
    async with town.clinic.client() as client:
        return await filled_in(client, path, name=name, password=password, again=password)


async def may_sign_in(town: Town, email: str, password: str) -> bool:
    async with town.clinic.client() as client:
        answer = await client.post("/api/v1/session", json={"email": email, "password": password})
        return answer.status_code == 201


async def test_a_colleague_is_invited_comes_in_and_is_given_a_patient(town: Town) -> None:
    vera = town.visitor(Who.ADMINISTRATOR)
    path = link_in(await vera.post("/people/invitations", data={"email": "nora@example.org", "role": "therapist"}))
    assert "nora@example.org" in (await vera.get("/people")).text
    assert path not in (await vera.get("/people")).text
    assert (await join(town, path)).headers["location"] == "/login?done=yes"
    assert await may_sign_in(town, "nora@example.org", NEW_PASSWORD)
    with reading(town.clinic.engine) as db:
        nora = db.scalar(select(user_account.c.id).where(user_account.c.email == "nora@example.org"))
    assert (await vera.post(f"/people/patients/1/carers/{nora}/begin")).status_code == 303
    assert "Nora New" in (await vera.get("/people/patients")).text
    town.accounts["nora"] = nora or 0
    client = town.visitor("nora")  # type: ignore[arg-type]
    assert [one["name"] for one in (await client.get("/api/v1/patients")).json()] == ["Ada Keller"]
    assert (await vera.post(f"/people/patients/1/carers/{nora}/end")).status_code == 303
    assert (await client.get("/api/v1/patients")).json() == []
    async with town.clinic.client() as visitor:
        assert (await visitor.get(path)).status_code == 404


async def test_a_patient_is_invited_from_their_record(town: Town) -> None:
    vera = town.visitor(Who.ADMINISTRATOR)
    added = await vera.post("/people/patients", data={"name": "  Hana   Blum ", "zone": "Asia/Kolkata"})
    record = added.headers["location"]
    page = await vera.get(record)
    assert "<h1>Hana Blum</h1>" in page.text
    assert "Nobody yet" in page.text
    path = link_in(await vera.post(f"{record}/invitation", data={"email": "hana@example.org"}))
    async with town.clinic.client() as visitor:
        assert "for the days of Hana Blum" in (await visitor.get(path)).text
    await join(town, path, name="Hana")
    assert await may_sign_in(town, "hana@example.org", NEW_PASSWORD)
    assert "hana@example.org" in (await vera.get(record)).text


async def test_what_cannot_be_is_said_on_the_form(town: Town) -> None:
    vera = town.visitor(Who.ADMINISTRATOR)
    for path, fields, words in (
        ("/people/invitations", {"email": "mara@example.org", "role": "therapist"}, "account for mara@example.org"),
        ("/people/invitations", {"email": "new@example.org"}, "Choose a role."),
        ("/people/invitations", {"email": "new@example.org", "role": "patient"}, "Choose the patient"),
        ("/people/name", {"name": " "}, "An organisation needs a name."),
        ("/people/name", {"name": "Other practice"}, "organisation called Other practice already"),
        ("/people/patients", {"name": "", "zone": "UTC"}, "A patient needs a name."),
        ("/people/patients", {"name": "X", "zone": "Mars/Base"}, "Mars/Base"),
        ("/people/patients/1", {"name": ""}, "A patient needs a name."),
        ("/people/patients/1/invitation", {"email": "x@example.org"}, "This patient has an account already."),
    ):
        answer = await vera.post(path, data=fields)
        assert answer.status_code == 422, (path, fields)
        assert words in answer.text, (path, fields)


async def test_the_form_of_an_invitation_says_what_cannot_be_and_keeps_the_link(town: Town) -> None:
    vera = town.visitor(Who.ADMINISTRATOR)
    path = link_in(await vera.post("/people/invitations", data={"email": "nora@example.org", "role": "therapist"}))
    async with town.clinic.client() as client:
        for fields, words in (
            ({"name": "N", "password": NEW_PASSWORD, "again": "another one"}, "two passwords differ"),
            ({"name": "N", "password": "short", "again": "short"}, "A password has 12"),
            ({"name": "N", "password": "nora@example.org", "again": "nora@example.org"}, "tried first"),
            ({"name": "Leonora Quist", "password": "Leonora-Quist1", "again": "Leonora-Quist1"}, "tried first"),
            ({"name": " ", "password": NEW_PASSWORD, "again": NEW_PASSWORD}, "An account needs a name."),
        ):
            answer = await filled_in(client, path, **fields)
            assert answer.status_code == 422
            assert words in answer.text
            assert NEW_PASSWORD not in answer.text
        refused = await client.post(path, data={"name": "N", "password": NEW_PASSWORD, "again": NEW_PASSWORD})
        assert refused.status_code == 403
    town.clinic.now_ms += VALID_MS - 1
    assert (await join(town, path)).status_code == 303


@pytest.mark.parametrize("kind", ["invitation", "recovery"])
async def test_links_that_lead_nowhere_say_the_same(town: Town, kind: str) -> None:
    async with town.clinic.client() as client:
        pages = [await client.get(f"/{kind}/{token}") for token in ("x", "y" * 43, "z" * 100)]
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert "Ask for a new" in pages[0].text


async def test_somebody_comes_back_in_by_a_link_and_all_sessions_end(town: Town) -> None:
    vera, mara = town.visitor(Who.ADMINISTRATOR), town.visitor(Who.CARER)
    path = link_in(await vera.post(f"/people/accounts/{town.accounts['mara']}/recovery"))
    assert (await mara.get("/api/v1/session")).status_code == 200
    async with town.clinic.client() as client:
        assert "mara@example.org" in (await client.get(path)).text
        for known in ("mara@example.org", "Mara.Lindqvist1"):
            assert "tried first" in (await filled_in(client, path, password=known, again=known)).text
        done = await filled_in(client, path, password=NEW_PASSWORD, again=NEW_PASSWORD)
        assert done.headers["location"] == "/login?done=yes"
        assert "Your password is set" in (await client.get(done.headers["location"])).text
        assert (await client.get(path)).status_code == 404
    assert (await mara.get("/api/v1/session")).status_code == 401
    assert await may_sign_in(town, "mara@example.org", NEW_PASSWORD)
    assert not await may_sign_in(town, "mara@example.org", PASSWORD)


async def test_a_disabled_account_is_out_at_once_and_can_come_back(town: Town) -> None:
    vera, mara = town.visitor(Who.ADMINISTRATOR), town.visitor(Who.CARER)
    number = town.accounts["mara"]
    assert (await vera.post(f"/people/accounts/{number}/disable")).status_code == 303
    assert (await mara.get("/api/v1/session")).status_code == 401
    assert not await may_sign_in(town, "mara@example.org", PASSWORD)
    assert (await vera.post(f"/people/accounts/{number}/recovery")).status_code == 409
    assert (await vera.post(f"/people/accounts/{number}/enable")).status_code == 303
    assert await may_sign_in(town, "mara@example.org", PASSWORD)
    own = await vera.post(f"/people/accounts/{town.accounts['vera']}/disable")
    assert own.status_code == 409
    assert (await vera.get("/people")).status_code == 200


class Outbox:
    """Keeps what was to be sent, or fails."""

    def __init__(self, *, broken: bool = False) -> None:
        self.mails: list[tuple[str, str]] = []
        self.broken = broken

    def send(self, to: str, subject: str, text: str) -> None:
        assert subject
        if self.broken:
            raise ConnectionRefusedError(f"no mail server for {to}")
        self.mails.append((to, text))


def with_mail(clinic: Clinic, outbox: Outbox) -> None:
    rules = AccessRules(public_url="https://clinic.example.org/")
    clinic.app = create_app(
        clinic.engine, lambda: clinic.now_ms, rules=rules, passwords=quick_passwords(), mailer=outbox
    )


async def test_by_mail_the_answer_is_the_same_for_everybody(town: Town) -> None:
    outbox = Outbox()
    with_mail(town.clinic, outbox)
    async with town.clinic.client() as client:
        known = await filled_in(client, "/recovery", email="Mara@example.org")
        unknown = await filled_in(client, "/recovery", email="nobody@example.org")
    assert known.status_code == unknown.status_code == 200
    assert known.text == unknown.text
    ((to, text),) = outbox.mails
    assert to == "mara@example.org"
    found = re.search(r"https://clinic\.example\.org(/recovery/[\w-]{43})\n", text)
    assert found, text
    async with town.clinic.client() as client:
        done = await filled_in(client, found[1], password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert done.status_code == 303
    assert await may_sign_in(town, "mara@example.org", NEW_PASSWORD)


async def test_mails_are_few_and_a_mail_server_that_is_down_tells_nobody(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(broken=True)
    with_mail(town.clinic, outbox)
    async with town.clinic.client() as client:
        for _ in range(3):
            assert (await filled_in(client, "/recovery", email="mara@example.org")).status_code == 200
        held = await filled_in(client, "/recovery", email="mara@example.org")
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) > 0
        assert (await filled_in(client, "/recovery", email="otto@example.org")).status_code == 200
    assert "could not be sent: ConnectionRefusedError" in caplog.text
    assert "mara@" not in caplog.text


async def test_without_mail_an_administrator_is_named(town: Town) -> None:
    async with town.clinic.client() as client:
        page = await client.get("/recovery")
        assert "Ask an administrator" in page.text
        assert "<form" not in page.text
        assert "/recovery" in (await client.get("/login")).text


async def test_names_of_patients_are_not_tried_one_after_the_other(town: Town) -> None:
    otto, ina = town.visitor(Who.COLLEAGUE), town.visitor(Who.EMERGENCY)
    wanted = {"patient": "Nobody Here", "reason": "Mara is away, and the clip buzzes"}
    for _ in range(20):
        assert (await otto.post("/emergency", data={**wanted, "reason": "typo"})).status_code == 422
    for _ in range(10):
        assert "no patient of this name" in (await otto.post("/emergency", data=wanted)).text
    held = await otto.post("/emergency", data={**wanted, "patient": "Ada Keller"})
    assert held.status_code == 429
    assert int(held.headers["retry-after"]) == 3600
    assert "An administrator of your practice can put a patient into your care at once. Wait 60 min" in held.text
    assert 'value="Ada Keller"' in held.text
    assert (await otto.get("/patients/1")).status_code == 404
    assert (await ina.post("/emergency", data={**wanted, "patient": "P-0002"})).status_code == 303
    town.clinic.now_ms += 3_600_000
    again = town.visitor(Who.COLLEAGUE)
    assert (await again.post("/emergency", data={**wanted, "patient": "Ada Keller"})).status_code == 303
    for client in (otto, ina, again):
        await client.aclose()


async def test_emergency_access_is_taken_seen_and_ended(town: Town) -> None:
    otto, vera = town.visitor(Who.COLLEAGUE), town.visitor(Who.ADMINISTRATOR)
    reason = "Ada rang, Mara is away: the clip buzzes without end"
    for fields, words in (
        ({"patient": "Ada Keller", "reason": "help"}, "Say why"),
        ({"patient": "Ada", "reason": reason}, "no patient of this name"),
        ({"patient": "Gus Hidden", "reason": reason}, "no patient of this name"),
    ):
        answer = await otto.post("/emergency", data=fields)
        assert answer.status_code == 422
        assert words in answer.text
    taken = await otto.post("/emergency", data={"patient": "ada keller", "reason": reason})
    assert taken.headers["location"] == "/patients/1"
    assert (await otto.get("/patients/1/days/2026-03-25")).status_code == 200
    assert "by emergency access" in (await otto.get("/patients/1/days/2026-03-25")).text
    assert "Emergency access" in (await otto.get("/patients")).text
    assert reason in (await vera.get("/people")).text
    number = re.search(r"/emergency/(\d+)/end", (await otto.get("/emergency")).text)
    assert number
    assert (await vera.post(f"/people/emergencies/{number[1]}/end")).status_code == 303
    assert (await otto.get("/patients/1/days/2026-03-25")).status_code == 404
    assert "by Vera Administrator" in (await vera.get("/people")).text
    c = audit_entry.c
    with reading(town.clinic.engine) as db:
        rows = db.execute(
            select(c.actor, c.act, c.patient, c.outcome).where(c.act == "take emergency access").order_by(c.number)
        ).all()
        words = repr(db.execute(select(audit_entry)).all())
    otto_is = f"U-{town.accounts['otto']}"
    assert [tuple(row) for row in rows if row.outcome == "done"] == [
        (otto_is, "take emergency access", "P-0001", "done")
    ]
    assert sum(row.outcome == "failed" for row in rows) == 3
    assert not [word for word in (reason, "Keller", "Otto", "@") if word in words]


async def test_a_patient_sees_their_day_and_plan_and_no_list(town: Town) -> None:
    ada = town.visitor(Who.SELF)
    assert (await ada.get("/")).headers["location"] == "/my"
    page = await ada.get("/my")
    assert "Your day so far" in page.text
    assert "You wore the clip for" in page.text
    assert "Your plan" in (await ada.get("/my/plan")).text
    assert "Your day" in (await ada.get("/my/days/2026-03-24")).text
    assert not re.search(r"\b(bad|wrong|damage|correct|poor)\b", page.text)
    assert (await ada.get("/patients")).status_code == 403
    assert (await ada.get("/patients/2")).status_code == 404


@pytest.mark.parametrize(
    ("who", "place"),
    [(Who.CARER, "/patients"), (Who.ADMINISTRATOR, "/people"), (Who.SELF, "/my"), (Who.NOBODY, "/login")],
)
async def test_everybodys_way_begins_in_its_place(town: Town, who: Who, place: str) -> None:
    client = town.visitor(who)
    assert (await client.get("/")).headers["location"] == place
    assert (await client.get(place)).status_code == 200


async def test_an_administrator_of_another_organisation_changes_nothing_here(town: Town) -> None:
    petra = town.visitor(Who.OTHER_ADMINISTRATOR)
    before = _relations(town)
    for path in (
        f"/people/patients/1/carers/{town.accounts['nils']}/begin",
        f"/people/patients/1/carers/{town.accounts['mara']}/end",
        f"/people/patients/{town.gus}/carers/{town.accounts['mara']}/begin",
        f"/people/patients/{town.gus}/carers/{ABSENT}/begin",
        f"/people/accounts/{town.accounts['vera']}/disable",
    ):
        assert (await petra.post(path)).status_code == 404, path
    assert _relations(town) == before


def _relations(town: Town) -> list[Any]:
    with reading(town.clinic.engine) as db:
        return sorted(map(tuple, db.execute(select(care_relation))))
