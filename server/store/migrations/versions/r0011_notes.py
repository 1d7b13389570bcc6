"""Notes about patients, and what a day looks like inside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and room beside the figures of a day; days are made again by themselves."""
    op.create_table(
        "patient_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("corrects_id", sa.Integer(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["user_account.id"], name=op.f("fk_patient_note_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["patient_note.id"], name=op.f("fk_patient_note_corrects_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_note_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_note")),
    )
    op.create_index(op.f("ix_patient_note_patient_id"), "patient_note", ["patient_id"], unique=False)
    op.create_index(op.f("ix_patient_note_corrects_id"), "patient_note", ["corrects_id"], unique=False)
    with op.batch_alter_table("daily") as table:
        table.add_column(sa.Column("detail_json", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take both away again."""
    with op.batch_alter_table("daily") as table:
        table.drop_column("detail_json")
    op.drop_table("patient_note")
