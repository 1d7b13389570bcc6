"""Bad input at each door while the line runs: it is counted, kept where that is promised, and everything else holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware.clip import protocol
from firmware.virtual import Station
from gateway import messages
from gateway.outbox import Outbox
from server.demo.check.client import ApiError
from server.demo.check.director import Director
from server.demo.check.run import Options, run

pytestmark = pytest.mark.timeout(300)

uuids, stream, records = protocol.uuids, protocol.stream, protocol.records
FIRST_S: Final = 45.0
ANYTHING: Final = (b"", b"\x00", b"\xff" * 19, bytes(range(200)))


def stream_packet(t_ms: int, n: int = 10) -> bytes:
    """A packet that follows the layout, with its first sample at `t_ms`."""
    data = bytearray(stream.HEADER_SIZE + n * stream.SAMPLE_SIZE)
    stream.pack_header(data, 0, n, 0x7777, t_ms & 0xFFFF, t_ms >> 16)
    for i in range(n):
        stream.pack_sample(data, stream.HEADER_SIZE + i * stream.SAMPLE_SIZE, 32767, 0, 0, 0, 0)
    return bytes(data)


def on_the_air() -> Iterator[tuple[str, str, bytes]]:
    """(door, characteristic, bytes) of which every one must be counted."""
    for door, uuid in (
        ("stream", uuids.STREAM),
        ("journal", uuids.JOURNAL),
        ("status", uuids.STATUS),
        ("event", uuids.EVENT),
    ):
        for data in ANYTHING:
            yield door, uuid, data
    whole = stream_packet(50_000)
    yield "stream", uuids.STREAM, whole[:-1]
    yield "stream", uuids.STREAM, whole + b"\0"
    yield "stream", uuids.STREAM, whole[:8] + b"\xff" * (len(whole) - 8)
    # From a moment that has not been: hours, and the end of a clip's time.
    yield "stream", uuids.STREAM, stream_packet(7_200_000)
    yield "stream", uuids.STREAM, stream_packet(0xFFFF_FFF0)
    # Records that no ring of slots can be waiting to send.
    for _ in range(6):
        yield "journal", uuids.JOURNAL, records.journal_frame(0xFFFF_FFF0, b"\x01" * 20)


UP: Final = (
    ("records", b""),
    ("records", b"{"),
    ("records", b"\xff\xfe\x00"),
    ("records", b"[" * 100_000),
    ("records", b'{"schema": "records/9"}'),
    ("records", json.dumps({"schema": "records/1", "spool": "x", "first": 1, "last": 0, "rows": []}).encode()),
    ("status", b"null"),
    ("status", json.dumps({"schema": "status/1", "clips": [{}]}).encode()),
    ("reply", b'"' + b"a" * 500_000 + b'"'),
    ("live", b"\x00" * 40),
    ("nonsense", b"{}"),
)
DOWN: Final = (
    ("ack", b""),
    ("ack", b'{"schema": "ack/1", "first": 1e400}'),
    ("plan", b"not a plan"),
    ("plan", json.dumps({"schema": "plan/1", "clip": "zz", "plan": {"angle_deg": 4000}}).encode()),
    ("command", b"[" * 100_000),
    ("command", json.dumps({"schema": "command/1", "id": "1", "kind": "explode"}).encode()),
)
TOO_LARGE: Final = b"x" * 2_000_000
BODIES: Final = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"plan": 7, "reason": "check"}',
    b'{"plan": {"angle_deg": 5, "recovery_deg": 9}, "reason": "check"}',
    b'{"plan": {"angle_deg": 1e400}, "reason": "check"}',
    b'{"plan": {"angle_deg": "NaN"}, "reason": "check"}',
    b'{"plan": {"wings": 2}, "reason": "check"}',
    b'{"plan": {"version": 99}, "reason": "check"}',
    b'{"plan": {"dwell_s": 40}, "reason": "a"}',
    b'{"plan": {"days": []}, "reason": "check"}',
    b"[" * 100_000,
    b'{"reason": "' + b"x" * 3_000_000 + b'"}',
)


def publish(
    url: str, user: str, password: str, gateway: str, direction: str, sent: tuple[tuple[str, bytes], ...]
) -> None:
    """Publish as a user of the broker, each message on a connection of its own: some end theirs."""
    host, port = url.removeprefix("mqtt://").split(":")
    for kind, payload in sent:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"rogue-{direction}", protocol=mqtt.MQTTv311)
        client.username_pw_set(user, password)
        client.connect(host, int(port))
        client.loop_start()
        info = client.publish(f"{messages.ROOT}/{gateway}/{direction}/{kind}", payload, qos=1)
        if len(payload) < len(TOO_LARGE):
            info.wait_for_publish(10)
            assert info.is_published()
        client.disconnect()
        client.loop_stop()


async def meddle(director: Director, place: Station) -> None:
    world = director.stations.world
    await director.until(place, FIRST_S)
    for _, uuid, data in on_the_air():
        await place.control("inject", serial=world.clip, uuid=uuid, data=data.hex())
        await director.until(place, place.now_ms / 1000 + 0.2)
    up = (*UP, ("records", TOO_LARGE), ("records", b"last"))
    publish(world.mqtt_url, world.gateway, world.gateway_password, world.gateway, "up", up)
    down = (*DOWN, ("ack", TOO_LARGE), ("ack", b"last"))
    publish(world.mqtt_url, "server", world.server_password, world.gateway, "down", down)
    for body in BODIES:
        with pytest.raises(ApiError) as refusal:
            director.client.post_bytes(f"/patients/{director.patient}/plan", body)
        assert 400 <= refusal.value.status < 500, (body[:80], refusal.value)
        assert "detail" in str(refusal.value)
    director.stations.ensure_alive()


def test_it_is_counted_and_the_line_goes_on(tmp_path: Path) -> None:
    report = run(Options(seed=17, script="brief"), tmp_path, print, meddle)
    assert report["differences"] == []
    assert malformed(tmp_path) == expected()
    with closing(sqlite3.connect(tmp_path / "plumbline.db")) as database:
        counted = dict(database.execute("SELECT reason, sum(count) FROM ingest_count GROUP BY reason"))
        kept = [row[0] for row in database.execute("SELECT detail FROM quarantine")]
        versions = [row[0] for row in database.execute("SELECT version FROM plan ORDER BY version")]
    assert counted == {"malformed": len(UP) + 1}
    assert len(kept) == len(UP) + 1
    assert all(kept)
    assert versions == [1, 2]


def expected() -> dict[str, int]:
    counts = {"mqtt": len(DOWN) + 1}
    for door, _, _ in on_the_air():
        counts[door] = counts.get(door, 0) + 1
    return counts


def malformed(folder: Path) -> dict[str, Any]:
    with Outbox(next((folder / "gateway").glob("*.db")), lambda: 0) as outbox:
        return outbox.malformed
