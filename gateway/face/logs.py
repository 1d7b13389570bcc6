"""Log lines for people or for machines. Neither holds a secret: what is known as one is taken out at the very end."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import Final, TextIO

from gateway.config import GatewayConfig

TAKEN_OUT: Final = "[secret]"
PLAIN: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
SHORTEST: Final = 4
"""A secret of fewer characters is none, and would take words out."""
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def secrets_of(config: GatewayConfig) -> tuple[str, ...]:
    """Everything in a configuration that no line may hold, in the forms in which a program may print it."""
    forms = {config.password, json.dumps(config.password)[1:-1], repr(config.password)[1:-1]}
    for clip in config.clips:
        key = clip.key_bytes
        forms |= {clip.key, clip.key.upper(), key.hex(" "), key.hex(":"), repr(key)[2:-1], str(list(key))[1:-1]}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True))


class _Discreet(logging.Formatter):
    def __init__(self, secrets: Iterable[str], layout: str | None = None) -> None:
        super().__init__(layout)
        self._secrets = tuple(secrets)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, TAKEN_OUT)
        return text


class PlainLines(_Discreet):
    """A line for people."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(secrets, PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return self.clean(super().format(record))


class JsonLines(_Discreet):
    """An object of JSON a line: `time` (UTC), `level`, `logger`, `message`, `fields` (what else was given)."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        fields = {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": self.clean(record.getMessage()),
            "fields": {name: self.clean(str(value)) for name, value in fields.items()},
        }
        return json.dumps(line, ensure_ascii=False)


class Recent(logging.Handler):
    """The newest warnings, for a view that has no room for all lines."""

    def __init__(self, secrets: Iterable[str], most: int = 3) -> None:
        super().__init__(logging.WARNING)
        self._clean = _Discreet(secrets, "%(asctime)s %(message)s")
        self._clean.datefmt = "%H:%M"
        self.lines: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self.lines.append(self._clean.clean(self._clean.format(record)).splitlines()[0])


def to_stream(stream: TextIO, secrets: Iterable[str], *, as_json: bool) -> logging.Handler:
    """A handler that writes lines to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(secrets) if as_json else PlainLines(secrets))
    return handler


def use(handler: logging.Handler, *, verbose: bool) -> None:
    """Make this the program's only handler."""
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
