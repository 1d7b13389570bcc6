"""The ingest worker: takes in what gateways send, commits, and only then acknowledges.

Two threads beside the caller's: the network (`Connection`), which only fills a bounded queue, and the ingest, which
empties it in batches. A message that does not fit into the queue, or whose transaction cannot be made, is not
acknowledged: its gateway sends it again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from sqlalchemy import Engine

from gateway import messages
from server.ingest.alarms import Kind, raise_alarm
from server.ingest.clocks import watch_clock
from server.ingest.quarantine import count
from server.ingest.service import refuse, settle_all
from server.ingest.wearers import Wearers
from server.mqtt.address import Broker
from server.mqtt.connection import Connection, Delivery
from server.mqtt.downlink import Outgoing, note_sending, note_sent, take_status, waiting
from server.mqtt.live import LiveBoard
from server.plans.commands import take_reply
from server.rights import outstanding
from server.store import UNUSABLE, reading, writing

log: Final = logging.getLogger(__name__)

QUEUE: Final = 1000
BATCH: Final = 50
LOOK_S: Final = 0.5
"""How often plans and commands made by the pages are looked for, when nobody nudges."""
RETRY_S: Final = 1.0

_Up = tuple[Delivery, str, messages.Model]
"""A delivery, the gateway that its topic names, and the message in it."""


Settled = Callable[[messages.Records, messages.Ack, float], None]
"""Is told of each batch, its acknowledgement, and the seconds from the one's arrival to the other."""


