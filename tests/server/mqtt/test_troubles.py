"""What the worker does with what it cannot store, with clocks that are off, and with a broker that refuses it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from gateway import messages
from server.broker import Broker
from server.ingest import alarms
from server.ingest.service import settle_all
from server.mqtt import worker as working
from server.mqtt.address import broker_at
from server.mqtt.connection import Connection
from server.mqtt.worker import Worker
from server.store import engine as engines
from server.store import reading, writing
from server.store.tables import assignment, quarantine
from tests.server.mqtt.conftest import GATEWAY, NOW, OTHER, PATIENCE_S
from tests.server.mqtt.test_worker import status, stored

Make = Callable[..., messages.Records]
Eventually = Callable[[Callable[[], bool]], None]


def raised(engine: Engine) -> list[tuple[str, str, str]]:
    with reading(engine) as db:
        return [(one.kind, one.gateway, one.detail) for one in alarms.alarms(db)]


def test_one_row_that_cannot_be_stored_keeps_back_no_other(
    engine: Engine, station: Any, worker: Worker, records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows around it are settled; it alone is not acknowledged, so that it stays with its gateway."""

    def refuse_minute_five(engine: Engine, batches: Any, now_ms: int) -> Any:
        if any(row.record["start_ms"] == 300_000 for _, message in batches for row in message.rows):
            raise ZeroDivisionError
        return settle_all(engine, batches, now_ms)

    monkeypatch.setattr(working, "settle_all", refuse_minute_five)
    station.send("records", records(*range(9), first=11))
    settled: set[int] = set()
    while len(settled) < 8:
        ack = station.get("ack")
        assert not ack.rejected
        settled |= set(range(ack.first, ack.last + 1))
    assert settled == set(range(11, 20)) - {16}
    assert stored(engine) == [0, 1, 2, 3, 4, 6, 7, 8]
    with reading(engine) as db:
        kept = db.execute(select(quarantine.c.reason, quarantine.c.detail, quarantine.c.payload)).one()
    assert (kept.reason, kept.detail) == ("failed", "ZeroDivisionError")
    assert '"start_ms":300000' in kept.payload
    assert raised(engine) == [("failed", GATEWAY, "ZeroDivisionError")]


def test_what_somebody_else_holds_for_long_is_waited_for_and_nothing_is_lost(
    engine: Engine, station: Any, worker: Worker, records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement gives up after a while, and the batch is taken in later: neither acknowledged before nor refused."""
    monkeypatch.setattr(working, "RETRY_S", 0.02)
    for name in ("BUSY_TIMEOUT_MS", "LOCK_TIMEOUT_MS"):
        monkeypatch.setattr(engines, name, 100)
    engine.dispose()  # connections made from now on wait for others for a moment only
    gave_up = threading.Semaphore(0)
    monkeypatch.setattr(working.log, "exception", lambda *_: gave_up.release())
    with writing(engine) as holder:
        holder.execute(select(assignment).with_for_update()).all()
        station.send("records", records(1, 2))
        for _ in range(2):
            assert gave_up.acquire(timeout=PATIENCE_S)
        assert stored(engine) == []
        assert station.down.empty()
    assert station.get("ack").rejected == ()
    assert stored(engine) == [1, 2]


def test_a_clock_that_is_off_and_a_gateway_of_nobody_are_raised(
    engine: Engine, station: Any, worker: Worker, eventually: Eventually
) -> None:
    station.send("status", status(1, utc_ms=NOW - 60_000))
    station.send("status", status(1, utc_ms=NOW + 7_200_000, online=False))
    station.send("status", status(1, utc_ms=NOW + 7_200_000))
    eventually(lambda: raised(engine) == [("clock", GATEWAY, "2 h ahead")])
    with reading(engine) as db:
        assert [one.count for one in alarms.alarms(db)] == [1]


@pytest.mark.parametrize("kind", ["mosquitto"], indirect=True)
def test_a_broker_that_does_not_take_a_message_is_told_of(broker: Broker, eventually: Eventually) -> None:
    """The server's account with a broker whose rules do not let it send to a topic: brokers say so with MQTT 5."""
    connection = Connection(broker_at(broker.url, password="ours"), lambda _: None, lambda: None)
    connection.start()
    try:
        assert connection.wait_until_up(PATIENCE_S)
        topic = messages.topic(OTHER, "up", "status")  # which is for gateways to send
        assert connection.publish(topic, b"{}")
        assert connection.publish(messages.topic(OTHER, "down", "ack"), b"{}")
        found: list[tuple[str, str]] = []

        def told() -> bool:
            found.extend(connection.take_refusals())
            return bool(found)

        eventually(told)
        assert found == [(topic, "Not authorized")]
    finally:
        connection.stop()


def test_what_the_broker_refused_becomes_an_alarm(engine: Engine, worker: Worker) -> None:
    worker._tell_refusals([(messages.topic(GATEWAY, "down", "plan"), "Not authorized"), ("", "Quota exceeded")])
    assert sorted(raised(engine)) == [
        ("publish_refused", "", "message: Quota exceeded"),
        ("publish_refused", GATEWAY, "plan: Not authorized"),
    ]
