"""What an epoch takes at rest on PostgreSQL, with its index: days of several simulated people, packed by the hour."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text

from firmware.clip import protocol
from gateway import messages, plans
from gateway.lab.history import make_day
from gateway.lab.presets import PEOPLE, workday_script
from server.ingest.service import settle
from server.store import reading
from tests.benchmarks.wearers import GATEWAY, NOW_MS, START_MS, ZONE, enrol

MOST_BYTES: Final = 40
DAYS: Final = 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_bytes_an_epoch(engine: Engine, record_property: Callable[[str, object], None], capsys: Any) -> None:
    enrol(engine, len(PEOPLE))
    plan = protocol.plan.parse_plan(plans.for_clip(messages.Plan(version=1)))
    epochs = 0
    for number, habits in enumerate(PEOPLE.values(), start=1):
        for day in range(DAYS):
            script, start = workday_script(3, habits, day), START_MS + day * 86_400_000
            clip, boot = f"{number:016x}", f"{number:08x}{day:08x}"
            told = make_day(script, clip, boot, start, plan, zone=ZONE.key, boot_counter=1)
            kept = [record for record in told if isinstance(record, messages.Epoch)]
            rows = tuple(messages.Row(n=n, record=record.model_dump(mode="json")) for n, record in enumerate(kept, 1))
            message = messages.Records(schema="records/1", spool="0" * 32, first=1, last=len(rows), rows=rows)
            assert not settle(engine, GATEWAY, message, NOW_MS).rejected
            epochs += len(rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM FULL epoch_hour"))
    with reading(engine) as connection:
        size, table = connection.execute(
            text("SELECT pg_total_relation_size('epoch_hour'), pg_relation_size('epoch_hour')")
        ).one()
    record_property(
        "bytes", json.dumps({"epochs": epochs, "an_epoch": size / epochs, "of_it_index": (size - table) / epochs})
    )
    with capsys.disabled():
        print(
            f"\n{size / epochs:.1f} bytes an epoch at rest on PostgreSQL, {(size - table) / epochs:.1f} of them index "
            f"({epochs} epochs)"
        )
    assert size / epochs <= MOST_BYTES