class Worker:
    """`clock` tells UTC milliseconds. `live` is where posture now can be read."""

    def __init__(
        self, engine: Engine, broker: Broker, clock: Callable[[], int], settled: Settled | None = None
    ) -> None:
        self.live = LiveBoard()
        self._settled = settled
        self._engine = engine
        self._clock = clock
        self._queue: queue.Queue[Delivery | None] = queue.Queue(QUEUE)
        self._stopping = threading.Event()
        self._looked_s = 0.0
        self._connection = Connection(broker, self._take, self.nudge)
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether messages can come in."""
        return self._connection.up

    @property
    def working(self) -> bool:
        """Whether what comes in is taken in."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Connect and take in, until `stop`."""
        self._thread.start()
        self._connection.start()

    def stop(self) -> None:
        """Settle the batch under way and acknowledge it, disconnect, and end both threads. What waits beyond that batch
        is not acknowledged: its gateways send it again."""
        self._stopping.set()
        self.nudge()
        self._thread.join()
        self._connection.stop()

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Wait until messages can come in. False when that takes longer."""
        return self._connection.wait_until_up(timeout_s)

    def nudge(self) -> None:
        """Look for plans and commands to send now. From any thread."""
        self._looked_s = 0.0
        with suppress(queue.Full):  # then the ingest is awake anyway
            self._queue.put_nowait(None)

    def _take(self, delivery: Delivery) -> None:
        try:
            self._queue.put_nowait(delivery)
        except queue.Full:
            log.warning("more comes in than can be stored; gateways will send it again")

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch = self._next_batch()
            self._until_stored(partial(self._ingest, batch))
            if time.monotonic() - self._looked_s >= LOOK_S and self._connection.up:
                self._looked_s = time.monotonic()
                self._until_stored(self._send_waiting)
                self._until_stored(partial(self._tell_refusals, self._connection.take_refusals()))

    def _next_batch(self) -> list[Delivery]:
        batch: list[Delivery] = []
        with suppress(queue.Empty):
            item = self._queue.get(timeout=LOOK_S)
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    break
                item = self._queue.get_nowait()
        return batch

    def _until_stored(self, work: Callable[[], None]) -> None:
        """Do the work; while the database cannot be used, again. Whatever else fails, the thread goes on."""
        while True:
            try:
                work()
            except UNUSABLE:
                log.exception("the database cannot be used; trying again")
                if self._stopping.wait(RETRY_S):
                    return
            except Exception:
                log.exception("something failed here; what it was about is not acknowledged, and comes again")
                return
            else:
                return

    def _ingest(self, batch: Sequence[Delivery]) -> None:
        readable = [found for delivery in batch if (found := self._read(delivery)) is not None]
        for item in readable:  # a status comes before the records that came after it: it tells of the clips
            if not isinstance(item[2], messages.Records):
                try:
                    self._take_other(*item)
                except UNUSABLE:
                    raise
                except Exception as error:  # noqa: BLE001 - logged and kept
                    self._keep(item, error)
        self._settle([item for item in readable if isinstance(item[2], messages.Records)])
        for delivery in batch:
            self._connection.acknowledge(delivery)

    def _read(self, delivery: Delivery) -> _Up | None:
        gateway_id, kind = "", "topic"
        try:
            gateway_id, _, kind = messages.split_topic(delivery.topic)
            return delivery, gateway_id, messages.parse(kind, delivery.payload)
        except messages.MalformedMessageError as error:
            sender = gateway_id if self._known(gateway_id) else ""
            refuse(self._engine, sender, kind, delivery.payload, problem=str(error), now_ms=self._clock())
            return None

    def _known(self, gateway_id: str) -> bool:
        with reading(self._engine) as connection:
            return Wearers(connection, [], [gateway_id], self._clock()).known(gateway_id)

    def _settle(self, items: Sequence[_Up]) -> None:
        batches = [(gateway_id, message) for _, gateway_id, message in items if isinstance(message, messages.Records)]
        if not batches:
            return
        try:
            acks = settle_all(self._engine, batches, self._clock())
        except UNUSABLE:
            raise
        except Exception as error:
            parts = [[item] for item in items] if len(items) > 1 else [[half] for half in _halves(items[0])]
            if not parts:
                self._keep(items[0], error)
                return
            log.exception("%d messages cannot be stored at once; trying in parts", len(items))
            for part in parts:
                self._settle(part)
            return
        for (delivery, gateway_id, _), (_, records), ack in zip(items, batches, acks, strict=True):
            self._connection.publish(messages.topic(gateway_id, "down", "ack"), messages.encode(ack))
            if self._settled is not None:
                self._settled(records, ack, time.monotonic() - delivery.came_s)

    def _keep(self, item: _Up, error: Exception) -> None:
        """A message that fails for a reason of ours is kept for inspection, and the line goes on."""
        delivery, gateway_id, message = item
        log.error("a message of gateway %s cannot be stored", gateway_id, exc_info=error)
        kind = delivery.topic.rsplit("/", 1)[-1]
        payload = messages.encode(message) if isinstance(message, messages.Records) else delivery.payload
        known = self._known(gateway_id)
        refuse(
            self._engine,
            gateway_id if known else "",
            kind,
            payload,
            problem=type(error).__name__,
            now_ms=self._clock(),
            ours=True,
        )

    def _take_other(self, delivery: Delivery, gateway_id: str, message: messages.Model) -> None:
        now_ms = self._clock()
        if isinstance(message, messages.Status):
            with writing(self._engine) as connection:
                outgoing, known = take_status(connection, gateway_id, message, now_ms)
                if not known:
                    count(connection, "", "not_enrolled")
                    raise_alarm(connection, Kind.UNKNOWN_GATEWAY, now_ms)
                elif message.online and not delivery.retained:
                    watch_clock(connection, gateway_id, message.utc_ms, now_ms)
            self._send(outgoing)
        elif isinstance(message, messages.Reply):
            with writing(self._engine) as connection:
                if outstanding.take_reply(connection, gateway_id, message, now_ms):
                    return
            if self._may_write(gateway_id, message.clip):
                with writing(self._engine) as connection:
                    take_reply(connection, message, now_ms)
        elif isinstance(message, messages.Live) and self._may_write(gateway_id, message.clip):
            self.live.put(message, now_ms)

    def _may_write(self, gateway_id: str, clip: str) -> bool:
        now_ms = self._clock()
        with reading(self._engine) as connection:
            return Wearers(connection, [clip], [gateway_id], now_ms).at(gateway_id, clip, now_ms) is not None

    def _send_waiting(self) -> None:
        with reading(self._engine) as connection:
            outgoing = waiting(connection, self._clock())
        self._send(outgoing)

    def _tell_refusals(self, refusals: Sequence[tuple[str, str]]) -> None:
        for topic, why in refusals:
            try:
                gateway_id, _, kind = messages.split_topic(topic)
            except messages.MalformedMessageError:
                gateway_id, kind = "", "message"
            log.warning("the broker does not take a message for gateway %s: %s", gateway_id or "-", why)
            with writing(self._engine) as connection:
                raise_alarm(
                    connection, Kind.PUBLISH_REFUSED, self._clock(), gateway=gateway_id, detail=f"{kind}: {why}"
                )

    def _send(self, outgoing: Sequence[Outgoing]) -> None:
        if not outgoing or not self._connection.up:
            return
        with writing(self._engine) as connection:
            note_sending(connection, outgoing, self._clock())
        sent = [
            item
            for item in outgoing
            if self._connection.publish(
                item.topic, messages.encode(item.message), retain=isinstance(item.message, messages.PlanMessage)
            )
        ]
        if sent:
            with writing(self._engine) as connection:
                note_sent(connection, sent, self._clock())


def _halves(item: _Up) -> tuple[_Up, ...]:
    """A message of several rows as two; nothing for any other."""
    delivery, gateway_id, message = item
    if not isinstance(message, messages.Records) or len(message.rows) < 2:
        return ()
    middle = len(message.rows) // 2
    parts = (message.rows[:middle], message.rows[middle:])
    return tuple(
        (
            delivery,
            gateway_id,
            messages.Records(schema="records/1", spool=message.spool, first=rows[0].n, last=rows[-1].n, rows=rows),
        )
        for rows in parts
    )
