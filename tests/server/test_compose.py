"""docker-compose.yml names settings that exist, and holds gateways to the same rules as the server's own broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from server.broker.access import Account, mosquitto_acl
from server.settings import Settings

PREFIX = "PLUMBLINE_SERVER_"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())


def test_every_variable_is_a_setting(compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = compose["services"]["server"]["environment"]
    assert {name.removeprefix(PREFIX).lower() for name in given} <= Settings.model_fields.keys()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.secure
    assert settings.mqtt_url == "mqtt://broker:1883"


def test_the_rules_are_the_servers(compose: Any) -> None:
    name = compose["services"]["server"]["environment"][f"{PREFIX}MQTT_USERNAME"]
    own = mosquitto_acl([Account(name, "", "server")]).splitlines()
    assert compose["configs"]["rules"]["content"].splitlines() == [line for line in own if not line.startswith("#")]


def test_nothing_listens_to_the_open_network(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
