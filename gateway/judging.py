"""What the gateway makes of a clip's stream: one core for the boot that is being worn, and commits of what it says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from firmware.clip import protocol
from gateway import messages, placing, stream
from gateway.core import Core
from gateway.core.core import NOMINAL_PERIOD_MS
from gateway.core.types import Calibration, Judgement, Output, Samples, Thresholds
from gateway.ledger import Ledger
from gateway.outbox import OutboxError

SNAPSHOT_MS: Final = 10_000
"""Clip time between commits of the core's snapshot when there is nothing else to commit."""
MINUTE_MS: Final = protocol.records.EPOCH_MS

HELD_MAX: Final = 4096
"""Records held in memory while the disk takes none: days; the clip's own minutes stand for those given up."""

AHEAD_MS: Final = 10_000
"""A packet this far ahead of the clip's time is none of its: the core would wait for its moment and judge nothing."""
FOUND_LOST_MS: Final = 1000
"""A second is found lost only at its end, when its first hops have been judged already."""

logger = logging.getLogger(__name__)


class Judging:
    """The core of the current boot. It outlives connections and, by its snapshot, the process."""

    def __init__(
        self,
        ledger: Ledger,
        utc_ms: Callable[[], int],
        on_rows: Callable[[], None],
        *,
        steady_s: Callable[[], float],
    ) -> None:
        """`on_rows`: records have been committed; `steady_s`: seconds of a clock that nobody sets."""
        self._ledger = ledger
        self._utc_ms = utc_ms
        self._on_rows = on_rows
        self._steady_s = steady_s
        self._clip_at_zero = 0.0  # clip ms when the steady clock stood at 0, at least
        self._core: Core | None = None
        self._boot = ""
        self._period_us = 0
        self._seq: int | None = None
        self._fresh_link = True
        self._saved_to = 0
        self._uncommitted: list[messages.Model] = []  # what the core has told and the disk did not take
        self._slouch: tuple[int, int] | None = None  # since when, and up to when it was seen
        self.judgement: Judgement | None = None
        """The latest word on the stream of this connection; None before there is one."""
        self.packets_missed = 0
        """Packets that did not arrive, by the numbers of those that did."""
        self._restore()

    def _restore(self) -> None:
        stored = self._ledger.core
        if stored is None:
            return
        try:
            self._core = Core.restore(stored[1])
        except ValueError as error:
            self._ledger.keep("state", f"core snapshot: {error}", stored[1])
            return
        self._boot = stored[0]

    def begin(
        self,
        boot: str,
        clip_ms: int,
        period_us: int,
        thresholds: Thresholds,
        calibration: Calibration | None,
        *,
        paused: bool,
    ) -> None:
        """A connection has been made, to a clip whose time is `clip_ms` now. The core goes on when the boot is the
        same; the time between is lost."""
        self._clip_at_zero = clip_ms - 1000 * self._steady_s()
        self._period_us = period_us
        if self._core is None or boot != self._boot:
            self.finish()
            slipped = self.slipped and self._core is not None and self._core.calibrated_by(calibration)
            self._core = Core(thresholds, calibration, period_ms=period_us / 1000 or NOMINAL_PERIOD_MS, slipped=slipped)
            self._boot = boot
        else:
            self._core.set_thresholds(thresholds)
            self._core.set_calibration(calibration)
        self._core.set_paused(paused)
        self._seq = None
        self._fresh_link = True
        self._saved_to = 0
        self._slouch = None
        self.judgement = None

    @property
    def slipped(self) -> bool:
        """Whether the clip sits otherwise than it was calibrated: a new calibration is waited for."""
        return self._core is not None and self._core.slipped

    def set_period(self, period_us: int) -> None:
        """The clip has measured the interval between its samples."""
        self._period_us = period_us

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """The clip has confirmed a plan."""
        if self._core is not None:
            self._core.set_thresholds(thresholds)

    def set_calibration(self, calibration: Calibration | None) -> None:
        """The clip has confirmed a calibration."""
        if self._core is not None:
            self._core.set_calibration(calibration)

    def set_paused(self, *, paused: bool) -> None:
        """The clip was paused or resumed."""
        if self._core is not None:
            self._core.set_paused(paused)

    def packet(self, data: bytes) -> Samples | None:
        """Take in a stream packet; its samples, None when they could not be used."""
        core = self._core
        if core is None or not self._period_us:
            return None
        if is_summary(data):
            return None  # the link's packets are too small for the stream: the clip judges by itself
        try:
            packet = stream.decode(data, self._period_us)
        except protocol.MalformedError as error:
            self._ledger.keep("stream", str(error), data)
            return None
        ahead_ms = packet.t_ms - 1000 * self._steady_s() - self._clip_at_zero
        if ahead_ms > AHEAD_MS:
            self._ledger.keep("stream", f"stream packet from {ahead_ms / 1000:.0f} s ahead of the clip's time", data)
            return None
        self._clip_at_zero += max(0.0, ahead_ms)
        if self._seq is not None:
            self.packets_missed += (packet.seq - self._seq - 1) & 0xFFFF if packet.seq != self._seq else 0
        self._seq = packet.seq
        samples = packet.samples if packet.settled else _none_of(packet.samples)
        # A trailer waits in the core for the time of its second, which without samples never comes.
        trailers = (packet.trailer,) if packet.trailer is not None and len(samples.t_ms) else ()
        if len(samples.t_ms):
            self._ledger.clock(self._boot).arrival(float(samples.t_ms[-1]), self._utc_ms())
            if self._fresh_link:
                self._take(core.flush(int(samples.t_ms[0])))
                self._fresh_link = False
        self._take(core.push(samples, trailers))
        if core.position_ms - self._saved_to >= SNAPSHOT_MS:
            self._commit([])
        return samples

    def _take(self, out: Output) -> None:
        for judgement in out.judgements:
            self.judgement = self._steady(judgement)
        origin = self._ledger.origin(self._boot)
        records: list[messages.Model] = [placing.epoch(epoch, origin) for epoch in out.epochs]
        records += [placing.episode(episode, origin) for episode in out.episodes]
        records += [placing.finding(finding, origin) for finding in out.findings]
        if records:
            self._commit(records)

    def _steady(self, judgement: Judgement) -> Judgement:
        """The judgement with the true start of its slouch, where a lost second only cut it: the clip takes a later
        start for a recovery in between."""
        if judgement.category != protocol.category.SLOUCHED:
            if judgement.category != protocol.category.LOST:
                self._slouch = None
            return judgement
        if self._slouch is not None:
            since, seen_to = self._slouch
            if since < judgement.since_ms <= seen_to + FOUND_LOST_MS:
                judgement = replace(judgement, since_ms=since)
        self._slouch = (judgement.since_ms, judgement.judged_to_ms)
        return judgement

    def _commit(self, records: list[messages.Model]) -> None:
        """Commit what the core has told together with its state; keep it when the disk refuses, for the next time."""
        self._uncommitted += records
        try:
            self._ledger.commit(self._uncommitted, core=self.state)
        except OutboxError:
            if over := self._uncommitted[:-HELD_MAX]:
                del self._uncommitted[:-HELD_MAX]
                self._ledger.keep("full disk", f"{len(over)} records of the gateway's are given up", b"")
            return
        finally:
            self._saved_to = self._core.position_ms if self._core is not None else 0
        if self._uncommitted:
            self._uncommitted = []
            self._on_rows()

    @property
    def state(self) -> tuple[str, bytes] | None:
        """(boot, snapshot of the core), for a commit; None before the first connection."""
        return None if self._core is None else (self._boot, self._core.snapshot())

    def finish(self) -> None:
        """The stream has been away for long: bring the minute in progress to its end, the rest of it lost."""
        if self._core is not None and self._core.position_ms % MINUTE_MS:
            end = (self._core.position_ms // MINUTE_MS + 1) * MINUTE_MS
            self._take(self._core.flush(end))

    def save(self) -> None:
        """Commit the state as it is."""
        if self._core is not None:
            self._commit([])


def is_summary(data: bytes) -> bool:
    """Whether a packet is a 1-Hz summary."""
    return len(data) == protocol.stream.SUMMARY_SIZE and data[0] & 15 == protocol.stream.FLAG_SUMMARY


def _none_of(samples: Samples) -> Samples:
    return Samples(samples.t_ms[:0], samples.quaternion[:0], samples.acc_mg[:0], samples.held[:0])
