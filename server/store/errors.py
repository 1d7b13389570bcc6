"""Errors that every service of the server knows."""

from __future__ import annotations

from typing import Final

from sqlalchemy import exc

UNUSABLE: Final = (exc.InterfaceError, exc.InternalError, exc.OperationalError, exc.TimeoutError)
"""What SQLAlchemy raises while the database cannot be used, for whatever is asked of it: not reached, starting,
read-only for a while, or all connections taken. Whoever meets one tries again later; the data are not at fault."""


class UnknownPatientError(LookupError):
    """No patient has this id."""
