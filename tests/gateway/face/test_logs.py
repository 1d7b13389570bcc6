"""Log lines: plain ones and JSON; and that no secret is in any, however it came there."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway import app
from gateway.config import ClipConfig, GatewayConfig
from gateway.face import door, logs
from server import broker
from tests.gateway.face.conftest import utc_ms
from tests.gateway.fake_clip import KEY, SERIAL, FakeClip, FakeRadio
from tests.gateway.jump import until

PASSWORD = 'pass "word" ünd\\more'
FORMS = (KEY.hex(), KEY.hex().upper(), repr(KEY)[2:-1], KEY.hex(" "))


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Gives the test runner its handlers back."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def written(config: GatewayConfig, *, as_json: bool) -> io.StringIO:
    out = io.StringIO()
    logs.use(logs.to_stream(out, logs.secrets_of(config), as_json=as_json), verbose=True)
    return out


@pytest.fixture
def config(configured: Callable[..., GatewayConfig]) -> GatewayConfig:
    return configured(1, password=PASSWORD)


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_that_were_given_to_a_logger_do_not_come_out(config: GatewayConfig, as_json: bool) -> None:
    out = written(config, as_json=as_json)
    logger = logging.getLogger("somebody.else")
    logger.debug("connecting as %s with %r", "me", config.password)
    logger.info("config: %s", config.model_dump_json())
    logger.info("key %s %r %s", config.clips[0].key, config.clips[0].key_bytes, list(config.clips[0].key_bytes))
    logger.info(KEY.hex().upper(), extra={"detail": {"key": KEY.hex(" ")}})
    try:
        int(f"{KEY.hex()}{config.password}")
    except ValueError:
        logger.exception("it failed")
    text = out.getvalue()
    assert len(text.splitlines()) >= 5
    assert text.count(logs.TAKEN_OUT) >= 7
    secret = [*FORMS, PASSWORD, repr(PASSWORD)[1:-1], json.dumps(PASSWORD)[1:-1], str(list(KEY))[1:-1]]
    assert not [form for form in secret if form in text or json.dumps(form)[1:-1] in text]
    assert "ValueError" in text


def test_a_line_of_json(config: GatewayConfig) -> None:
    out = written(config, as_json=True)
    logging.getLogger("a.b").warning("lost %d\nrows", 3, extra={"clip": SERIAL})
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {"level": "WARNING", "logger": "a.b", "message": "lost 3\nrows", "fields": {"clip": SERIAL}}


def test_without_secrets_nothing_is_taken_out(configured: Callable[..., GatewayConfig]) -> None:
    out = written(configured(1, password="", clips=()), as_json=False)
    logging.getLogger("a").info("plain words")
    assert out.getvalue().endswith("INFO    a: plain words\n")


def test_the_newest_warnings_are_kept_short(config: GatewayConfig) -> None:
    recent = logs.Recent(logs.secrets_of(config), most=2)
    logs.use(recent, verbose=False)
    for i in range(4):
        logging.getLogger("a").warning("%d %s\nmore", i, KEY.hex())
    logging.getLogger("a").info("not this")
    assert [line[6:] for line in recent.lines] == [f"2 {logs.TAKEN_OUT}", f"3 {logs.TAKEN_OUT}"]


async def test_a_session_at_debug_says_no_secret(
    mosquitto: broker.Broker, configured: Callable[..., GatewayConfig], serving: Any
) -> None:
    other = "ab" * 32
    clips = (ClipConfig(serial=SERIAL, key=KEY.hex()), ClipConfig(serial="00000000c11b0002", key=other))
    config = configured(mosquitto.port, clips=clips)
    out = io.StringIO()
    # Without the filter, so that what the programs themselves say is looked at.
    logs.use(logs.to_stream(out, (), as_json=True), verbose=True)
    stop = asyncio.Event()
    radio = FakeRadio(FakeClip(), FakeClip("00000000c11b0002"))  # the second has another key
    async with serving(mosquitto.port) as server:
        task = asyncio.create_task(app.run(config, utc_ms=utc_ms, stop=stop, radio=radio, faces=(door.serve,)))
        try:
            await until(lambda: any(s.clips and s.clips[0].link == "live" for s in server.statuses), 20)
            await until(lambda: radio.clips[1].connections > 0, 20)
        finally:
            stop.set()
            await task
    text = out.getvalue()
    assert "live" in text
    password = config.password
    for secret in (*FORMS, other, repr(bytes.fromhex(other))[2:-1], f'"{password}"', f"'{password}'", f"={password}"):
        assert secret not in text
