"""The stations as child processes: start, crash and start again by name."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self

from server import children
from server.broker import Account, Broker
from server.broker import start as start_broker
from server.broker.run import Kind

from .ending import uninterrupted
from .world import FILE, World

Name = Literal["broker", "server", "radio", "gateway", "history"]
_ORDER: Final[tuple[Name, ...]] = ("broker", "server", "radio", "gateway", "history")


class StationError(RuntimeError):
    """A station ended by itself; the message has the end of its log."""


class Stations:
    """All stations of one world; leaving the context ends them in reverse order."""

    def __init__(self, world: World, broker_kind: Kind | None) -> None:
        self.world = world
        self.broker_kind = broker_kind
        self._children: dict[Name, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(_ORDER):
            if name in self._children:
                children.stop(self._children.pop(name))

    @uninterrupted
    def start(self, name: Name) -> None:
        """Start a station. Raises BrokerError or OSError."""
        if name == "broker":
            broker = self._start_broker()
            self.broker_kind = broker.kind
            self._children[name] = broker.child
            return
        command = [sys.executable, "-m", f"server.demo.{name}_station", str(self.world.folder / FILE)]
        stdout = subprocess.PIPE if name == "history" else None
        self._children[name] = children.spawn(command, log=self.world.log(name), stdout=stdout)

    def _start_broker(self) -> Broker:
        accounts = (
            Account(self.world.gateway, self.world.gateway_password, "gateway"),
            Account("server", self.world.server_password, "server"),
        )
        port = int(self.world.mqtt_url.rsplit(":", 1)[1])
        return start_broker(self.world.folder / "broker", accounts, kind=self.broker_kind, port=port)

    def crash(self, name: Name) -> None:
        """End a station as a crash would: SIGKILL, nothing is flushed."""
        children.kill(self._children.pop(name))

    def suspend(self, name: Name) -> None:
        """Let a station's process stand still, as in a computer's sleep. POSIX only."""
        os.kill(self._children[name].pid, signal.SIGSTOP)

    def wake(self, name: Name) -> None:
        """Let it go on."""
        os.kill(self._children[name].pid, signal.SIGCONT)

    def process(self, name: Name) -> subprocess.Popen[bytes]:
        """The station's process."""
        return self._children[name]

    def ensure_alive(self) -> None:
        """Raise StationError when a station has ended by itself with an error."""
        for name, child in self._children.items():
            if child.poll() not in (None, 0) or (child.poll() == 0 and name != "history"):
                raise StationError(f"the {name} ended with code {child.returncode}:\n{self.log_tail(name)}")

    def wait_for_radio(self) -> None:
        """Wait until other stations can join. Raises StationError."""

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.world.radio_port)) == 0

        self.wait(listens, "starting the radio", limit_s=30)

    def log_tail(self, name: Name, size: int = 2000) -> str:
        """End of a station's log."""
        log = self.world.folder / "broker" / "broker.log" if name == "broker" else self.world.log(name)
        return log.read_text(errors="replace")[-size:] if log.exists() else ""

    def wait(self, ready: Callable[[], bool], what: str, *, limit_s: float) -> None:
        """Ask `ready` every 50 ms until it is true. Raises StationError when a station dies or `limit_s` passes."""
        limit = time.monotonic() + limit_s
        while not ready():
            self.ensure_alive()
            if time.monotonic() > limit:
                raise StationError(f"{what} took longer than {limit_s:.0f} s")
            time.sleep(0.05)
