"""One clip: look for it, connect, prove the key, catch up, then judge its stream until the link is lost; for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Literal

from firmware.clip import protocol
from gateway import calibrating, clip_status, messages, plans
from gateway.backoff import BackOff
from gateway.clip_status import ClipReport
from gateway.config import ClipConfig
from gateway.core.types import Calibration, Judgement
from gateway.journal import Journal
from gateway.judging import Judging
from gateway.ledger import Ledger
from gateway.link import Link, LinkError, RefusedError, WrongClipError
from gateway.outbox import Outbox
from gateway.radio import Gatt, Radio, RadioError, short_uuid

control = protocol.control
uuids = protocol.uuids

State = Literal["searching", "connecting", "authenticating", "syncing", "live", "draining", "asleep"]

SEARCH_S: Final = 15.0
RETRY_S: Final = 0.1
AWAY_S: Final = 60.0
"""After this long without the clip the minute in progress is brought to its end."""
FIRST_PINGS: Final = 5
PING_APART_S: Final = 0.1
PING_EVERY_S: Final = 15.0
TIME_EVERY_S: Final = 3600.0
RENEW_S: Final = control.LEASE_RENEW_MS / 1000 - protocol.stream.PACKET_MS / 1000
"""A lease goes with the first judgement after this time, so that renewals are 2 s apart at most."""
LIVE_EVERY_MS: Final = 1000

logger = logging.getLogger(__name__)


class Session:
    """One clip, as long as the gateway runs."""

    def __init__(
        self,
        clip: ClipConfig,
        gateway: str,
        *,
        radio: Radio,
        outbox: Outbox,
        utc_ms: Callable[[], int],
        auto_calibrate: bool,
        on_change: Callable[[], None],
        on_rows: Callable[[], None],
        on_live: Callable[[messages.Live], None],
    ) -> None:
        """`on_change`: `face` has changed; `on_rows`: the outbox has new rows; `on_live`: posture now, when watched."""
        self.clip = clip
        self._gateway = bytes.fromhex(gateway)
        self._radio = radio
        self._utc_ms = utc_ms
        self._auto_calibrate = auto_calibrate
        self._on_change = on_change
        self._on_rows = on_rows
        self._on_live = on_live
        self._ledger = Ledger(outbox, clip.serial, simulated=clip.simulated)
        self._judging = Judging(self._ledger, utc_ms)
        self._back_off = BackOff()
        self.state: State = "searching"
        self.problem = ""
        """Why the last attempt or connection ended."""
        self._report: ClipReport | None = None
        self._firmware: str | None = None
        self._plan = protocol.plan.Plan()
        self._calibration: Calibration | None = None
        self._calibrator: calibrating.Calibrator | None = None
        self._calibration_found: Calibration | None = None
        self._calibrated: asyncio.Future[Calibration] | None = None
        self._link: Link | None = None
        self._ready = asyncio.Event()  # a link is up and in step
        self._judged = asyncio.Event()
        self._wish = asyncio.Event()  # a plan, a calibration or a changed version waits to be dealt with
        self._refused_plan = 0
        self._watch_until_ms = 0
        self._live_ms = 0

    # --- what others see ---

    @property
    def face(self) -> messages.ClipStatus:
        """The clip as its gateway knows it."""
        report = self._report
        return messages.ClipStatus(
            clip=self.clip.serial,
            link=self.state,
            plan_version=self._plan.version if report else None,
            calibration_version=(self._calibration.version if self._calibration else 0) if report else None,
            battery_pct=report.battery_pct if report else None,
            boot=report.boot if report else None,
            firmware=self._firmware,
            journal_waiting=max(0, report.journal_next - 1 - (self._ledger.position or 0)) if report else 0,
            simulated=self.clip.simulated,
        )

    @property
    def judgement(self) -> Judgement | None:
        """The latest word on the stream, None without a link."""
        return self._judging.judgement if self._link else None

    def want_plan(self, plan: messages.Plan) -> None:
        """The server says which plan the clip should have; it goes to the clip now or at the next connection.

        Raises protocol.MalformedError or plans.UnknownZoneError for a plan that no clip could follow.
        """
        plans.for_clip(plan)
        plans.utc_offset_min(plan.zone, self._utc_ms())
        known = self._ledger.plan
        if known is None or plan.version >= known.version:
            self._ledger.plan = plan
        self._wish.set()

    async def command(self, command: messages.Command) -> messages.Reply:
        """Carry a command out, waiting for the clip until the command expires."""
        left_s = (command.expires_utc_ms - self._utc_ms()) / 1000
        if left_s <= 0:
            return _reply(command, "expired")
        if command.kind == "watch":
            self._watch_until_ms = min(command.expires_utc_ms, self._utc_ms() + (command.minutes or 1) * 60_000)
            return _reply(command, "done")
        if command.kind == "erase":
            return _reply(command, "refused", "this version of the gateway cannot erase")
        try:
            async with asyncio.timeout(left_s):
                if command.kind == "calibrate":
                    return await self._calibrate(command)
                return await self._operate(command)
        except TimeoutError:
            waiting = self._calibrator if command.kind == "calibrate" else None
            return _reply(command, "unreachable", waiting.problem if waiting else "the clip was not in reach")

    async def _operate(self, command: messages.Command) -> messages.Reply:
        minutes = command.minutes or 30
        op, payload = {
            "pause": (control.PAUSE, control.pack(control.PAUSE, minutes)),
            "snooze": (control.SNOOZE, control.pack(control.SNOOZE, minutes)),
            "resume": (control.RESUME, control.pack(control.RESUME)),
        }[command.kind]
        while True:
            await self._ready.wait()
            link = self._link
            if link is None:
                continue
            try:
                await link.operate(op, payload)
            except RefusedError as error:
                return _reply(command, "refused", str(error))
            except LinkError:
                await asyncio.sleep(RETRY_S)
                continue
            if command.kind != "snooze":
                self._judging.set_paused(paused=command.kind == "pause")
            return _reply(command, "done")

    async def _calibrate(self, command: messages.Command) -> messages.Reply:
        await self._ready.wait()
        version = self._calibration.version if self._calibration else 0
        self._calibrator = calibrating.Calibrator(version + 1)
        self._calibrated = asyncio.get_running_loop().create_future()
        done = await self._calibrated
        return _reply(command, "done", f"calibration {done.version}")

    # --- the loop ---

    async def run(self) -> None:
        """Keep the clip connected until cancelled."""
        loop = asyncio.get_running_loop()
        away_since: float | None = loop.time()
        try:
            while True:
                made_at: float | None = None
                try:
                    handle = await self._radio.find(self.clip.serial, SEARCH_S)
                    if handle is not None:
                        self._enter("connecting")
                        gatt = await self._radio.connect(handle)
                        made_at = away_since = loop.time()
                        await self._serve(gatt, handle)
                except (RadioError, LinkError) as error:
                    self.problem = str(error)
                    logger.info("%s: %s", self.clip.serial[-4:], error)
                now = loop.time()
                held_s = 0.0 if made_at is None else now - made_at
                if made_at is not None:
                    away_since = now
                elif away_since is not None and now - away_since >= AWAY_S:
                    self._judging.finish()
                    self._on_rows()
                    away_since = None
                self._enter("searching")
                await asyncio.sleep(self._back_off.wait_s(held_s))
        finally:
            self._judging.save()

    async def _serve(self, gatt: Gatt, handle: object) -> None:
        """Make use of a connection until it is lost. Raises LinkError."""
        link = Link(
            gatt,
            serial=self.clip.serial,
            key=self.clip.key_bytes,
            gateway=self._gateway,
            utc_ms=self._utc_ms,
            on_malformed=self._ledger.keep,
        )
        try:
            self._enter("authenticating")
            await link.authenticate()
            self._enter("syncing")
            await self._follow(link, await self._catch_up(link))
        except WrongClipError:
            self._radio.not_this(self.clip.serial, handle)
            raise
        except ExceptionGroup as group:
            _, unexpected = group.split((LinkError, RefusedError))
            if unexpected is not None:
                raise
            raise LinkError(str(group.exceptions[0])) from group
        finally:
            self._link = None
            self._ready.clear()
            self._judging.save()
            await link.close()

    async def _follow(self, link: Link, report: ClipReport) -> None:
        """Judge the stream and drain the journal until the link is lost."""
        journal = Journal(link, self._ledger, self._judging, self._on_rows)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_until_lost(link))
            await link.subscribe(uuids.STATUS, self._on_status)
            await link.subscribe(uuids.STREAM, self._on_packet)
            self._link = link
            self._ready.set()
            self._wish.set()
            self._enter("draining")
            tasks.create_task(self._renew(link))
            tasks.create_task(self._keep_time(link))
            tasks.create_task(self._keep_ping(link))
            tasks.create_task(self._grant_wishes(link))
            tasks.create_task(journal.run(report.journal_first, report.journal_next))
            await journal.empty.wait()
            self._enter("live")

    async def _catch_up(self, link: Link) -> ClipReport:
        """Learn what the clip is, and where its clock stands."""
        data = await link.read(uuids.STATUS)
        try:
            report = clip_status.parse(data)
        except protocol.MalformedError as error:
            self._ledger.keep("status", str(error), data)
            raise LinkError(f"the clip's status is malformed: {error}") from error
        self._firmware = (await link.read(short_uuid(uuids.FIRMWARE_REVISION))).decode("utf-8", "replace")[:40]
        self._report = report
        self._plan = await self._plan_on(link)
        self._set_calibration(await self._calibration_on(link))
        self._refused_plan = 0
        self._judging.begin(
            report.boot,
            report.sample_period_us,
            plans.thresholds(self._plan),
            self._calibration,
            paused=report.paused,
        )
        for _ in range(FIRST_PINGS):
            await self._ping(link)
            await asyncio.sleep(PING_APART_S)
        await self._tell_time(link)
        return report

    def _enter(self, state: State) -> None:
        if state != self.state:
            self.state = state
            logger.info("%s: %s", self.clip.serial[-4:], state)
        self._on_change()

    # --- the stream and what follows from it ---

    def _on_packet(self, data: bytes) -> None:
        samples = self._judging.packet(data)
        if samples is None:
            return
        if self._calibrator is not None and (found := self._calibrator.feed(samples)) is not None:
            self._calibrator = None
            self._calibration_found = found
            self._wish.set()
        judgement = self._judging.judgement
        if judgement is not None:
            self._judged.set()
            self._show(judgement)

    def _show(self, judgement: Judgement) -> None:
        now = self._utc_ms()
        if now < self._watch_until_ms and now - self._live_ms >= LIVE_EVERY_MS:
            self._live_ms = now
            self._on_live(
                messages.Live(
                    schema="live/1",
                    clip=self.clip.serial,
                    utc_ms=now,
                    category=judgement.category,
                    sagittal_deg=judgement.sagittal_deg,
                    lateral_deg=judgement.lateral_deg,
                )
            )

    async def _renew(self, link: Link) -> None:
        """Tell the clip the judgement at once when it changes and every 2 s while there is news; stay silent when the
        stream has stopped, so that the clip judges by itself."""
        loop = asyncio.get_running_loop()
        said: tuple[int, int] | None = None
        said_at = 0.0
        while True:
            await self._judged.wait()
            self._judged.clear()
            judgement = self._judging.judgement
            if judgement is None:
                continue
            news = (judgement.category, judgement.since_ms)
            if news == said and loop.time() - said_at < RENEW_S:
                continue
            said, said_at = news, loop.time()
            try:
                await link.operate(control.LEASE, _lease(judgement), urgent=True)
            except RefusedError as error:
                self._ledger.keep("lease", str(error), _lease(judgement))

    def _on_status(self, data: bytes) -> None:
        try:
            report = clip_status.parse(data)
        except protocol.MalformedError as error:
            self._ledger.keep("status", str(error), data)
            return
        before, self._report = self._report, report
        self._judging.set_period(report.sample_period_us)
        self._judging.set_paused(paused=report.paused)
        if (report.plan_version, report.calibration_version) != (self._plan.version, self._calibration_version):
            self._wish.set()
        if before is None or before.battery_pct != report.battery_pct:
            self._on_change()

    # --- plan and calibration ---

    @property
    def _calibration_version(self) -> int:
        return self._calibration.version if self._calibration else 0

    def _set_calibration(self, calibration: Calibration | None) -> None:
        self._calibration = calibration
        if calibration is None and self._auto_calibrate:
            self._calibrator = self._calibrator or calibrating.Calibrator(1)

    async def _plan_on(self, link: Link) -> protocol.plan.Plan:
        """The plan on the clip; one that cannot be read counts as none, so that the wanted one goes there."""
        data = await link.read(uuids.PLAN)
        try:
            return protocol.plan.parse_plan(data)
        except protocol.MalformedError as error:
            self._ledger.keep("plan", str(error), data)
            return protocol.plan.Plan()

    async def _calibration_on(self, link: Link) -> Calibration | None:
        """The calibration on the clip; one that cannot be read counts as none."""
        data = await link.read(uuids.CALIBRATION)
        try:
            return calibrating.from_bytes(data)
        except protocol.MalformedError as error:
            self._ledger.keep("calibration", str(error), data)
            return None

    async def _grant_wishes(self, link: Link) -> None:
        while True:
            await self._wish.wait()
            self._wish.clear()
            await self._send_plan(link)
            await self._send_calibration(link)
            await self._read_back(link)

    async def _send_plan(self, link: Link) -> None:
        wanted = self._ledger.plan
        if wanted is None or wanted.version <= self._plan.version or wanted.version == self._refused_plan:
            return
        data = plans.for_clip(wanted)
        try:
            await link.operate(control.SET_PLAN, data)
        except RefusedError as error:
            self._refused_plan = wanted.version
            self._ledger.keep("plan", str(error), data)
        await self._read_plan(link)
        await self._tell_time(link)

    async def _read_plan(self, link: Link) -> None:
        plan = await self._plan_on(link)
        if plan.version != self._plan.version:
            logger.info("%s: plan %d confirmed", self.clip.serial[-4:], plan.version)
        self._plan = plan
        self._judging.set_thresholds(plans.thresholds(plan))
        self._on_change()

    async def _send_calibration(self, link: Link) -> None:
        found, self._calibration_found = self._calibration_found, None
        if found is None:
            return
        data = calibrating.to_bytes(found)
        try:
            await link.operate(control.SET_CALIBRATION, data)
        except RefusedError as error:
            self._ledger.keep("calibration", str(error), data)
        await self._read_calibration(link)

    async def _read_calibration(self, link: Link) -> None:
        self._set_calibration(await self._calibration_on(link))
        self._judging.set_calibration(self._calibration)
        if self._calibration and self._calibrated and not self._calibrated.done():
            self._calibrated.set_result(self._calibration)
        self._on_change()

    async def _read_back(self, link: Link) -> None:
        """Follow versions that somebody else has changed on the clip."""
        report = self._report
        if report is None:
            return
        if report.plan_version > self._plan.version:
            await self._read_plan(link)
        if report.calibration_version > self._calibration_version:
            await self._read_calibration(link)

    # --- time ---

    async def _ping(self, link: Link) -> None:
        report = self._report
        exchange = await link.ping()
        if report is not None:
            clock = self._ledger.clock(report.boot)
            clock.exchange(exchange.sent_utc_ms, exchange.clip_ms, exchange.received_utc_ms)

    async def _keep_ping(self, link: Link) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            await self._ping(link)

    async def _keep_time(self, link: Link) -> None:
        while True:
            await asyncio.sleep(TIME_EVERY_S)
            await self._tell_time(link)

    async def _tell_time(self, link: Link) -> None:
        """Give the clip UTC and its wearer's local time."""
        utc_ms = self._utc_ms()
        report = self._report
        clip_ms = self._ledger.clock(report.boot).clip_now(utc_ms) if report is not None else None
        if clip_ms is None:
            return
        wanted = self._ledger.plan
        payload = control.pack(
            control.TIME, clip_ms, utc_ms, plans.utc_offset_min(wanted.zone, utc_ms) if wanted else 0
        )
        try:
            await link.operate(control.TIME, payload)
        except RefusedError as error:
            self._ledger.keep("time", str(error), payload)


async def _until_lost(link: Link) -> None:
    await link.lost.wait()
    raise LinkError("link lost")


def _lease(judgement: Judgement) -> bytes:
    angle = judgement.sagittal_deg if judgement.sagittal_deg is not None else 0.0
    since = min(max(judgement.since_ms, 0), judgement.judged_to_ms)
    return control.pack(control.LEASE, judgement.category, since, judgement.judged_to_ms, round(angle * 10))


def _reply(
    command: messages.Command, result: Literal["done", "refused", "expired", "unreachable"], detail: str = ""
) -> messages.Reply:
    return messages.Reply(schema="reply/1", id=command.id, clip=command.clip, result=result, detail=detail[:200])
