"""The configuration file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import commands, messages
from gateway.config import ConfigError, GatewayConfig, load, save
from gateway.inside import FACE, OWNER
from gateway.outbox import Limits, Outbox

GOOD: dict[str, Any] = {
    "gateway": "00000000000a7e01",
    "broker": "mqtts://broker.example.org",
    "password": "secret",
    "data_dir": "/nowhere",
    "clips": [{"serial": "00000000c11b0001", "key": "ab" * 32}],
}


def write(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(GOOD | changes))
    return path


def test_there_and_back_and_for_its_user_only(tmp_path: Path) -> None:
    config = load(write(tmp_path / "a.json"))
    assert (config.broker_host, config.broker_port, config.tls) == ("broker.example.org", 8883, True)
    assert config.broker_user == config.gateway
    assert config.clips[0].key_bytes == b"\xab" * 32
    path = tmp_path / "deep" / "b.json"
    save(path, config)
    assert load(path) == config
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in repr(config)
    assert "abab" not in repr(config)


def test_the_outbox_is_bounded_as_configured(tmp_path: Path) -> None:
    assert load(write(tmp_path / "a.json")).limits == Limits(size=500_000_000, keep_ms=400 * 86_400_000)
    assert load(write(tmp_path / "a.json", outbox_mb=20, outbox_days=2)).limits == Limits(20_000_000, 2 * 86_400_000)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gateway": "xyz"}, "gateway"),
        ({"broker": "http://a"}, "broker"),
        ({"broker": "mqtt://"}, "broker"),
        ({"broker": "mqtt://a:99999"}, "broker"),
        ({"clips": [{"serial": "1", "key": "ab" * 32}]}, "clips.0.serial"),
        ({"clips": [{"serial": "0" * 16, "key": "short"}]}, "clips.0.key"),
        ({"outbox_mb": 1}, "outbox_mb"),
        ({"outbox_days": 0}, "outbox_days"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(write(tmp_path / "a.json", **changes))


def test_plain_mqtt_and_another_user() -> None:
    config = GatewayConfig.model_validate(GOOD | {"broker": "mqtt://h:1999", "username": "me"})
    assert (config.broker_port, config.tls, config.broker_user) == (1999, False, "me")


runner = CliRunner()


@pytest.mark.parametrize("command", ["run", "status"])
def test_commands_explain_what_is_missing(tmp_path: Path, command: str) -> None:
    result = runner.invoke(commands.app, [command, "--config", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert "cannot read" in result.output
    assert '"broker"' in result.output
    for content in (b"{", b"[]", b"\xff\xfe{}"):
        (tmp_path / "bad.json").write_bytes(content)
        result = runner.invoke(commands.app, [command, "--config", str(tmp_path / "bad.json")])
        assert result.exit_code == 2
        assert "bad.json" in result.output


@pytest.mark.parametrize("command", ["run", "status"])
def test_commands_explain_a_file_that_is_no_outbox(tmp_path: Path, command: str) -> None:
    (tmp_path / "gateway.db").write_bytes(b"something else" * 500)
    path = write(tmp_path / "a.json", data_dir=str(tmp_path))
    result = runner.invoke(commands.app, [command, "--config", str(path)])
    assert result.exit_code == 1
    assert "file is not a database" in result.output


def test_run_explains_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", data_dir=str(tmp_path / "a.json" / "data"))
    result = runner.invoke(commands.app, ["run", "--config", str(path)])
    assert result.exit_code == 1
    assert "cannot use" in result.output
    assert "Not a directory" in result.output


def test_status(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", data_dir=str(tmp_path))
    result = runner.invoke(commands.app, ["status", "--config", str(path)])
    assert result.exit_code == 1
    assert "has not run yet" in result.output
    clip = messages.ClipStatus(clip="00000000c11b0001", link="live", plan_version=3, battery_pct=55)
    status = messages.Status(
        schema="status/1", online=True, utc_ms=1_790_000_000_000, clips=(clip,), outbox_rows=4, rejected_rows=1
    )
    with Outbox(tmp_path / "gateway.db", lambda: 0) as outbox:
        outbox.set(OWNER, {FACE: messages.encode(status)})
    result = runner.invoke(commands.app, ["status", "--config", str(path)])
    assert result.exit_code == 0
    assert "4 records" in result.output
    assert "55 %" in result.output
    assert "plan 3\n" in result.output
    assert "does not run; as it was" in result.output
    result = runner.invoke(commands.app, ["status", "--json", "--config", str(path)])
    assert messages.parse("status", result.output.encode()) == status
    assert json.loads(result.output)["running"] is False
