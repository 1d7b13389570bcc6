"""What the gateway's commands ask of a clip, the firmware does; and the patient's own data tell of it."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest

from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway import app, first_steps
from gateway import config as configuration
from gateway.config import GatewayConfig
from gateway.face import caller, door, export, own_data, tables
from gateway.face.asking import Answer, Ask
from gateway.first_steps import Wishes
from gateway.lab.script import Script, Segment
from tests.line.test_first_steps import Listener

pytestmark = pytest.mark.timeout(300)

SERIAL = "00112233445566aa"
START_UTC_MS = 1_795_000_000_000
BOWS = [segment for _ in range(60) for segment in (Segment(9.0), Segment(3.0, sagittal=35.0))]


def test_commands_reach_the_clip(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    path = tmp_path / "gateway.json"
    made = GatewayConfig(gateway="00000000000a7e01", broker="mqtt://127.0.0.1:1", data_dir=tmp_path / "data")
    configuration.save(path, made)
    clip = VirtualClip(SERIAL, flash=flash, motion=Script(BOWS, seed=3), heap="256k")
    answers: dict[str, Answer] = {}

    async def ask(kind: str, **fields: Any) -> None:
        question = Ask.model_validate({"kind": kind, "clip": SERIAL} | fields)
        answers[kind] = await asyncio.to_thread(caller.ask, made.data_dir, question)

    async def main() -> None:
        async with RadioHost([clip], start_utc_ms=START_UTC_MS) as host:
            with await host.open_bluetooth("home"):
                await asyncio.sleep(3)
                press = asyncio.create_task(host.control("press", serial=SERIAL, held_ms=6500))
                await first_steps.pair_clip(made, path, Listener(), Wishes(simulated=True))
                await press
                stop = asyncio.Event()
                running = asyncio.create_task(
                    app.run(
                        configuration.load(path),
                        utc_ms=lambda: START_UTC_MS + host.now_ms,
                        stop=stop,
                        faces=(door.serve,),
                    )
                )
                await asyncio.sleep(15)
                await ask("calibrate", within_s=120)
                await ask("find")
                await ask("snooze", minutes=5)
                await ask("pause", minutes=10)
                await ask("resume")
                await asyncio.sleep(70)
                await ask("status")
                stop.set()
                await running

    simulate(main())
    replies = {kind: answer.reply.result for kind, answer in answers.items() if answer.reply is not None}
    assert replies == dict.fromkeys(("calibrate", "find", "snooze", "pause", "resume"), "done")
    status = answers["status"].status
    assert status is not None
    assert status.clips[0].calibration_version == 1
    assert answers["status"].clips[0].posture is not None

    with own_data.reading(made.database) as db:
        for table, columns in export.COLUMNS.items():
            tables.write_csv(tmp_path / f"{table}.csv", columns, export.rows(db, table))
    with (tmp_path / "events.csv").open(newline="") as file:
        events = [(row["event"], row["value"]) for row in csv.DictReader(file)]
    told = [event for event in events if event[0] in {"calibrated", "snoozed", "paused", "resumed"}]
    assert [event for event, _ in told][:3] == ["calibrated", "snoozed", "paused"]
    assert ("snoozed", "5") in told
    assert ("paused", "10") in told
    assert told[-1][0] == "resumed"
