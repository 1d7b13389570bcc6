"""The server as one process: pages, ingest and summaries, until it is told to stop."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from sqlalchemy import Engine

from server.access.rules import AccessRules
from server.app import create_app
from server.enrolment.doorkeeper import Doorkeeper
from server.mqtt.address import Broker
from server.mqtt.worker import Worker
from server.summaries.rebuilder import Rebuilder

_BACKLOG: Final = 2048


class AddressError(RuntimeError):
    """Pages cannot be served at this address; the message says why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes visitors in from now on, for `serve`. Raises AddressError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise AddressError(f"cannot serve pages on port {port} of {host}: {reason}; choose another port") from error


@contextlib.contextmanager
def workers(engine: Engine, broker: Broker, clock: Callable[[], int]) -> Iterator[Worker]:
    """The ingest worker and the rebuilder, running; both are stopped at the end."""
    worker, rebuilder = Worker(engine, broker, clock), Rebuilder(engine, clock)
    worker.start()
    rebuilder.start()
    try:
        yield worker
    finally:
        rebuilder.stop()
        worker.stop()


def serve(
    engine: Engine,
    broker: Broker,
    clock: Callable[[], int],
    listener: socket.socket,
    *,
    secure: bool = False,
    session_clock: Callable[[], int] | None = None,
    doorkeeper: Doorkeeper | None = None,
) -> None:
    """Serve over a migrated database until SIGINT or SIGTERM, from the main thread. `clock` tells UTC milliseconds.

    `listener` comes from `listen`. `session_clock` is what sessions age by; the same unless given. `doorkeeper`
    keeps the broker's accounts, where this server does.
    """
    # uvicorn stops at SIGTERM and then sends it again: as an exit it lets the workers finish too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with listener, contextlib.suppress(KeyboardInterrupt), workers(engine, broker, clock):
        app = create_app(
            engine, clock, session_clock=session_clock, rules=AccessRules(secure=secure), doorkeeper=doorkeeper
        )
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
