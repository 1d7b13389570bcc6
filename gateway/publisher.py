"""The MQTT edge: rows, status and replies go up, what the server says comes down.

The parts are in `gateway.mqtt`; here they meet. All of it runs on the loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway import messages
from gateway.config import GatewayConfig
from gateway.mqtt import downlink, words
from gateway.mqtt.connection import Connection
from gateway.mqtt.delivery import BATCHES_IN_FLIGHT, Delivery
from gateway.mqtt.line import Taken
from gateway.mqtt.refusals import Refusals
from gateway.mqtt.replies import Replies, key
from gateway.mqtt.slumber import Slumber
from gateway.mqtt.timing import Timing
from gateway.outbox import Outbox

REPLIES_AT_ONCE: Final = 20

logger = logging.getLogger(__name__)


class Publisher:
    """The gateway's voice and ear at the broker."""

    def __init__(
        self,
        config: GatewayConfig,
        outbox: Outbox,
        utc_ms: Callable[[], int],
        *,
        on_plan: Callable[[messages.PlanMessage], None],
        on_command: Callable[[messages.Command], None],
        on_change: Callable[[], None],
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        """`on_change`: the connection or `problem` has changed, and the status should be told again."""
        self._config = config
        self._outbox = outbox
        self._utc_ms = utc_ms
        self._on_plan = on_plan
        self._on_command = on_command
        self._on_change = on_change
        self._timing = timing
        self._delivery = Delivery(outbox, timing, self._send_records)
        self._refusals = Refusals(timing.refused_first_s, timing.refused_longest_s)
        self._replies = Replies(outbox)
        self._sent: dict[int, tuple[str, str]] = {}  # (kind, key of a reply) by the message's number
        self._slumber = Slumber(timing.look_s + timing.asleep_s)
        self._kick = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._told_problem = ""
        self._connection = Connection(
            config,
            timing,
            will=self._offline,
            on_up=self._joined,
            on_down=self._parted,
            on_message=self._take,
            on_taken=self._taken,
        )

    @property
    def connected(self) -> bool:
        """Whether messages go through."""
        return self._connection.up

    @property
    def problem(self) -> str:
        """Why the broker or the server behind it cannot be used at present, and what to do; empty while it can."""
        return self._connection.problem or self._refusals.words or self._delivery.problem(_now_s())

    def start(self) -> None:
        """Begin to connect; goes on by itself until `stop`."""
        self._connecting = asyncio.create_task(self._connection.run())

    async def stop(self) -> None:
        """Say that the gateway is going, then disconnect."""
        task, self._connecting = self._connecting, None
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self._connection.close(self._offline())

    def _offline(self) -> messages.Status:
        return messages.Status(schema="status/1", online=False, utc_ms=self._utc_ms())

    async def run(self) -> None:
        """Send what waits, and look whether anything is overdue, until cancelled."""
        while True:
            self._kick.clear()
            if self._slumber.woke(_now_s(), self._utc_ms()):
                logger.info("broker: this computer was asleep; connecting anew")
                self._connection.renew()
            if self.connected:
                self._delivery.take_back_overdue(_now_s())
                self._fill()
            if self.problem != self._told_problem:
                self._told_problem = self.problem
                self._on_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.look_s):
                    await self._kick.wait()

    # --- what goes up ---

    def rows_added(self) -> None:
        """The outbox has new rows."""
        self._kick.set()

    def resend(self) -> None:
        """Send everything that waits, as if nothing had been sent."""
        self._delivery.take_back()
        self._kick.set()

    def _fill(self) -> None:
        if self._refusals.may("records", _now_s()):
            self._delivery.fill(_now_s(), at_most=1 if self._refusals.on_trial("records") else BATCHES_IN_FLIGHT)

    def _send_records(self, batch: messages.Records) -> bool:
        return self._publish("records", batch) is not None

    def tell_status(self, status: messages.Status) -> None:
        """Publish the status, retained, and the replies that nobody has heard."""
        if self._refusals.may("status", _now_s()):
            self._publish("status", status, retain=True)
        if self.connected:
            on_their_way = {name for kind, name in self._sent.values() if kind == "reply"}
            for reply in self._replies.waiting[:REPLIES_AT_ONCE]:
                if key(reply) not in on_their_way:
                    self._tell_reply(reply)

    def reply(self, reply: messages.Reply) -> None:
        """Publish the reply to a command; kept until somebody hears it."""
        self._replies.add(reply)
        self._tell_reply(reply)

    def _tell_reply(self, reply: messages.Reply) -> None:
        if self._refusals.may("reply", _now_s()):
            self._publish("reply", reply, name=key(reply))

    def tell_live(self, live: messages.Live) -> None:
        """Publish posture now; lost without harm."""
        self._connection.publish("live", live, qos=0)

    def _publish(self, kind: str, message: messages.Model, *, retain: bool = False, name: str = "") -> int | None:
        number = self._connection.publish(kind, message, retain=retain)
        if number is not None:
            self._sent[number] = (kind, name)
        return number

    def _taken(self, taken: Taken) -> None:
        """The broker took a message or refused it. Rows stay in either case, until the server has them."""
        kind, name = self._sent.pop(taken.number, ("", ""))
        if taken.refusal and kind:
            problem = words.not_taken(kind, taken.refusal)
            if not self._refusals.on_trial(kind):
                logger.warning("broker: %s", problem)
            self._refusals.refused(kind, problem, _now_s())
            if kind == "records":
                self._delivery.take_back()
        elif kind:
            self._refusals.accepted(kind)
            if kind == "reply" and taken.heard:
                self._replies.heard(name)
        self._kick.set()

    # --- what comes down ---

    def _take(self, topic: str, payload: bytes) -> None:
        try:
            message = downlink.read(self._config.gateway, topic, payload)
        except messages.MalformedMessageError as error:
            logger.warning("malformed message on %s: %s", topic[:120], error)
            self._outbox.keep("mqtt", str(error), payload)
            if isinstance(error, downlink.UnknownCommandError):
                self.reply(error.reply)
            return
        if isinstance(message, messages.Ack):
            self._delivery.settle(message, _now_s())
            self._kick.set()
        elif isinstance(message, messages.PlanMessage):
            self._on_plan(message)
        else:
            self._on_command(message)

    def _joined(self) -> None:
        self._sent.clear()
        self._refusals.forget()
        self._told_problem = self.problem
        self._on_change()
        self._kick.set()

    def _parted(self) -> None:
        self._sent.clear()
        self._delivery.down()
        self._kick.set()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
