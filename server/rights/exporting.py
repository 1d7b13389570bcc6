"""Everything that is held about one patient, as a ZIP file of JSON and CSV. Rows are written as they are read, so that
years of minutes need no more memory than a day."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Table, select

from gateway.messages import CATEGORIES
from server.rights.expanding import EPOCH, MINUTE_COLUMNS, epochs, minute
from server.rights.holdings import scopes, told_by_clips
from server.store import UnknownPatientError, epoch_blob
from server.store.tables import (
    audit_entry,
    clip_event,
    consent,
    consent_text,
    daily,
    episode,
    epoch_hour,
    patient,
    plan,
    reminder,
    unplaced_epoch,
)

FORMAT: Final = "plumbline-export/1"
SECRET: Final = frozenset(
    {
        "password_hash", "token_sha256", "code_sha256", "code_hash", "browser_sha256", "handle", "sealed", "credential",
        "public_key", "subject", "last_step",
    }
)  # fmt: skip
"""Columns that let somebody in, or check whoever comes: of no use to a reader, and dangerous in a file."""
WITHOUT: Final = frozenset({"sign_in_step"})
"""Tables that hold nothing but such, for minutes."""
WORDS: Final = {
    "patient": "The patient's record.",
    "assignment": "Which clip was worn from when to when, and by which computer it is read.",
    "clip_event": "What the clip told besides: boots, pauses, plans applied, calibrations.",
    "command": "What the clip was asked to do: pause, snooze, calibrate.",
    "daily": "Each day in figures (`body`); `detail`: seconds of each hour by category, and of each inclination.",
    "episode": "Slouches, as clip and computer each told of them.",
    "epoch_hour": "Every minute: a category a second (`codes`) and the inclination every two seconds.",
    "reminder": "Reminders that were due, given or not and why, and the response.",
    "stale_day": "Days whose figures are about to be made again.",
    "unplaced_epoch": "Minutes of which it is not known when they were.",
    "unreadable": "Records that did not survive on the clip.",
    "user_account": "The patient's account.",
    "alarm": "What an administrator should look at that has to do with the patient's clip.",
    "api_token": "Programs that the patient gave access.",
    "authenticator": "An authenticator app that the patient signs in with.",
    "boot_span": "By how much the clip's own time differs from the clock's, each time that it was switched on.",
    "care_relation": "Who treats the patient, from when to when. People are numbers here.",
    "clip_status": "What a computer last told of the clip: battery, versions, how much it has still to read.",
    "clinic_identity": "The clinic's own sign-in that the patient uses.",
    "consent": "What the patient agreed to, and when it was withdrawn.",
    "day_mark": "Days that were said not to be representative, and why.",
    "emergency_access": "Who took access in an emergency, and why.",
    "enrolment": "Codes by which the patient's computers were connected.",
    "flag_dismissal": "What a therapist set aside in the list: the rule, what it was about, how big it was, and why.",
    "invitation": "Invitations that were sent to the patient.",
    "pain_entry": "Pain from 0 to 10, when the patient noted it, with a word, a place and a note.",
    "passkey": "Passkeys that the patient signs in with.",
    "patient_note": "What therapists noted; `corrects_id` is the note that a later one says anew.",
    "patient_zone": "The time zones that the patient lived in.",
    "plan": "Every version of the plan (`body`), its author and reason.",
    "plan_delivery": "When which version of the plan was sent to which clip.",
    "plan_draft": "Plans that a therapist has begun.",
    "red_flag_answer": "Times that the patient answered the questions about urgent signs: `yes` names what applied.",
    "reminder_answer": "Whether the patient found a reminder helpful.",
    "recovery": "Links by which a new password could be set.",
    "recovery_code": "Codes for signing in without the second factor, and when they were used.",
    "session": "Where the patient is signed in.",
}
"""What each table of the export holds."""
CONVENTIONS: Final = {
    "*_ms": "UTC milliseconds since 1970, or a duration in milliseconds where the name says so",
    "start_ms of a record": "milliseconds since the clip was switched on; utc_ms is its place in time",
    "*_deg": "degrees from the patient's own reference posture; forward and right are positive",
    "*_s": "seconds",
    "codes": "a hexadecimal digit a second: the place in `categories`",
    "null": "not known, never zero",
}
_README: Final = """Everything that this server holds about {pseudonym}, {now}.

json/     every table, one file each; schema.json says what it holds
csv/      the same for spreadsheets: minutes, episodes, reminders, events, daily, plans, consents
csv/who_looked.csv   who read or wrote these data, when and from where; people are numbers (U-7)

