"""The tables. All times are UTC milliseconds (`*_ms`); a local date is text, `2026-03-29`.

Events are rows, unique by identity (clip, boot, judge, kind, start_ms). Epochs are packed, one row per patient, clip
and UTC hour (`server.store.epoch_blob`). `start_ms` is the clip's own time; `utc_ms` is None where a record cannot be
placed.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _patient(**kw: Any) -> Column[int]:
    return Column("patient_id", ForeignKey("patient.id", ondelete="CASCADE"), nullable=False, **kw)


def _ms(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


# --- people ---

user_account: Final = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(255), nullable=False),
    _ms("created_ms"),
)
"""Who signs in. `email` is stored in lower case; `role` is therapist (administrator and patient come later)."""

session: Final = Table(
    "session",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    _ms("created_ms"),
    _ms("seen_ms"),
    _ms("expires_ms"),
)
"""Signed-in browsers; only the hash of the token is kept (hex)."""

patient: Final = Table(
    "patient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("simulated", Boolean, nullable=False, server_default=false()),
    _ms("created_ms"),
)
"""`zone` is the IANA zone of the patient's local days. Names live here and nowhere else."""

care_relation: Final = Table(
    "care_relation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    _patient(index=True),
    _ms("start_ms"),
    _ms("end_ms", nullable=True),
)

gateway: Final = Table(
    "gateway",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("mqtt_hash", String(255)),
    _ms("created_ms"),
    _ms("revoked_ms", nullable=True),
    Column("online", Boolean, nullable=False, server_default=false()),
    Column("status_json", Text),
    _ms("seen_ms", nullable=True),
)
"""`status_json` is the last `messages.Status`, `seen_ms` when anything last came from it, `mqtt_hash` what the broker
checks its password against."""

enrolment: Final = Table(
    "enrolment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code_hash", String(64), nullable=False, unique=True),
    _patient(index=True),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    _ms("created_ms"),
    _ms("expires_ms"),
    _ms("voided_ms", nullable=True),
    _ms("used_ms", nullable=True),
    Column("gateway", ForeignKey("gateway.id", ondelete="CASCADE"), nullable=True, unique=True),
    Column("revoked_by", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
)
"""One-time codes that connect a patient's computer, and what became of them; of the code only its hash is kept (hex).
`gateway` is the one that it made: this patient's computer, until `gateway.revoked_ms`."""

assignment: Final = Table(
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("clip", String(16), nullable=False, index=True),
    Column("gateway", ForeignKey("gateway.id"), nullable=True, index=True),
    _patient(index=True),
    _ms("start_ms"),
    _ms("end_ms", nullable=True),
)
"""Who wears a clip, from `start_ms` to before `end_ms`; `gateway` None lets any enrolled gateway write."""

clip_status: Final = Table(
    "clip_status",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("gateway", ForeignKey("gateway.id", ondelete="CASCADE"), primary_key=True),
    Column("link", String(20), nullable=False),
    Column("plan_version", Integer),
    Column("calibration_version", Integer),
    Column("battery_pct", Integer),
    Column("firmware", String(40)),
    Column("journal_waiting", Integer, nullable=False),
    Column("simulated", Boolean, nullable=False, server_default=false()),
    _ms("seen_ms"),
)
"""A clip as one of its gateways last told of it."""

# --- measurements ---

