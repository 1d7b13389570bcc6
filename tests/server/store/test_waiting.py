"""Nobody waits for ever, and nobody is told that something is safe before it is."""

from __future__ import annotations

import importlib
import threading
import time

import httpx
import pytest
from sqlalchemy import Connection, Engine, insert, make_url, select, text

from server.access.accounts import create_account
from server.app import create_app
from server.store import UNUSABLE, migrate, open_engine, reading, writing
from server.store import engine as engines
from server.store.tables import gateway
from tests.plugins.databases import commits, run_sql
from tests.server.conftest import ORIGIN, PASSWORD, quick_passwords

migrating = importlib.import_module("server.store.migrate")  # the package's own `migrate` is the function
SHORT_MS = 150
PATIENCE_S = 20.0


@pytest.fixture
def impatient(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose connections wait for others for a moment only."""
    for module, name in ((engines, "BUSY_TIMEOUT_MS"), (engines, "LOCK_TIMEOUT_MS"), (migrating, "LOCK_TIMEOUT_MS")):
        monkeypatch.setattr(module, name, SHORT_MS)
    engine.dispose()  # connections made from now on are impatient
    return engine


def add_gateway(db: Connection) -> None:
    db.execute(insert(gateway).values(id="1" * 16, name="home", created_ms=1))


def test_a_writer_that_hangs_holds_nobody_up_for_ever(impatient: Engine) -> None:
    with writing(impatient) as db:
        add_gateway(db)
    with writing(impatient) as holder:
        holder.execute(gateway.update().values(seen_ms=1))
        with pytest.raises(UNUSABLE), writing(impatient) as db:
            db.execute(gateway.update().values(seen_ms=2))
        with reading(impatient) as db:  # who only reads waits for nobody
            assert db.scalar(select(gateway.c.seen_ms)) is None
    with writing(impatient) as db:
        assert db.execute(gateway.update().values(seen_ms=3)).rowcount == 1


async def test_a_page_that_cannot_have_what_it_needs_says_so(impatient: Engine) -> None:
    mara = {"email": "mara@example.org", "password": PASSWORD}
    create_account(impatient, quick_passwords(), email=mara["email"], password=PASSWORD, name="Mara", now_ms=1_000)
    now = [2_000]
    app = create_app(impatient, lambda: now[0], passwords=quick_passwords())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        assert (await client.post("/api/v1/session", json=mara)).status_code == 201
        now.append(now.pop() + 600_000)
        with writing(impatient) as holder:
            if holder.dialect.name == "postgresql":
                holder.execute(text("LOCK TABLE session IN ACCESS EXCLUSIVE MODE"))
            refused = [await client.post("/api/v1/session", json=mara), await client.get("/account")]
        for answer in refused:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "60"
            assert "Try again in a minute" in answer.text
            assert "content-security-policy" in answer.headers
        assert refused[0].json()["title"] == "Not possible just now"
        assert refused[1].headers["content-type"].startswith("text/html")
        assert (await client.post("/api/v1/session", json=mara)).status_code == 201


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_starts_second_waits_for_the_migration_of_the_first(impatient: Engine) -> None:
    """However long that takes: both must be up in the end."""
    failures: list[BaseException] = []

    def starting() -> None:
        try:
            migrate(impatient)
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    second = threading.Thread(target=starting)
    with writing(impatient) as first:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrating._LOCK})
        second.start()
        waits = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' "
            "AND clock_timestamp() - query_start > make_interval(secs => :s)"
        )
        limit = time.monotonic() + PATIENCE_S
        waited = False
        while not waited:
            assert time.monotonic() < limit
            assert not failures
            time.sleep(0.02)
            with reading(impatient) as db:
                waited = bool(db.scalar(waits, {"s": SHORT_MS * 2 / 1000}))
    second.join()
    assert failures == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_server_works_as_it_was_written_whatever_the_database_is_set_to(database_url: str) -> None:
    name = make_url(database_url).database
    for setting in ("default_transaction_isolation = 'serializable'", "synchronous_commit = off", "lock_timeout = 0"):
        run_sql(database_url, f"ALTER DATABASE {name} SET {setting}")
    engine = open_engine(database_url)
    for _ in range(2):  # the second time on a connection from the pool
        with writing(engine) as db:
            assert db.scalar(text("SHOW transaction_isolation")) == "read committed"
            assert db.scalar(text("SHOW synchronous_commit")) == "on"
            assert db.scalar(text("SHOW lock_timeout")) == "20s"
            assert db.scalar(text("SHOW statement_timeout")) == "2min"
            assert db.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10min"
        with reading(engine) as db:
            assert db.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_stronger_way_to_commit_stays_as_the_operator_set_it(database_url: str) -> None:
    name = make_url(database_url).database
    run_sql(database_url, f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
    engine = open_engine(database_url)
    with writing(engine) as db:
        assert db.scalar(text("SHOW synchronous_commit")) == "remote_apply"
    engine.dispose()


def test_a_commit_waits_for_the_disk_unless_it_need_not(engine: Engine) -> None:
    """On one connection of the pool after another, in any order."""
    seen = commits(engine)
    wanted = [True, False, False, True, False, True]
    for one in wanted:
        with writing(engine, durable=one) as db:
            db.execute(gateway.update().values(seen_ms=1))
        with reading(engine) as db:
            db.scalar(select(gateway.c.id))
    assert seen == wanted
