"""Drafts and templates of plans, what was sent to which clip, alarms; and plans that never change."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FIXED: Final = ("patient_id", "version", "body_json", "reason", "created_ms")
_WORDS: Final = "a version of a plan never changes; write a new one"
_GONE: Final = "NEW.author_id IS NULL AND NOT EXISTS (SELECT 1 FROM user_account WHERE id = OLD.author_id)"


def _new_columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "clip_status": (
            sa.Column("linked_ms", sa.BigInteger(), nullable=True),
            sa.Column("plan_since_ms", sa.BigInteger(), nullable=True),
            sa.Column("calibration_since_ms", sa.BigInteger(), nullable=True),
            sa.Column("calibration_before", sa.Integer(), nullable=True),
        ),
        "quarantine": (
            sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
            sa.Column("acknowledged_by", sa.String(length=40), nullable=True),
            sa.Column("note", sa.String(length=300), nullable=True),
        ),
        "ingest_count": (
            sa.Column("noted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
            sa.Column("noted_ms", sa.BigInteger(), nullable=True),
        ),
    }


def upgrade() -> None:
    """Make tables, columns and triggers. What was sent before counts as sent for every clip that the patient wears."""
    _make_delivery()
    _make_draft()
    _make_template()
    _make_alarm()
    for table, columns in _new_columns().items():
        for column in columns:
            op.add_column(table, column)
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def downgrade() -> None:
    """Take them away again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER plan_is_fixed ON plan")
        op.execute("DROP FUNCTION plan_is_fixed()")
    else:
        op.execute("DROP TRIGGER plan_is_fixed")
    for table, columns in _new_columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
    for table in ("alarm", "plan_template", "plan_draft", "plan_delivery"):
        op.drop_table(table)


def _make_delivery() -> None:
    op.create_table(
        "plan_delivery",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("patient_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id", "version"],
            ["plan.patient_id", "plan.version"],
            name=op.f("fk_plan_delivery_patient_id_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("clip", "patient_id", "version", name=op.f("pk_plan_delivery")),
    )
    op.create_index(op.f("ix_plan_delivery_patient_id_version"), "plan_delivery", ["patient_id", "version"])
    op.execute(
        "INSERT INTO plan_delivery (clip, patient_id, version, first_ms, last_ms, times) "
        "SELECT DISTINCT assignment.clip, plan.patient_id, plan.version, plan.sent_ms, plan.sent_ms, 1 "
        "FROM plan JOIN assignment ON assignment.patient_id = plan.patient_id "
        "WHERE plan.sent_ms IS NOT NULL AND assignment.end_ms IS NULL"
    )


def _make_draft() -> None:
    op.create_table(
        "plan_draft",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("fields_json", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("based_on", sa.Integer(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_plan_draft_patient_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name=op.f("fk_plan_draft_author_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "author_id", name=op.f("pk_plan_draft")),
    )
    op.create_index(op.f("ix_plan_draft_author_id"), "plan_draft", ["author_id"])


def _make_template() -> None:
    op.create_table(
        "plan_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("purpose", sa.String(length=300), nullable=False),
        sa.Column("fields_json", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_plan_template_organisation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name=op.f("fk_plan_template_author_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_template")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_plan_template_organisation_id_name")),
    )


def _make_alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("gateway", sa.String(length=16), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    still_open = sa.text("acknowledged_ms IS NULL")
    op.create_index(
        "uq_alarm_open",
        "alarm",
        ["kind", "gateway", "clip"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _guard_on_postgresql() -> None:
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _FIXED)
    op.execute(
        f"""CREATE FUNCTION plan_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {changed} OR (NEW.author_id IS DISTINCT FROM OLD.author_id AND NOT ({_GONE})) THEN
        RAISE EXCEPTION '{_WORDS}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$"""
    )
    op.execute("CREATE TRIGGER plan_is_fixed BEFORE UPDATE ON plan FOR EACH ROW EXECUTE FUNCTION plan_is_fixed()")


def _guard_on_sqlite() -> None:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _FIXED)
    op.execute(
        f"""CREATE TRIGGER plan_is_fixed BEFORE UPDATE ON plan
WHEN {changed} OR (NEW.author_id IS NOT OLD.author_id AND NOT ({_GONE}))
BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"""
    )
