"""Organisations, people, who cares for whom, and how people come in."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, false, text

from server.store.tables.columns import metadata, ms_column, patient_column

FIRST_ORGANISATION: Final = 1
"""It is there from the start, made with the tables; whoever is made without an organisation belongs to it."""


def _organisation_column() -> Column[int]:
    return Column(
        "organisation_id",
        ForeignKey("organisation.id"),
        nullable=False,
        index=True,
        server_default=text(str(FIRST_ORGANISATION)),
    )


def _account_column(name: str, *, gone: str, **kw: Any) -> Column[int]:
    return Column(name, ForeignKey("user_account.id", ondelete=gone), **kw)


organisation: Final = Table(
    "organisation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    ms_column("created_ms"),
)
"""A practice or clinic. Nothing about a patient is ever seen in another."""

user_account: Final = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", String(255), nullable=False),
    ms_column("created_ms"),
    _organisation_column(),
    Column("patient_id", ForeignKey("patient.id", ondelete="CASCADE"), nullable=True, unique=True),
    ms_column("disabled_ms", nullable=True),
    sqlite_autoincrement=True,
)
"""Who signs in. `email` is stored in lower case; `role` is administrator, therapist or patient (`server.access.acts`);
`patient_id` is set for the role patient alone: whose own data they are. Disabled from `disabled_ms` on. A number is
never given twice: the audit names people by it."""

patient: Final = Table(
    "patient",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("simulated", Boolean, nullable=False, server_default=false()),
    ms_column("created_ms"),
    _organisation_column(),
    sqlite_autoincrement=True,
)
"""`zone` is the IANA zone of the patient's local days. Names live here and nowhere else. A number is never given twice:
a page left open on somebody who was erased must not speak of whoever came next."""

care_relation: Final = Table(
    "care_relation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    patient_column(index=True),
    ms_column("start_ms"),
    ms_column("end_ms", nullable=True),
)
"""In force from `start_ms` to before `end_ms`."""

invitation: Final = Table(
    "invitation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("organisation_id", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("email", String(254), nullable=False),
    Column("role", String(20), nullable=False),
    Column("patient_id", ForeignKey("patient.id", ondelete="CASCADE"), nullable=True, index=True),
    _account_column("author_id", gone="SET NULL", nullable=True),
    ms_column("created_ms"),
    ms_column("expires_ms"),
    ms_column("revoked_ms", nullable=True),
    ms_column("used_ms", nullable=True),
)
"""One-time links by which people come in; of the link only its token's hash is kept (hex)."""

recovery: Final = Table(
    "recovery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    _account_column("user_id", gone="CASCADE", nullable=False, index=True),
    _account_column("author_id", gone="SET NULL", nullable=True),
    ms_column("created_ms"),
    ms_column("expires_ms"),
    ms_column("voided_ms", nullable=True),
    ms_column("used_ms", nullable=True),
)
"""One-time links that set a new password; `author_id` is the administrator who made it, None where it was asked for by
mail."""

emergency_access: Final = Table(
    "emergency_access",
    metadata,
    Column("id", Integer, primary_key=True),
    _account_column("user_id", gone="CASCADE", nullable=False, index=True),
    patient_column(index=True),
    Column("reason", String(500), nullable=False),
    ms_column("start_ms"),
    ms_column("end_ms"),
    _account_column("ended_by", gone="SET NULL", nullable=True),
)
"""Access without a care relation, from `start_ms` to before `end_ms`, or earlier where `ended_by` ended it."""
