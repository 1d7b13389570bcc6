"""Start a broker as a child process, wait until it listens, and stop it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from server import children

from . import register
from .access import Account
from .mosquitto import write_accounts, write_configuration

Kind = Literal["mosquitto", "amqtt"]
LOOPBACK: Final = "127.0.0.1"
_START_LIMIT_S: Final = 20.0
_REGISTER: Final = "accounts-of-broker.json"


class BrokerError(RuntimeError):
    """The broker could not be started; the message says why and what to do."""


@dataclass
class Broker:
    """A running broker."""

    kind: Kind
    port: int
    child: subprocess.Popen[bytes]
    log: Path
    folder: Path

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"mqtt://{LOOPBACK}:{self.port}"

    def admit(self, accounts: Sequence[Account]) -> None:
        """These may come from now on, and nobody else: whoever is there without an account is shown out.

        Raises OSError when the files cannot be written.
        """
        if self.kind == "amqtt":
            register.write(self.folder / _REGISTER, accounts)
            return
        write_accounts(self.folder, accounts)
        self.child.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        children.stop(self.child)


def free_port() -> int:
    """Return a port that nothing listens on.

    A connection that has just ended there keeps the system from giving it to another program that asks for any port,
    for about a minute. Whoever names it, as a listener that may reuse addresses does, gets it.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as caller, listener.accept()[0] as called:
            called.shutdown(socket.SHUT_WR)  # the end that closes first is the one that the system remembers
            caller.recv(1)
    return port


def start(folder: Path, accounts: Sequence[Account], *, kind: Kind | None = None, port: int = 0) -> Broker:
    """Start a broker that keeps its files in `folder`.

    `kind` None means mosquitto when it is on PATH and can be told to read its accounts again (not on Windows), else
    amqtt; `port` 0 means any free one. Raises BrokerError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    port = port or free_port()
    with socket.socket() as probe:
        if probe.connect_ex((LOOPBACK, port)) == 0:
            raise BrokerError(f"port {port} is taken by another program; choose another port")
    program = _find_mosquitto()
    if kind is None:
        kind = "mosquitto" if program and hasattr(signal, "SIGHUP") else "amqtt"
    log = folder / "broker.log"
    if kind == "mosquitto":
        if program is None:
            raise BrokerError("mosquitto is not on PATH; install it, or let the built-in broker serve")
        command: list[str | Path] = [program, "-c", write_configuration(folder, accounts, LOOPBACK, port)]
    else:
        register.write(folder / _REGISTER, accounts)
        settings = folder / "amqtt.json"
        settings.write_text(json.dumps({"host": LOOPBACK, "port": port, "accounts": str(folder / _REGISTER)}))
        command = [sys.executable, "-m", "server.broker.embedded", settings]
    child = children.spawn(command, log=log)
    broker = Broker(kind, port, child, log, folder)
    _wait_until_listening(broker)
    return broker


def _find_mosquitto() -> str | None:
    # Debian puts it where a user's PATH does not look.
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _wait_until_listening(broker: Broker) -> None:
    limit = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < limit:
        if broker.child.poll() is not None:
            break
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((LOOPBACK, broker.port)) == 0:
                return
        time.sleep(0.02)
    broker.stop()
    tail = broker.log.read_text(errors="replace")[-600:].strip() if broker.log.exists() else ""
    raise BrokerError(f"{broker.kind} did not start on port {broker.port}: {tail or 'it printed nothing'}")
