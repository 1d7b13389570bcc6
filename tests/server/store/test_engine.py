"""Engines, transactions and migrations on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from server.store import DatabaseUrlError, migrate, open_engine, reading, writing
from server.store import engine as engines
from server.store.migrate import current_revision, newest_revision
from server.store.tables import assignment, gateway, metadata


def _gateway(number: int) -> dict[str, object]:
    return {"id": f"{number:016x}", "name": "home", "created_ms": 1}


def test_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    assert current_revision(engine) == newest_revision()
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(gateway).values(_gateway(1)))
    migrate(engine)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(gateway)) == 1


def test_the_migrations_can_be_undone(engine: Engine) -> None:
    from alembic import command

    from server.store.migrate import _config

    with writing(engine) as connection:
        command.downgrade(_config(connection), "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    migrate(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_foreign_keys_are_enforced(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(assignment).values(clip="0" * 16, patient_id=77, start_ms=0))


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(gateway), [_gateway(1), _gateway(1)])
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(gateway)) == 0


def test_writers_wait_for_one_another_and_none_is_lost(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(gateway).values(_gateway(1)).values(seen_ms=0))
    start = threading.Barrier(4)

    def add() -> None:
        start.wait()
        for _ in range(10):
            with writing(engine) as connection:
                seen = connection.execute(select(gateway.c.seen_ms).with_for_update()).scalar_one()
                connection.execute(gateway.update().values(seen_ms=seen + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.scalar(select(gateway.c.seen_ms)) == 40


def test_a_reader_keeps_its_snapshot_while_another_writes(engine: Engine) -> None:
    count = select(func.count()).select_from(gateway)
    with reading(engine) as reader:
        assert reader.scalar(count) == 0
        with writing(engine) as writer:
            writer.execute(insert(gateway).values(_gateway(1)))
        assert reader.scalar(count) == 0
    with reading(engine) as reader:
        assert reader.scalar(count) == 1


def test_sqlite_is_set_up_to_be_durable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'plumbline.db'}")
    with reading(engine) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "not a url", "oracle:///"])
def test_other_databases_are_refused_with_words(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        open_engine(url)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_has_rested_is_asked_first_and_replaced_when_it_is_gone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    ping = engine.dialect.do_ping

    def noted(connection: object) -> bool:
        asked.append(connection)
        return ping(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.dialect, "do_ping", noted)
    with reading(engine) as db:
        first = db.scalar(text("SELECT pg_backend_pid()"))
    asked.clear()
    with reading(engine) as db:
        assert db.scalar(text("SELECT pg_backend_pid()")) == first
    assert asked == [], "it answered a moment ago"
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with writing(other) as db:
        assert db.scalar(text(f"SELECT pg_terminate_backend({first}, 10000)"))
    other.dispose()
    monkeypatch.setattr(engines, "TRUSTED_S", 0.0)
    with reading(engine) as db:
        assert db.scalar(text("SELECT pg_backend_pid()")) != first
    assert asked
