"""Alive, ready, and what Prometheus reads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, insert, text

from gateway import messages
from server.app import create_app
from server.operation import health
from server.operation.health import Readiness
from server.operation.metrics import Metrics, StoreCollector
from server.operation.routes import Operation
from server.store import open_engine, writing
from server.store.tables import gateway, ingest_count, patient, stale_day

TOKEN = "0123456789abcdef0123"
NOW = 1_790_000_000_000


def client(engine: Engine, operation: Operation) -> httpx.AsyncClient:
    app = create_app(engine, lambda: NOW, operation=operation)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://x")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, None),
        ({"connected": lambda: True, "working": lambda: True, "behind_s": lambda: 1.0}, None),
        ({"connected": lambda: False}, "no connection to the broker"),
        ({"working": lambda: False}, "not taken in"),
        ({"behind_s": lambda: health.BEHIND_S + 1}, "summaries are behind"),
    ],
)
async def test_ready_or_why_not(engine: Engine, told: dict[str, Any], words: str | None) -> None:
    async with client(engine, Operation(Readiness(engine, **told))) as caller:
        answer = await caller.get("/readyz")
        assert (await caller.get("/healthz")).status_code == 200
    assert answer.status_code == (503 if words else 200)
    assert answer.json()["ready"] is (words is None)
    assert all(words in problem for problem in answer.json()["problems"]) if words else not answer.json()["problems"]


async def test_a_database_of_another_version_is_not_ready(engine: Engine) -> None:
    with writing(engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    async with client(engine, Operation(Readiness(engine))) as caller:
        assert "schema of another version" in (await caller.get("/readyz")).text


async def test_a_database_that_does_not_answer_is_not_ready_but_alive() -> None:
    engine = open_engine("postgresql://me:secret@127.0.0.1:1/x?connect_timeout=1")
    async with client(engine, Operation(Readiness(engine))) as caller:
        answer = await caller.get("/readyz")
        assert (await caller.get("/healthz")).status_code == 200
    assert (answer.status_code, answer.json()["problems"]) == (503, ["the database does not answer"])


async def test_metrics_are_off_until_there_is_a_token_and_then_behind_it(engine: Engine) -> None:
    async with client(engine, Operation(Readiness(engine))) as caller:
        assert (await caller.get("/metrics")).status_code == 404
    async with client(engine, Operation(Readiness(engine), token=TOKEN)) as caller:
        for header in ("", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e9"):
            answer = await caller.get("/metrics", headers={b"authorization": header.encode()})
            assert (answer.status_code, "plumbline" in answer.text) == (401, False)
        assert (await caller.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})).status_code == 200


def values(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, *map(str, s.labels.values())): s.value for family in families for s in family.samples}


async def test_requests_are_counted_by_template_and_status(engine: Engine) -> None:
    metrics = Metrics()
    async with client(engine, Operation(Readiness(engine), metrics)) as caller:
        for path in ("/patients/7", "/patients/8", "/login", "/no/such/page", "/another?name=Anna"):
            answer = await caller.get(path)
            assert len(answer.headers["x-request-id"]) == 16
        await caller.request("BREW", "/login")
    told = values(metrics)
    assert told["plumbline_http_requests_total", "GET", "/patients/{patient_id}", "303"] == 2
    assert told["plumbline_http_requests_total", "GET", "/login", "200"] == 1
    assert told["plumbline_http_requests_total", "GET", "none", "404"] == 2
    assert told["plumbline_http_requests_total", "other", "/login", "405"] == 1
    assert "Anna" not in metrics.text().decode()


def test_the_store_is_counted(engine: Engine) -> None:
    with writing(engine) as db:
        db.execute(insert(patient).values(id=4711, pseudonym="P-x", name="Anna", zone="UTC", created_ms=0))
        db.execute(insert(stale_day), [{"patient_id": 4711, "date": f"2026-03-0{day}", "marks": 1} for day in (1, 2)])
        status = messages.Status(
            schema="status/1", online=True, utc_ms=NOW, outbox_rows=7, outbox_oldest_utc_ms=NOW - 60_000
        ).model_dump_json()
        rows = [("1", True, status, NOW - 9000, None), ("2", False, None, None, None), ("3", True, status, NOW, 1)]
        for gate, online, word, seen, revoked in rows:
            db.execute(
                insert(gateway).values(
                    id=gate * 16,
                    name="x",
                    created_ms=0,
                    online=online,
                    status_json=word,
                    seen_ms=seen,
                    revoked_ms=revoked,
                )
            )
        for gate, reason, count in (("1", "conflict", 3), ("2", "conflict", 4), ("", "malformed", 5)):
            db.execute(insert(ingest_count).values(gateway=gate, reason=reason, count=count))
    metrics = Metrics()
    metrics.registry.register(StoreCollector(engine, lambda: NOW, lambda: True))
    told = values(metrics)
    assert told["plumbline_stale_days",] == 2
    assert told["plumbline_broker_connected",] == 1
    assert told["plumbline_gateways", "online"] == 1
    assert told["plumbline_gateways", "offline"] == 1
    assert told["plumbline_outbox_rows",] == 7
    assert told["plumbline_outbox_age_seconds",] == 60
    assert told["plumbline_gateway_silence_seconds",] == 9
    assert told["plumbline_ingest_refused_total", "conflict"] == 7
    assert told["plumbline_ingest_refused_total", "malformed"] == 5
    assert told["plumbline_sessions",] == 0
    assert not any("4711" in part or "P-x" in part for key in told for part in key)


def test_rows_and_acknowledgements_are_counted() -> None:
    metrics = Metrics()
    rows = tuple(messages.Row(n=n, record={}) for n in (1, 2, 3))
    records = messages.Records(schema="records/1", spool="0" * 32, first=1, last=3, rows=rows)
    rejected = (messages.Rejected(n=2, reason="conflict"),)
    metrics.settled(records, messages.Ack(schema="ack/1", spool="0" * 32, first=1, last=3, rejected=rejected), 0.3)
    told = values(metrics)
    assert (told["plumbline_ingest_rows_total", "taken"], told["plumbline_ingest_rows_total", "rejected"]) == (2, 1)
    assert (told["plumbline_ack_seconds_count",], told["plumbline_ack_seconds_bucket", "0.25"]) == (1, 0)
