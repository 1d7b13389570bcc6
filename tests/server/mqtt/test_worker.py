"""The worker against real brokers: commit, then acknowledge; plans and commands down; bad input counted and skipped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, exc, select
from sqlalchemy.exc import OperationalError

from gateway import messages
from server.broker import Broker
from server.ingest.service import settle_all
from server.mqtt import worker as working
from server.mqtt.address import broker_at
from server.mqtt.worker import Worker
from server.plans.commands import create_command
from server.plans.service import create_plan, plan_state
from server.store import epoch_blob, reading
from server.store.tables import clip_status, command, epoch_hour, gateway, ingest_count, quarantine

NOW = 1_790_000_000_000
GATEWAY, CLIP = "1" * 16, "a" * 16
PATIENCE_S = 15.0
BOTH_BROKERS = pytest.mark.parametrize("kind", ["mosquitto", "amqtt"], indirect=True)
Make = Callable[..., messages.Records]
Eventually = Callable[[Callable[[], bool]], None]


def stored(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        blobs = connection.scalars(select(epoch_hour.c.blob).order_by(epoch_hour.c.hour)).all()
    return [epoch_blob.start_of(row) // 60_000 for blob in blobs for row in epoch_blob.rows_of(epoch_blob.decode(blob))]


def status(version: int | None, **more: Any) -> messages.Status:
    clip = {"clip": CLIP, "link": "live", "plan_version": version, "battery_pct": 80}
    return messages.Status.model_validate(
        {"schema": "status/1", "online": True, "utc_ms": NOW, "clips": [clip | more.pop("clip", {})]} | more
    )


@BOTH_BROKERS
def test_records_are_committed_and_then_acknowledged(engine: Engine, station: Any, records: Make) -> None:
    station.send("records", records(0, 1, 2, first=7))
    ack = station.get("ack")
    assert (ack.first, ack.last, ack.rejected) == (7, 9, ())
    assert stored(engine) == [0, 1, 2]


def test_a_flood_is_taken_in_whole(engine: Engine, station: Any, records: Make) -> None:
    for minute in range(150):
        station.send("records", records(minute, first=minute + 1))
    acked = {station.get("ack").first for _ in range(150)}
    assert acked == set(range(1, 151))
    assert stored(engine) == list(range(150))


def test_bad_input_is_counted_and_the_line_goes_on(engine: Engine, station: Any, records: Make) -> None:
    for payload in (b"", b"\xff\xfe\x00", b"[1]", b'{"schema":"records/1"}', b'{"schema":"records/2","rows":[]}'):
        station.send("records", payload)
    station.send("status", b"{}")
    station.send("nonsense", b"{}")
    station.send("records", records(5, clip="f" * 16))
    ack = station.get("ack")
    assert [row.reason for row in ack.rejected] == ["not_assigned"]
    station.send("records", records(6))
    assert station.get("ack").rejected == ()
    assert stored(engine) == [6]
    with reading(engine) as connection:
        columns = (ingest_count.c.gateway, ingest_count.c.reason, ingest_count.c["count"])
        counts = {(gate, reason): number for gate, reason, number in connection.execute(select(*columns))}
        kinds = sorted(connection.scalars(select(quarantine.c.kind)))
    assert counts == {(GATEWAY, "malformed"): 6, ("", "malformed"): 1, (GATEWAY, "not_assigned"): 1}
    assert kinds == ["epoch", "records", "records", "records", "records", "records", "status", "topic"]


@BOTH_BROKERS
def test_a_plan_travels_until_the_clip_confirms_it(
    engine: Engine, station: Any, worker: Worker, patient_id: int, eventually: Eventually
) -> None:
    create_plan(engine, patient_id, {"angle_deg": 12}, author_id=None, reason="first", now_ms=NOW)
    worker.nudge()
    sent = station.get("plan")
    assert (sent.clip, sent.plan.version, sent.plan.angle_deg) == (CLIP, 1, 12)
    eventually(lambda: plan_state(engine, patient_id).history[0].state == "sent")
    station.send("status", status(0))
    assert station.get("plan").plan.version == 1
    station.send("status", status(1))
    eventually(lambda: plan_state(engine, patient_id).history[0].state == "confirmed")
    create_plan(engine, patient_id, {"angle_deg": 14}, author_id=None, reason="second", now_ms=NOW)
    assert station.get("plan").plan.version == 2  # found without a nudge
    state = plan_state(engine, patient_id)
    assert state.waiting
    assert [drift.reported for drift in state.drift] == [1]
    station.send("status", status(2))
    eventually(
        lambda: [version.state for version in plan_state(engine, patient_id).history] == ["confirmed", "superseded"]
    )


def test_a_status_is_stored_and_unknown_fields_do_not_wipe_known_ones(
    engine: Engine, station: Any, worker: Worker, eventually: Eventually
) -> None:
    station.send("status", status(3, clip={"firmware": "1.2"}))
    station.send("status", status(None, online=False, clip={"link": "searching", "battery_pct": None}))

    def offline() -> bool:
        with reading(engine) as connection:
            row = connection.execute(select(gateway).where(gateway.c.id == GATEWAY)).one()
        return row.status_json is not None and not row.online

    eventually(offline)
    with reading(engine) as connection:
        row = connection.execute(select(clip_status)).one()
    assert (row.link, row.plan_version, row.battery_pct, row.firmware, row.seen_ms) == ("searching", 3, 80, "1.2", NOW)


def test_a_command_is_sent_again_until_it_is_answered(
    engine: Engine, station: Any, worker: Worker, patient_id: int, eventually: Eventually
) -> None:
    made = create_command(engine, clip=CLIP, patient_id=patient_id, kind="snooze", minutes=30, now_ms=NOW)
    worker.nudge()
    first = station.get("command")
    assert (first.id, first.kind, first.minutes, first.expires_utc_ms) == (made, "snooze", 30, NOW + 600_000)
    station.send("status", status(1))
    assert station.get("command") == first
    station.send("reply", messages.Reply(schema="reply/1", id=made, clip=CLIP, result="done", detail="ok"))

    def answered() -> bool:
        with reading(engine) as connection:
            return connection.execute(select(command.c.result, command.c.answered_ms)).one() == ("done", NOW)

    eventually(answered)
    station.send("status", status(1))
    create_command(engine, clip=CLIP, patient_id=patient_id, kind="resume", now_ms=NOW)
    worker.nudge()
    assert station.get("command").kind == "resume"


def test_live_is_kept_only_for_clips_of_the_gateway(
    broker: Broker, station: Any, worker: Worker, eventually: Eventually
) -> None:
    def live(clip: str) -> messages.Live:
        return messages.Live(schema="live/1", clip=clip, utc_ms=NOW, category=9, sagittal_deg=14.5, lateral_deg=None)

    station.send("live", live("c" * 16), qos=0)
    station.send("live", live(CLIP), qos=0)
    eventually(lambda: worker.live.latest(CLIP, NOW) == live(CLIP))
    assert worker.live.latest("c" * 16, NOW) is None
    assert worker.live.latest(CLIP, NOW + 10_001) is None


def test_a_worker_that_dies_before_it_acknowledges_loses_and_doubles_nothing(
    engine: Engine, broker: Broker, station: Any, worker: Worker, records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = threading.Event()

    def settle_and_vanish(*arguments: Any) -> Any:
        settle_all(*arguments)
        committed.set()
        raise OperationalError("the process died here", None, Exception())

    with monkeypatch.context() as patched:
        patched.setattr(working, "settle_all", settle_and_vanish)
        station.send("records", records(0, 1))
        assert committed.wait(PATIENCE_S)
        worker.stop()
    assert station.down.empty()
    assert stored(engine) == [0, 1]
    again = Worker(engine, broker_at(broker.url, password="ours"), lambda: NOW)
    again.start()
    try:
        assert again.wait_until_connected(PATIENCE_S)
        station.send("records", records(0, 1, 2))  # what was not acknowledged comes again, with more
        assert station.get("ack").last == 3
        assert stored(engine) == [0, 1, 2]
    finally:
        again.stop()
        worker._stopping.set()


@pytest.mark.parametrize("trouble", [exc.TimeoutError(), exc.InternalError("read-only", None, Exception())])
def test_a_database_that_cannot_be_used_for_a_while_keeps_everything_waiting(
    engine: Engine,
    station: Any,
    worker: Worker,
    records: Make,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Exception,
) -> None:
    failed = threading.Event()

    def settle_the_second_time(*arguments: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise trouble
        return settle_all(*arguments)

    monkeypatch.setattr(working, "settle_all", settle_the_second_time)
    monkeypatch.setattr(working, "RETRY_S", 0.05)
    station.send("records", records(0, 1))
    assert station.get("ack").rejected == ()
    assert failed.is_set()
    assert stored(engine) == [0, 1]
    with reading(engine) as connection:
        assert connection.execute(select(quarantine)).all() == []


def test_the_ingest_outlives_what_nobody_has_thought_of(
    engine: Engine, station: Any, worker: Worker, records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def fail(*_: Any, **__: Any) -> Any:
        failed.set()
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(working, "settle_all", fail)
        patched.setattr(working, "refuse", fail)
        station.send("records", records(0))
        assert failed.wait(PATIENCE_S)
    station.send("records", records(0, 1))
    assert station.get("ack").last == 2
    assert worker.working


def test_a_message_that_cannot_be_stored_does_not_hold_up_the_others(
    engine: Engine, station: Any, worker: Worker, records: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_minute_one(engine: Engine, batches: Any, now_ms: int) -> Any:
        if any(message.first == 2 for _, message in batches):
            raise ZeroDivisionError
        return settle_all(engine, batches, now_ms)

    monkeypatch.setattr(working, "settle_all", refuse_minute_one)
    for minute in range(3):
        station.send("records", records(minute, first=minute + 1))
    assert [station.get("ack").first, station.get("ack").first] == [1, 3]
    assert stored(engine) == [0, 2]
    with reading(engine) as connection:
        assert "ZeroDivisionError" in connection.execute(select(quarantine.c.detail)).scalar_one()
