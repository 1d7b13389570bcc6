"""The MQTT edge: the outbox's rows go up in batches, what the server says comes down.

MQTT 5, so that a refusal comes with its reason; 3.1.1 where the broker speaks nothing newer. A PUBACK says that the
broker has a message, nothing more: rows leave the outbox only by the server's acknowledgement, and are sent again after
a reconnection or when none has come for a while. The client runs in its own thread; its callbacks hop to the loop.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway import messages
from gateway.config import GatewayConfig
from gateway.outbox import Outbox, OutboxError

ROWS_A_BATCH: Final = 200
BATCHES_IN_FLIGHT: Final = 4
RESEND_S: Final = 30.0
RESEND_LONGEST_S: Final = 120.0
KEEP_ALIVE_S: Final = 30
RECONNECT_S: Final = (1, 60)
UNSUPPORTED_VERSION: Final = 0x84
CONNACK_S: Final = 4.0
"""Wall time in which a broker must answer a connection. Some that know only MQTT 3.1.1 leave a newer one waiting."""
CLOSED_LIMIT: Final = 3
"""Connections closed without an answer after which the other protocol version is tried."""

_Parting = Literal["refused", "version refused", "unreachable", "closed", "silent"]

logger = logging.getLogger(__name__)


@dataclass
class _Flight:
    """A batch on its way."""

    last: int
    sent_at: float
    resend_s: float


class Publisher:
    """The connection to the broker. All methods are called on the loop's thread."""

    def __init__(
        self,
        config: GatewayConfig,
        outbox: Outbox,
        utc_ms: Callable[[], int],
        *,
        on_plan: Callable[[messages.PlanMessage], None],
        on_command: Callable[[messages.Command], None],
        on_connected: Callable[[], None],
    ) -> None:
        """`on_connected` is called after each connection: the status must be told again."""
        self._config = config
        self._outbox = outbox
        self._utc_ms = utc_ms
        self._on_plan = on_plan
        self._on_command = on_command
        self._on_connected = on_connected
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: mqtt.Client | None = None
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._unanswered = 0
        self._just_refused = False
        self._flights: dict[int, _Flight] = {}  # by first row
        self._silence = 1.0  # grows while the server does not answer
        self._kick = asyncio.Event()
        self._generation = 0
        self.connected = False
        self.problem = ""
        """Why the broker cannot be used at present."""

    # --- life ---

    def start(self) -> None:
        """Begin to connect; goes on by itself until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._begin()

    def _begin(self) -> None:
        self._generation += 1
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.gateway,
            protocol=self._protocol,
            userdata=self._generation,
            clean_session=None if self._protocol == MQTTProtocolVersion.MQTTv5 else True,
        )
        client.username_pw_set(self._config.broker_user, self._config.password)
        if self._config.tls:
            context = ssl.create_default_context(cafile=str(self._config.ca_file) if self._config.ca_file else None)
            client.tls_set_context(context)
        client.reconnect_delay_set(*RECONNECT_S)
        client.max_queued_messages_set(BATCHES_IN_FLIGHT * 8)
        client.on_pre_connect = self._in_thread_pre_connect
        client.on_connect = self._in_thread_connect
        client.on_connect_fail = self._in_thread_connect_fail
        client.on_disconnect = self._in_thread_disconnect
        client.on_socket_open = self._in_thread_socket_open
        client.on_message = self._in_thread_message
        client.on_publish = self._in_thread_publish
        self._client = client
        options: dict[str, Any] = {}
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            options = {"clean_start": True, "properties": _session_ends_with_link()}
        client.connect_async(self._config.broker_host, self._config.broker_port, KEEP_ALIVE_S, **options)
        client.loop_start()

    async def stop(self) -> None:
        """Say that the gateway is going, then disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        last = None
        if self.connected:
            last = client.publish(self._up("status"), messages.encode(self._offline()), qos=1, retain=True)
        self.connected = False
        await asyncio.to_thread(_end, client, last)

    def _offline(self) -> messages.Status:
        return messages.Status(schema="status/1", online=False, utc_ms=self._utc_ms())

    def _up(self, kind: str) -> str:
        return messages.topic(self._config.gateway, "up", kind)

    # --- what goes up ---

    async def run(self) -> None:
        """Send what waits in the outbox until cancelled."""
        while True:
            self._kick.clear()
            self._resend_overdue()
            while self.connected and len(self._flights) < BATCHES_IN_FLIGHT and self._send_next():
                pass
            try:
                async with asyncio.timeout(RESEND_S / 3):
                    await self._kick.wait()
            except TimeoutError:
                continue

    def rows_added(self) -> None:
        """The outbox has new rows."""
        self._kick.set()

    def resend(self) -> None:
        """Send everything that waits, as if nothing had been sent."""
        self._flights.clear()
        self._outbox.take_back()
        self._kick.set()

    def _send_next(self) -> bool:
        batch = self._outbox.next_batch(ROWS_A_BATCH)
        if batch is None:
            return False
        self._flights[batch.first] = _Flight(batch.last, asyncio.get_running_loop().time(), RESEND_S * self._silence)
        self._publish(
            "records",
            messages.Records(
                schema="records/1", spool=batch.spool, first=batch.first, last=batch.last, rows=batch.rows
            ),
        )
        return True

    def _resend_overdue(self) -> None:
        now = asyncio.get_running_loop().time()
        overdue = [first for first, flight in self._flights.items() if now - flight.sent_at > flight.resend_s]
        if overdue and self.connected:
            logger.info("no acknowledgement for %d batches; sending again", len(overdue))
            self._silence = min(self._silence * 2, RESEND_LONGEST_S / RESEND_S)
            self.resend()

    def tell_status(self, status: messages.Status) -> None:
        """Publish the status, retained."""
        if self.connected:
            self._publish("status", status, retain=True)

    def reply(self, reply: messages.Reply) -> None:
        """Publish the reply to a command."""
        if self.connected:
            self._publish("reply", reply)

    def tell_live(self, live: messages.Live) -> None:
        """Publish posture now; lost without harm."""
        if self.connected:
            self._publish("live", live, qos=0)

    def _publish(self, kind: str, message: messages.Model, *, qos: int = 1, retain: bool = False) -> None:
        if self._client is not None:
            self._client.publish(self._up(kind), messages.encode(message), qos=qos, retain=retain)

    # --- what comes down ---

    def _take(self, topic: str, payload: bytes) -> None:
        try:
            message = messages.parse(self._kind_of(topic), payload)
        except messages.MalformedMessageError as error:
            logger.warning("malformed message on %s: %s", topic[:120], error)
            self._outbox.keep("mqtt", str(error), payload)
            return
        if isinstance(message, messages.Ack):
            self._settle(message)
        elif isinstance(message, messages.PlanMessage):
            self._on_plan(message)
        elif isinstance(message, messages.Command):
            self._on_command(message)

    def _kind_of(self, topic: str) -> str:
        gateway, direction, kind = messages.split_topic(topic)
        if (gateway, direction) != (self._config.gateway, "down"):
            raise messages.MalformedMessageError(f"not for this gateway: {topic[:120]!r}")
        return kind

    def _settle(self, ack: messages.Ack) -> None:
        try:
            settled = self._outbox.settle(ack.spool, ack.first, ack.last, ack.rejected)
        except OutboxError as error:
            logger.warning("acknowledged rows will be sent again: %s", error)
            return
        if not settled:
            logger.info("acknowledgement of %d to %d matches no batch that is on its way", ack.first, ack.last)
            return
        self._silence = 1.0
        for row in ack.rejected:
            logger.warning("the server rejected row %d: %s", row.n, row.reason)
        for first, flight in list(self._flights.items()):
            if first >= settled[0] and flight.last <= settled[-1]:
                del self._flights[first]
        self._kick.set()

    def _joined(self, generation: int) -> None:
        if generation != self._generation or self._client is None:
            return
        logger.info("broker: connected")
        self.problem = ""
        self._unanswered = 0
        self._just_refused = False
        self._client.subscribe([(messages.topic(self._config.gateway, "down", k), 1) for k in messages.DOWN_KINDS])
        self.connected = True
        self.resend()
        self._on_connected()

    def _parted(self, generation: int, why: str, how: _Parting) -> None:
        if generation != self._generation or self._client is None:
            return
        if how == "silent" and self.connected:
            return  # it answered at the last moment
        if how == "closed" and self._just_refused:
            self._just_refused = False  # the end of the connection that was refused: nothing new
            return
        self._just_refused = how in {"refused", "version refused"}
        if why != self.problem:
            logger.warning("broker: %s", why)
        self.problem = why
        self._unanswered = self._unanswered + 1 if how == "closed" and not self.connected else 0
        self.connected = False
        if how in {"version refused", "silent"} or self._unanswered >= CLOSED_LIMIT:
            self._change_protocol(self._client)

    def _change_protocol(self, former: mqtt.Client) -> None:
        newer = self._protocol == MQTTProtocolVersion.MQTTv5
        self._protocol = MQTTProtocolVersion.MQTTv311 if newer else MQTTProtocolVersion.MQTTv5
        logger.info("broker: trying MQTT %s", "3.1.1" if newer else "5")
        self._unanswered = 0
        self._begin()
        asyncio.get_running_loop().run_in_executor(None, _end, former, None)

    def _refused(self, generation: int, mid: int, why: str) -> None:
        """The broker did not take a message. The rows stay; they are sent again when their time is up."""
        if generation == self._generation:
            self.problem = f"the broker refused message {mid}: {why}"
            logger.warning("broker: %s", self.problem)

    # --- callbacks of the client, in its thread ---

    def _hop(self, function: Callable[..., None], *args: object) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function, *args)

    def _in_thread_pre_connect(self, client: mqtt.Client, _userdata: object) -> None:
        client.will_set(self._up("status"), messages.encode(self._offline()), qos=1, retain=True)

    def _in_thread_socket_open(self, client: mqtt.Client, generation: int, _socket: object) -> None:
        def wait() -> None:
            if not client.is_connected() and client.socket() is _socket:
                self._hop(self._parted, generation, "does not answer", "silent")

        timer = threading.Timer(CONNACK_S, wait)
        timer.daemon = True
        timer.start()

    def _in_thread_connect(
        self, _c: mqtt.Client, generation: int, _flags: object, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if not reason.is_failure:
            self._hop(self._joined, generation)
        elif reason.value == UNSUPPORTED_VERSION:
            self._hop(self._parted, generation, f"refused: {reason}", "version refused")
        else:
            self._hop(self._parted, generation, f"refused: {reason}", "refused")

    def _in_thread_connect_fail(self, _c: mqtt.Client, generation: int) -> None:
        self._hop(self._parted, generation, "not reachable", "unreachable")

    def _in_thread_disconnect(
        self, _c: mqtt.Client, generation: int, _flags: object, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._hop(self._parted, generation, f"disconnected: {reason}", "closed")

    def _in_thread_message(self, _c: mqtt.Client, _generation: int, message: mqtt.MQTTMessage) -> None:
        self._hop(self._take, message.topic, bytes(message.payload))

    def _in_thread_publish(
        self, _c: mqtt.Client, generation: int, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            self._hop(self._refused, generation, mid, str(reason))


def _session_ends_with_link() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    return properties


def _end(client: mqtt.Client, last: mqtt.MQTTMessageInfo | None) -> None:
    """Disconnect, after `last` has been handed over or 2 s; blocks."""
    if last is not None:
        try:
            last.wait_for_publish(2.0)
        except (RuntimeError, ValueError) as error:
            logger.debug("last status not delivered: %s", error)
    client.disconnect()
    client.loop_stop()
