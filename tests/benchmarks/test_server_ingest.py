"""Durable ingest beside a bare batched loop: the same messages, the same batches, the same commits.

The bare loop reads the JSON and writes each record as a row of its own, ignoring what is there already, by SQLAlchemy's
executemany. It checks nothing: neither the message nor whose clip it is, nor revisions, nor which days are touched; and
its epochs are plain rows, not packed hours.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Engine, Integer, MetaData, String, Table, Text

from gateway import messages
from server.ingest.service import settle_all
from server.store import writing
from server.store.tables import episode, reminder
from server.store.upsert import upsert
from tests.benchmarks.wearers import GATEWAY, NOW_MS, enrol, payloads

LONG = os.environ.get("PLUMBLINE_HYPOTHESIS") == "long"
PATIENTS = 120 if LONG else 12
ROWS_A_MESSAGE = 200
MESSAGES_A_COMMIT = 4
"""As a gateway sends when much has piled up."""
BARS = {"sqlite": 0.5, "postgresql": 0.5}

epoch_row = Table(
    "bare_epoch",
    MetaData(),
    *(Column(name, String(16), primary_key=True) for name in ("clip", "boot", "judge")),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    *(Column(name, BigInteger) for name in ("utc_ms", "utc_error_ms")),
    *(
        Column(name, Integer, quote=True)
        for name in ("patient_id", "rev", "plan", "calibration", "low", "high", "lateral")
    ),
    *(Column(name, Integer) for name in ("shifts", "celsius")),
    Column("simulated", Boolean),
    Column("codes", String(60)),
    Column("sagittal", Text),
)
TABLES = {"epoch": epoch_row, "episode": episode, "reminder": reminder}


def bare_loop(engine: Engine, told: Sequence[bytes]) -> int:
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in TABLES}
    for payload in told:
        for row in json.loads(payload)["rows"]:
            record = row["record"]
            kind = record.pop("kind")
            record |= {"patient_id": 1, "boot": f"f{record['boot'][1:]}"}
            if kind == "epoch":
                record["sagittal"] = json.dumps(record["sagittal"])
            else:
                record |= {"gateway": GATEWAY, "received_ms": NOW_MS}
            rows[kind].append(record)
    with writing(engine) as connection:
        for kind, table in TABLES.items():
            if rows[kind]:
                connection.execute(upsert(connection, table).on_conflict_do_nothing(), rows[kind])
    return sum(map(len, rows.values()))


def durable(engine: Engine, told: Sequence[bytes]) -> int:
    batches = []
    for payload in told:
        message = messages.parse("records", payload)
        assert isinstance(message, messages.Records)
        batches.append((GATEWAY, message))
    acks = settle_all(engine, batches, NOW_MS)
    assert not any(ack.rejected for ack in acks)
    return sum(len(message.rows) for _, message in batches)


def timed(work: Callable[[Engine, Sequence[bytes]], int], engine: Engine, told: list[bytes]) -> float:
    """Rows a second."""
    began = time.perf_counter()
    return work(engine, told) / (time.perf_counter() - began)


def test_ingest_beside_a_bare_loop(engine: Engine, record_property: Callable[[str, object], None], capsys: Any) -> None:
    enrol(engine, PATIENTS)
    epoch_row.create(engine)
    told = list(payloads(PATIENTS, ROWS_A_MESSAGE))
    rates: dict[str, list[float]] = {"bare": [], "durable": []}
    for at in range(0, len(told), MESSAGES_A_COMMIT):  # in turns, so that both have the same machine
        part = told[at : at + MESSAGES_A_COMMIT]
        rates["bare"].append(timed(bare_loop, engine, part))
        rates["durable"].append(timed(durable, engine, part))
    bare, own = (sorted(values)[len(values) // 2] for values in rates.values())
    name = engine.dialect.name
    record_property("ingest", json.dumps({"database": name, "bare": bare, "durable": own}))
    with capsys.disabled():
        print(f"\ningest on {name}: {own:,.0f} rows/s, a bare loop {bare:,.0f} rows/s, ratio {own / bare:.2f}")
    assert own / bare >= BARS[name]
