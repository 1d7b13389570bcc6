"""What was there before plans were guarded and deliveries noted is taken over."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Engine, select, text

from server.ingest import inspecting
from server.plans.delivery import was_sent
from server.plans.service import plan_state
from server.store import migrate, reading, writing
from server.store.migrate import _config
from server.store.tables import plan_delivery


def test_what_was_sent_before_counts_as_sent_for_the_clips_that_are_worn(engine: Engine) -> None:
    with writing(engine) as db:
        command.downgrade(_config(db), "0006")
    with writing(engine) as db:
        db.execute(text("INSERT INTO patient (id, pseudonym, name, zone, created_ms) VALUES (1, 'P-1', 'A', 'UTC', 0)"))
        for version, sent in ((1, "10"), (2, "20"), (3, "NULL")):
            db.execute(
                text(
                    "INSERT INTO plan (patient_id, version, body_json, reason, created_ms, sent_ms) "
                    f"VALUES (1, {version}, '{{\"version\": {version}}}', 'because', 0, {sent})"
                )
            )
        for clip, end in (("a" * 16, "NULL"), ("b" * 16, "5")):
            db.execute(
                text(f"INSERT INTO assignment (clip, patient_id, start_ms, end_ms) VALUES ('{clip}', 1, 0, {end})")
            )
        db.execute(text("INSERT INTO ingest_count (gateway, reason, count) VALUES ('', 'malformed', 3)"))
        db.execute(
            text(
                "INSERT INTO quarantine (gateway, kind, reason, detail, payload, digest, received_ms) "
                "VALUES ('', 'records', 'malformed', '', 'x', 'd', 4)"
            )
        )
    migrate(engine)
    with reading(engine) as db:
        assert [tuple(row) for row in db.execute(select(plan_delivery).order_by(plan_delivery.c.version))] == [
            ("a" * 16, 1, 1, 10, 10, 1),
            ("a" * 16, 1, 2, 20, 20, 1),
        ]
        assert not was_sent(db, "a" * 16, 1, 3)
        assert [(one.count, one.since) for one in inspecting.tallies(db)] == [(3, 3)]
        assert [(one.received_ms, one.acknowledged_ms) for one in inspecting.entries(db)] == [(4, None)]
    assert [version.state for version in plan_state(engine, 1).history] == ["pending", "sent", "sent"]
