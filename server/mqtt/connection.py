"""One connection to the broker that comes back by itself.

MQTT 5 first; a broker that turns it away is tried with 3.1.1, and the other way round. Sessions are clean and nothing
is kept by the broker for the server: what a lost connection loses, the gateways send again.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.messages import ROOT
from server.mqtt.address import Broker, in_words
from server.troubles import Trouble

log: Final = logging.getLogger(__name__)

FILTER: Final = f"{ROOT}/+/up/#"
_FIRST_ANSWER_S: Final = 1.5
"""How long to wait for a broker's answer before the other protocol is tried, at first: a 3.1.1 broker may take the
longer head of MQTT 5 for the beginning of something and wait for the rest. Doubled with each failure, for slow
lines."""
_LONGEST_ANSWER_S: Final = 12.0
_REMEMBERED: Final = 1000
"""Of how many messages the topic is still known when the broker answers."""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 10.0


@dataclass(frozen=True)
class Delivery:
    """A message as it came. `session` numbers connections: an acknowledgement is only good on its own. `came_s` is the
    monotonic clock's second of its arrival."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    session: int
    retained: bool = False
    """Whether the broker had kept it from before."""
    came_s: float = field(default_factory=time.monotonic)


class Connection:
    """`on_delivery` is called on the network thread and must not block; `on_up` when the subscription stands."""

    def __init__(self, broker: Broker, on_delivery: Callable[[Delivery], None], on_up: Callable[[], None]) -> None:
        self._broker = broker
        self._on_delivery = on_delivery
        self._on_up = on_up
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._client: mqtt.Client | None = None
        self._session = 0
        self._up = threading.Event()
        self._topics: dict[int, str] = {}
        self._refused: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        self._trouble = Trouble(log, f"connected to the broker at {broker.url}")

    @property
    def up(self) -> bool:
        """Whether the server is connected and subscribed."""
        return self._up.is_set()

    def start(self) -> None:
        """Connect, and again whenever the connection is lost, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopping.set()
        self._thread.join()

    def wait_until_up(self, timeout_s: float) -> bool:
        """Wait until the subscription stands. False when it does not within the time."""
        return self._up.wait(timeout_s)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the broker, QoS 1. False when there is no connection: it is not kept for later."""
        client = self._client
        if client is None or not self.up:
            return False
        handed = client.publish(topic, payload, qos=1, retain=retain)
        self._topics[handed.mid] = topic
        if len(self._topics) > _REMEMBERED:
            del self._topics[next(iter(self._topics))]
        return handed.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def take_refusals(self) -> list[tuple[str, str]]:
        """(topic, why) of messages that the broker has not taken since this was last asked, by the thread that
        publishes. Brokers tell of it with MQTT 5 only."""
        taken = [self._refused.popleft() for _ in range(len(self._refused))]
        return [(self._topics.get(mid, ""), why) for mid, why in taken]

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that a delivery need not come again."""
        client = self._client
        if client is not None and delivery.qos == 1 and delivery.session == self._session:
            client.ack(delivery.mid, delivery.qos)

    def _run(self) -> None:
        protocol, failures = MQTTProtocolVersion.MQTTv5, 0
        while not self._stopping.is_set():
            attempt = _Attempt()
            self._session += 1
            try:
                self._client = self._make_client(protocol, attempt, self._session)
                self._client.connect(self._broker.host, self._broker.port, keepalive=20)
            except OSError as error:  # of the network, of TLS, or of the file of authorities
                self._trouble.met(f"no connection to the broker at {self._broker.url}: {in_words(error, self._broker)}")
            else:
                self._client.loop_start()
                self._stay(self._client, attempt, min(_FIRST_ANSWER_S * 2**failures, _LONGEST_ANSWER_S))
                if attempt.protocol_refused:
                    protocol = _OTHER[protocol]
            failures = 0 if attempt.subscribed.is_set() else min(failures + 1, 10)
            self._stopping.wait(min(_FIRST_PAUSE_S * 2**failures, _LONGEST_PAUSE_S))

    def _stay(self, client: mqtt.Client, attempt: _Attempt, answer_s: float) -> None:
        """Wait for the broker's answer, and then until the connection ends."""
        attempt.settled.wait(answer_s)
        while attempt.subscribed.is_set() and not attempt.ended.wait(0.2) and not self._stopping.is_set():
            pass
        self._up.clear()
        client.disconnect()
        client.loop_stop()

    def _make_client(self, protocol: MQTTProtocolVersion, attempt: _Attempt, session: int) -> mqtt.Client:
        v5 = protocol == MQTTProtocolVersion.MQTTv5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"plumbline-server-{secrets.token_hex(6)}",
            clean_session=None if v5 else True,
            protocol=protocol,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set(ca_certs=str(self._broker.ca_file) if self._broker.ca_file else None)

        def on_connect(_client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _props: object) -> None:
            attempt.answer = str(code)
            if code.is_failure:
                self._trouble.met(f"the broker refused the server: {code}")
                attempt.end()
            else:
                client.subscribe(FILTER, qos=1)

        def on_subscribe(
            _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _props: object
        ) -> None:
            if any(code.is_failure for code in codes):
                self._trouble.met(f"the broker refused the subscription: {codes[0]}")
                attempt.end()
                return
            attempt.subscribed.set()
            attempt.settled.set()
            self._trouble.gone()
            self._up.set()
            self._on_up()

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            with contextlib.suppress(UnicodeDecodeError):  # a topic that is not text is no topic of ours
                self._on_delivery(
                    Delivery(message.topic, bytes(message.payload), message.qos, message.mid, session, message.retain)
                )

        def on_publish(_client: mqtt.Client, _data: object, mid: int, code: ReasonCode, _props: object) -> None:
            if code.is_failure:
                self._refused.append((mid, str(code)))

        client.on_connect = on_connect
        client.on_publish = on_publish
        client.on_subscribe = on_subscribe
        client.on_message = on_message
        client.on_disconnect = lambda *_: attempt.end()
        return client


class _Attempt:
    """What became of one attempt to connect."""

    def __init__(self) -> None:
        self.settled = threading.Event()
        self.subscribed = threading.Event()
        self.ended = threading.Event()
        self.answer: str | None = None

    def end(self) -> None:
        self.ended.set()
        self.settled.set()

    @property
    def protocol_refused(self) -> bool:
        """There was no answer, or that one: as from brokers that do not know MQTT 5."""
        return self.answer in (None, "Unsupported protocol version")


_OTHER: Final = {
    MQTTProtocolVersion.MQTTv5: MQTTProtocolVersion.MQTTv311,
    MQTTProtocolVersion.MQTTv311: MQTTProtocolVersion.MQTTv5,
}
