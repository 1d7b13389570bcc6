"""The server as one process: pages, ingest and summaries, until it is told to stop."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server
from sqlalchemy import Engine

from server.access.rules import AccessRules
from server.access.ways_in import WaysIn
from server.app import create_app
from server.enrolment.doorkeeper import Doorkeeper
from server.mqtt.address import Broker
from server.mqtt.worker import Settled, Worker
from server.operation.health import Readiness
from server.operation.metrics import Metrics, StoreCollector
from server.operation.routes import Operation
from server.pages.charts import bundle
from server.people.mail import Mailer
from server.rights.nightly import Nightly
from server.rights.retention import RetentionRules
from server.rights.tombstones import Tombstones
from server.summaries.rebuilder import Rebuilder

_BACKLOG: Final = 2048
_LOOPBACK: Final = "127.0.0.1"
REQUESTS_LIMIT_S: Final = 10
"""So long requests under way may take to finish, once the server is told to stop."""
STOP_LIMIT_S: Final = 30.0
"""So long the batch and the days under way may take after that; what is cut then was not acknowledged."""

log: Final = logging.getLogger(__name__)


class AddressError(RuntimeError):
    """Pages cannot be served at this address; the message says why."""


@dataclass(frozen=True)
class Face:
    """How the server shows itself. `secure`: pages are reached over TLS only, here or at a proxy; `trusted_proxies` are
    believed about a visitor's address; `certificate` and `key` (PEM) make this server speak TLS itself; links
    in mails, which `mailer` sends, begin with `public_url`."""

    secure: bool = False
    trusted_proxies: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    metrics_port: int | None = None
    metrics_token: str | None = field(default=None, repr=False)
    public_url: str = ""
    mailer: Mailer | None = None


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes visitors in from now on, for `serve`. Raises AddressError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise AddressError(f"cannot serve pages on port {port} of {host}: {reason}; choose another port") from error


@contextlib.contextmanager
def workers(
    engine: Engine,
    broker: Broker,
    clock: Callable[[], int],
    settled: Settled | None = None,
    kept: RetentionRules | None = None,
) -> Iterator[tuple[Worker, Rebuilder]]:
    """The ingest worker and the rebuilder, running, and what deletes at night what was `kept` long enough; all are
    stopped at the end, within `STOP_LIMIT_S`."""
    worker, rebuilder = Worker(engine, broker, clock, settled), Rebuilder(engine, clock)
    nightly = Nightly(engine, clock, kept)
    worker.start()
    rebuilder.start()
    nightly.start()
    try:
        yield worker, rebuilder
    finally:
        with _within(STOP_LIMIT_S):
            worker.stop()
            rebuilder.stop()
            nightly.stop()


def serve(
    engine: Engine,
    broker: Broker,
    clock: Callable[[], int],
    listener: socket.socket,
    *,
    face: Face | None = None,
    session_clock: Callable[[], int] | None = None,
    doorkeeper: Doorkeeper | None = None,
    ways_in: WaysIn | None = None,
    tombstones: Tombstones | None = None,
    kept: RetentionRules | None = None,
) -> None:
    """Serve over a migrated database until SIGINT or SIGTERM, from the main thread. `clock` tells UTC milliseconds.

    Told to stop, it finishes the requests under way, then settles the batch under way and acknowledges it.

    `listener` comes from `listen`. `session_clock` is what sessions age by; the same unless given. `doorkeeper`
    keeps the broker's accounts, where this server does. `ways_in` is how people sign in besides passwords.
    `tombstones` outlive the database; without them nobody can be erased. `kept` says how long what is.
    Raises AddressError when the metrics' port is taken.
    """
    face, ways_in = face or Face(), ways_in or WaysIn()
    # uvicorn stops at SIGTERM and then sends it again: as an exit it lets the workers finish too.
    signal.signal(signal.SIGTERM, _leave)
    metrics = Metrics()
    bundle.make_ahead()
    with (
        listener,
        contextlib.suppress(KeyboardInterrupt),
        workers(engine, broker, clock, metrics.settled, kept) as (worker, rebuilder),
    ):
        metrics.registry.register(StoreCollector(engine, clock, lambda: worker.connected))
        readiness = Readiness(engine, lambda: worker.connected, lambda: worker.working, lambda: rebuilder.behind_s)
        app = create_app(
            engine,
            clock,
            session_clock=session_clock,
            rules=AccessRules(
                secure=face.secure, public_url=face.public_url, second_factor_for=ways_in.second_factor_for
            ),
            doorkeeper=doorkeeper,
            operation=Operation(readiness, metrics, face.metrics_token),
            box=ways_in.box,
            clinic=ways_in.clinic,
            mailer=face.mailer,
            tombstones=tombstones,
        )
        with _metrics_at(face.metrics_port, metrics):
            uvicorn.Server(configuration(app, face)).run(sockets=[listener])


def configuration(app: FastAPI, face: Face) -> uvicorn.Config:
    """How uvicorn serves the application, and whom it believes about a visitor's address."""
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(face.trusted_proxies),
        forwarded_allow_ips=list(face.trusted_proxies),
        ssl_certfile=face.certificate,
        ssl_keyfile=face.key,
        timeout_graceful_shutdown=REQUESTS_LIMIT_S,
    )


@contextlib.contextmanager
def _metrics_at(port: int | None, metrics: Metrics) -> Iterator[None]:
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, _LOOPBACK, metrics.registry)
    except OSError as error:
        raise AddressError(f"cannot serve metrics on port {port}: {error.strerror}; choose another port") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _leave(number: int, _frame: object) -> None:
    """At the first SIGTERM. Another one must not keep the workers from finishing."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


@contextlib.contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """End the process when this takes longer: a database that hangs must not keep it for ever."""

    def end() -> None:
        log.error("stopping took longer than %.0f s; what was not acknowledged will be sent again", limit_s)
        os._exit(1)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
