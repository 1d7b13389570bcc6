"""The store: `open_engine(url)`, `migrate(engine)`, and the transactions `reading(engine)` and `writing(engine)`."""

from server.store.engine import DatabaseUrlError, open_engine, reading, writing
from server.store.errors import UNUSABLE, UnknownPatientError
from server.store.migrate import migrate

__all__ = ["UNUSABLE", "DatabaseUrlError", "UnknownPatientError", "migrate", "open_engine", "reading", "writing"]
