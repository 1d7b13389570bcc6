"""Consent, tombstones and what is outstanding of an erasure."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_consent()
    _make_erasure()
    _date_unplaced_epochs()


def _date_unplaced_epochs() -> None:
    """They are kept for as long as other measurements: those that are there already, from now on."""
    with op.batch_alter_table("unplaced_epoch") as batch:
        batch.add_column(sa.Column("received_ms", sa.BigInteger(), nullable=True))
    op.execute(sa.text("UPDATE unplaced_epoch SET received_ms = :now").bindparams(now=int(time.time() * 1000)))
    with op.batch_alter_table("unplaced_epoch") as batch:
        batch.alter_column("received_ms", existing_type=sa.BigInteger(), nullable=False)


def _make_consent() -> None:
    op.create_table(
        "consent_text",
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_consent_text")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=True),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("signed_on", sa.String(length=10), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["user_account.id"], name=op.f("fk_consent_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_consent_patient_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["version"], ["consent_text.version"], name=op.f("fk_consent_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("patient_id", "at_ms", "kind", name=op.f("uq_consent_patient_id_at_ms_kind")),
    )


def _make_erasure() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("gone_json", sa.Text(), nullable=False),
        sa.Column("left_json", sa.Text(), nullable=True),
        sa.Column("counted_ms", sa.BigInteger(), nullable=True),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_erasure_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_erasure_pseudonym")),
    )
    op.create_table(
        "erased_wearing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("erasure_id", sa.Integer(), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("erased_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_erased_wearing_erasure_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_wearing")),
    )
    op.create_index(op.f("ix_erased_wearing_clip"), "erased_wearing", ["clip"], unique=False)
    op.create_index(op.f("ix_erased_wearing_erasure_id"), "erased_wearing", ["erasure_id"], unique=False)
    op.create_table(
        "erasure_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("erasure_id", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(length=16), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("own", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("command", sa.String(length=64), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.String(length=16), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_erasure_order_erasure_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_erasure_order_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_order")),
        sa.UniqueConstraint("command", name=op.f("uq_erasure_order_command")),
    )
    op.create_index(op.f("ix_erasure_order_erasure_id"), "erasure_order", ["erasure_id"], unique=False)
    op.create_index(op.f("ix_erasure_order_gateway"), "erasure_order", ["gateway"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("unplaced_epoch") as batch:
        batch.drop_column("received_ms")
    for name in ("erasure_order", "erased_wearing", "erasure", "consent", "consent_text"):
        op.drop_table(name)
