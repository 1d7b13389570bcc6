"""mosquitto's dynamic security brought to what the store says, whatever it held before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.broker import Account
from server.broker.dynamic_security import DENIED, OURS, Held, changes
from server.broker.gateway_key import GatewayKey, GatewayKeyError
from server.broker.verifier import matches, verifier_of
from server.mqtt.address import broker_at
from server.mqtt.control import ControlError, DynamicSecurity, _connected, _held
from tests.server.broker.conftest import Client, Dynsec

NAMES = [f"{number:016x}" for number in range(4)]
SERVER = Account("server", "ours", "server")


def password_of(name: str) -> str:
    return f"of {name}"


GATEWAYS = [Account(name, "", "gateway", verifier_of(password_of(name))) for name in NAMES]


class Plugin:
    """The plugin's rules, as far as our commands go."""

    def __init__(self) -> None:
        self.clients: dict[str, dict[str, Any]] = {
            "admin": {"textname": "Dynsec admin user", "roles": [], "groups": []}
        }
        self.roles: dict[str, dict[str, Any]] = {"admin": {"acls": []}}
        self.allowed = {"publishClientReceive", "unsubscribe"}

    def held(self) -> Held:
        return Held(json.loads(json.dumps(self.clients)), json.loads(json.dumps(self.roles)), frozenset(self.allowed))

    def take(self, command: dict[str, Any]) -> None:
        match command:
            case {"command": "createClient", "username": name, **rest}:
                assert name not in self.clients
                assert all(role["rolename"] in self.roles for role in rest["roles"])
                self.clients[name] = {**rest, "groups": []}
            case {"command": "createRole", "rolename": name, **rest}:
                assert name not in self.roles
                self.roles[name] = rest
            case {"command": "deleteClient", "username": name}:
                del self.clients[name]
            case {"command": "deleteRole", "rolename": name}:
                del self.roles[name]
                for client in self.clients.values():
                    client["roles"] = [role for role in client["roles"] if role["rolename"] != name]
            case {"command": "setDefaultACLAccess", "acls": acls}:
                self.allowed = (self.allowed | {a["acltype"] for a in acls if a["allow"]}) - {
                    a["acltype"] for a in acls if not a["allow"]
                }
            case _:
                raise AssertionError(command)


accounts = st.lists(st.sampled_from([SERVER, *GATEWAYS]), unique_by=lambda account: account.name)
foreign = st.lists(st.sampled_from(["somebody", *NAMES]), unique=True)


@given(st.lists(accounts, min_size=1, max_size=4), foreign, st.data())
def test_it_comes_to_hold_exactly_what_is_wanted_and_then_stays(
    sequence: list[list[Account]], others: list[str], data: st.DataObject
) -> None:
    plugin = Plugin()
    for name in others:
        plugin.clients[name] = {"password": "theirs", "roles": [{"rolename": "admin"}], "groups": []}
    for wanted in sequence:
        if data.draw(st.booleans()):  # somebody meddles
            for client in plugin.clients.values():
                client["groups"] = [{"groupname": "everything"}] if client.get("textname") == OURS else []
            for role in plugin.roles.values():
                role["acls"] = [*role["acls"], {"acltype": "subscribePattern", "topic": "#", "allow": True}]
        needed = changes(plugin.held(), wanted, password_of)
        assert not needed.speechless
        for command in needed.commands:
            plugin.take(command)
        ours = {name: client for name, client in plugin.clients.items() if client.get("textname") == OURS}
        assert ours.keys() == {account.name for account in wanted}
        for account in wanted:
            role = plugin.roles[f"plumbline-{account.name}"]
            assert ours[account.name]["password"] == (account.password or password_of(account.name))
            assert ours[account.name]["roles"] == [{"rolename": f"plumbline-{account.name}"}]
            assert not ours[account.name]["groups"]
            assert all(acl["topic"] != "#" for acl in role["acls"])
        assert {name for name in plugin.roles if name.startswith("plumbline-")} == {f"plumbline-{n}" for n in ours}
        assert plugin.allowed.isdisjoint(DENIED)
        assert changes(plugin.held(), wanted, password_of).commands == ()
    assert {"admin", *(["somebody"] if "somebody" in others else [])} <= plugin.clients.keys()


