"""`plumbline demo`: everything started, then a page to look at until Ctrl-C."""

from __future__ import annotations

import json
import socket
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from firmware.virtual.interpreter import choose as choose_interpreter
from gateway.lab.progress import progress
from server.broker import BrokerError
from server.broker.run import Kind, free_port
from server.demo import people, setup, zone
from server.demo.check.client import Client
from server.demo.stations import Stations
from server.demo.world import ADMINISTRATOR_EMAIL, HOST, PATIENT_EMAIL, THERAPIST_EMAIL, THERAPIST_PASSWORD, World
from server.mqtt.address import broker_at
from server.serving import listen

_WIDEST: Final = 88
_WELCOME: Final = """\
[bold]{address}[/]
Therapist      [bold]{therapist}[/]
Administrator  [bold]{administrator}[/]
Patient        [bold]{patient}[/], {name}
Password       [bold]{password}[/]  (the same for all)

{name} wears a virtual clip now: the real firmware in {firmware}, over virtual Bluetooth to the gateway, over {broker} \
to the server. The clinic is in {zone}, where it is working time now.

Look at:
- Today, as the weeks behind it come in: who needs a look most, and why?
- {name}'s day, as its minutes come in: a slouch in the second minute, the reminder 60 s later
- 'Change the plan': pending until the clip has confirmed it

Every person here is simulated, and the pages say so."""


def show(
    folder: Path, *, console: Console, broker: Kind | None, mqtt: str | None, speed: float, port: int, browser: bool
) -> None:
    """Show the demonstration with its data in the empty `folder`. Returns on KeyboardInterrupt.

    Raises AddressError when `port` is not free, BrokerUrlError or BrokerError when there is no broker at `mqtt` or none
    can be started, and StationError when a station ends by itself.
    """
    listen(HOST, port).close()
    if mqtt is not None:
        _find_broker(mqtt)
    now = time.time()
    world = World(
        folder=folder,
        start_utc_ms=int(now * 1000),
        wall_start_s=now,
        speed=speed,
        zone=zone.choose(datetime.fromtimestamp(now, UTC), zone.own_zone()),
        http_port=port or free_port(),
        mqtt_url=mqtt or f"mqtt://127.0.0.1:{free_port()}",
        radio_port=free_port(),
    )
    world.save()
    people.live_script().save(world.script)
    patient = setup.prepare(world, live_name=people.LIVE.name, plan=people.PLAN, confirmed=True).live_patient
    setup.add_accounts(world, patient)
    client = Client(world.http_url)
    with Stations(world, broker) as stations:
        with _saying(console, "Starting broker, server, radio and clip"):
            if mqtt is None:
                stations.start("broker")
            stations.start("server")
            stations.wait(client.healthy, "starting the server", limit_s=60)
            client.sign_in(THERAPIST_EMAIL, THERAPIST_PASSWORD)
            stations.start("radio")
            stations.wait_for_radio()
            stations.start("gateway")
            stations.wait(lambda: _is_live(client, patient), "connecting the clip", limit_s=90)
        console.print(_welcome(console, world, mqtt or (stations.broker_kind or "")))
        if browser:
            webbrowser.open(world.http_url)
        stations.start("history")
        _follow_history(stations, console)
        console.print("[green]All patients have their weeks.[/] Ctrl-C ends the demonstration.")
        while True:
            stations.ensure_alive()
            time.sleep(0.5)


def _find_broker(url: str) -> None:
    address = broker_at(url)
    try:
        socket.create_connection((address.host, address.port), timeout=5).close()
    except OSError as error:
        raise BrokerError(f"no broker answers at {url}: {error.strerror or error}") from error


@contextmanager
def _saying(console: Console, what: str) -> Iterator[None]:
    """Say what takes a while, also where nothing can turn."""
    if not console.is_terminal:
        console.print(f"{what} ...", highlight=False)
    with console.status(what):
        yield


def _is_live(client: Client, patient: int) -> bool:
    return any(clip["live"] for clip in client.get(f"/patients/{patient}")["clips"])


def _follow_history(stations: Stations, console: Console) -> None:
    """Show the progress of the history until it is done. Raises StationError."""
    child = stations.process("history")
    assert child.stdout is not None  # noqa: S101 - started with a pipe
    with progress(console) as step:

        def follow(lines: IO[bytes]) -> None:
            for line in lines:
                told = json.loads(line)
                step("Simulated workdays through core and ingest", told["done"] / told["of"])

        reader = threading.Thread(target=follow, args=(child.stdout,), daemon=True)
        reader.start()
        while child.poll() is None:
            stations.ensure_alive()
            time.sleep(0.1)
        reader.join()
    stations.ensure_alive()


def _welcome(console: Console, world: World, broker: str) -> Panel:
    kind = choose_interpreter(world.interpreter)
    firmware = "MicroPython" if kind == "micropython" else "CPython stand-ins (no MicroPython for this machine)"
    text = _WELCOME.format(
        address=world.http_url,
        therapist=THERAPIST_EMAIL,
        administrator=ADMINISTRATOR_EMAIL,
        patient=PATIENT_EMAIL,
        password=THERAPIST_PASSWORD,
        name=people.LIVE.name,
        firmware=firmware,
        broker=escape(broker),
        zone=world.zone,
    )
    return Panel(text, title="Plumbline", width=min(console.width, _WIDEST), padding=(1, 2))
