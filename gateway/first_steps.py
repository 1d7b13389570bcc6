"""From a clip whose button was held to live numbers: pair, put on, calibrate, see; told line by line.

The parts are those that run every day: a `Session` on the gateway's own data. What is recorded meanwhile waits in the
outbox for the gateway to run.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gateway import config as configuration
from gateway import messages, pairing
from gateway.config import ClipConfig, GatewayConfig
from gateway.outbox import Outbox
from gateway.pairing import PairingError
from gateway.radio import BleakRadio, RadioError
from gateway.session import Session

LINK_S: Final = 60.0
CALIBRATE_S: Final = 180.0
ASK_AGAIN_S: Final = 30.0
IN_STEP: Final = frozenset({"draining", "live"})
WORDS: Final[dict[str, str]] = {
    "paused": "paused",
    "lost": "waiting for the clip",
    "not_worn": "not worn",
    "uncalibrated": "not calibrated yet",
    "moving": "moving",
    "lying": "lying",
    "leaning_back": "leaning back",
    "leaning_left": "leaning left",
    "leaning_right": "leaning right",
    "slouched": "slouched",
    "upright": "upright",
}

LINK_WORDS: Final[dict[str, str]] = {
    "searching": "looking for the clip",
    "connecting": "connecting",
    "authenticating": "connecting",
    "syncing": "connecting",
    "draining": "fetching what the clip has kept",
    "live": "connected",
    "asleep": "this computer's Bluetooth cannot be used",
}


class StepError(Exception):
    """A step did not come about; the message says what to do. What was done before stays."""


class Teller(Protocol):
    """Who tells the wearer."""

    def say(self, line: str) -> None:
        """Something that stays."""

    def show(self, line: str) -> None:
        """How things stand now, until the next line."""


@dataclass(frozen=True)
class Wishes:
    """How it is to go. `look_s`: how long to look for the clip; `watch_s`: how long to show live numbers;
    `calibrate`: also a clip that is calibrated already."""

    look_s: float = 60.0
    watch_s: float = 30.0
    calibrate: bool = False
    simulated: bool = False


async def pair_clip(
    config: GatewayConfig, path: Path, teller: Teller, wishes: Wishes, *, utc_ms: Callable[[], int] | None = None
) -> ClipConfig:
    """Agree on a key with a clip that may be paired now, and write it into the configuration at `path`,
    with when that was, where `utc_ms` tells the time.

    Raises PairingError, and RadioError where there is no Bluetooth to use.
    """
    teller.say("Hold the clip's button for 6 seconds, until its light blinks fast.")
    teller.show("looking for the clip")
    device = await pairing.find(wishes.look_s)
    if device is None:
        raise PairingError(
            f"no clip that wants to be paired was heard in {wishes.look_s:.0f} s. Bring it close to this computer, "
            "hold its button for 6 s and try again; its battery may be empty"
        )
    teller.show("agreeing on a key, which takes some seconds")
    try:
        gatt = await BleakRadio().connect(device)
        try:
            serial, key = await pairing.pair(gatt, bytes.fromhex(config.gateway))
        finally:
            await gatt.close()
    except (PairingError, RadioError) as error:
        raise PairingError(
            f"pairing did not come about ({error}). Hold the clip's button for 6 s once more, close to this computer, "
            "and try again"
        ) from error
    clip = ClipConfig(
        serial=serial, key=key.hex(), simulated=wishes.simulated, paired_utc_ms=utc_ms() if utc_ms else None
    )
    try:
        configuration.save(path, config.with_clip(clip))
    except OSError as error:
        raise PairingError(
            f"the clip has the key, but {path} cannot be written: {error.strerror}. Put that right and pair again"
        ) from error
    teller.say(f"Paired with clip {serial}.")
    return clip


async def walk(
    config: GatewayConfig, clip: ClipConfig, teller: Teller, wishes: Wishes, *, utc_ms: Callable[[], int]
) -> None:
    """Put the clip on, calibrate it, see live numbers. To be called by whoever uses the data alone. Raises StepError,
    OutboxError."""
    with Outbox(config.database, utc_ms, config.limits) as outbox:
        steps = _Steps(config, clip, outbox, teller, utc_ms)
        running = asyncio.create_task(steps.session.run())
        try:
            await steps.link(running)
            await steps.calibrate(always=wishes.calibrate)
            await steps.watch(wishes.watch_s)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


class _Steps:
    def __init__(
        self, config: GatewayConfig, clip: ClipConfig, outbox: Outbox, teller: Teller, utc_ms: Callable[[], int]
    ) -> None:
        self._teller = teller
        self._utc_ms = utc_ms
        self._changed = asyncio.Event()
        self._seen: asyncio.Queue[messages.Live] = asyncio.Queue()
        self.session = Session(
            clip,
            config.gateway,
            radio=BleakRadio(),
            outbox=outbox,
            utc_ms=utc_ms,
            auto_calibrate=False,
            on_change=self._changed.set,
            on_rows=lambda: None,
            on_live=self._seen.put_nowait,
        )

    async def link(self, running: asyncio.Task[None]) -> None:
        """Wait until the clip's stream is judged. Raises StepError."""
        session = self.session
        try:
            async with asyncio.timeout(LINK_S):
                while session.state not in IN_STEP or session.face.battery_pct is None:
                    self._teller.show(LINK_WORDS[session.state])
                    self._changed.clear()
                    changed = asyncio.create_task(self._changed.wait())
                    await asyncio.wait((changed, running), return_when=asyncio.FIRST_COMPLETED)
                    changed.cancel()
                    if running.done():
                        await running
        except TimeoutError as error:
            raise StepError(
                f"the clip is paired, but was not in reach afterwards ({session.problem or session.state}). Bring it "
                "close and start `plumbline gateway run`"
            ) from error
        face = session.face
        self._teller.say(f"Connected. Battery {face.battery_pct} %, firmware {face.firmware}.")

    async def calibrate(self, *, always: bool) -> None:
        """Calibrate, unless the clip is already. Raises StepError."""
        version = self.session.face.calibration_version
        if version and not always:
            self._teller.say(
                f"It is calibrated already (calibration {version}); its button, held for 2 s, does it anew."
            )
            return
        self._teller.say("Put the clip on between your shoulder blades, so that it sits close.")
        self._teller.say("Sit upright as is comfortable for you and keep still for 4 seconds; then bow and come back.")
        reply = asyncio.create_task(self.session.command(self._command("calibrate", CALIBRATE_S)))
        try:
            await self._show_until(reply)
        finally:
            reply.cancel()
        answer = reply.result()
        if answer.result != "done":
            raise StepError(
                f"no calibration yet ({answer.detail}). There is no hurry: once `plumbline gateway run` runs, hold the "
                "clip's button for 2 s and do the same"
            )
        self._teller.say("Calibrated: from now on angles are relative to how you sat just now.")

    async def watch(self, seconds: float) -> None:
        """Show live numbers."""
        self._teller.say("Live, compared with how you sat for the calibration:")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._show_until(None)

    async def _show_until(self, done: asyncio.Task[messages.Reply] | None) -> None:
        """Show what is judged until `done`, or for ever."""
        while done is None or not done.done():
            await self.session.command(self._command("watch", ASK_AGAIN_S))
            seen = asyncio.create_task(self._seen.get())
            waited = (seen,) if done is None else (seen, done)
            try:
                await asyncio.wait(waited, timeout=ASK_AGAIN_S / 2, return_when=asyncio.FIRST_COMPLETED)
            finally:
                seen.cancel()
            if seen.done() and not seen.cancelled():
                self._teller.show(in_words(seen.result()))
            elif done is None or not done.done():
                self._teller.show(f"nothing from the clip; {LINK_WORDS[self.session.state]}")

    def _command(self, kind: str, seconds: float) -> messages.Command:
        return messages.Command.model_validate(
            {
                "schema": "command/1",
                "id": secrets.token_hex(8),
                "clip": self.session.clip.serial,
                "expires_utc_ms": self._utc_ms() + int(seconds * 1000),
                "kind": kind,
            }
        )


def in_words(live: messages.Live) -> str:
    """A judgement in a line: `slouched, 21° forward, 3° left`."""
    word = WORDS[messages.CATEGORIES[live.category]]
    if live.sagittal_deg is None or live.lateral_deg is None:
        return word
    leans = (_lean(live.sagittal_deg, "forward", "back"), _lean(live.lateral_deg, "right", "left"))
    return f"{word}, {', '.join(lean for lean in leans if lean) or '0°'}"


def _lean(degrees: float, positive: str, negative: str) -> str:
    whole = round(degrees)
    return f"{abs(whole)}° {positive if whole > 0 else negative}" if whole else ""
