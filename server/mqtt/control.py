"""Keeps the accounts of a mosquitto elsewhere by its dynamic security plugin, over MQTT and at once."""

from __future__ import annotations

import json
import logging
import queue
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from server.broker import Account
from server.broker.dynamic_security import Command, Held, changes
from server.mqtt.address import Broker, in_words

log: Final = logging.getLogger(__name__)

TOPIC: Final = "$CONTROL/dynamic-security/v1"
_ANSWER_S: Final = 10.0
_PART: Final = 200
"""Commands or entries a message: well below any limit on the size of messages."""


class ControlError(OSError):
    """The broker cannot be told who may come; the message says why."""


class DynamicSecurity:
    """`admin` is the broker with the account that `mosquitto_ctrl dynsec init` made. `password_of` says a gateway's
    password again."""

    def __init__(self, admin: Broker, password_of: Callable[[str], str]) -> None:
        self._admin = admin
        self._password_of = password_of
        self._complained: tuple[str, ...] = ()

    def admit(self, accounts: Sequence[Account]) -> None:
        """These may come from now on, and no other account of ours; who is there without one is shown out.

        Changes only what differs. Raises ControlError.
        """
        with _connected(self._admin) as ask:
            needed = changes(_held(ask), accounts, self._password_of)
            for start in range(0, len(needed.commands), _PART):
                ask(list(needed.commands[start : start + _PART]))
        if needed.commands:
            log.info("the broker's accounts were brought to what the store says by %d commands", len(needed.commands))
        if needed.speechless != self._complained:
            for name in needed.speechless:
                log.warning(
                    "the broker cannot be told of gateway %s, whose password is not of the key: reconnect it", name
                )
            self._complained = needed.speechless


Ask = Callable[[list[Command]], list[dict[str, Any]]]


def _held(ask: Ask) -> Held:
    (defaults,) = ask([{"command": "getDefaultACLAccess"}])
    return Held(
        {client["username"]: client for client in _all(ask, "listClients", "clients")},
        {role["rolename"]: role for role in _all(ask, "listRoles", "roles")},
        frozenset(acl["acltype"] for acl in defaults["data"]["acls"] if acl["allow"]),
    )


def _all(ask: Ask, command: str, key: str) -> Iterator[dict[str, Any]]:
    offset, total = 0, 1
    while offset < total:
        (answer,) = ask([{"command": command, "verbose": True, "count": _PART, "offset": offset}])
        found = answer["data"][key]
        yield from found
        offset, total = offset + len(found), answer["data"]["totalCount"]
        if not found:
            return


@contextmanager
def _connected(broker: Broker) -> Iterator[Ask]:
    """A connection on which commands are asked and answered one message after the other."""
    control = _Control(broker)
    control.open()
    try:
        yield control.ask
    finally:
        control.close()


class _Control:
    """An administrator's connection. Whatever goes wrong with it comes out of `ask` as ControlError."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._answers: queue.Queue[bytes | ControlError] = queue.Queue()
        client = self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"plumbline-control-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.username_pw_set(broker.username, broker.password)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = lambda _client, _data, message: self._answers.put(bytes(message.payload))
        client.on_disconnect = lambda *_: self._fail("ended the connection")

    def open(self) -> None:
        broker = self._broker
        try:
            if broker.tls:
                self._client.tls_set(ca_certs=str(broker.ca_file) if broker.ca_file else None)
            self._client.connect(broker.host, broker.port, keepalive=20)
        except OSError as error:
            raise ControlError(f"no connection to the broker at {broker.url}: {in_words(error, broker)}") from error
        self._client.loop_start()
        try:
            self._answer()
        except ControlError:
            self.close()
            raise

    def close(self) -> None:
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    def ask(self, commands: list[Command]) -> list[dict[str, Any]]:
        mark = secrets.token_hex(6)
        marked = [{**command, "correlationData": mark} for command in commands]
        self._client.publish(TOPIC, json.dumps({"commands": marked}), qos=1)
        while True:
            responses = _read(self._answer())
            if responses and all(response.get("correlationData") == mark for response in responses):
                break  # else the answer to another administrator
        for response in responses:
            if "error" in response:
                raise ControlError(f"the broker refused {response.get('command')}: {response['error']}")
        return responses

    def _answer(self) -> bytes:
        try:
            got = self._answers.get(timeout=_ANSWER_S)
        except queue.Empty:
            why = f"the broker at {self._broker.url} does not answer; is its dynamic security plugin loaded?"
            raise ControlError(why) from None
        if isinstance(got, ControlError):
            raise got
        return got

    def _fail(self, why: str) -> None:
        self._answers.put(ControlError(f"the broker at {self._broker.url} {why}"))

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _props: object) -> None:
        if code.is_failure:
            self._fail(f"refused the administrator {self._broker.username}: {code}")
        else:
            client.subscribe(f"{TOPIC}/response", qos=1)

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _props: object
    ) -> None:
        if codes[0].is_failure:
            self._fail(f"does not let {self._broker.username} administer it: {codes[0]}")
        else:
            self._answers.put(b"")

    def _on_publish(self, _client: mqtt.Client, _data: object, _mid: int, code: ReasonCode, _props: object) -> None:
        if code.is_failure:
            self._fail(f"does not let {self._broker.username} administer it: {code}")


def _read(payload: bytes) -> list[dict[str, Any]]:
    try:
        responses = json.loads(payload)["responses"]
    except (ValueError, KeyError, TypeError) as error:
        raise ControlError("the broker's answer cannot be read") from error
    return list(responses)
