"""Log lines: for people at a terminal, JSON for machines. Each carries the id of the request that it belongs to.

Logs hold no names, no secrets and no e-mail addresses. Whoever logs sees to that; what comes from libraries, in the
text of an error, is taken out here.
"""

from __future__ import annotations

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, Final, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The request under way; empty outside of one."""

Format = Literal["auto", "text", "json"]

_PRIVATE: Final = (
    # PostgreSQL repeats the row, and SQLAlchemy the parameters, that broke a rule.
    (re.compile(r"(?m)^(DETAIL|CONTEXT):.*$"), r"\1: [left out]"),
    (re.compile(r"\[parameters: .*\]"), "[parameters: left out]"),
    (re.compile(r"input_value=.*?, input_type="), "input_value=[left out], input_type="),
    (re.compile(r"[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:=]+"), "[address left out]"),
)


def without_persons(text: str) -> str:
    """The text without what libraries repeat of people's data: rows, parameters, e-mail addresses."""
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return text


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request = request_id.get()
        return without_persons(f"{line} [{request}]" if request else line)


class _Json(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """What pythonjsonlogger asks for, before it writes the line."""
        request = request_id.get()
        told = {key: without_persons(value) if isinstance(value, str) else value for key, value in log_data.items()}
        return {**told, "request_id": request} if request else told


def set_up(form: Format = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go to `stream`, by default the standard error."""
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Text() if text else _Json())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for loud in ("alembic", "httpx", "httpcore"):
        logging.getLogger(loud).setLevel(logging.WARNING)
