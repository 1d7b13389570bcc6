"""Every table has its place in erasure, export, restoring and retention; one made later fails here until it has."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, ForeignKey, LargeBinary, String, Table, Text, func, insert, select

from gateway import messages
from server.rights.exporting import SECRET, WITHOUT, WORDS, write_export
from server.rights.holdings import TIME_OF, remaining, scopes, worn_by
from server.rights.restoring import apply
from server.rights.retention import RetentionRules, clean
from server.rights.tombstones import Erased
from server.store import epoch_blob, reading, writing
from server.store.tables import erasure, metadata, patient
from tests.server.rights.homes import DAY, T0, Home, record

NOT_ABOUT_A_PATIENT: Final = {
    "audit_entry": "never shortened: it names pseudonyms, which mean nobody once the patient is gone",
    "audit_head": "one number and one hash",
    "consent_text": "the clinic's words; an export brings those that the patient agreed to",
    "erased_wearing": "what refuses late records of who was erased",
    "erasure": "the report, by pseudonym",
    "erasure_order": "what computers must still erase",
    "gateway": "a computer; an erased patient's own loses its name and what it told of itself",
    "ingest_count": "numbers by computer",
    "organisation": "a clinic",
    "plan_template": "a clinic's own words",
}
NOT_EXPORTED: Final = {*WITHOUT, "quarantine"}
WITHOUT_A_RULE: Final = {
    "alarm": "as many as there are kinds and clips while open, the newest when acknowledged",
    "api_token": "its owner's, and shows what could come in",
    "assignment": "says whose what is kept is",
    "authenticator": "its owner's",
    "care_relation": "says who could see what is kept",
    "clinic_identity": "its owner's",
    "clip_status": "one a clip and computer",
    "consent": "goes with the patient",
    "emergency_access": "says who could see what is kept",
    "passkey": "its owner's",
    "patient": "goes when the patient is erased",
    "patient_note": "part of the treatment",
    "patient_zone": "says in which days what is kept was",
    "plan": "part of the treatment",
    "plan_delivery": "says whose a version is that a clip reports",
    "plan_draft": "one an author",
    "recovery_code": "its owner's",
    "session": "ends by itself",
    "sign_in_step": "ends by itself",
    "user_account": "goes with the patient",
}


def about_a_patient() -> set[str]:
    return {table.name for table in scopes(1)} | set(TIME_OF) | {"quarantine"}


def test_every_table_is_somebodys_or_nobodys() -> None:
    assert set(metadata.tables) - about_a_patient() == set(NOT_ABOUT_A_PATIENT), "say what erasing does with it"


def test_what_refers_to_a_patient_goes_with_them() -> None:
    keys = [key for table in metadata.tables.values() for key in table.foreign_keys if key.column.table is patient]
    assert {key.ondelete for key in keys} == {"CASCADE"}
    named = {table.name for table in metadata.tables.values() if "patient_id" in table.c}
    assert named <= about_a_patient()


def fill(db: Connection, home: Home) -> dict[str, dict[str, Any]]:
    """A row of the first patient in every table that can hold one."""
    made: dict[str, dict[str, Any]] = {"patient": {"id": home.anna}}
    for table in metadata.sorted_tables:
        if table.name in about_a_patient() - {"patient"}:
            row = {column.name: value(db, home, column, made) for column in table.c if wanted(table, column)}
            row = {name: one for name, one in row.items() if one is not None}
            back = db.execute(insert(table).values(row).returning(*table.primary_key.columns)).mappings().one()
            made[table.name] = {**row, **back}
    return made


def wanted(table: Table, column: Column[Any]) -> bool:
    refers = any(key.column.table.name in about_a_patient() for key in column.foreign_keys)
    return column is not table.autoincrement_column and (refers or not column.nullable)


def value(db: Connection, home: Home, column: Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    key: ForeignKey | None = next(iter(column.foreign_keys), None)
    if key is not None:
        target = key.column
        known: Any = made.get(target.table.name, {}).get(target.name)
        return known if known is not None or column.nullable else db.scalar(select(target).limit(1))
    if column.name in ("clip", "gateway", "payload"):
        return home.gateways[0] if column.name == "gateway" else home.clips[0]
    if isinstance(column.type, LargeBinary):
        parsed = messages.parse_record(record("epoch", home.clips[0]))
        assert isinstance(parsed, messages.Epoch)
        row = epoch_blob.pack_row(parsed)
        return epoch_blob.encode([row]) if column.name == "blob" else row
    if isinstance(column.type, Boolean):
        return False
    if column.name == "date":
        return "1970-01-01"
    if isinstance(column.type, String | Text):
        if column.name == "zone":
            return "UTC"
        return "{}" if column.name.endswith("_json") else "x"
    return 1


def test_a_row_in_every_table_is_found_exported_and_erased(home: Home) -> None:
    with writing(home.engine) as db:
        fill(db, home)
        worn = worn_by(db, home.anna, lock=False)
        found = remaining(db, home.anna, worn)
    assert set(found) == about_a_patient()
    file = io.BytesIO()
    with reading(home.engine) as db:
        write_export(db, home.anna, file, T0)
    with zipfile.ZipFile(file) as archive:
        told = {name[5:-5]: json.loads(archive.read(name)) for name in archive.namelist() if name.startswith("json/")}
    assert {name for name, rows in told.items() if rows} >= about_a_patient() - NOT_EXPORTED
    assert not NOT_EXPORTED & set(told)
    assert not SECRET & {column for rows in told.values() for row in rows for column in row}
    assert set(WORDS) == about_a_patient() - NOT_EXPORTED
    done = home.erase()
    assert done.gone == found
    with reading(home.engine) as db:
        assert remaining(db, home.anna, worn) == {}
        left = {table: db.scalar(select(func.count()).select_from(table)) for table in scopes(home.bert)}
        assert {table.name for table, count in left.items() if count} == {"assignment", "enrolment", "patient"}


def test_a_tombstone_takes_all_of_it_again_after_a_backup(home: Home) -> None:
    with writing(home.engine) as db:
        fill(db, home)
        worn = tuple(worn_by(db, home.anna, lock=False))
    home.tombstones.add([Erased(pseudonym="P-anna", at_ms=T0, actor="U-1", worn=worn)])
    assert apply(home.engine, home.tombstones.read(), T0 + DAY).erased == 1
    with reading(home.engine) as db:
        assert remaining(db, home.anna, worn) == {}
        assert db.scalars(select(erasure.c.left_json)).all() == ["{}"]


def test_what_is_old_goes_unless_there_is_a_reason(home: Home) -> None:
    """Everything in `fill` is of the first day of 1970."""
    with writing(home.engine) as db:
        fill(db, home)
    before = counts_of(home)
    clean(home.engine, RetentionRules(), T0)
    after = counts_of(home)
    assert about_a_patient() - {name for name in before if after[name] < before[name]} == set(WITHOUT_A_RULE)


def counts_of(home: Home) -> dict[str, int]:
    with reading(home.engine) as db:
        return {name: db.scalar(select(func.count()).select_from(one)) or 0 for name, one in metadata.tables.items()}
