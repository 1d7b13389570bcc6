"""The core: samples in, in any cuts; judgements, episodes and epochs out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol

from .activity import ActivityGate
from .categories import Categoriser, Posture
from .episodes import EpisodeTracker
from .frames import FRAME_MS, HOP_MS, HOPS, SKY_ONE, FrameBuffer, Hops
from .handling import HandlingGate
from .minutes import MinuteWriter
from .orientation import inclination
from .slip import SlipGate
from .types import (
    Calibration,
    EpisodeOut,
    EpochOut,
    FindingOut,
    Judgement,
    Judgements,
    Output,
    Samples,
    Thresholds,
    Trailer,
)
from .warmth import Warmth
from .wear import Finding, WearGate

code = protocol.category

SNAPSHOT: Final = 6
NOMINAL_PERIOD_MS: Final = 1000 / 26
BLOCK: Final = 1 << 13
"""Hops."""
LONG_GAP_S: Final = 120
"""A longer gap is passed over instead of being counted hop by hop; its minutes are not told, which means lost."""

Ints = NDArray[np.int64]


class SnapshotError(ValueError):
    """A snapshot that this version of the core cannot go on from."""


class Core:
    """Judges one clip over one boot. Pure: what comes out depends on what went in, not on when or how it was cut.

    period_ms: interval between samples as the clip measured it; half a second of samples is counted with it. slipped:
    the clip is known not to sit as it was calibrated.
    """

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        calibration: Calibration | None = None,
        *,
        period_ms: float = NOMINAL_PERIOD_MS,
        slipped: bool = False,
    ) -> None:
        self._thresholds = thresholds or Thresholds()
        self._calibration = calibration
        self._paused = False
        self._pending: list[tuple[int, str, Any]] = []  # (clip second from which, what, value)
        self._frames = FrameBuffer()
        self._started = False
        self._last_second = 0
        self._activity = ActivityGate()
        self._handling = HandlingGate()
        self._warmth = Warmth()
        self._wear = WearGate()
        self._finding: Finding | None = None
        self._slip = SlipGate()
        self._slipped = slipped
        self._categories = Categoriser(period_ms)
        self._episodes = EpisodeTracker()
        self._minutes = MinuteWriter()
        self._judgement = Judgement(code.LOST, 0, 0, None, None)

    @property
    def judgement(self) -> Judgement:
        """The newest judgement; LOST at 0 before the first sample."""
        return self._judgement

    @property
    def position_ms(self) -> int:
        """Everything before has been judged; an earlier sample comes too late and is dropped."""
        return self._frames.next_hop * HOP_MS

    @property
    def slipped(self) -> bool:
        """Whether the clip sits otherwise than it was calibrated; until it is calibrated again nothing is judged."""
        return self._slipped

    def calibrated_by(self, calibration: Calibration | None) -> bool:
        """Whether this is the calibration in force."""
        return _calibration_state(self._calibration) == _calibration_state(calibration)

    @property
    def dropped(self) -> int:
        """Samples not used: too late, out of order or not finite."""
        return self._frames.dropped

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Judge with these from the next whole clip second. What is in force already changes nothing."""
        self._change("thresholds", thresholds)

    def set_calibration(self, calibration: Calibration | None) -> None:
        """Measure against this from the next whole clip second; the postures before are then forgotten."""
        self._change("calibration", calibration)

    def set_paused(self, paused: bool) -> None:
        """Do not measure (or measure again) from the next whole clip second."""
        self._change("paused", paused)

    def push(self, samples: Samples, trailers: Sequence[Trailer] = ()) -> Output:
        """Take samples, and the trailers that came with them; tells what they brought to an end."""
        run = _Run()
        self._minutes.add(trailers)
        self._warmth.add(trailers)
        samples = self._frames.accept(samples)
        seconds = (samples.t_ms / FRAME_MS).astype(np.int64)
        cuts = np.flatnonzero(np.diff(seconds) > LONG_GAP_S + 2) + 1
        for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(seconds)], strict=True):
            if begin == end:
                continue
            first = int(seconds[begin])
            if not self._started:
                self._started = True
                self._frames.start(first * HOPS)
            else:
                self._pass_gap(first, run)
            part = slice(begin, end)
            self._frames.add(
                Samples(samples.t_ms[part], samples.quaternion[part], samples.acc_mg[part], samples.held[part])
            )
            self._last_second = int(seconds[end - 1])
            self._advance(int(samples.t_ms[end - 1] // HOP_MS), run)
        return self._output(run)

    def flush(self, to_ms: int) -> Output:
        """Declare everything up to `to_ms` that has not come lost; tells what that brought to an end."""
        run = _Run()
        if self._started:
            self._pass_gap(to_ms // FRAME_MS, run)
            self._advance(to_ms // HOP_MS, run)
        return self._output(run)

    # --- the way through ---

    def _pass_gap(self, second: int, run: _Run) -> None:
        if second - self._last_second <= LONG_GAP_S + 2:
            return
        self._advance((self._last_second + 1 + LONG_GAP_S) * HOPS, run)
        if second * HOPS > self._frames.next_hop:
            self._advance(-(-self._frames.next_hop // HOPS) * HOPS, run)  # time was declared passed within a second
            self._frames.start(second * HOPS)
            self._wear.skip()
            self._slip.skip()
            self._warmth.forget(second * FRAME_MS)
            self._categories.reset(lost=True)

    def _advance(self, until: int, run: _Run) -> None:
        # In blocks that stay near the processor's cache: the same result in three quarters of the time.
        while self._frames.next_hop < until:
            self._judge_block(self._frames.take(min(until, self._frames.next_hop + BLOCK)), run)

    def _judge_block(self, hops: Hops, run: _Run) -> None:
        moving, shaken = self._activity.step(hops)
        handled = self._handling.step(hops)
        begin = 0
        while begin < len(hops):
            self._apply_changes((hops.first + begin) // HOPS)
            end = len(hops)
            if self._pending:
                end = min(end, self._pending[0][0] * HOPS - hops.first)
            part = slice(begin, end)
            self._judge(hops.part(begin, end), moving[part], shaken[part], handled[part], run)
            begin = end

    def _judge(
        self,
        hops: Hops,
        moving: NDArray[np.bool_],
        shaken: NDArray[np.bool_],
        handled: NDArray[np.bool_],
        run: _Run,
    ) -> None:
        up = self._calibration.up if self._calibration else None
        not_worn, new, weights = self._wear.step(hops, moving, handled, self._warmth, up)
        findings = ([self._finding] if self._finding else []) + new
        self._finding = findings[-1] if findings else None
        posture = self._posture(hops, moving, shaken, not_worn)
        measured = self._calibration is not None and not (self._paused or self._slipped)
        told, slipped_at = self._slip.step(posture, handled, weights, measured=measured)
        plan, calibration = self._versions
        run.findings += [replace(one, plan_version=plan, calibration_version=calibration) for one in told]
        begin = 0
        for stop in sorted({finding.at for finding in new} | ({slipped_at} if slipped_at else set())):
            self._label(posture.part(begin, stop - hops.first), findings, run)
            begin = stop - hops.first
            for finding in new:
                run.episodes += self._episodes.not_worn(finding) if finding.at == stop else []
            if stop == slipped_at:
                self._slipped = True
                self._forget_postures()
        if begin < len(hops):
            self._label(posture.part(begin, len(hops)), findings, run)

    def _label(self, posture: Posture, findings: list[Finding], run: _Run) -> None:
        """Judge hops that the same thresholds and calibration hold for."""
        calibrated = self._calibration is not None and not self._slipped
        labels = self._categories.step(posture, self._thresholds, calibrated=calibrated, paused=self._paused)
        since, episodes, late = self._episodes.step(posture, labels, self._thresholds, self._versions[1], findings)
        run.episodes += episodes
        angle = posture.usable & (calibrated and not self._paused)
        judged_to = (posture.first + 1 + np.arange(len(posture.received))) * HOP_MS
        run.judgements.append(
            np.stack((labels.category, since, judged_to, posture.sagittal, posture.lateral, angle.astype(np.int64)))
        )
        run.epochs += self._minutes.write(posture, labels, angle, findings, late, self._versions)

    @property
    def _versions(self) -> tuple[int, int]:
        return self._thresholds.plan_version, self._calibration.version if self._calibration else 0

    def _posture(
        self, hops: Hops, moving: NDArray[np.bool_], shaken: NDArray[np.bool_], not_worn: NDArray[np.bool_]
    ) -> Posture:
        usable = hops.used > 0
        angles = np.zeros((3, len(hops)), dtype=np.int64)
        if self._calibration is not None:
            x, y, z = hops.sky / SKY_ONE
            for row, values in zip(angles, inclination((x, y, z), self._calibration), strict=True):
                row[:] = np.where(usable, np.rint(values * 1000), 0)
        return Posture(hops.first, hops.received, usable, angles[0], angles[1], angles[2], moving, shaken, not_worn)

    def _output(self, run: _Run) -> Output:
        judgements = Judgements.joined(run.judgements)
        if len(judgements):
            self._judgement = judgements[-1]
        return Output(run.epochs, run.episodes, run.findings, judgements)

    # --- changes ---

    def _change(self, what: str, value: Any) -> None:
        newest = next((v for _, w, v in reversed(self._pending) if w == what), getattr(self, f"_{what}"))
        if _VALUE_STATE[what](value) == _VALUE_STATE[what](newest):
            return  # said again: no reason to begin anything anew
        second = -(-self._frames.next_hop // HOPS)
        if np.isfinite(self._frames.newest_ms):
            second = max(second, int(self._frames.newest_ms // FRAME_MS) + 1)
        self._pending.append((second, what, value))
        if not self._started:
            self._apply_changes(second)

    def _apply_changes(self, second: int) -> None:
        while self._pending and self._pending[0][0] <= second:
            _, what, value = self._pending.pop(0)
            setattr(self, f"_{what}", value)
            if what == "calibration":
                self._slipped = False
                self._slip.calibrated(second * HOPS)
                self._forget_postures()

    def _forget_postures(self) -> None:
        """The reference is another."""
        self._categories.reset(lost=False)
        self._episodes.break_run()
        self._minutes.forget_posture()

    # --- snapshot ---

    def snapshot(self) -> bytes:
        """Everything, so that `Core.restore` goes on as if nothing had happened."""
        return json.dumps(
            {
                "snapshot": SNAPSHOT,
                "thresholds": asdict(self._thresholds),
                "calibration": _calibration_state(self._calibration),
                "paused": self._paused,
                "pending": [[second, what, _VALUE_STATE[what](value)] for second, what, value in self._pending],
                "started": self._started,
                "last_second": self._last_second,
                "frames": self._frames.state(),
                "activity": self._activity.state(),
                "handling": self._handling.state(),
                "warmth": self._warmth.state(),
                "wear": self._wear.state(),
                "finding": [self._finding.at, self._finding.since] if self._finding else None,
                "slip": self._slip.state(),
                "slipped": self._slipped,
                "categories": self._categories.state(),
                "episodes": self._episodes.state(),
                "minutes": self._minutes.state(),
                "judgement": asdict(self._judgement),
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def restore(cls, snapshot: bytes) -> Core:
        """A core that goes on where `snapshot` was taken. Raises SnapshotError for anything else."""
        try:
            state = json.loads(snapshot)
            if state["snapshot"] != SNAPSHOT:
                raise SnapshotError(f"snapshot of version {state['snapshot']}, expected {SNAPSHOT}")
            core = cls(Thresholds(**state["thresholds"]), _calibration_from(state["calibration"]))
            core._paused = state["paused"]
            core._pending = [(second, what, _VALUE_FROM[what](value)) for second, what, value in state["pending"]]
            core._started, core._last_second = state["started"], state["last_second"]
            core._frames = FrameBuffer.from_state(state["frames"])
            core._activity = ActivityGate.from_state(state["activity"])
            core._handling = HandlingGate.from_state(state["handling"])
            core._warmth = Warmth.from_state(state["warmth"])
            core._wear = WearGate.from_state(state["wear"])
            core._finding = Finding(*state["finding"]) if state["finding"] else None
            core._slip, core._slipped = SlipGate.from_state(state["slip"]), bool(state["slipped"])
            core._categories = Categoriser.from_state(state["categories"])
            core._episodes = EpisodeTracker.from_state(state["episodes"])
            core._minutes = MinuteWriter.from_state(state["minutes"])
            core._judgement = Judgement(**state["judgement"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            if isinstance(error, SnapshotError):
                raise
            raise SnapshotError(f"not a snapshot of the core: {error}") from error
        return core


class _Run:
    """What one push or flush collects."""

    def __init__(self) -> None:
        self.epochs: list[EpochOut] = []
        self.episodes: list[EpisodeOut] = []
        self.findings: list[FindingOut] = []
        self.judgements: list[Ints] = []


def _calibration_state(calibration: Calibration | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    return {
        "version": calibration.version,
        "up": calibration.up.tolist(),
        "forward": calibration.forward.tolist(),
        "procedure": calibration.procedure,
    }


def _calibration_from(state: dict[str, Any] | None) -> Calibration | None:
    if state is None:
        return None
    return Calibration(state["version"], np.array(state["up"]), np.array(state["forward"]), state["procedure"])


_VALUE_STATE: Final[dict[str, Callable[[Any], Any]]] = {
    "thresholds": asdict,
    "calibration": _calibration_state,
    "paused": bool,
}
_VALUE_FROM: Final[dict[str, Callable[[Any], Any]]] = {
    "thresholds": lambda state: Thresholds(**state),
    "calibration": _calibration_from,
    "paused": bool,
}
