"""Every version that there has been can be brought to this one: nothing is lost, and the application serves it.

`versions/NNNN.json` holds rows as that version's own code left them, put in by plain SQL at that revision. A database
here has lived through every revision up to its own, and goes from there to the newest in one go.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, Engine, LargeBinary, MetaData, Table, inspect, make_url, select, text

from server.access.rules import AccessRules
from server.store import migrate, open_engine, reading, writing
from server.store.migrate import current_revision, known_revisions, newest_revision
from server.summaries.service import rebuild_stale
from tests.plugins.databases import run_sql
from tests.server.conftest import CLIPS, TODAY, UPRIGHT, Clinic

VERSIONS = Path(__file__).parent / "versions"
REVISIONS = sorted(known_revisions())
BEGINS_ANEW = {"session": "0004"}
"""Tables whose rows a migration does not keep, and which."""
RENEWED = {"daily"}
"""Tables that the application makes again by itself."""


class Museum:
    """Databases of one kind that have lived through every revision up to some, each with rows of its own."""

    def __init__(self, copy: Callable[[str | None, str], str]) -> None:
        self._copy = copy
        self._urls: dict[str, str] = {}

    def url(self, revision: str) -> str:
        """Of the one at this revision; not to be changed."""
        if revision not in self._urls:
            at = REVISIONS.index(revision)
            url = self._copy(self.url(REVISIONS[at - 1]) if at else None, f"museum_{revision}")
            engine = open_engine(url)
            migrate(engine, revision)
            with writing(engine) as db:
                fill(db, json.loads((VERSIONS / f"{revision}.json").read_text()))
            engine.dispose()
            self._urls[revision] = url
        return self._urls[revision]

    def copy(self, revision: str, name: str) -> str:
        """Of one to be changed."""
        return self._copy(self.url(revision), name)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def museum(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Museum:
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("museum")

        def copy_file(source: str | None, name: str) -> str:
            if source is not None:
                shutil.copy(source.removeprefix("sqlite:///"), folder / name)
            return f"sqlite:///{folder / name}"

        return Museum(copy_file)
    url: str = request.getfixturevalue("postgres_url")

    def copy_database(source: str | None, name: str) -> str:
        template = "template0" if source is None else make_url(source).database
        run_sql(url.format(name="postgres"), f"CREATE DATABASE {name} TEMPLATE {template}")
        return url.format(name=name)

    return Museum(copy_database)


@pytest.fixture
def opened(museum: Museum, revision: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The database of the test's revision."""
    engine = open_engine(museum.copy(revision, f"{request.function.__name__[:30]}_{revision}"))
    yield engine
    engine.dispose()


def fill(db: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = MetaData()
    tables.reflect(db, only=list(rows))
    for name, values in rows.items():
        insert_rows(db, tables.tables[name], values)


def insert_rows(db: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    name = table.name
    if name == "audit_head":  # the migration makes its one row
        db.execute(text("DELETE FROM audit_head"))
    quoted = {column: db.dialect.identifier_preparer.quote(column) for column in rows[0]}
    places = ", ".join(f":{column}" for column in quoted)
    statement = text(f"INSERT INTO {name} ({', '.join(quoted.values())}) VALUES ({places})")
    for row in rows:
        db.execute(statement, {column: typed(table, column, value) for column, value in row.items()})
    if db.dialect.name == "postgresql" and "id" in table.c and table.c.id.autoincrement is True:
        db.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"))


def typed(table: Table, column: str, value: Any) -> Any:
    if isinstance(table.c[column].type, LargeBinary):
        return bytes.fromhex(value["hex"])
    return bool(value) if isinstance(table.c[column].type, Boolean) else value


def contents(engine: Engine, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every row of these columns of each table."""
    tables = MetaData()
    with reading(engine) as db:
        tables.reflect(db, only=list(columns))
        return {
            name: sorted(map(repr, db.execute(select(*(tables.tables[name].c[column] for column in wanted)))))
            for name, wanted in columns.items()
        }


def columns_of(engine: Engine) -> dict[str, list[str]]:
    found = inspect(engine)
    return {name: [column["name"] for column in found.get_columns(name)] for name in found.get_table_names()}


def test_every_revision_has_rows_of_its_own() -> None:
    """Add a file for a new revision: rows in each table and column that it makes."""
    assert sorted(path.stem for path in VERSIONS.glob("*.json")) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS[-1:])
def test_the_rows_fill_every_table(opened: Engine) -> None:
    assert [name for name, rows in contents(opened, columns_of(opened)).items() if not rows] == []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_of_each_version_loses_nothing_and_serves(opened: Engine, revision: str) -> None:
    gone = {name for name, since in BEGINS_ANEW.items() if revision < since}
    columns = {name: c for name, c in columns_of(opened).items() if name not in {*gone, "alembic_version"}}
    before = contents(opened, columns)
    assert before["epoch_hour"]
    migrate(opened)
    assert current_revision(opened) == newest_revision()
    after = contents(opened, columns)
    lost = {name: set(rows) - set(after[name]) for name, rows in before.items()}
    assert {name: rows for name, rows in lost.items() if rows} == {}
    assert {name for name, rows in after.items() if len(rows) != len(before[name])} <= {"organisation", "plan_delivery"}
    await serves(opened)
    kept = contents(opened, columns)
    changed = {name for name, rows in before.items() if name not in RENEWED and not set(rows) <= set(kept[name])}
    assert changed <= {"gateway", "stale_day", "audit_head", "boot_span"}  # by what `serves` does


async def serves(engine: Engine) -> None:
    """People sign in and see the figures of then; what is measured now comes in beside it."""
    clinic = Clinic(engine, AccessRules(), people={"mara": 1, "otto": 2}, patients={"Ada Keller": 1, "Ben Okafor": 2})
    clinic.measure(CLIPS[0], TODAY - timedelta(days=2), [(30, UPRIGHT)], seed=9)
    while rebuild_stale(engine, clinic.now_ms):
        pass
    mara = await clinic.signed_in()
    try:
        day = (await mara.get("/api/v1/patients/1/days/2026-03-24")).raise_for_status().json()
        assert (day["seconds"]["slouched"], day["seconds"]["upright"]) == (1620, 13535)
        assert day["episodes"] == 3
        new = (await mara.get("/api/v1/patients/1/days/2026-03-23")).raise_for_status().json()
        assert new["worn_s"] == 1800
        page = (await mara.get("/patients/1/days/2026-03-24")).raise_for_status()
        assert "Ada Keller" in page.text
        assert (await mara.get("/patients/1/plan")).raise_for_status()
        assert (await mara.get("/api/v1/patients/2/days/2026-03-24")).status_code == 404
    finally:
        await mara.aclose()


@pytest.mark.parametrize("revision", ["0001"])
def test_two_processes_that_start_at_once(opened: Engine) -> None:
    url = opened.url.render_as_string()
    before = contents(opened, {name: ["id"] for name in ("patient", "user_account", "episode")})
    code = (
        "import sys; from server.store import migrate, open_engine; engine = open_engine(sys.argv[1]); "
        "print('here', flush=True); sys.stdin.readline(); migrate(engine)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.wait(60) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert current_revision(opened) == newest_revision()
    assert contents(opened, {name: ["id"] for name in before}) == before
