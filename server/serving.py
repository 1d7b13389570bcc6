"""The server as one process: pages, ingest and summaries, until it is told to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator

import uvicorn
from sqlalchemy import Engine

from server.access.rules import AccessRules
from server.app import create_app
from server.mqtt.address import Broker
from server.mqtt.worker import Worker
from server.summaries.rebuilder import Rebuilder


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
    *,
    host: str,
    port: int,
    secure: bool = False,
    session_clock: Callable[[], int] | None = None,
) -> None:
    """Serve over a migrated database until SIGINT or SIGTERM, from the main thread. `clock` tells UTC milliseconds.

    `session_clock` is what sessions age by; the same unless given.
    """
    # uvicorn stops at SIGTERM and then sends it again: as an exit it lets the workers finish too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with workers(engine, broker, clock):
        app = create_app(engine, clock, session_clock=session_clock, rules=AccessRules(secure=secure))
        uvicorn.run(app, host=host, port=port, log_level="warning")
