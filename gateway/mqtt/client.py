"""A paho client for one connection. Nothing in it comes back by itself: that is for whoever uses it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.mqtt.versions import Version

MOST_QUEUED: Final = 64
"""Messages that wait for their turn at a broker that acknowledges none; more are not taken."""

logger = logging.getLogger(__name__)


class Client(mqtt.Client):
    """Its thread connects, serves, and tells how it ended."""

    def __init__(
        self,
        version: Version,
        name: str,
        connecting: Callable[[OSError | None], bool],
        on_end: Callable[[str], None],
    ) -> None:
        """`connecting`, in the client's thread: the network has answered, or failed with an error; whether to go on.
        `on_end`, in that thread: it ends, and why, if nothing else has said so."""
        newer = version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=MQTTProtocolVersion.MQTTv5 if newer else MQTTProtocolVersion.MQTTv311,
            clean_session=None if newer else True,
            reconnect_on_failure=False,
        )
        self.max_queued_messages_set(MOST_QUEUED)
        self._newer = newer
        self._connecting_told = connecting
        self._end_told = on_end
        self._gone = threading.Event()
        self._gone.set()

    def begin(self, host: str, port: int, keep_alive_s: int) -> None:
        """Connect and serve, in a thread."""
        options: dict[str, Any] = {}
        if self._newer:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            options = {"clean_start": True, "properties": properties}
        self.connect_async(host, port, keep_alive_s, **options)
        self._gone.clear()
        self.loop_start()

    def end(self, patience_s: float) -> None:
        """Disconnect; shut the socket when that takes longer than `patience_s`. Blocks."""
        self.disconnect()
        if self._gone.wait(patience_s):
            return
        connection: Any = self.socket()
        if connection is not None:  # a dead connection whose buffers are full
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            self._gone.wait(patience_s)

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """What the thread does."""
        del retry_first_connection
        problem = "the client ended"
        try:
            if self._reach():
                return super().loop_forever(timeout)
        except Exception as error:
            logger.exception("the broker sent something that is no MQTT")
            problem = f"the broker sent something that is no MQTT: {error}"
        finally:
            self._gone.set()
            self._end_told(problem)
        return MQTTErrorCode.MQTT_ERR_CONN_LOST

    def _reach(self) -> bool:
        try:
            self.reconnect()
        except UnicodeError as error:  # of a name that no host can have
            self._connecting_told(socket.gaierror(str(error)))
            return False
        except OSError as error:
            self._connecting_told(error)
            return False
        if not self._connecting_told(None):
            self.disconnect()
        return True
