"""Two patients at home, each with a computer of their own and a clip, and a file of tombstones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select

from gateway import messages
from server.ingest.enrolment import assign_clip, enrol_gateway, enrol_patient
from server.ingest.service import settle
from server.rights import erasing
from server.rights.tombstones import Tombstones
from server.store import reading, writing
from server.store.tables import enrolment, metadata

T0: Final = 1_790_000_000_000 // 3_600_000 * 3_600_000
DAY: Final = 86_400_000
KINDS: Final = ("epoch", "episode", "reminder", "paused", "unreadable")
NOT_HELD: Final = {"alembic_version", "audit_entry", "audit_head", "erasure", "erased_wearing", "erasure_order"}


def record(kind: str, clip: str, minute: int = 0, **changes: Any) -> dict[str, Any]:
    """A record of a minute after T0."""
    if kind == "unreadable":
        return {"kind": kind, "clip": clip, "journal_id": minute + 6000}
    made: dict[str, Any] = {
        "kind": kind, "clip": clip, "boot": "e" * 16, "judge": "clip", "start_ms": (minute + 6000) * 60_000, "rev": 1,
        "utc_ms": T0 + minute * 60_000, "utc_error_ms": 20, "plan": 1, "calibration": 1,
    }  # fmt: skip
    match kind:
        case "epoch":
            made |= {"codes": "a" * 60, "sagittal": [3] * 30, "low": 1, "high": 6, "lateral": 0, "shifts": 1}
        case "episode":
            made |= {"duration_ms": 65_000, "peak_deg": 22.5, "mean_deg": 17.25, "end_reason": "recovered"}
        case "reminder":
            made |= {"since_ms": made["start_ms"], "angle_deg": 14.5, "reason": "given", "response": "open"}
            made |= {"response_ms": 0}
        case _:
            made |= {"value": 7}
    return made | changes


@dataclass(frozen=True)
class Home:
    engine: Engine
    tombstones: Tombstones
    anna: int
    bert: int
    pseudonym: str = "P-anna"
    gateways: tuple[str, str] = ("1" * 16, "2" * 16)
    clips: tuple[str, str] = ("a" * 16, "b" * 16)

    def send(self, *records: dict[str, Any], gateway: int = 0, now_ms: int = T0 + DAY) -> list[str]:
        """Reasons of what was rejected."""
        rows = [{"n": n, "record": made} for n, made in enumerate(records, 1)]
        message = messages.Records.model_validate(
            {"schema": "records/1", "spool": "5" * 32, "first": 1, "last": len(rows), "rows": rows}
        )
        ack = settle(self.engine, self.gateways[gateway], message, now_ms)
        return [one.reason for one in ack.rejected]

    def erase(self, *, at_ms: int = T0 + DAY) -> erasing.Erasing:
        with writing(self.engine) as db:
            done = erasing.erase(db, self.anna, at_ms=at_ms, actor="U-1", tombstones=self.tombstones)
        erasing.count_again(self.engine, done, at_ms + 1)
        return done


def make_home(engine: Engine, folder: Path) -> Home:
    anna = enrol_patient(engine, name="Anna Wexford", zone="Europe/Berlin", now_ms=0, pseudonym="P-anna")
    bert = enrol_patient(engine, name="Bert", zone="Asia/Kolkata", now_ms=0)
    made = Home(engine, Tombstones(folder / "tombstones"), anna, bert)
    for gateway, clip, patient_id in zip(made.gateways, made.clips, (anna, bert), strict=True):
        enrol_gateway(engine, gateway, name="home", now_ms=0)
        with writing(engine) as db:
            used = {"patient_id": patient_id, "gateway": gateway, "created_ms": 0, "expires_ms": 1, "used_ms": 1}
            db.execute(insert(enrolment).values(code_hash=gateway * 4, **used))
        assign_clip(engine, clip, patient_id, start_ms=T0 - DAY, now_ms=0, gateway_id=gateway)
    return made


def one_of_each(clip: str, minute: int = 0) -> list[dict[str, Any]]:
    return [record(kind, clip, minute) for kind in KINDS]


def counts(engine: Engine) -> dict[str, int]:
    """Rows by table, apart from what is kept of an erasure itself and the trail."""
    with reading(engine) as db:
        return _counts(db, [name for name in metadata.tables if name not in NOT_HELD])


def _counts(db: Connection, names: Sequence[str]) -> dict[str, int]:
    found = {name: db.scalar(select(func.count()).select_from(metadata.tables[name])) or 0 for name in names}
    return {name: count for name, count in found.items() if count}


def everything_as_text(engine: Engine) -> str:
    """All that the database holds, apart from the marks that an erasure leaves on purpose."""
    kept = NOT_HELD | {"gateway"}
    with reading(engine) as db:
        return repr([list(db.execute(select(table))) for table in metadata.sorted_tables if table.name not in kept])
