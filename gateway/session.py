"""One clip: look for it, connect, prove the key, catch up, then judge its stream until the link is lost; for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from firmware.clip import protocol
from gateway import clip_status, messages, plans
from gateway.backoff import CHANCE, BackOff, Chance
from gateway.clip_status import ClipReport
from gateway.clock_map import ClockReport
from gateway.config import ClipConfig
from gateway.core import Judgement
from gateway.journal import Journal
from gateway.judging import Judging
from gateway.lease import Lease
from gateway.ledger import Ledger
from gateway.link import Link, LinkError, RefusedError, WrongClipError
from gateway.orders import Orders
from gateway.outbox import Outbox
from gateway.prescription import Prescription
from gateway.radio import Gatt, Radio, RadioError, RadioOffError, short_uuid
from gateway.timekeeping import Timekeeping
from gateway.updating import Shelf, Updating

uuids = protocol.uuids

State = Literal["searching", "connecting", "authenticating", "syncing", "live", "draining", "asleep"]
"""asleep: there is no usable Bluetooth; syncing: learns what the clip is and where its clock stands; draining: the
stream is judged while the journal still holds what happened before; live: nothing is left behind."""

LINKED: Final = ("syncing", "draining", "live")
SEARCH_S: Final = 10.0
"""Between two looks at how long the clip has been away."""
OFF_S: Final = 1.0
PROBE_S: Final = 2.0
"""A clip that is still there answers within this time."""
AWAY_S: Final = 60.0
"""After this long without the clip the minute in progress is brought to its end."""
LIVE_EVERY_MS: Final = 1000
ASKED_MS: Final = 60_000
"""A wish that is older than this came late over a lost link, and counts no more."""

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
        shelf: Shelf | None = None,
        random: Chance = CHANCE,
    ) -> None:
        """`on_change`: `face` has changed; `on_rows`: the outbox has new rows; `on_live`: posture now, when watched;
        `random`: of the waits between attempts."""
        self.clip = clip
        self._gateway = bytes.fromhex(gateway)
        self._radio = radio
        self._utc_ms = utc_ms
        self._on_change = on_change
        self._on_rows = on_rows
        self._on_live = on_live
        self._ledger = Ledger(outbox, clip.serial, simulated=clip.simulated)
        self._judging = Judging(self._ledger, utc_ms, on_rows, steady_s=lambda: asyncio.get_running_loop().time())
        self._prescription = Prescription(
            self._ledger, self._judging, utc_ms, auto_calibrate=auto_calibrate, on_change=on_change
        )
        self._time = Timekeeping(self._ledger, utc_ms)
        self._lease = Lease(self._ledger.keep)
        self._orders = Orders(self._linked, self._prescription, utc_ms)
        self._updating = None if shelf is None else Updating(shelf, clip.serial, on_change)
        self._back_off = BackOff(random)
        self._report: ClipReport | None = None
        self._firmware: str | None = None
        self._link: Link | None = None
        self._ready = asyncio.Event()  # a link is up and in step
        self._woken = asyncio.Event()
        self._shown_ms = 0
        self.state: State = "searching"
        self._since_utc_ms = utc_ms()
        self.problem = ""
        """Why the last attempt or connection ended."""

    # --- what others see and ask ---

    @property
    def face(self) -> messages.ClipStatus:
        """The clip as its gateway knows it."""
        report = self._report
        return messages.ClipStatus(
            clip=self.clip.serial,
            link=self.state,
            link_since_utc_ms=self._since_utc_ms,
            paired_utc_ms=self.clip.paired_utc_ms,
            link_problem="" if self.state in LINKED else self.problem[:200],
            plan_version=self._prescription.plan.version if report else None,
            calibration_version=self._prescription.calibration_version if report else None,
            calibration_repeat=self._prescription.calibration_repeat if report else None,
            battery_pct=report.battery_pct if report else None,
            boot=report.boot if report else None,
            firmware=self._firmware,
            update=self._updating.progress if self._updating else None,
            journal_waiting=max(0, report.journal_next - 1 - (self._ledger.position or 0)) if report else 0,
            simulated=self.clip.simulated,
        )

    @property
    def clock(self) -> ClockReport | None:
        """See Timekeeping.report."""
        return self._time.report

    @property
    def posture(self) -> messages.Live | None:
        """Posture now; None without a stream that is judged."""
        judgement = self._judging.judgement
        return None if judgement is None or self._link is None else self._live(judgement, self._utc_ms())

    def want_plan(self, plan: messages.Plan) -> None:
        """See Prescription.want_plan."""
        self._prescription.want_plan(plan)

    async def command(self, command: messages.Command) -> messages.Reply:
        """See Orders.carry_out."""
        return await self._orders.carry_out(command)

    async def buzz(self, within_s: float) -> messages.Reply:
        """See Orders.buzz."""
        return await self._orders.buzz(self.clip.serial, within_s)

    def wake(self) -> None:
        """The computer may have slept: look whether the link has outlived that, or go on connecting at once."""
        self._back_off.reset()
        self._woken.set()

    async def give_up_journal(self) -> int | None:
        """Tell the clip that everything in its journal is acknowledged, so that it is told to nobody any more; how many
        records that were, None when there is no link or the clip does not answer in time."""
        if (link := self._link) is None:
            return None
        try:
            async with asyncio.timeout(PROBE_S):
                report = clip_status.parse(await link.read(uuids.STATUS))
                up_to = protocol.control.pack(protocol.control.JOURNAL_ACK, report.journal_next - 1)
                await link.operate(protocol.control.JOURNAL_ACK, up_to)
        except (TimeoutError, LinkError, RefusedError, protocol.MalformedError):
            return None
        return report.journal_next - report.journal_first

    async def _linked(self) -> Link:
        while True:
            await self._ready.wait()
            if self._link is not None:
                return self._link

    # --- the loop ---

    async def run(self) -> None:
        """Keep the clip connected until cancelled."""
        loop = asyncio.get_running_loop()
        away_since: float | None = loop.time()
        try:
            while True:
                made_at: float | None = None
                handle: object | None = None
                try:
                    handle = await self._radio.find(self.clip.serial, SEARCH_S)
                    if handle is not None:
                        self._enter("connecting")
                        gatt = await self._radio.connect(handle)
                        made_at = loop.time()
                        await self._serve(gatt, handle)
                except RadioOffError as error:
                    self._fail(error, again=False)
                    self._enter("asleep")
                    await asyncio.sleep(OFF_S)
                except (RadioError, LinkError) as error:
                    self._fail(error, again=made_at is not None)
                    self._enter("searching")
                else:
                    self._enter("searching")
                now = loop.time()
                if made_at is not None:
                    away_since = now
                elif away_since is not None and now - away_since >= AWAY_S:
                    self._judging.finish()
                    away_since = None
                if handle is not None:
                    await self._rest(self._back_off.wait_s(0.0 if made_at is None else now - made_at))
        finally:
            self._judging.save()

    def _fail(self, error: Exception, *, again: bool) -> None:
        """Say and keep why something ended; `again`: also if that is what was said last."""
        if again or str(error) != self.problem:
            logger.info("%s: %s", self.clip.serial[-4:], error)
        self.problem = str(error)

    async def _rest(self, wait_s: float) -> None:
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._woken.wait()

    async def _probe(self, link: Link) -> None:
        """Raises LinkError when the clip does not answer after the computer has slept."""
        self._woken.clear()
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                async with asyncio.timeout(PROBE_S):
                    await link.ping()
            except TimeoutError:
                raise LinkError("the link has not outlived the computer's sleep") from None

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

    async def _catch_up(self, link: Link) -> ClipReport:
        """Learn what the clip is, and where its clock stands."""
        data = await link.read(uuids.STATUS)
        try:
            report = clip_status.parse(data)
        except protocol.MalformedError as error:
            self._ledger.keep("status", str(error), data)
            raise LinkError(f"the clip's status is malformed: {error}") from error
        self._report = report
        self._firmware = (await link.read(short_uuid(uuids.FIRMWARE_REVISION))).decode("utf-8", "replace")[:40]
        await self._prescription.learn(link)
        self._judging.begin(
            report.boot,
            report.t_ms,
            report.sample_period_us,
            plans.thresholds(self._prescription.plan),
            self._prescription.calibration,
            paused=report.paused,
        )
        await self._time.begin(link, report.boot)
        return report

    async def _follow(self, link: Link, report: ClipReport) -> None:
        """Judge the stream and drain the journal until the link is lost."""
        journal = Journal(link, self._ledger, self._judging, self._on_rows, self._on_event)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_until_lost(link))
            tasks.create_task(self._probe(link))
            await link.subscribe(uuids.STATUS, self._on_status)
            await link.subscribe(uuids.STREAM, self._on_packet)
            self._link = link
            self._ready.set()
            self._enter("draining")
            tasks.create_task(self._lease.run(link))
            tasks.create_task(self._time.run(link))
            tasks.create_task(self._prescription.run(link, self._time.tell))
            tasks.create_task(journal.run(report.journal_first, report.journal_next))
            if self._updating is not None:
                tasks.create_task(self._updating.run(link, self._firmware or ""))
            await journal.empty.wait()
            self._enter("live")

    def _enter(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._since_utc_ms = self._utc_ms()
            logger.info("%s: %s", self.clip.serial[-4:], state)
            self._on_change()

    # --- what the clip sends ---

    def _on_packet(self, data: bytes) -> None:
        samples = self._judging.packet(data)
        if samples is None:
            return
        self._prescription.feed(samples)
        judgement = self._judging.judgement
        if judgement is not None:
            self._lease.tell(judgement)
            self._show(judgement)

    def _show(self, judgement: Judgement) -> None:
        now = self._utc_ms()
        if now < self._orders.watched_until_ms and now - self._shown_ms >= LIVE_EVERY_MS:
            self._shown_ms = now
            self._on_live(self._live(judgement, now))

    def _live(self, judgement: Judgement, now: int) -> messages.Live:
        return messages.Live(
            schema="live/1",
            clip=self.clip.serial,
            utc_ms=now,
            category=judgement.category,
            sagittal_deg=judgement.sagittal_deg,
            lateral_deg=judgement.lateral_deg,
        )

    def _on_event(self, event: messages.Event) -> None:
        """The wearer may have asked for a calibration; refused by the clip or long ago, they have given it up."""
        if event.kind != "calibrate_asked" or not event.value:
            return
        if event.utc_ms is None or self._utc_ms() - event.utc_ms > ASKED_MS:
            return
        logger.info("%s: its wearer asks for a calibration", self.clip.serial[-4:])
        self._prescription.ask_for_calibration()

    def _on_status(self, data: bytes) -> None:
        try:
            report = clip_status.parse(data)
        except protocol.MalformedError as error:
            self._ledger.keep("status", str(error), data)
            return
        before, self._report = self._report, report
        self._judging.set_period(report.sample_period_us)
        self._judging.set_paused(paused=report.paused)
        self._prescription.reported(report)
        if before is None or before.battery_pct != report.battery_pct:
            self._on_change()


async def _until_lost(link: Link) -> None:
    await link.lost.wait()
    raise LinkError("link lost")
