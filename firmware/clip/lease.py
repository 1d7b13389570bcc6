"""Who judges now: the gateway's core while its lease is fresh, the clip's own detector otherwise."""

from .wire import clip_category as category
from .wire import clip_control as control
from .wire import clip_records as records


class Arbiter:
    """Feeds the policy one judgement at a time.

    A lease whose category is `lost` carries no judgement: the detector speaks. When a lease runs out in the middle of
    a slouch that the detector has not crossed into by its own angle, the slouch goes on as long as the detector's
    angle stays above recovery, so that a dropped link ends no dwell.

    A gateway that misses samples loses sight of a slouch and finds it again later; said by the judge that has named its
    true start, that later start would be taken for a recovery. So its lease ends with the first sample it misses, and
    it comes back as another judge, who ends no dwell.
    """

    def __init__(self, policy, detector) -> None:  # type: ignore[no-untyped-def]
        self._policy = policy
        self._detector = detector
        self._lease: tuple[int, int, int] | None = None
        self._until = 0
        self._carried: int | None = None  # since when the gateway's slouch was running when its lease ran out
        self.recovery_ddeg = 50
        self.judge = records.JUDGE_CLIP
        self.paused = False

    def lease(self, now_ms: int, state: int, since_ms: int, sagittal_ddeg: int) -> None:
        """A lease came at `now_ms`; it is judged by its own numbers however late it is."""
        if state == category.LOST:
            self._until = 0
            return
        self._lease = (state, since_ms, sagittal_ddeg)
        self._until = now_ms + control.LEASE_VALID_MS

    def drop(self) -> None:
        """The gateway that holds the lease misses samples: it is gone, or packets for it were given up."""
        self._until = 0

    def step(self, now_ms: int) -> None:
        """Tell the policy what holds now."""
        policy = self._policy
        if self.paused:
            policy.judge(category.PAUSED, now_ms, 0, records.JUDGE_CLIP)
            self._lease = self._carried = None
            return
        if self._lease is not None and now_ms < self._until:
            state, since, angle = self._lease
            self.judge = records.JUDGE_GATEWAY
            self._carried = None
            policy.judge(state, since, angle, records.JUDGE_GATEWAY)
            return
        detector = self._detector
        self.judge = records.JUDGE_CLIP
        if self._lease is not None:
            if self._lease[0] == category.SLOUCHED:
                self._carried = self._lease[1]
            self._lease = None
        if self._carried is not None:
            above = detector.category == category.UPRIGHT and detector.sagittal_ddeg > self.recovery_ddeg
            if above or detector.category == category.SLOUCHED:
                since = min(self._carried, detector.since_ms) if not above else self._carried
                policy.judge(category.SLOUCHED, since, detector.sagittal_ddeg, records.JUDGE_CLIP)
                return
            self._carried = None
        policy.judge(detector.category, detector.since_ms, detector.sagittal_ddeg, records.JUDGE_CLIP)
