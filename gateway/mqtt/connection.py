"""The connection to the broker: it comes back by itself, with waits that double and differ between gateways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway import messages
from gateway.backoff import BackOff
from gateway.config import GatewayConfig
from gateway.mqtt import words
from gateway.mqtt.line import Ended, Line, Taken
from gateway.mqtt.timing import Timing
from gateway.mqtt.versions import Versions

SHORT_LIMIT: Final = 3
"""Connections in a row that did not last, after which that is told."""

logger = logging.getLogger(__name__)


class Connection:
    """All methods are called on the loop's thread."""

    def __init__(
        self,
        config: GatewayConfig,
        timing: Timing,
        *,
        will: Callable[[], messages.Status],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        on_taken: Callable[[Taken], None],
    ) -> None:
        """`will` makes what the broker tells of a gateway that is gone; `on_down`: a connection, or an attempt at one,
        has ended, and `problem` says why."""
        self._config = config
        self._timing = timing
        self._will = will
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_taken = on_taken
        self._versions = Versions(timing.answer_s)
        self._back_off = BackOff(
            first_s=timing.retry_first_s, longest_s=timing.retry_longest_s, stable_s=timing.stable_s
        )
        self._refused_back_off = BackOff(
            first_s=timing.refused_first_s, longest_s=timing.refused_longest_s, stable_s=timing.stable_s
        )
        self._line: Line | None = None
        self._now = asyncio.Event()
        self._up_since: float | None = None
        self._short = 0  # connections in a row that were good and did not last
        self._other_version = False  # the version was changed after the last attempt
        self.attempts = 0
        """Connections that were begun."""
        self.problem = ""
        """Why there is no connection; empty while there is one."""

    @property
    def up(self) -> bool:
        """Whether messages go through."""
        return self._up_since is not None

    async def run(self) -> None:
        """Connect, and again whenever the connection ends, until cancelled."""
        while True:
            self._now.clear()
            self._up_since = None
            try:
                ended, held_s = await self._attempt()
            except Exception as error:
                logger.exception("broker: unexpected; trying again")
                ended, held_s = Ended("unreachable", f"no connection can be made here: {error}"), 0.0
                self._tell(ended)
            wait_s = self._wait_s(ended, held_s)
            logger.debug("broker: next attempt in %.1f s", wait_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._now.wait()

    async def _attempt(self) -> tuple[Ended, float]:
        """Make a connection and wait for its end, and for how long it was good."""
        loop = asyncio.get_running_loop()
        version = self._versions.choose(loop.time())
        self.attempts += 1
        logger.debug("broker: connecting with MQTT %s", version)
        line = Line(
            self._config,
            version,
            self._timing.keep_alive_s,
            self._will(),
            on_up=self._joined,
            on_message=self._on_message,
            on_taken=self._on_taken,
        )
        self._line = line
        line.open(self._versions.answer_s)
        ended = await line.ended
        self._line = None
        held_s = loop.time() - self._up_since if self._up_since is not None else 0.0
        self._up_since = None
        self._tell(self._with_habit(ended, held_s))
        await line.close()
        return ended, held_s

    def _with_habit(self, ended: Ended, held_s: float) -> Ended:
        """Not every broker says that it prefers another program of the same name: then this shows it."""
        if held_s >= self._timing.stable_s:
            self._short = 0
        elif ended.how == "lost" and held_s > 0:
            self._short += 1
        if ended.how != "lost" or self._short < SHORT_LIMIT:
            return ended
        return Ended("lost", words.lost_again(ended.problem))

    def _joined(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._versions.understood(now_s)
        self._up_since = now_s
        self.problem = ""
        logger.info("broker: connected")
        self._on_up()

    def _tell(self, ended: Ended) -> None:
        if ended.problem != self.problem:
            logger.warning("broker: %s", ended.problem)
        self.problem = ended.problem
        if ended.how == "version":
            self._versions.not_understood()
        elif ended.how == "silent":
            self._versions.silent()
        elif ended.how == "closed":
            self._versions.closed()
        self._on_down()

    def _wait_s(self, ended: Ended, held_s: float) -> float:
        other, self._other_version = self._other_version, ended.how in {"version", "silent"}
        if self._other_version and not other:
            return 0.0  # the other version, now; when that one fails, too, the broker gets its rest
        if ended.how == "refused":
            return self._refused_back_off.wait_s(held_s)
        if held_s >= self._timing.stable_s:
            self._refused_back_off.reset()
        return self._back_off.wait_s(held_s)

    def renew(self) -> None:
        """Connect anew, now: the connection is suspect, or the network has come back."""
        self._now.set()
        if self._line is not None and not self._line.ended.done() and self.up:
            self._line.ended.set_result(Ended("lost", "connecting anew"))

    def publish(self, kind: str, message: messages.Model, *, qos: int = 1, retain: bool = False) -> int | None:
        """Hand a message to the broker: its number, which `on_taken` will name. None without a connection."""
        if self._line is None or not self.up:
            return None
        return self._line.publish(self._topic(kind), messages.encode(message), qos=qos, retain=retain)

    def _topic(self, kind: str) -> str:
        return messages.topic(self._config.gateway, "up", kind)

    async def close(self, last: messages.Status) -> None:
        """End the connection in order, with a last status. `run` must have been cancelled."""
        line, self._line = self._line, None
        if line is not None:
            await line.close((self._topic("status"), messages.encode(last)) if self.up else None)
        self._up_since = None
