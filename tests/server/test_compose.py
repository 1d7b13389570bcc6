"""docker-compose.yml names settings that exist, and holds gateways to the same rules as the server's own broker."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.broker.access import Account, mosquitto_acl
from server.operation import safety
from server.serving import REQUESTS_LIMIT_S, STOP_LIMIT_S
from server.settings import Settings

PREFIX = "PLUMBLINE_SERVER_"


def filled_in(value: str, env: dict[str, str]) -> str:
    """The value as compose reads it: `${NAME:?...}` must be set, `${NAME:-...}` says what it is otherwise."""

    def instead(found: re.Match[str]) -> str:
        return env[found["name"]] if found["how"] == "?" else env.get(found["name"], found["rest"])

    return re.sub(r"\$\{(?P<name>\w+):(?P<how>[?-])(?P<rest>[^}]*)\}", instead, value)


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())


def test_every_variable_is_a_setting(compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = compose["services"]["server"]["environment"]
    assert {name.removeprefix(PREFIX).lower() for name in given} <= Settings.model_fields.keys()
    env = {"POSTGRES_PASSWORD": "one word", "MQTT_PASSWORD": "another word"}
    env |= {"PUBLIC_URL": "https://clinic.example.org", "GATEWAY_MQTT_URL": "mqtts://mqtt.example.org:8883"}
    for name, value in given.items():
        monkeypatch.setenv(name, filled_in(value, env))
    settings = Settings()
    assert [found.words for found in safety.of_settings(settings) if found.state != "ok"] == []
    assert compose["services"]["server"]["stop_grace_period"] == "45s"
    assert REQUESTS_LIMIT_S + STOP_LIMIT_S < 45
    assert settings.secure
    assert settings.mqtt_url == "mqtt://broker:1883"


def test_the_proxy_alone_is_believed_about_visitors(compose: Any) -> None:
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    (word,) = filled_in(compose["services"]["server"]["environment"][f"{PREFIX}TRUSTED_PROXIES"], {}).split(",")
    assert word == network["gateway"], "from there the machine that publishes the ports comes in"
    assert ip_address(word) in ip_network(network["subnet"])
    assert set(compose["networks"]) == {"default"}
    assert not any("networks" in service or "network_mode" in service for service in compose["services"].values())


def test_the_rules_are_the_servers(compose: Any) -> None:
    name = compose["services"]["server"]["environment"][f"{PREFIX}MQTT_USERNAME"]
    own = mosquitto_acl([Account(name, "", "server")]).splitlines()
    assert compose["configs"]["rules"]["content"].splitlines() == [line for line in own if not line.startswith("#")]


def test_nothing_listens_to_the_open_network(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
