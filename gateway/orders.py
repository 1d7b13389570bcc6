"""Commands for one clip, carried out when it is in reach and until they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from firmware.clip import protocol
from gateway import messages
from gateway.link import Link, LinkError, RefusedError
from gateway.prescription import Prescription

control = protocol.control
status = protocol.status
uuids = protocol.uuids

RETRY_S: Final = 0.1
DEFAULT_MINUTES: Final = 30
FIND_PATTERN: Final = 5
"""Four strong clicks, which no reminder is (`linked` in firmware/README.md)."""


class Orders:
    """`link()` waits for a link that is in step."""

    def __init__(
        self,
        link: Callable[[], Awaitable[Link]],
        prescription: Prescription,
        utc_ms: Callable[[], int],
    ) -> None:
        self._link = link
        self._prescription = prescription
        self._utc_ms = utc_ms
        self.watched_until_ms = 0
        """UTC until which the server wants to see posture now."""

    async def carry_out(self, command: messages.Command) -> messages.Reply:
        """Do what the command says, waiting for the clip until it expires."""
        left_s = (command.expires_utc_ms - self._utc_ms()) / 1000
        if left_s <= 0:
            return reply(command, "expired")
        if command.kind == "watch":
            until = self._utc_ms() + (command.minutes or DEFAULT_MINUTES) * 60_000
            self.watched_until_ms = min(command.expires_utc_ms, until)
            return reply(command, "done")
        if command.kind in {"erase", "resend"}:
            return reply(command, "refused", f"a clip's session cannot {command.kind}")
        try:
            async with asyncio.timeout(left_s):
                if command.kind == "calibrate":
                    return await self._calibrate(command)
                return await (self._set(command) if command.kind == "settings" else self._operate(command))
        except TimeoutError:
            why = self._prescription.calibrating_problem if command.kind == "calibrate" else "the clip was not in reach"
            return reply(command, "unreachable", why)

    async def buzz(self, clip: str, within_s: float) -> messages.Reply:
        """Have the clip buzz, so that it can be found; waits for it at most `within_s`."""

        def told(result: Literal["done", "refused", "unreachable"], detail: str = "") -> messages.Reply:
            return messages.Reply(schema="reply/1", id="buzz", clip=clip, result=result, detail=detail[:200])

        try:
            async with asyncio.timeout(within_s):
                while True:
                    link = await self._link()
                    try:
                        await link.operate(control.BUZZ, control.pack(control.BUZZ, FIND_PATTERN))
                    except RefusedError as error:
                        return told("refused", str(error))
                    except LinkError:
                        await asyncio.sleep(RETRY_S)
                        continue
                    return told("done")
        except TimeoutError:
            return told("unreachable", "the clip was not in reach")

    async def _link_in_time(self, command: messages.Command) -> Link:
        """The link, when it is there before the command expires. A computer that sleeps may stop the clock by which
        is waited: what was asked for last night is not done in the morning. Raises TimeoutError."""
        link = await self._link()
        if self._utc_ms() >= command.expires_utc_ms:
            raise TimeoutError
        return link

    async def _calibrate(self, command: messages.Command) -> messages.Reply:
        self._prescription.await_clip()
        await self._link_in_time(command)
        told = f"calibration {await self._prescription.calibrate()}"
        if (repeat := self._prescription.calibration_repeat) is not None:
            told += f": up {repeat.up_deg:g} and forward {repeat.forward_deg:g} degrees from the one before"
        return reply(command, "done", told)

    async def _set(self, command: messages.Command) -> messages.Reply:
        """Change how the clip buzzes and leave the rest of the wearer's settings as they are on the clip."""
        while True:
            link = await self._link_in_time(command)
            try:
                now = status.parse_settings(await _settings_on(link))
                wanted = {"strength_pct": command.strength_pct, "pattern": command.rhythm}
                changed = now | {name: value for name, value in wanted.items() if value is not None}
                if changed != now:
                    changed["version"] = now["version"] + 1
                    payload = status.pack_settings(*(changed[name] for name in status.SETTINGS_FIELDS))
                    await link.operate(control.SET_SETTINGS, payload)
            except (RefusedError, protocol.MalformedError) as error:
                return reply(command, "refused", str(error))
            except LinkError:
                await asyncio.sleep(RETRY_S)
                continue
            return reply(command, "done", f"strength {changed['strength_pct']} %, rhythm {changed['pattern']}")

    async def _operate(self, command: messages.Command) -> messages.Reply:
        minutes = command.minutes or DEFAULT_MINUTES
        op, payload = {
            "pause": (control.PAUSE, control.pack(control.PAUSE, minutes)),
            "snooze": (control.SNOOZE, control.pack(control.SNOOZE, minutes)),
            "resume": (control.RESUME, control.pack(control.RESUME)),
        }[command.kind]
        while True:
            link = await self._link_in_time(command)
            try:
                await link.operate(op, payload)
            except RefusedError as error:
                return reply(command, "refused", str(error))
            except LinkError:
                await asyncio.sleep(RETRY_S)
                continue
            return reply(command, "done")  # the core follows when the clip's status says so


async def _settings_on(link: Link) -> bytes:
    """The wearer's settings, which are there always: an empty answer is a clip that hides its values from a stranger
    who has connected, too. Raises LinkError."""
    data = await link.read(uuids.SETTINGS)
    if not data:
        raise LinkError("the clip hides its values from somebody else who is connected")
    return data


def reply(
    command: messages.Command, result: Literal["done", "refused", "expired", "unreachable"], detail: str = ""
) -> messages.Reply:
    """The reply to a command."""
    return messages.Reply(schema="reply/1", id=command.id, clip=command.clip, result=result, detail=detail[:200])
