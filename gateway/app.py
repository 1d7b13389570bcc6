"""The gateway: one outbox, one publisher, a session a clip."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from firmware.clip import protocol
from gateway import messages, orders, plans
from gateway.alone import Alone
from gateway.clock_map import ClockReport
from gateway.config import GatewayConfig
from gateway.erasing import Erasing, in_words
from gateway.inside import FACE, OWNER, Face
from gateway.mqtt.slumber import Slumber
from gateway.outbox import Outbox, OutboxError
from gateway.publisher import Publisher
from gateway.radio import BleakRadio, Radio
from gateway.session import Session
from gateway.updating import Shelf

STATUS_EVERY_S: Final = 60.0
LOOK_S: Final = 5.0
ASLEEP_S: Final = 10.0
"""If so much more time than meant has gone by between two looks, the computer slept."""
SAY_AGAIN_S: Final = 1.0
RESTART_S: Final = 5.0

logger = logging.getLogger(__name__)


async def run(
    config: GatewayConfig,
    *,
    utc_ms: Callable[[], int],
    stop: asyncio.Event | None = None,
    radio: Radio | None = None,
    faces: Sequence[Face] = (),
    config_file: Path | None = None,
) -> None:
    """Run the gateway until `stop` is set or the task is cancelled.

    `utc_ms` tells UTC; all waiting is by the running loop's clock; `faces` run beside it; out of `config_file`, where
    `config` is from, the clips are taken that the server has erased. Raises OutboxError when the data cannot be used.
    """
    with Alone(config.data_dir), Outbox(config.database, utc_ms, config.limits) as outbox:
        gateway = _Gateway(config, outbox, utc_ms, radio or BleakRadio(), Erasing(outbox, config_file))
        await gateway.run(stop or asyncio.Event(), faces)


class _Gateway:
    """What the parts have to do with each other."""

    def __init__(
        self, config: GatewayConfig, outbox: Outbox, utc_ms: Callable[[], int], radio: Radio, erasing: Erasing
    ) -> None:
        for clip in erasing.unfinished:
            config = config.without_clip(clip)
        self.config = config
        self._erasing = erasing
        self._one_erasure = asyncio.Lock()
        self._outbox = outbox
        self._utc_ms = utc_ms
        self._changed = asyncio.Event()
        self._errands: dict[str, asyncio.Task[None]] = {}
        self._publisher = Publisher(
            config,
            outbox,
            utc_ms,
            on_plan=self._on_plan,
            on_command=self._on_command,
            on_change=self._changed.set,
        )
        shelf = Shelf(config.data_dir, config.publisher)
        self._radio = radio
        self._sessions = {
            clip.serial: Session(
                clip,
                config.gateway,
                radio=radio,
                outbox=outbox,
                utc_ms=utc_ms,
                auto_calibrate=config.auto_calibrate,
                on_change=self._changed.set,
                on_rows=self._publisher.rows_added,
                on_live=self._publisher.tell_live,
                shelf=shelf,
            )
            for clip in config.clips
        }
        self._running: dict[str, asyncio.Task[None]] = {}  # the sessions

    async def run(self, stop: asyncio.Event, faces: Sequence[Face] = ()) -> None:
        self._publisher.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._publisher.run()), tasks.create_task(self._tell_status())]
                running.append(tasks.create_task(self._look_for_sleep()))
                running.append(tasks.create_task(self._finish_erasing()))
                for clip, session in self._sessions.items():
                    self._running[clip] = tasks.create_task(_keep_running(session))
                running += self._running.values()
                running += [tasks.create_task(self._show(face)) for face in faces]
                await stop.wait()
                for task in running:
                    task.cancel()
        finally:
            for errand in self._errands.values():
                errand.cancel()
            await self._publisher.stop()

    async def _tell_status(self) -> None:
        """Publish the status when it has changed, and once a minute; keep the last for `plumbline gateway status`."""
        while True:
            self._changed.clear()
            status = self.status()
            self._publisher.tell_status(status)
            if self._outbox.problem:
                self._outbox.probe()
            with suppress(OutboxError):  # said by the outbox, and by the next status
                self._outbox.set(OWNER, {FACE: messages.encode(status)})
            if self._outbox.problem != status.storage_problem:
                await asyncio.sleep(SAY_AGAIN_S)
                continue
            try:
                async with asyncio.timeout(STATUS_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look_for_sleep(self) -> None:
        """Let the sessions know when the computer has slept."""
        slumber = Slumber(LOOK_S + ASLEEP_S)
        while True:
            if slumber.woke(asyncio.get_running_loop().time(), self._utc_ms()):
                logger.info("this computer slept, or its clock was set forward; looking at every link")
                self._radio.hasten()
                for session in self._sessions.values():
                    session.wake()
            await asyncio.sleep(LOOK_S)

    async def _show(self, face: Face) -> None:
        try:
            await face(self)
        except Exception:
            logger.exception("unexpected; the gateway goes on without it")

    # --- for the faces: see Inside ---

    @property
    def broker_connected(self) -> bool:
        """See Inside."""
        return self._publisher.connected

    def utc_ms(self) -> int:
        """See Inside."""
        return self._utc_ms()

    def posture(self, clip: str) -> messages.Live | None:
        """See Inside."""
        return self._sessions[clip].posture

    def clock(self, clip: str) -> ClockReport | None:
        """See Inside."""
        return self._sessions[clip].clock

    def problem(self, clip: str) -> str:
        """See Inside."""
        return self._sessions[clip].problem

    def malformed(self) -> dict[str, int]:
        """See Inside."""
        return self._outbox.malformed

    async def command(self, command: messages.Command) -> messages.Reply:
        """See Inside."""
        return await self._sessions[command.clip].command(command)

    async def buzz(self, clip: str, within_s: float) -> messages.Reply:
        """See Inside."""
        return await self._sessions[clip].buzz(within_s)

    def status(self) -> messages.Status:
        """How everything is now."""
        return messages.Status(
            schema="status/1",
            online=True,
            utc_ms=self._utc_ms(),
            clips=tuple(session.face for session in self._sessions.values()),
            outbox_rows=self._outbox.waiting,
            outbox_oldest_utc_ms=self._outbox.oldest_utc_ms,
            rejected_rows=self._outbox.rejected,
            thinned_rows=self._outbox.thinned,
            storage_problem=self._outbox.problem[:200],
            broker_problem=self._publisher.problem[:250],
            version=version("plumbline"),
        )

    def _on_plan(self, message: messages.PlanMessage) -> None:
        session = self._sessions.get(message.clip)
        if session is None:  # a broker may go on telling of one that was erased: nothing of it is kept
            logger.warning("plan refused: the clip is not this gateway's")
            self._outbox.keep("plan", "not a clip of this gateway", b"")
            return
        try:
            session.want_plan(message.plan)
        except (plans.UnknownZoneError, protocol.MalformedError, OutboxError) as error:
            logger.warning("plan refused: %s", error)
            self._outbox.keep("plan", str(error), messages.encode(message))

    def _on_command(self, command: messages.Command) -> None:
        if (reply := self._outbox.answered(command.id)) is not None:
            self._publisher.reply(reply)
        elif command.id not in self._errands:
            errand = asyncio.create_task(self._carry_out(command))
            self._errands[command.id] = errand
            errand.add_done_callback(lambda _: self._errands.pop(command.id, None))

    async def _carry_out(self, command: messages.Command) -> None:
        session = self._sessions.get(command.clip)
        if command.kind == "erase" and command.expires_utc_ms > self._utc_ms():
            try:
                reply = orders.reply(command, "done", await self._erase(command.clip))
            except OutboxError as error:
                logger.warning("clip %s cannot be erased, waiting to be asked again: %s", command.clip[-4:], error)
                return
        elif command.kind == "erase":
            reply = orders.reply(command, "expired")
        elif session is None:
            reply = messages.Reply(
                schema="reply/1",
                id=command.id,
                clip=command.clip,
                result="refused",
                detail="not a clip of this gateway",
            )
        elif command.kind == "resend" and command.expires_utc_ms > self._utc_ms():
            self._publisher.resend()
            reply = orders.reply(command, "done")
        else:
            reply = await session.command(command)
        self._outbox.answer(reply)
        self._publisher.reply(reply)

    async def _erase(self, clip: str) -> str:
        """Erase a clip; what there is to say of it. Raises OutboxError when that could not even be begun."""
        async with self._one_erasure:
            self._erasing.decide(clip, holds=clip in self._sessions)
            session = self._sessions.pop(clip, None)
            self.config = self.config.without_clip(clip)
            given_up = await session.give_up_journal() if session is not None else None
            if (task := self._running.pop(clip, None)) is not None:
                task.cancel()
                await asyncio.wait({task})
            if given_up is not None:
                self._erasing.decide(clip, holds=False)
            await self._erasing.finish(clip)
        self._publisher.resend()
        self._changed.set()
        return in_words(given_up, known=session is not None)

    async def _finish_erasing(self) -> None:
        """Bring to its end what the process before this one could not."""
        async with self._one_erasure:
            for clip in self._erasing.unfinished:
                await self._erasing.finish(clip)


async def _keep_running(session: Session) -> None:
    """One clip's trouble must not end the others': what a session did not expect is told, and it starts again."""
    while True:
        try:
            await session.run()
        except Exception:
            logger.exception("clip %s: unexpected; starting its session again", session.clip.serial)
        await asyncio.sleep(RESTART_S)
