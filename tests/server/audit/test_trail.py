"""The stored trail on both databases: order, append-only, and what verifying finds."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, Executable, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from server.audit.chain import BEGINNING, START, Link
from server.audit.trail import SYSTEM, Entry, append, head
from server.audit.verifying import records, verify
from server.store import reading, writing
from server.store.tables import audit_entry, audit_head

SEEN = Entry("U-7", "therapist", "care", "page", "192.0.2.7", "see_day", "P-0001", "allowed", "2026-03-25")


def _write(engine: Engine, count: int) -> Link:
    with writing(engine) as db:
        return append(db, [replace(SEEN, detail=str(number)) for number in range(count)], 1000)


def _unguarded(db: Connection) -> None:
    """What an owner of the database can do, and the chain must then show."""
    if db.dialect.name == "postgresql":
        db.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
    else:
        for name in ("update", "delete", "replace"):
            db.execute(text(f"DROP TRIGGER audit_entry_no_{name}"))


def test_entries_are_numbered_and_chained(engine: Engine) -> None:
    with reading(engine) as db:
        assert head(db) == START
        assert verify(db).fault is None
    _write(engine, 3)
    newest = _write(engine, 2)
    with reading(engine) as db:
        kept = list(records(db))
        assert head(db) == newest == Link(5, kept[-1].hash)
        verdict = verify(db)
    assert [record.number for record in kept] == [1, 2, 3, 4, 5]
    assert [record.before for record in kept] == [BEGINNING, *(record.hash for record in kept[:-1])]
    assert (kept[0].actor, kept[0].patient, kept[0].at_ms, kept[0].detail) == ("U-7", "P-0001", 1000, "0")
    assert (verdict.checked, verdict.last, verdict.fault) == (5, newest, None)


def test_nothing_to_append_changes_nothing(engine: Engine) -> None:
    before = _write(engine, 1)
    assert _write(engine, 0) == before


def test_an_entry_of_a_failed_transaction_was_never_there(engine: Engine) -> None:
    _write(engine, 1)
    with suppress(RuntimeError), writing(engine) as db:
        append(db, [SEEN], 1)
        raise RuntimeError
    _write(engine, 1)
    with reading(engine) as db:
        assert verify(db).checked == 2
        assert verify(db).fault is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET detail = 'x' WHERE number = 2",
        "DELETE FROM audit_entry WHERE number = 2",
        "DELETE FROM audit_entry",
    ],
)
def test_the_database_refuses_to_change_what_is_written(engine: Engine, statement: str) -> None:
    _write(engine, 3)
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as db:
        db.execute(text(statement))
    with reading(engine) as db:
        assert verify(db).checked == 3


def test_the_database_refuses_to_empty_or_replace(engine: Engine) -> None:
    _write(engine, 2)
    if engine.dialect.name == "postgresql":
        statement = "TRUNCATE audit_entry"
    else:
        names = ", ".join(f'"{column}"' for column in audit_entry.c.keys())  # noqa: SIM118 - a collection of columns
        statement = f"INSERT OR REPLACE INTO audit_entry ({names}) SELECT {names} FROM audit_entry WHERE number = 1"
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as db:
        db.execute(text(statement))


def test_writers_at_once_make_one_chain(engine: Engine) -> None:
    start = threading.Barrier(4)

    def add() -> None:
        start.wait()
        for _ in range(5):
            _write(engine, 2)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as db:
        verdict = verify(db)
    assert (verdict.checked, verdict.fault) == (40, None)


def test_what_cannot_be_stored_is_stored_as_far_as_it_can(engine: Engine) -> None:
    odd = Entry(SYSTEM, "r" * 99, "", "v" * 99, "a\x00b", "act", "", "done", "\ud800 é " + "d" * 400)
    with writing(engine) as db:
        append(db, [odd], 5)
    with reading(engine) as db:
        (kept,) = records(db)
        assert verify(db).fault is None
    assert (len(kept.role), len(kept.via), kept.address, len(kept.detail)) == (20, 60, "a?b", 200)
    assert kept.detail.startswith("? é d")


@pytest.mark.parametrize("column", [column.name for column in audit_entry.c if column.name != "number"])
def test_a_changed_field_is_found_where_it_is(engine: Engine, column: str) -> None:
    _write(engine, 5)
    with writing(engine) as db:
        _unguarded(db)
        value: object = 77 if column == "at_ms" else "f" * 16
        db.execute(update(audit_entry).where(audit_entry.c.number == 3).values({column: value}))
        fault = verify(db).fault
    assert fault is not None
    assert fault.number == 3


def test_a_gap_another_order_and_a_cut_are_found(engine: Engine) -> None:
    newest = _write(engine, 6)
    number = audit_entry.c.number
    with writing(engine) as db:
        _unguarded(db)
        second, third = db.execute(select(audit_entry).where(number.in_([2, 3])).order_by(number)).mappings()
    cases: dict[str, tuple[list[Executable], int]] = {
        "gap": ([delete(audit_entry).where(number == 2)], 2),
        "order": (
            [
                update(audit_entry).where(number == 2).values({**third, "number": 2}),
                update(audit_entry).where(number == 3).values({**second, "number": 3}),
            ],
            2,
        ),
        "cut": ([delete(audit_entry).where(number > 4)], 5),
        "put before": ([insert(audit_entry).values({**second, "number": -1})], -1),
        "no head": ([delete(audit_head)], 0),
        "head": ([update(audit_head).values(number=9)], 7),
        "head's hash": ([update(audit_head).values(hash="e" * 64)], 6),
    }
    for name, (statements, where) in cases.items():
        with engine.connect() as db:
            for statement in statements:
                db.execute(statement)
            fault = verify(db).fault
            db.rollback()
        assert fault is not None, name
        assert fault.number == where, name
    with reading(engine) as db:
        assert verify(db) == verify(db, START)
        assert verify(db).last == newest


def test_only_an_anchor_finds_a_trail_made_anew(engine: Engine) -> None:
    _write(engine, 3)
    anchor = _write(engine, 1)
    newest = _write(engine, 2)
    with reading(engine) as db:
        assert verify(db, anchor).fault is None
        assert verify(db, anchor).checked == 3
        assert verify(db, newest).checked == 1
        fault = verify(db, Link(4, "e" * 64)).fault
        assert fault is not None
        assert "another hash" in fault.words
    with writing(engine) as db:
        _unguarded(db)
        db.execute(delete(audit_entry).where(audit_entry.c.number > 3))
        last = db.execute(select(audit_entry.c.number, audit_entry.c.hash).where(audit_entry.c.number == 3)).one()
        db.execute(update(audit_head).values(number=last.number, hash=last.hash))
        assert verify(db).fault is None
        fault = verify(db, anchor).fault
        assert fault is not None
        assert (fault.number, "missing" in fault.words) == (4, True)
        append(db, [replace(SEEN, detail="another") for _ in range(3)], 1)
        assert verify(db).fault is None
        fault = verify(db, anchor).fault
        assert fault is not None
        assert fault.number == 4
        assert db.scalar(select(func.count()).select_from(audit_entry)) == 6


def test_the_entry_of_the_anchor_is_checked_too(engine: Engine) -> None:
    anchor = _write(engine, 3)
    with writing(engine) as db:
        _unguarded(db)
        db.execute(update(audit_entry).where(audit_entry.c.number == 3).values(actor="U-8"))
        fault = verify(db, anchor).fault
    assert fault is not None
    assert fault.number == 3
