"""A mosquitto that listens with TLS."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from server import children
from server.broker import Account, Broker
from server.broker.mosquitto import write_configuration
from server.broker.run import LOOPBACK, free_port
from tests.certificates import Pair

PATIENCE_S = 20.0


@contextmanager
def listening(folder: Path, accounts: Sequence[Account], pair: Pair) -> Iterator[Broker]:
    """The broker, with a server's certificate; skips where mosquitto is missing."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    folder.mkdir(mode=0o700)
    port = free_port()
    configuration = write_configuration(folder, accounts, LOOPBACK, port)
    with configuration.open("a") as file:
        file.write(f"certfile {pair.certificate}\nkeyfile {pair.key}\n")
    log = folder / "broker.log"
    child = children.spawn([program, "-c", configuration], log=log)
    try:
        limit = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    break
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.02)
        yield Broker("mosquitto", port, child, log, folder)
    finally:
        children.stop(child)
