"""A code is good once, for a day, until the next is made; what it made can be ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from server.broker import Account
from server.broker.verifier import matches
from server.enrolment import doorkeeper
from server.enrolment.doorkeeper import BrokerFace, Doorkeeper
from server.enrolment.service import VALID_MS, CodeRefusedError, Enrolled, Refusal, offer_code, redeem, revoke
from server.ingest.enrolment import enrol_gateway
from server.store import reading
from server.store.tables import enrolment, gateway
from tests.server.enrolment.conftest import NOW, People


def offered(people: People, now_ms: int = NOW) -> str:
    return offer_code(people.engine, people.anna, author_id=people.therapist, now_ms=now_ms).code


def refusal(people: People, code: str, now_ms: int = NOW) -> Refusal:
    with pytest.raises(CodeRefusedError) as caught:
        redeem(people.engine, code, now_ms=now_ms)
    return caught.value.refusal


def test_a_code_is_exchanged_once(people: People) -> None:
    code = offered(people)
    made = redeem(people.engine, code.lower(), now_ms=NOW + 5)
    assert made.patient_id == people.anna
    assert len(bytes.fromhex(made.gateway)) == 8
    assert made.password not in repr(made)
    with reading(people.engine) as db:
        told = db.execute(select(gateway).where(gateway.c.id == made.gateway)).one()
        kept = db.execute(select(enrolment)).one()
    assert matches(made.password, told.mqtt_hash)
    assert (kept.gateway, kept.used_ms, kept.author_id) == (made.gateway, NOW + 5, people.therapist)
    assert code.replace("-", "") not in str(tuple(kept))
    assert refusal(people, code) is Refusal.USED


def test_a_code_is_good_for_a_day(people: People) -> None:
    code = offered(people)
    assert refusal(people, code, NOW + VALID_MS) is Refusal.EXPIRED
    assert redeem(people.engine, code, now_ms=NOW + VALID_MS - 1)


def test_a_new_code_voids_the_one_before_and_nobody_elses(people: People) -> None:
    other = offer_code(people.engine, people.bert, author_id=people.therapist, now_ms=NOW).code
    first, second = offered(people), offered(people)
    assert refusal(people, first) is Refusal.VOIDED
    assert redeem(people.engine, second, now_ms=NOW).patient_id == people.anna
    assert redeem(people.engine, other, now_ms=NOW).patient_id == people.bert


def test_a_wrong_code_is_unknown(people: People) -> None:
    offered(people)
    assert refusal(people, "00000-00000") is Refusal.UNKNOWN


def test_of_many_at_once_one_gets_the_gateway(people: People) -> None:
    code = offered(people)
    outcomes: list[Any] = []

    def attempt() -> None:
        try:
            outcomes.append(redeem(people.engine, code, now_ms=NOW))
        except CodeRefusedError as error:
            outcomes.append(error.refusal)

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, Enrolled) for outcome in outcomes) == 1
    assert outcomes.count(Refusal.USED) == 5
    with reading(people.engine) as db:
        assert len(db.execute(select(gateway)).all()) == 1


def test_only_the_patients_own_computer_is_revoked(people: People) -> None:
    made = redeem(people.engine, offered(people), now_ms=NOW)
    assert not revoke(people.engine, people.bert, made.gateway, author_id=people.therapist, now_ms=NOW)
    assert revoke(people.engine, people.anna, made.gateway, author_id=people.therapist, now_ms=NOW + 1)
    assert revoke(people.engine, people.anna, made.gateway, author_id=people.therapist, now_ms=NOW + 9)
    with reading(people.engine) as db:
        assert db.scalar(select(gateway.c.revoked_ms)) == NOW + 1
        assert db.scalar(select(enrolment.c.revoked_by)) == people.therapist


def test_the_broker_is_told_of_every_change_and_of_no_other(people: People) -> None:
    told: list[list[str]] = []
    fixed = [Account("server", "ours", "server"), Account("f" * 16, "older", "gateway")]
    keeper = Doorkeeper(
        people.engine, BrokerFace("mqtt://x:1"), fixed, lambda accounts: told.append([one.name for one in accounts])
    )
    keeper.refresh()
    keeper.refresh()
    assert told == [["server", "f" * 16]]
    made = redeem(people.engine, offered(people), now_ms=NOW)
    keeper.refresh()
    assert told[1:] == [["server", "f" * 16, made.gateway]]
    revoke(people.engine, people.anna, made.gateway, author_id=people.therapist, now_ms=NOW)
    keeper.refresh()
    assert told[2:] == [["server", "f" * 16]]


def test_a_broker_that_could_not_be_told_is_told_again(people: People) -> None:
    told: list[int] = []

    def admit(accounts: Any) -> None:
        told.append(len(accounts))
        if len(told) == 1:
            raise OSError("no space")

    keeper = Doorkeeper(people.engine, BrokerFace("mqtt://x:1"), [Account("server", "s", "server")], admit)
    with pytest.raises(OSError, match="no space"):
        keeper.refresh()
    keeper.refresh()
    assert told == [1, 1]


class Looks:
    """Stands for the event of stopping: between two looks one thing happens, and after the last it stops."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.happens = iter(happens)

    def wait(self, _seconds: float) -> bool:
        happening = next(self.happens, None)
        if happening is not None:
            happening()
        return happening is None