epoch_hour: Final = Table(
    "epoch_hour",
    metadata,
    _patient(primary_key=True),
    Column("clip", String(16), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("blob", LargeBinary, nullable=False),
    Index(None, "clip", "hour"),
)
"""The epochs that begin in one UTC hour (`utc_ms // 3_600_000`)."""

boot_span: Final = Table(
    "boot_span",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("boot", String(16), primary_key=True),
    _ms("low_ms"),
    _ms("high_ms"),
)
"""Between which bounds `utc_ms - start_ms` of a boot's stored epochs lies: where to look for one of them."""

unplaced_epoch: Final = Table(
    "unplaced_epoch",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("boot", String(16), primary_key=True),
    Column("judge", String(8), primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    _patient(index=True),
    Column("rev", SmallInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""Epochs that belong to a patient but to no known time."""


def _identity(*kind: Column[str]) -> list[Any]:
    """Columns that every event row has, and the constraint that makes its identity unique. A table of several kinds
    gives its `kind` column."""
    return [
        Column("id", Integer, primary_key=True),
        _patient(),
        Column("clip", String(16), nullable=False),
        Column("boot", String(16), nullable=False),
        Column("judge", String(8), nullable=False),
        _ms("start_ms"),
        Column("rev", SmallInteger, nullable=False),
        _ms("utc_ms", nullable=True),
        _ms("utc_error_ms", nullable=True),
        Column("plan", Integer, nullable=False),
        Column("calibration", Integer, nullable=False),
        Column("simulated", Boolean, nullable=False),
        Column("gateway", String(16), nullable=False),
        _ms("received_ms"),
        *kind,
        UniqueConstraint("clip", "boot", "judge", *(column.name for column in kind), "start_ms"),
        Index(None, "patient_id", "utc_ms"),
    ]


episode: Final = Table(
    "episode",
    metadata,
    *_identity(),
    _ms("duration_ms"),
    Column("peak_deg", Float, nullable=False),
    Column("mean_deg", Float, nullable=False),
    Column("end_reason", String(16), nullable=False),
)
"""Slouches as each judge told them; `server.summaries` merges the two tellings."""

reminder: Final = Table(
    "reminder",
    metadata,
    *_identity(),
    _ms("since_ms"),
    Column("angle_deg", Float, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("response", String(8), nullable=False),
    _ms("response_ms"),
)
"""Reminders that were due: given, or withheld for a reason. `since_ms` is the clip's time."""

clip_event: Final = Table(
    "clip_event",
    metadata,
    *_identity(Column("kind", String(16), nullable=False)),
    _ms("value"),
)
"""Everything else a clip told: boots, pauses, plans applied, calibrations."""

unreadable: Final = Table(
    "unreadable",
    metadata,
    Column("clip", String(16), primary_key=True),
    Column("journal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("gateway", String(16), nullable=False),
    _ms("received_ms"),
)
"""Journal slots whose content did not survive on the clip."""

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("gateway", String(16), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("payload", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    _ms("received_ms"),
)
"""What was refused, kept for inspection; bounded per gateway. The digest keeps a delivery from being kept twice."""

ingest_count: Final = Table(
    "ingest_count",
    metadata,
    Column("gateway", String(16), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How often each reason for refusal occurred. Gateway '' stands for senders that are not known."""

# --- plans and commands ---

plan: Final = Table(
    "plan",
    metadata,
    _patient(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body_json", Text, nullable=False),
    Column("author_id", ForeignKey("user_account.id", ondelete="SET NULL"), nullable=True),
    Column("reason", String(500), nullable=False),
    _ms("created_ms"),
    _ms("sent_ms", nullable=True),
    _ms("confirmed_ms", nullable=True),
    _ms("superseded_ms", nullable=True),
)
"""Versions of prescriptions; body, author and reason never change."""

command: Final = Table(
    "command",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("clip", String(16), nullable=False),
    _patient(index=True),
    Column("kind", String(16), nullable=False),
    Column("minutes", Integer),
    _ms("created_ms"),
    _ms("expires_ms"),
    _ms("sent_ms", nullable=True),
    _ms("answered_ms", nullable=True),
    Column("result", String(16)),
    Column("detail", String(200)),
)

# --- summaries ---

stale_day: Final = Table(
    "stale_day",
    metadata,
    _patient(primary_key=True),
    Column("date", String(10), primary_key=True),
    Column("marks", BigInteger, nullable=False),
)
"""Local days whose summary must be made again. `marks` rises, so that a mark made meanwhile is not lost."""

daily: Final = Table(
    "daily",
    metadata,
    _patient(primary_key=True),
    Column("date", String(10), primary_key=True),
    Column("algo", Integer, nullable=False),
    _ms("computed_ms"),
    Column("so_far", Boolean, nullable=False),
    _ms("window_end_ms", nullable=True),
    Column("body_json", Text, nullable=False),
    Index(None, "so_far"),
)
"""One `DaySummary` per local day (`body_json`), made by version `algo` of the code."""