Left out: what lets somebody sign in (hashes of passwords and codes, keys), and messages that were refused, because
whose they are is not known; those are deleted after some time.
"""
_PACKED: Final = (epoch_hour, unplaced_epoch)
_AT_ONCE: Final = 500


def write_export(db: Connection, patient_id: int, file: BinaryIO, now_ms: int) -> None:
    """Write the ZIP file into `file`, which need not be able to seek, from one reading transaction. Raises
    UnknownPatientError before anything is written."""
    row = db.execute(select(patient.c.pseudonym, patient.c.zone).where(patient.c.id == patient_id)).one_or_none()
    if row is None:
        raise UnknownPatientError(f"no patient {patient_id}")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        writer = _Writer(db, archive, patient_id, row.pseudonym, ZoneInfo(row.zone), now_ms)
        writer.write()


class _Writer:
    def __init__(
        self, db: Connection, archive: zipfile.ZipFile, patient_id: int, pseudonym: str, zone: ZoneInfo, now_ms: int
    ) -> None:
        self._db = db
        self._archive = archive
        self._pseudonym = pseudonym
        self._zone = zone
        self._now_ms = now_ms
        found = {**scopes(patient_id), **told_by_clips(db, patient_id)}
        self._scopes = {table: where for table, where in found.items() if table.name not in WITHOUT}

    def write(self) -> None:
        readme = _README.format(pseudonym=self._pseudonym, now=_iso(self._now_ms, UTC))
        self._archive.writestr("README.txt", readme)
        self._archive.writestr("schema.json", json.dumps(_schema(self._scopes), indent=1))
        for table, where in self._scopes.items():
            self._json(table.name, self._rows(table, where))
        texts = select(consent_text.c.version).join(consent, consent.c.version == consent_text.c.version)
        agreed = texts.where(self._scopes[consent])
        self._json("consent_text", self._rows(consent_text, consent_text.c.version.in_(agreed)))
        self._csv("minutes", MINUTE_COLUMNS, self._minutes())
        for name, table in (("episodes", episode), ("reminders", reminder), ("events", clip_event), ("plans", plan)):
            self._table_as_csv(name, table, self._scopes[table])
        self._table_as_csv("daily", daily, self._scopes[daily])
        self._table_as_csv("consents", consent, self._scopes[consent])
        self._table_as_csv("who_looked", audit_entry, audit_entry.c.patient == self._pseudonym)

    def _rows(self, table: Table, where: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
        query = select(*_columns(table)).where(where).order_by(*table.primary_key.columns)
        for row in self._db.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings():
            if table is epoch_hour:
                yield from epochs(row["clip"], epoch_blob.decode(row["blob"]))
            elif table is unplaced_epoch:
                yield from epochs(row["clip"], epoch_blob.decode(epoch_blob.encode([row["packed"]])))
            else:
                yield {_plain(name): _value(name, value) for name, value in row.items()}

    def _minutes(self) -> Iterator[list[Any]]:
        for table in _PACKED:
            for epoch in self._rows(table, self._scopes[table]):
                yield minute(epoch, _iso(epoch["utc_ms"], UTC), _iso(epoch["utc_ms"], self._zone))

    def _table_as_csv(self, name: str, table: Table, where: ColumnElement[bool]) -> None:
        columns = [column.name for column in _columns(table)]
        times = [column for column in ("utc_ms", "at_ms", "created_ms") if column in columns][:1]
        rows = (
            [*(_iso(row[time], self._zone) for time in times), *(_cell(value) for value in row.values())]
            for row in self._rows(table, where)
        )
        self._csv(name, [*("local" for _ in times), *map(_plain, columns)], rows)

    def _json(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        with self._opened(f"json/{name}.json") as out:
            out.write("[")
            for number, row in enumerate(rows):
                out.write((",\n" if number else "\n") + json.dumps(row, ensure_ascii=False))
            out.write("\n]\n")

    def _csv(self, name: str, columns: Iterable[str], rows: Iterable[list[Any]]) -> None:
        with self._opened(f"csv/{name}.csv") as out:
            writer = csv.writer(out)
            writer.writerow(columns)
            writer.writerows([_harmless(value) for value in row] for row in rows)

    @contextmanager
    def _opened(self, name: str) -> Iterator[io.TextIOWrapper]:
        with (
            self._archive.open(name, "w", force_zip64=True) as raw,
            io.TextIOWrapper(raw, encoding="utf-8", newline="") as out,
        ):
            yield out


def _columns(table: Table) -> list[Any]:
    return [column for column in table.columns if column.name not in SECRET]


def _plain(name: str) -> str:
    return name.removesuffix("_json")


def _value(name: str, value: Any) -> Any:
    return json.loads(value) if name.endswith("_json") and value is not None else value


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, made text again."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _iso(t_ms: int | None, zone: Any) -> str:
    if t_ms is None:
        return ""
    return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")


def _schema(found: Iterable[Table]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "conventions": CONVENTIONS,
        "categories": list(CATEGORIES),
        "tables": {
            table.name: {
                "holds": WORDS.get(table.name, ""),
                "columns": EPOCH if table in _PACKED else {_plain(c.name): _kind(c) for c in _columns(table)},
            }
            for table in found
        },
    }


def _kind(column: Any) -> str:
    kind = "json" if column.name.endswith("_json") else str(column.type).lower()
    return f"{kind} or null" if column.nullable else kind
