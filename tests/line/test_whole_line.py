"""A scripted wearing through every station, as child processes: what the server says is what happened.

Real firmware in its interpreter, virtual radio, real bleak, real broker, real server; `verdict` holds what the
server's API says against the script, the clip's flash and the motor's register.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from firmware.virtual import Station
from gateway.face import caller
from gateway.face.asking import Answer, Ask
from server.broker.run import Kind
from server.demo.check.director import CheckError, Director, Meddle
from server.demo.check.run import Options, run
from server.demo.stations import Name
from tests.plugins.databases import run_sql

pytestmark = pytest.mark.timeout(300)


def check(options: Options, folder: Path, meddle: Meddle | None = None) -> None:
    if options.broker == "mosquitto" and not shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("mosquitto is not installed")
    report = run(options, folder, print, meddle)
    assert report["differences"] == []
    assert report["figures"]["clip_records"] > 0


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_what_the_server_says_is_what_happened(broker: Kind, tmp_path: Path) -> None:
    check(Options(seed=11, broker=broker), tmp_path)


@pytest.mark.parametrize("station", ["broker", "gateway", "server"])
def test_a_crash_changes_nothing(station: Name, tmp_path: Path) -> None:
    check(Options(seed=12, crash=station), tmp_path)


def test_delays_of_judgements(tmp_path: Path) -> None:
    check(Options(seed=13, script="brief"), tmp_path)


def test_the_same_firmware_on_cpython_and_its_gateway_answers(tmp_path: Path) -> None:
    answers: list[Answer] = []

    async def ask(director: Director, place: Station) -> None:
        await director.until(place, 60)
        question = Ask.model_validate({"kind": "status"})
        answers.append(await asyncio.to_thread(caller.ask, director.stations.world.gateway_config.parent, question))

    check(Options(seed=13, script="brief", interpreter="cpython"), tmp_path, ask)
    (answer,) = answers
    assert answer.status is not None
    assert [clip.link for clip in answer.status.clips] == ["live"]


def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    run_sql(postgres_url.format(name="postgres"), "CREATE DATABASE whole_line")
    database = postgres_url.format(name="whole_line")
    check(Options(seed=13, script="brief", database=database), tmp_path)
    with pytest.raises(CheckError, match="holds tables already"):
        run(Options(database=database), tmp_path / "again", print)
    assert not list(tmp_path.glob("*.db"))
