"""One connection to the broker, from its making to its end. The client runs in its own thread; what it tells hops to
the loop."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway import messages
from gateway.config import GatewayConfig
from gateway.mqtt import words
from gateway.mqtt.client import Client
from gateway.mqtt.versions import Version

UNSUPPORTED_VERSION: Final = 0x84
NO_SUBSCRIBER: Final = 0x10
PARTING_S: Final = 1.0
"""How long an orderly end may take before the socket is shut."""
LAST_WORD_S: Final = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """Why a connection is none. unreachable: nothing came of it; silent, closed: no answer; version: the broker does
    not know this version of MQTT; refused: it does not want this gateway; lost: it was good, and ended."""

    how: Literal["unreachable", "silent", "closed", "version", "refused", "lost"]
    problem: str


@dataclass(frozen=True)
class Taken:
    """What the broker said to a message of QoS 1. `heard` is False when it knows that nobody listens."""

    number: int
    refusal: str = ""
    heard: bool = True


class Line:
    """To be made and used on the loop's thread. `ended` is resolved once, by whatever ends it."""

    def __init__(
        self,
        config: GatewayConfig,
        version: Version,
        keep_alive_s: int,
        will: messages.Status,
        *,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        on_taken: Callable[[Taken], None],
    ) -> None:
        """`on_up`: the broker has answered and the subscription stands."""
        self._loop = asyncio.get_running_loop()
        self._config = config
        self._where = f"{config.broker_host}:{config.broker_port}"
        self._keep_alive_s = keep_alive_s
        self._on_up = on_up
        self._on_message = on_message
        self._on_taken = on_taken
        self._answer_s = 0.0
        self._answered = False
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[Ended] = self._loop.create_future()
        self._client = Client(version, config.gateway, self._connecting, self._in_thread_end)
        self._client.username_pw_set(config.broker_user, config.password)
        status = messages.topic(config.gateway, "up", "status")
        self._client.will_set(status, messages.encode(will), qos=1, retain=True)
        self._client.on_connect = self._in_thread_connect
        self._client.on_disconnect = self._in_thread_disconnect
        self._client.on_subscribe = self._in_thread_subscribe
        self._client.on_message = self._in_thread_message
        self._client.on_publish = self._in_thread_publish

    def open(self, answer_s: float) -> None:
        """Begin to connect. The broker may take `answer_s` to answer once it is reached."""
        if self._config.tls:
            try:
                self._client.tls_set_context(_trust(self._config))
            except OSError as error:
                problem = words.unusable_authorities(self._config.ca_file, error)
                self._loop.call_soon(self._end, Ended("unreachable", problem))
                return
        self._answer_s = answer_s
        self._client.begin(self._config.broker_host, self._config.broker_port, self._keep_alive_s)

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int | None:
        """Hand a message to the client. Its number, which `on_taken` will name; None when it cannot be sent."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    async def close(self, last: tuple[str, bytes] | None = None) -> None:
        """End the connection, after `last` (topic, payload) has been handed over, retained; at most a few seconds."""
        self._closing = True
        self._stop_timer()
        info = None if last is None else self._client.publish(last[0], last[1], qos=1, retain=True)
        ended = self._loop.create_future()
        threading.Thread(target=self._part, args=(info, ended), name="mqtt-end", daemon=True).start()
        await ended

    def _part(self, last: mqtt.MQTTMessageInfo | None, done: asyncio.Future[None]) -> None:
        if last is not None:
            try:
                last.wait_for_publish(LAST_WORD_S)
            except (RuntimeError, ValueError) as error:
                logger.debug("last status not delivered: %s", error)
        try:
            self._client.end(PARTING_S)
        finally:
            del self._client  # they hold each other: its sockets would stay open until the collector comes by
            self._hop(_resolve, done)

    # --- on the loop ---

    def _end(self, ended: Ended) -> None:
        self._stop_timer()
        if not self.ended.done():
            self.ended.set_result(ended)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _reached(self) -> None:
        if not self.ended.done() and not self._closing:
            silent = Ended("silent", words.no_answer(self._where))
            self._timer = self._loop.call_later(self._answer_s, self._end, silent)

    def _up(self) -> None:
        self._stop_timer()
        if not self.ended.done():
            self._on_up()

    # --- in the client's thread ---

    def _hop(self, function: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(function, *args)

    def _connecting(self, error: OSError | None) -> bool:
        """The network has answered. Whether to go on."""
        if error is not None:
            problem = words.cannot_connect(
                error, self._config.broker_host, self._config.broker_port, tls=self._config.tls
            )
            self._hop(self._end, Ended("unreachable", problem))
        else:
            self._hop(self._reached)
        return not self._closing

    def _in_thread_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.value == UNSUPPORTED_VERSION:
            self._hop(self._end, Ended("version", words.turned_away(reason.value, str(reason))))
        elif reason.is_failure:
            self._hop(self._end, Ended("refused", words.turned_away(reason.value, str(reason))))
        else:
            self._answered = True
            client.subscribe([(messages.topic(self._config.gateway, "down", kind), 1) for kind in messages.DOWN_KINDS])

    def _in_thread_subscribe(
        self, _c: mqtt.Client, _data: object, _mid: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        if refused is not None:
            self._hop(self._end, Ended("refused", words.not_heard(str(refused))))
        else:
            self._hop(self._up)

    def _in_thread_disconnect(
        self, _c: mqtt.Client, _data: object, flags: mqtt.DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        told = flags.is_disconnect_packet_from_server and reason.value in {
            words.NOT_AUTHORIZED,
            words.TAKEN_OVER,
            words.ADMINISTRATIVE,
        }
        if told:
            self._hop(self._end, Ended("refused", words.turned_away(reason.value, str(reason))))
        elif self._answered:
            self._hop(self._end, Ended("lost", words.lost(str(reason))))
        else:
            self._hop(self._end, Ended("closed", words.closed_unanswered(self._where, tls=self._config.tls)))

    def _in_thread_end(self, problem: str) -> None:
        self._hop(self._end, Ended("lost", words.lost(problem)))

    def _in_thread_message(self, _c: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # a topic that is not text is no topic of ours
        self._hop(self._on_message, topic, bytes(message.payload))

    def _in_thread_publish(
        self, _c: mqtt.Client, _data: object, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        refusal = str(reason) if reason.is_failure else ""
        self._hop(self._on_taken, Taken(mid, refusal, reason.value != NO_SUBSCRIBER))


def _trust(config: GatewayConfig) -> ssl.SSLContext:
    """Verifies the broker and its name. Raises OSError for authorities that cannot be read."""
    return ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
