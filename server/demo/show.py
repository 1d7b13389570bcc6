"""`plumbline demo`: everything started, then a page to look at until Ctrl-C."""

from __future__ import annotations

import json
import threading
import time
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from firmware.virtual.interpreter import choose as choose_interpreter
from server.broker.run import Kind, free_port
from server.demo import people, setup, zone
from server.demo.check.client import Client
from server.demo.stations import Stations
from server.demo.world import THERAPIST_EMAIL, THERAPIST_PASSWORD, World


def show(
    folder: Path, *, console: Console, broker: Kind | None, mqtt: str | None, speed: float, port: int, browser: bool
) -> None:
    """Show the demonstration with its data in the empty `folder`. Returns on KeyboardInterrupt.

    Raises BrokerError or StationError when a station cannot be started or ends by itself.
    """
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
    client = Client(world.http_url)
    with Stations(world, broker) as stations:
        with console.status("starting broker, server, radio and clip"):
            if mqtt is None:
                stations.start("broker")
            stations.start("server")
            stations.wait(client.healthy, "starting the server", limit_s=60)
            client.sign_in(THERAPIST_EMAIL, THERAPIST_PASSWORD)
            stations.start("radio")
            stations.wait_for_radio()
            stations.start("gateway")
            stations.wait(lambda: _is_live(client, patient), "connecting the clip", limit_s=90)
        console.print(_welcome(world, mqtt or (stations.broker_kind or ""), patient))
        if browser:
            webbrowser.open(f"{world.http_url}/patients/{patient}")
        stations.start("history")
        _follow_history(stations, console)
        console.print("[green]All patients have their two weeks.[/] Ctrl-C ends the demonstration.")
        while True:
            stations.ensure_alive()
            time.sleep(0.5)


def _is_live(client: Client, patient: int) -> bool:
    return any(clip["live"] for clip in client.get(f"/patients/{patient}")["clips"])


def _follow_history(stations: Stations, console: Console) -> None:
    """Show the progress of the history until it is done. Raises StationError."""
    child = stations.process("history")
    assert child.stdout is not None  # noqa: S101 - started with a pipe
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("simulated workdays through core and ingest", total=None)

        def follow(lines: IO[bytes]) -> None:
            for line in lines:
                told = json.loads(line)
                progress.update(bar, completed=told["done"], total=told["of"])

        reader = threading.Thread(target=follow, args=(child.stdout,), daemon=True)
        reader.start()
        while child.poll() is None:
            stations.ensure_alive()
            time.sleep(0.1)
        reader.join()
    stations.ensure_alive()


def _welcome(world: World, broker: str, patient: int) -> Panel:
    kind = choose_interpreter(world.interpreter)
    firmware = "MicroPython" if kind == "micropython" else "CPython stand-ins (no MicroPython for this machine)"
    lines = [
        f"[bold]{world.http_url}/patients/{patient}[/]",
        f"e-mail [bold]{THERAPIST_EMAIL}[/]   password [bold]{THERAPIST_PASSWORD}[/]",
        "",
        f"{people.LIVE.name} wears a virtual clip now: the real firmware in {firmware},",
        f"over virtual Bluetooth to the gateway, over {broker} to the server. The clinic is in {world.zone}.",
        "",
        "Look at: the day page, as today's minutes come in; the slouch that begins in the second minute and the",
        "reminder 60 s later; 'Plan', where a change stays pending until the clip has confirmed it; earlier days.",
        "Every person here is simulated, and the pages say so.",
    ]
    return Panel("\n".join(lines), title="Plumbline", expand=False, padding=(1, 2))
