"""The whole gateway between a fake clip and a real broker, in wall time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware.clip import protocol
from gateway import app, messages, session
from gateway.config import GatewayConfig
from server import broker
from tests.gateway.fake_clip import GATEWAY, SERIAL, FakeClip, FakeRadio
from tests.gateway.jump import until

Configured = Callable[..., GatewayConfig]
records = protocol.records


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def gateway(config: GatewayConfig, radio: FakeRadio) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=stop, radio=radio))
    try:
        yield stop
    finally:
        stop.set()
        await task


def command(kind: Any, number: str, *, clip: str = SERIAL, within_ms: int = 30_000) -> bytes:
    return messages.encode(
        messages.Command(
            schema="command/1", id=number, clip=clip, expires_utc_ms=utc_ms() + within_ms, kind=kind, minutes=5
        )
    )


async def test_records_plans_commands_and_status(
    mosquitto: broker.Broker, configured: Configured, serving: Any
) -> None:
    clip = FakeClip()
    clip.append(records.pack_event(records.BOOT, clip.boot, 0, 0, 0, 1))
    async with serving(mosquitto.port) as server:
        plan = messages.PlanMessage(schema="plan/1", clip=SERIAL, plan=messages.Plan(version=5))
        server.send("plan", messages.encode(plan), retain=True)
        async with gateway(configured(mosquitto.port), FakeRadio(clip)):
            await until(lambda: any(s.clips and s.clips[0].plan_version == 5 for s in server.statuses), 15)
            assert clip.plan.version == 5
            await until(lambda: bool(server.rows), 15)
            await until(lambda: clip.acknowledged[-1:] == [1], 15)
            await until(lambda: server.statuses[-1].clips[0].link == "live", 15)
            assert server.statuses[-1].online

            server.send("command", command("snooze", "a"))
            server.send("command", command("snooze", "a"))
            server.send("command", command("pause", "b", clip="f" * 16))
            server.send("command", command("resume", "c", within_ms=-1))
            server.send("command", command("resend", "d"))
            server.send("command", command("watch", "f"))
            await until(lambda: {r.id for r in server.replies} == set("abcdf"), 15)
            results = {r.id: r.result for r in server.replies}
            assert results == {"a": "done", "b": "refused", "c": "expired", "d": "done", "f": "done"}
            assert [op for _, op, _ in clip.operations].count(protocol.control.SNOOZE) == 1
            await until(lambda: bool(server.live), 15)

            foreign = messages.PlanMessage(schema="plan/1", clip="f" * 16, plan=messages.Plan(version=5))
            server.send("plan", messages.encode(foreign))
            nowhere = plan.plan.model_copy(update={"version": 6, "zone": "Not/A_Zone"})
            server.send("plan", messages.encode(plan.model_copy(update={"plan": nowhere})))
            server.send("command", command("snooze", "g"))
            await until(lambda: any(r.id == "g" for r in server.replies), 15)
            assert clip.plan.version == 5
        await until(lambda: not server.statuses[-1].online, 15)
        assert clip.gatt is None

        # The same command after a restart is answered, not carried out.
        async with gateway(configured(mosquitto.port), FakeRadio(clip)):
            await until(lambda: server.statuses[-1].online and server.statuses[-1].clips[0].link == "live", 15)
            replies = len(server.replies)
            server.send("command", command("snooze", "a"))
            await until(lambda: len(server.replies) > replies, 15)
            assert [op for _, op, _ in clip.operations].count(protocol.control.SNOOZE) == 2


async def test_one_clips_trouble_is_not_the_others(
    mosquitto: broker.Broker, configured: Configured, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "RESTART_S", 0.1)
    other = "00000000c11b0002"
    clips = FakeClip(), FakeClip(serial=other)
    config = configured(mosquitto.port, clips=[{"serial": s, "key": bytes(range(32)).hex()} for s in (SERIAL, other)])
    failures = iter([ZeroDivisionError("a bug"), None])
    catch_up = session.Session._catch_up

    async def failing(self: session.Session, link: Any) -> Any:
        if self.clip.serial == SERIAL and (error := next(failures, None)) is not None:
            raise error
        return await catch_up(self, link)

    monkeypatch.setattr(session.Session, "_catch_up", failing)
    async with serving(mosquitto.port) as server, gateway(config, FakeRadio(*clips)):
        await until(lambda: bool(server.statuses) and all(c.link == "live" for c in server.statuses[-1].clips), 20)
        assert {c.clip for c in server.statuses[-1].clips} == {SERIAL, other}
        assert clips[0].connections == 2
        assert clips[1].connections == 1
    assert GATEWAY not in {SERIAL, other}