def test_a_gateway_of_an_unknown_password_stays_where_it_is_known_and_is_told_of_where_not() -> None:
    random = Account(NAMES[0], "", "gateway", verifier_of("drawn"))
    plugin = Plugin()
    plugin.take({"command": "createRole", **_created(GATEWAYS[0], "createRole")})
    plugin.take({**_created(GATEWAYS[0], "createClient"), "textdescription": random.verifier})
    assert changes(plugin.held(), [random], password_of).commands[1:] == ()
    needed = changes(Plugin().held(), [random], password_of)
    assert needed.speechless == (NAMES[0],)
    assert [command["command"] for command in needed.commands] == ["setDefaultACLAccess"]


def _created(account: Account, kind: str) -> dict[str, Any]:
    commands = changes(Plugin().held(), [account], password_of).commands
    return next(command for command in commands if command["command"] == kind)


def test_a_broker_is_brought_to_the_accounts_and_only_what_differs_is_changed(
    start_dynsec: Callable[[], Dynsec], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    broker = start_dynsec()
    security = DynamicSecurity(broker.admin, password_of)
    security.admit([SERVER, *GATEWAYS])
    gateway = Client(broker.port, NAMES[0], password_of(NAMES[0]))
    assert gateway.connect()
    assert Client(broker.port, NAMES[1], password_of(NAMES[0])).connect() is False
    assert len(caplog.records) == 1
    security.admit([SERVER, *GATEWAYS])
    DynamicSecurity(broker.admin, password_of).admit([SERVER, *GATEWAYS])
    assert len(caplog.records) == 1, "nothing was changed"
    with _connected(broker.admin) as ask:
        assert _held(ask).clients.keys() == {"admin", "server", *NAMES}
        ask([{"command": "createClient", "username": "somebody", "password": "else"}])
        ask([{"command": "addRoleACL", "rolename": f"plumbline-{NAMES[1]}", "acltype": "subscribePattern",
              "topic": "#", "allow": True}])  # fmt: skip
    security.admit([SERVER, *GATEWAYS[1:]])
    gateway.wait_until_closed()
    assert gateway.connect() is False
    with _connected(broker.admin) as ask:
        held = _held(ask)
    assert held.clients.keys() == {"admin", "somebody", "server", *NAMES[1:]}
    assert len(held.roles[f"plumbline-{NAMES[1]}"]["acls"]) == 3
    assert "of 000" not in broker.log.read_text() + caplog.text, "passwords are not told"


def test_who_cannot_administer_is_told_why(start_dynsec: Callable[[], Dynsec]) -> None:
    broker = start_dynsec()
    url = f"mqtt://127.0.0.1:{broker.port}"
    DynamicSecurity(broker.admin, password_of).admit([SERVER])
    for admin, words in (
        (broker_at(url, username="admin", password="wrong"), "refused the administrator admin"),
        (broker_at(url, username="server", password="ours"), "does not let server administer it"),
        (broker_at("mqtt://127.0.0.1:1"), "no connection to the broker"),
    ):
        with pytest.raises(ControlError, match=words):
            DynamicSecurity(admin, password_of).admit([SERVER])


def test_the_key_says_the_same_passwords_again_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "gateways.key"
    key = GatewayKey(file)
    said = [key.password_of(name) for name in NAMES]
    assert len(set(said)) == len(NAMES)
    assert [GatewayKey(file).password_of(name) for name in NAMES] == said
    assert GatewayKey(tmp_path / "other.key").password_of(NAMES[0]) not in said
    assert file.stat().st_mode & 0o077 == 0
    assert matches(said[0], verifier_of(said[0]))
    file.write_bytes(b"short")
    with pytest.raises(GatewayKeyError, match="backup"):
        GatewayKey(file)
