"""Commands that come down and their replies: of other versions, twice, and while nobody can hear the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import messages
from gateway.config import GatewayConfig
from gateway.face.forget import forget
from gateway.mqtt import downlink
from gateway.mqtt.replies import MOST, Replies
from gateway.outbox import Outbox
from server import broker
from tests.gateway.fake_clip import GATEWAY, SERIAL
from tests.gateway.jump import until
from tests.gateway.mqtt.at_broker import Ears, cut, publishing, utc_ms

Configured = Callable[..., GatewayConfig]
TOPIC = messages.topic(GATEWAY, "down", "command")


def fields(**changes: Any) -> bytes:
    known = {"schema": "command/1", "id": "c1", "clip": SERIAL, "expires_utc_ms": 1_900_000_000_000, "kind": "resume"}
    return json.dumps(known | changes).encode()


def reply(number: str) -> messages.Reply:
    return messages.Reply(schema="reply/1", id=number, clip=SERIAL, result="done")


def online(utc: int) -> messages.Status:
    return messages.Status(schema="status/1", online=True, utc_ms=utc)


def test_a_command_of_a_newer_server_is_refused_with_words() -> None:
    with pytest.raises(downlink.UnknownCommandError) as caught:
        downlink.read(GATEWAY, TOPIC, fields(kind="levitate", minutes=-3, height_m=2))
    told = caught.value.reply
    assert (told.id, told.clip, told.result) == ("c1", SERIAL, "refused")
    assert "'levitate'" in told.detail
    assert "update it" in told.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        fields(id="no spaces"),
        fields(clip="x"),
        fields(kind="levitate", id=None),
        b"\xff",
        b"[" * 5000,
    ],
)
def test_what_is_no_command_at_all_gets_no_reply(payload: bytes) -> None:
    with pytest.raises(messages.MalformedMessageError) as caught:
        downlink.read(GATEWAY, TOPIC, payload)
    assert not isinstance(caught.value, downlink.UnknownCommandError)


@given(st.sampled_from(messages.DOWN_KINDS), st.binary(max_size=200))
def test_any_bytes_are_read_or_raise_the_named_error(kind: str, payload: bytes) -> None:
    with pytest.raises(messages.MalformedMessageError):
        downlink.read(GATEWAY, messages.topic(GATEWAY, "down", kind), payload)


@given(st.dictionaries(st.sampled_from(["id", "clip", "kind", "expires_utc_ms", "minutes", "schema"]), st.text()))
@example({"kind": "\U0001342f" * 50})
def test_any_fields_are_read_or_raise_the_named_error(changes: dict[str, str]) -> None:
    try:
        downlink.read(GATEWAY, TOPIC, fields(**changes))
    except messages.MalformedMessageError as error:
        if isinstance(error, downlink.UnknownCommandError):
            messages.parse("reply", messages.encode(error.reply))


async def test_a_newer_servers_command_is_answered(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    ears = Ears()
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with serving(mosquitto.port) as server, publishing(configured(mosquitto.port), outbox, ears) as up:
            await until(lambda: up.connected, 20)
            server.send("command", fields(kind="levitate"))
            await until(lambda: bool(server.replies), 10)
            assert server.replies[0].result == "refused"
            assert ears.commands == []
            assert outbox.malformed == {"mqtt": 1}


async def test_a_reply_that_nobody_could_hear_is_told_after_a_restart(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(broker.run.free_port()), outbox) as up:
            up.reply(reply("a"))
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with serving(mosquitto.port) as server, publishing(configured(mosquitto.port), outbox) as up:
            await until(lambda: up.connected, 20)
            up.tell_status(online(1))
            await until(lambda: [r.id for r in server.replies] == ["a"], 10)
            await until(lambda: not Replies(outbox).waiting, 10)
            up.tell_status(online(2))
            await until(lambda: bool(server.statuses) and server.statuses[-1].utc_ms == 2, 10)
            assert [r.id for r in server.replies] == ["a"]


async def test_a_reply_waits_for_a_server_that_is_away(
    mosquitto: broker.Broker, configured: Configured, serving: Any, tmp_path: Path
) -> None:
    """MQTT 5 says when a message had no listener."""
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        async with publishing(configured(mosquitto.port), outbox) as up:
            await until(lambda: up.connected, 20)
            up.reply(reply("a"))
            await until(lambda: not up._sent, 10)
            assert [r.id for r in Replies(outbox).waiting] == ["a"]
            async with serving(mosquitto.port) as server:
                await asyncio.sleep(0.2)
                up.tell_status(online(1))
                await until(lambda: bool(server.statuses) and [r.id for r in server.replies] == ["a"], 10)
                cut(up)
                await until(lambda: not up.connected, 10)
                up.reply(reply("b"))
                await until(lambda: up.connected, 20)
                up.tell_status(online(2))
                await until(lambda: "b" in [r.id for r in server.replies], 10)


def test_replies_are_bounded_and_in_order(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        replies = Replies(outbox)
        for n in range(MOST + 5):
            replies.add(reply(f"r{n}"))
        assert [r.id for r in replies.waiting] == [f"r{n}" for n in range(5, MOST + 5)]
        replies.heard(f"{SERIAL}/r7")
        replies.heard("never told")
        assert len(replies.waiting) == MOST - 1


def test_a_full_disk_does_not_lose_a_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.outbox import OutboxError

    def full(*_: object) -> None:
        raise OutboxError("disk full")

    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        replies = Replies(outbox)
        monkeypatch.setattr(outbox, "set", full)
        replies.add(reply("a"))
        assert [r.id for r in replies.waiting] == ["a"]
        replies.heard(f"{SERIAL}/a")
        assert replies.waiting == []


def test_who_forgets_a_clip_forgets_its_replies(tmp_path: Path) -> None:
    other = reply("a").model_copy(update={"clip": "f" * 16})
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        Replies(outbox).add(reply("a"))
        Replies(outbox).add(other)
    forget(tmp_path / "o.db", SERIAL)
    with Outbox(tmp_path / "o.db", utc_ms) as outbox:
        assert Replies(outbox).waiting == [other]
