"""What patients say: pain, answers about reminders and about urgent signs; and how a clip should buzz."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the columns of a command that sets something."""
    op.create_table(
        "pain_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("word", sa.String(length=20), nullable=True),
        sa.Column("area", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("taken_back_ms", sa.BigInteger(), nullable=True),
        _patient_key("pain_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pain_entry")),
    )
    op.create_index(op.f("ix_pain_entry_patient_id_at_ms"), "pain_entry", ["patient_id", "at_ms"], unique=False)
    op.create_table(
        "reminder_answer",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        _patient_key("reminder_answer"),
        sa.PrimaryKeyConstraint("patient_id", "clip", "boot", "start_ms", name=op.f("pk_reminder_answer")),
    )
    op.create_table(
        "red_flag_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("yes_json", sa.Text(), nullable=False),
        sa.Column("advice", sa.String(length=10), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_by", sa.Integer(), nullable=True),
        _patient_key("red_flag_answer"),
        sa.ForeignKeyConstraint(
            ["seen_by"], ["user_account.id"], name=op.f("fk_red_flag_answer_seen_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_red_flag_answer")),
    )
    op.create_index(
        op.f("ix_red_flag_answer_patient_id_at_ms"), "red_flag_answer", ["patient_id", "at_ms"], unique=False
    )
    op.add_column("command", sa.Column("strength_pct", sa.Integer(), nullable=True))
    op.add_column("command", sa.Column("rhythm", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("command") as batch:
        batch.drop_column("rhythm")
        batch.drop_column("strength_pct")
    op.drop_table("red_flag_answer")
    op.drop_table("reminder_answer")
    op.drop_table("pain_entry")


def _patient_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["patient_id"], ["patient.id"], name=op.f(f"fk_{table}_patient_id"), ondelete="CASCADE"
    )
