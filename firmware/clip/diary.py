"""What the detector found, as journal records: an epoch a minute, and episodes. The clip is their judge."""

from array import array

from .wire import clip_category as category
from .wire import clip_records as records
from .wire.base import const

_SHIFT_MDEG = const(5000)
_SHIFT_LASTS_S = const(5)


class Minute:
    """One minute of clip time while it fills; used again for another, so that minutes leave no holes in the heap."""

    def __init__(self) -> None:
        self.codes = bytearray(60)
        self.hops = bytearray(60)
        self.sagittal = array("i", bytes(240))
        self.begin(-1)

    def begin(self, number: int) -> None:
        """Be minute `number`, of which nothing is known yet; -1: none."""
        self.number = number
        self.rev = 0
        for i in range(60):
            self.codes[i] = category.LOST
        self.lateral = 0
        self.lateral_hops = 0
        self.low = self.high = 0
        self.measured = False
        self.shifts = 0
        self.plan = self.calibration = 0
        self.celsius = records.NO_ANGLE

    def pack(self, boot: bytes) -> "bytes | None":
        """The epoch, with the next rev; None when nothing was measured."""
        if min(self.codes) == max(self.codes) == category.LOST:
            return None
        self.rev += 1
        means = bytearray(30)
        for i in range(30):
            total = hops = 0
            for second in (2 * i, 2 * i + 1):
                if self.codes[second] >= category.MOVING:
                    total += self.sagittal[second]
                    hops += self.hops[second]
            means[i] = (_degrees(total, hops) if hops else records.NO_ANGLE) & 0xFF
        none = records.NO_ANGLE
        return records.pack_epoch(
            records.JUDGE_CLIP,
            self.rev,
            boot,
            self.number * records.EPOCH_MS,
            self.plan,
            self.calibration,
            bytes(self.codes),
            bytes(means),
            _degrees(self.low, 1) if self.measured else none,
            _degrees(self.high, 1) if self.measured else none,
            _degrees(self.lateral, self.lateral_hops) if self.measured else none,
            min(self.shifts, 255),
            self.celsius,
        )


def _degrees(total: int, count: int) -> int:
    """Mean of millidegrees in whole degrees within the record's range; halves away from zero."""
    whole = (abs(total) + 500 * count) // (1000 * count)
    return max(-127, min(127, whole if total >= 0 else -whole))


class Diary:
    """The detector's sink. `write(record)` puts a record into the journal; `versions()` gives (plan, calibration)."""

    def __init__(self, boot: bytes, write, versions) -> None:  # type: ignore[no-untyped-def]
        self._boot = boot
        self._write = write
        self._versions = versions
        self._minute = Minute()
        self._last = Minute()
        self.celsius = records.NO_ANGLE
        self._held: int | None = None
        self._candidate = 0
        self._candidate_s = 0

    def second(self, index: int, code: int, hops: int, sagittal: int, lateral: int, low: int, high: int) -> None:
        """A whole second; see `detector`."""
        minute = self._minute
        if minute.number != index // 60:
            self._finish()
            minute = self._minute
            minute.begin(index // 60)
        at = index % 60
        minute.codes[at] = code
        minute.hops[at] = hops
        minute.sagittal[at] = sagittal
        minute.plan, minute.calibration = self._versions()
        minute.celsius = self.celsius
        measured = hops > 0 and code >= category.MOVING
        if measured:
            minute.low = min(minute.low, low) if minute.measured else low
            minute.high = max(minute.high, high) if minute.measured else high
            minute.measured = True
            minute.lateral += lateral
            minute.lateral_hops += hops
        if self._shifted(sagittal // hops if measured and code != category.MOVING else None):
            minute.shifts += 1
        if at == 59:
            self._finish()

    def _finish(self) -> None:
        minute = self._minute
        if minute.number < 0:
            return
        self._minute = self._last
        self._last = minute
        self._minute.begin(-1)
        self._tell(minute)

    def _tell(self, minute: Minute) -> None:
        record = minute.pack(self._boot)
        if record is not None:
            self._write(record)

    def _shifted(self, sagittal: "int | None") -> bool:
        """True when a new sagittal posture has now been held for long enough to be one."""
        if sagittal is None:
            self._candidate_s = 0
            return False
        if self._held is None:
            self._held = sagittal
        if abs(sagittal - self._held) < _SHIFT_MDEG:
            self._candidate_s = 0
            return False
        if not self._candidate_s or abs(sagittal - self._candidate) >= _SHIFT_MDEG:
            self._candidate, self._candidate_s = sagittal, 0
        self._candidate_s += 1
        if self._candidate_s < _SHIFT_LASTS_S:
            return False
        self._held, self._candidate_s = self._candidate, 0
        return True

    def episode(self, start_ms: int, end_ms: int, peak: int, mean: int, reason: int) -> None:
        """An episode has ended; angles in 0.1 deg."""
        plan, calibration = self._versions()
        self._write(
            records.pack_episode(
                records.JUDGE_CLIP, 1, self._boot, start_ms, plan, calibration, end_ms, peak, mean, reason
            )
        )

    def not_worn(self, since_ms: int, until_ms: int) -> None:
        """That time was not worn after all: write it into the open minute, and tell the one before again."""
        for minute in (self._last, self._minute):
            if minute.number < 0:
                continue
            start = minute.number * 60
            changed = False
            for second in range(max(since_ms // 1000, start), min((until_ms + 999) // 1000, start + 60)):
                if minute.codes[second - start] > category.NOT_WORN:
                    minute.codes[second - start] = category.NOT_WORN
                    changed = True
            if changed and minute is self._last:
                self._tell(minute)