def nothing() -> None:
    """Happens."""


@pytest.mark.parametrize("trouble", [OSError("no space"), LookupError("nobody has thought of it")], ids=repr)
def test_what_other_programs_change_reaches_the_broker_by_itself(
    people: People, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    told: list[list[str]] = []
    troubles = [trouble]

    def admit(accounts: Sequence[Account]) -> None:
        if troubles:
            raise troubles.pop()
        told.append([one.name for one in accounts])

    def enrol() -> None:
        assert told == [["server"]], "also when it could not be told at first"
        enrol_gateway(people.engine, "1" * 16, name="desk", now_ms=NOW, mqtt_hash="$7$1$AAAA$AAAA")

    keeper = Doorkeeper(people.engine, BrokerFace("mqtt://x:1"), [Account("server", "s", "server")], admit)
    monkeypatch.setattr(keeper, "_stopping", Looks(nothing, nothing, nothing, enrol, nothing))
    keeper._run()
    assert told == [["server"], ["server", "1" * 16]]


def test_it_looks_from_its_start_until_it_is_stopped(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "LOOK_S", 0.01)
    told = threading.Event()
    keeper = Doorkeeper(people.engine, BrokerFace("mqtt://x:1"), [], lambda _: told.set())
    keeper.start()
    try:
        assert told.wait(60)
    finally:
        keeper.stop()
    assert not keeper._thread.is_alive()


class Waits:
    """Stands for the event of stopping: notes for how long it is waited, and stops after so many times."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) > self.most


def test_a_broker_that_is_down_is_told_of_once_and_asked_less_and_less(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = ["", *["no connection"] * 6, "no space", "no connection", "", ""]
    asked = iter(answers)

    def admit(_accounts: Sequence[Account]) -> None:
        if trouble := next(asked):
            raise OSError(trouble)

    keeper = Doorkeeper(people.engine, BrokerFace("mqtt://x:1"), [], admit, insists=True)
    monkeypatch.setattr(doorkeeper, "INSIST_LOOKS", 1)
    waits = Waits(len(answers))
    monkeypatch.setattr(keeper, "_stopping", waits)
    caplog.set_level("INFO")
    keeper._run()
    assert waits.seconds == [3, 3, 6, 12, 24, 30, 30, 30, 30, 30, 3, 3]
    told = [(record.levelname, record.message.rsplit(": ", 1)[-1], record.exc_info) for record in caplog.records]
    assert told == [
        ("WARNING", "no connection", None),
        ("WARNING", "no space", None),
        ("INFO", "the broker has been told who may come", None),
    ]


def test_who_disconnects_a_computer_is_answered_though_the_broker_is_down(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    def admit(_accounts: Sequence[Account]) -> None:
        raise OSError("no connection")

    keeper = Doorkeeper(people.engine, BrokerFace("mqtt://x:1"), [], admit)
    assert not keeper.tell()
    assert [record.exc_info for record in caplog.records] == [None]
