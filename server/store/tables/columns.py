"""What all tables share: the names of constraints, and two kinds of column."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def patient_column(**kw: Any) -> Column[int]:
    """Whose row it is; it goes with the patient."""
    return Column("patient_id", ForeignKey("patient.id", ondelete="CASCADE"), nullable=False, **kw)


def ms_column(name: str, nullable: bool = False) -> Column[int]:
    """A UTC time in milliseconds."""
    return Column(name, BigInteger, nullable=nullable)
