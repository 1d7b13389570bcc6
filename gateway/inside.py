"""What a face of the running gateway may see and do: the terminal view, the control socket, the metrics."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from gateway import messages
from gateway.clock_map import ClockReport
from gateway.config import GatewayConfig

OWNER: Final = "gateway"
FACE: Final = "status"
"""Where the gateway's file has what the gateway last said of itself."""


class Inside(Protocol):
    """The running gateway. All of it is to be used on its loop."""

    @property
    def config(self) -> GatewayConfig:
        """What it was started with, without the clips that were erased since."""

    @property
    def broker_connected(self) -> bool:
        """Whether messages go through."""

    def utc_ms(self) -> int:
        """UTC by the gateway's clock."""

    def status(self) -> messages.Status:
        """How everything is now."""

    def posture(self, clip: str) -> messages.Live | None:
        """Posture now; None while nothing is judged."""

    def clock(self, clip: str) -> ClockReport | None:
        """What is known of a clip's clock; None before the first exchange of times."""

    def problem(self, clip: str) -> str:
        """Why the last attempt to reach a clip, or connection to it, ended; empty when none has."""

    def malformed(self) -> dict[str, int]:
        """How many malformed things came in, by door."""

    async def command(self, command: messages.Command) -> messages.Reply:
        """Carry out a command that somebody at this computer gives, waiting for the clip until it expires."""

    async def buzz(self, clip: str, within_s: float) -> messages.Reply:
        """Have a clip buzz so that it can be found, waiting for it at most `within_s`."""


Face = Callable[[Inside], Coroutine[None, None, None]]
"""Runs beside the gateway until cancelled. Its trouble is told, and is not the gateway's."""
