"""Who judges now: the gateway's core while its lease is fresh, the clip's own detector otherwise."""

from .wire import clip_category as category
from .wire import clip_control as control
from .wire import clip_records as records
from .wire.base import const

_OVERDUE_MS = const(3000)  # a gateway that is there has judged further by then: it renews every 2 s


class Arbiter:
    """Feeds the policy one judgement at a time.

    A lease whose category is `lost` carries no judgement: the detector speaks. When a lease runs out in the middle of
    a slouch that the detector has not crossed into by its own angle, the slouch goes on as long as the detector's
    angle stays above recovery, so that a dropped link ends no dwell.

    A gateway that misses samples loses sight of a slouch and finds it again later; said by the judge that has named its
    true start, that later start would be taken for a recovery. So its lease ends with the first sample it misses, and
    it comes back as another judge, who ends no dwell.

    A lease speaks for the time up to which the gateway had judged. What the detector has seen begin since is news: it
    ends a lease that is overdue; and a recovery counts, also when another slouch has begun before the lease ran out.
    """

    def __init__(self, policy, detector) -> None:  # type: ignore[no-untyped-def]
        self._policy = policy
        self._detector = detector
        self._lease: tuple[int, int, int] | None = None
        self._until = 0
        self._judged_to = 0
        self._carried: int | None = None  # since when the gateway's slouch was running when its lease ran out
        self._above_at = 0  # when the detector last saw an angle above recovery in what it calls upright
        self._fell_at = -1  # when it last saw no slouch, neither its own nor such a one
        self._fell_since = 0
        self._fell_to = category.LOST
        self.recovery_ddeg = 50
        self.judge = records.JUDGE_CLIP
        self.paused = False

    def lease(self, now_ms: int, state: int, since_ms: int, judged_to_ms: int, sagittal_ddeg: int) -> None:
        """A lease came at `now_ms`; it is judged by its own numbers however late it is."""
        if state == category.LOST:
            self._until = 0
            return
        self._lease = (state, since_ms, sagittal_ddeg)
        self._until = now_ms + control.LEASE_VALID_MS
        self._judged_to = judged_to_ms

    def drop(self) -> None:
        """The gateway that holds the lease misses samples: it is gone, or packets for it were given up."""
        self._until = 0

    def step(self, now_ms: int) -> None:
        """Tell the policy what holds now."""
        policy = self._policy
        if self.paused:
            self.judge = records.JUDGE_CLIP
            policy.judge(category.PAUSED, now_ms, 0, records.JUDGE_CLIP)
            self._lease = self._carried = None
            return
        above = self._watch(now_ms)
        detector = self._detector
        if self._lease is not None:
            state, since, angle = self._lease
            slouched = state == category.SLOUCHED
            news = (self._fell_at if slouched else detector.since_ms) > self._judged_to
            if now_ms < self._until and not (news and now_ms - self._judged_to > _OVERDUE_MS):
                self.judge = records.JUDGE_GATEWAY
                self._carried = None
                policy.judge(state, since, angle, records.JUDGE_GATEWAY)
                return
            self._lease = None
            if slouched and news:
                policy.judge(self._fell_to, self._fell_since, detector.sagittal_ddeg, records.JUDGE_CLIP)
            elif slouched:
                self._carried = since
        self.judge = records.JUDGE_CLIP
        since = detector.since_ms
        if self._carried is not None:
            if above or detector.category == category.SLOUCHED:
                since = self._carried if above else min(self._carried, since)
                policy.judge(category.SLOUCHED, since, detector.sagittal_ddeg, records.JUDGE_CLIP)
                return
            self._carried = None
            since = max(since, self._above_at)
        policy.judge(detector.category, since, detector.sagittal_ddeg, records.JUDGE_CLIP)

    def _watch(self, now_ms: int) -> bool:
        """Remember when the detector saw no slouch; whether it sees an angle above recovery in what it calls upright."""
        detector = self._detector
        if detector.category == category.UPRIGHT and detector.sagittal_ddeg > self.recovery_ddeg:
            self._above_at = now_ms
            return True
        if detector.category != category.SLOUCHED:
            self._fell_at = now_ms
            self._fell_to = detector.category
            self._fell_since = max(detector.since_ms, self._above_at)
        return False
