"""Roles, organisations, invitations, recovery and emergency access.

What there was before belongs to a first organisation, made here. Who could sign in was a therapist, and stays one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "organisation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("name", name=op.f("uq_organisation_name")),
    )
    op.execute("INSERT INTO organisation (name, created_ms) VALUES ('First organisation', 0)")  # by itself gets id 1
    # The audit names accounts by number, and open pages patients: none is given twice, not even after an erasure.
    with op.batch_alter_table("patient", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(_organisation("patient"))
        batch.create_index(op.f("ix_patient_organisation_id"), ["organisation_id"])
    with op.batch_alter_table("user_account", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(_organisation("user_account"))
        batch.add_column(sa.Column("patient_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("disabled_ms", sa.BigInteger(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_user_account_patient_id"), "patient", ["patient_id"], ["id"], ondelete="CASCADE"
        )
        batch.create_unique_constraint(op.f("uq_user_account_patient_id"), ["patient_id"])
        batch.create_index(op.f("ix_user_account_organisation_id"), ["organisation_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        *_times("created_ms", "expires_ms"),
        *_times("revoked_ms", "used_ms", nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_invitation_organisation_id")),
        _reference("invitation", "patient_id", "patient", "CASCADE"),
        _reference("invitation", "author_id", "user_account", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_invitation_token_sha256")),
    )
    op.create_table(
        "recovery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        *_times("created_ms", "expires_ms"),
        *_times("voided_ms", "used_ms", nullable=True),
        _reference("recovery", "user_id", "user_account", "CASCADE"),
        _reference("recovery", "author_id", "user_account", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_recovery_token_sha256")),
    )
    op.create_table(
        "emergency_access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        *_times("start_ms", "end_ms"),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        _reference("emergency_access", "user_id", "user_account", "CASCADE"),
        _reference("emergency_access", "patient_id", "patient", "CASCADE"),
        _reference("emergency_access", "ended_by", "user_account", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_access")),
    )
    for table, column in (
        ("invitation", "organisation_id"),
        ("invitation", "patient_id"),
        ("recovery", "user_id"),
        ("emergency_access", "user_id"),
        ("emergency_access", "patient_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _organisation(table: str) -> sa.Column[int]:
    return sa.Column(
        "organisation_id",
        sa.Integer(),
        sa.ForeignKey("organisation.id", name=op.f(f"fk_{table}_organisation_id")),
        nullable=False,
        server_default=sa.text("1"),
    )


def _times(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _reference(table: str, column: str, other: str, gone: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=gone)


def downgrade() -> None:
    """Take them away again."""
    for table in ("emergency_access", "recovery", "invitation"):
        op.drop_table(table)
    with op.batch_alter_table("user_account") as batch:
        batch.drop_index(op.f("ix_user_account_organisation_id"))
        batch.drop_constraint(op.f("uq_user_account_patient_id"), type_="unique")
        batch.drop_constraint(op.f("fk_user_account_patient_id"), type_="foreignkey")
        batch.drop_constraint(op.f("fk_user_account_organisation_id"), type_="foreignkey")
        batch.drop_column("disabled_ms")
        batch.drop_column("patient_id")
        batch.drop_column("organisation_id")
    with op.batch_alter_table("patient") as batch:
        batch.drop_index(op.f("ix_patient_organisation_id"))
        batch.drop_constraint(op.f("fk_patient_organisation_id"), type_="foreignkey")
        batch.drop_column("organisation_id")
    op.drop_table("organisation")
