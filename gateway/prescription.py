"""What is set on the clip: the plan that the therapist wants there, and the calibration that the wearer gives.

The clip's own word counts: a version is in force, and the core judges by it, when the clip has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from firmware.clip import protocol
from gateway import calibrating, messages, plans
from gateway.clip_status import ClipReport
from gateway.core import Calibration, Samples, repeatability
from gateway.judging import Judging
from gateway.ledger import Ledger
from gateway.link import Link, LinkError, RefusedError

control = protocol.control
uuids = protocol.uuids

ASKED_MS: Final = 120_000
"""How long a hold and a bow are waited for after the wearer has asked: later ones just happen."""

NOT_IN_REACH: Final = "the clip was not in reach"

logger = logging.getLogger(__name__)


class Prescription:
    """Plan and calibration of one clip, wanted and in force."""

    def __init__(
        self,
        ledger: Ledger,
        judging: Judging,
        utc_ms: Callable[[], int],
        *,
        auto_calibrate: bool,
        on_change: Callable[[], None],
    ) -> None:
        """`on_change`: a version in force has changed."""
        self._ledger = ledger
        self._judging = judging
        self._utc_ms = utc_ms
        self._auto_calibrate = auto_calibrate
        self._on_change = on_change
        self._news = asyncio.Event()
        self._refused = 0  # version of the wanted plan, when the clip of this connection refused it
        self._calibrator: calibrating.Calibrator | None = None
        self._found: Calibration | None = None
        self._waiting: asyncio.Future[int] | None = None
        self._problem = NOT_IN_REACH
        self._asked_at: float | None = None  # clip ms of the first sample since the wearer has asked; -1 before it
        self.plan = protocol.plan.Plan()
        """In force on the clip."""
        self.calibration: Calibration | None = None
        """In force on the clip."""

    @property
    def calibration_version(self) -> int:
        """Version in force, 0 for none."""
        return self.calibration.version if self.calibration else 0

    @property
    def calibration_repeat(self) -> messages.CalibrationRepeat | None:
        """How well the calibration in force repeats the one before it, None when that is not known."""
        stored = self._ledger.calibrated
        return stored[1] if stored is not None and stored[0] == self.calibration_version else None

    # --- what is wanted ---

    def want_plan(self, plan: messages.Plan) -> None:
        """The server says which plan the clip should have.

        Raises protocol.MalformedError or plans.UnknownZoneError for a plan that no clip could follow.
        """
        plans.for_clip(plan)
        plans.utc_offset_min(plan.zone, self._utc_ms())
        known = self._ledger.plan
        if known is None or plan.version >= known.version:
            self._ledger.plan = plan
        self._news.set()

    def ask_for_calibration(self) -> None:
        """The wearer has asked with the button: a hold and a bow within ASKED_MS of clip time are a calibration."""
        if self._calibrator is None:
            self._calibrator = calibrating.Calibrator(self.calibration_version + 1)
            self._asked_at = -1.0

    def await_clip(self) -> None:
        """A calibration is wanted of a clip that may not be there."""
        self._problem = NOT_IN_REACH

    async def calibrate(self) -> int:
        """Wait for a hold and a bow, set the calibration; its version once the clip has it. Cancelled, what is in force
        stays so."""
        self._asked_at = None
        self._calibrator = calibrating.Calibrator(self.calibration_version + 1)
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        try:
            return await waiting
        except asyncio.CancelledError:
            self._problem = self.calibrating_problem
            if self._waiting is waiting and self.calibration is not None:
                self._calibrator = None
            raise

    @property
    def calibrating_problem(self) -> str:
        """Why there is no calibration yet, while one is waited for and after that."""
        return self._calibrator.problem if self._calibrator else self._problem

    def feed(self, samples: Samples) -> None:
        """Samples of the stream, in which a hold and a bow may be."""
        if self._judging.slipped and self._auto_calibrate and self._calibrator is None and self._found is None:
            self._calibrator = calibrating.Calibrator(self.calibration_version + 1)
        if self._calibrator is not None and (found := self._calibrator.feed(samples)) is not None:
            self._calibrator = self._asked_at = None
            self._found = found
            self._news.set()
        elif self._asked_at is not None and len(samples.t_ms):
            self._be_patient(self._asked_at, float(samples.t_ms[-1]))

    def _be_patient(self, asked_at: float, clip_ms: float) -> None:
        """Give up what the wearer has asked for after a while, and when the clip has started anew."""
        if asked_at < 0:
            self._asked_at = clip_ms
        elif not asked_at <= clip_ms <= asked_at + ASKED_MS:
            logger.info("%s: no calibration: %s", self._ledger.serial[-4:], self.calibrating_problem)
            self._calibrator = self._asked_at = None

    def reported(self, report: ClipReport) -> None:
        """The clip has said which versions it has."""
        if (report.plan_version, report.calibration_version) != (self.plan.version, self.calibration_version):
            self._news.set()

    # --- over a connection ---

    async def learn(self, link: Link) -> None:
        """Read what is in force. Raises LinkError."""
        self._refused = 0
        calibration = await self._calibration_on(link)
        self.plan = await self._plan_on(link)
        self._in_force(calibration)

    async def run(self, link: Link, tell_time: Callable[[Link], Awaitable[None]]) -> None:
        """Bring to the clip what is wanted, and follow what others set, until cancelled. Raises LinkError."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            if await self._send_plan(link):
                await tell_time(link)  # the plan may have brought another zone
            await self._send_calibration(link)
            await self._read_back(link)

    async def _send_plan(self, link: Link) -> bool:
        wanted = self._ledger.plan
        if wanted is None or wanted.version <= self.plan.version or wanted.version == self._refused:
            return False
        data = plans.for_clip(wanted)
        try:
            await link.operate(control.SET_PLAN, data)
        except RefusedError as error:
            self._refused = wanted.version
            self._ledger.keep("plan", str(error), data)
        return True

    async def _send_calibration(self, link: Link) -> None:
        found = self._found
        if found is None:
            return
        data = calibrating.to_bytes(found)
        try:
            await link.operate(control.SET_CALIBRATION, data)
        except RefusedError as error:
            self._ledger.keep("calibration", str(error), data)
        self._found = None

    async def _read_back(self, link: Link) -> None:
        calibration = await self._calibration_on(link)
        plan = await self._plan_on(link)
        if plan.version != self.plan.version:
            logger.info("%s: plan %d confirmed", self._ledger.serial[-4:], plan.version)
        self.plan = plan
        self._judging.set_thresholds(plans.thresholds(plan))
        self._in_force(calibration)
        self._judging.set_calibration(calibration)
        self._on_change()

    def _in_force(self, calibration: Calibration | None) -> None:
        before, version = self.calibration, self.calibration_version
        self.calibration = calibration
        if before is not None and calibration is not None and calibration.version > version:
            apart = repeatability(before, calibration)
            self._ledger.calibrated = (
                calibration.version,
                messages.CalibrationRepeat(up_deg=round(apart.up_deg, 1), forward_deg=round(apart.forward_deg, 1)),
            )
        if calibration is None:
            if self._auto_calibrate and self._calibrator is None and self._found is None:
                self._calibrator = calibrating.Calibrator(1)
        elif self._waiting and not self._waiting.done() and calibration.version > version:
            self._waiting.set_result(calibration.version)

    async def _plan_on(self, link: Link) -> protocol.plan.Plan:
        """The plan on the clip; one that cannot be read counts as none, so that the wanted one goes there.

        There always is one: an empty answer is a clip that hides its values from a stranger who has connected, too. It
        is read after the calibration, of which there may be none. Raises LinkError.
        """
        data = await link.read(uuids.PLAN)
        if not data:
            raise LinkError("the clip hides its values from somebody else who is connected")
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
