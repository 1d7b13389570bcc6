"""The outbox's rows on their way up.

A PUBACK says that the broker has them, nothing more: rows leave the outbox only by the server's acknowledgement, and
are sent again when none has come for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway import messages
from gateway.mqtt import words
from gateway.mqtt.timing import Timing
from gateway.outbox import Outbox, OutboxError

ROWS_A_BATCH: Final = 200
BATCHES_IN_FLIGHT: Final = 4

logger = logging.getLogger(__name__)


@dataclass
class _Flight:
    """A batch on its way."""

    last: int
    sent_s: float
    resend_s: float


class Delivery:
    """Time is any clock that does not go back, in seconds."""

    def __init__(self, outbox: Outbox, timing: Timing, send: Callable[[messages.Records], bool]) -> None:
        """`send` hands a batch to the broker; False when it cannot."""
        self._outbox = outbox
        self._timing = timing
        self._send = send
        self._flights: dict[int, _Flight] = {}  # by first row
        self._patience = 1.0  # grows while the server does not answer
        self._unanswered_since_s: float | None = None

    def fill(self, now_s: float, *, at_most: int = BATCHES_IN_FLIGHT) -> None:
        """Send batches until `at_most` are on their way."""
        while len(self._flights) < at_most:
            batch = self._outbox.next_batch(ROWS_A_BATCH)
            if batch is None:
                return
            message = messages.Records(
                schema="records/1", spool=batch.spool, first=batch.first, last=batch.last, rows=batch.rows
            )
            if not self._send(message):
                self.take_back()
                return
            self._flights[batch.first] = _Flight(batch.last, now_s, self._timing.resend_s * self._patience)
            if self._unanswered_since_s is None:
                self._unanswered_since_s = now_s

    def take_back(self) -> None:
        """Nothing that was sent counts as sent any more; late acknowledgements are still taken."""
        self._flights.clear()
        self._outbox.take_back()

    def take_back_overdue(self, now_s: float) -> None:
        """Have everything sent again when an acknowledgement is overdue."""
        overdue = sum(now_s - flight.sent_s > flight.resend_s for flight in self._flights.values())
        if overdue:
            logger.info("no acknowledgement for %d batches; sending again", overdue)
            self._patience = min(self._patience * 2, self._timing.resend_longest_s / self._timing.resend_s)
            self.take_back()

    def settle(self, ack: messages.Ack, now_s: float) -> None:
        """Take what the server says that it has from what waits."""
        try:
            settled = self._outbox.settle(ack.spool, ack.first, ack.last, ack.rejected)
        except OutboxError as error:
            logger.warning("acknowledged rows will be sent again: %s", error)
            return
        if not settled:
            logger.info("acknowledgement of %d to %d matches no batch that is on its way", ack.first, ack.last)
            return
        self._patience = 1.0
        for row in ack.rejected:
            logger.warning("the server rejected row %d: %s", row.n, row.reason)
        for first, flight in list(self._flights.items()):
            if first >= settled[0] and flight.last <= settled[-1]:
                del self._flights[first]
        self._unanswered_since_s = now_s if self._flights else None

    def down(self) -> None:
        """There is no connection: nobody can answer."""
        self._unanswered_since_s = None
        self.take_back()

    def problem(self, now_s: float) -> str:
        """Words for a server that has said nothing for long; empty otherwise."""
        since = self._unanswered_since_s
        if since is None or now_s - since < self._timing.silence_s:
            return ""
        return words.unacknowledged(now_s - since)
