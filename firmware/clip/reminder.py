"""The reminder policy: when a slouch is worth a vibration. Pure and portable; integers only.

It acts on one judgement at a time, whoever judged: `judge` tells it the newest, `tick` says what to do now. Times are
milliseconds of one clock (the clip's since boot). A slouch becomes due when it has lasted the plan's dwell, and again
after every repeat interval until a recovery has been seen. Every due reminder leaves a record with the reason why it
was given or withheld; one that was given is told again (rev 2) once the response is known.

A plan may ask for a dose instead of a dwell: each moment slouched then uses up its share of the holding time of its
angle, over all slouches; time that is not slouched gives it back; a reminder is due when the holding time is used up.

    policy = Policy(plan)
    policy.judge(category.SLOUCHED, since_ms, angle_ddeg, records.JUDGE_CLIP)
    if policy.tick(now_ms, local_minute) == ACTION_REMIND: ...
"""

import struct

from .wire import clip_category as category
from .wire import clip_records as records
from .wire.base import MalformedError, clamp, const, crc16, crc_fits, with_crc
from .wire.plan import DOSE, TRACK, Plan

ACTION_NONE = const(0)
ACTION_REMIND = const(1)
ACTION_CONFIRM = const(2)  # the short positive pulse after a correction

STATE_IDLE = const(0)
STATE_DWELL = const(1)  # a slouch is running
STATE_REMINDED = const(2)  # a reminder was given and its response is open
STATE_SNOOZED = const(3)

PROMPT_MS = const(10000)  # a correction within this long answers the reminder (clinical anchor: 10 s)
STOOD_UP_MS = const(30000)  # no reminder this soon after moving
BRIDGE_MS = const(10000)  # a slouch that shows again this soon after samples were lost is the same slouch
# A slouch goes on over a restart this long after its newest snapshot, if it shows again: that one is 5 s old when the clip
# hangs, the watchdog waits for 8 s, and a boot takes some more.
RESTART_MS = const(20000)
STIR_MS = const(
    2500
)  # moving in the middle of a slouch for no longer than this, such as to grasp something, ends it not
_HOUR_MS = const(3600000)
_IGNORED_STEP = const(3)  # ignored reminders in a row that double the interval
_BACK_OFF_MAX = const(4)  # at most 2**4 times the repeat interval
_MINUTES_A_DAY = const(1440)
_QUEUE_MAX = const(64)

# The dose that makes a reminder due. It fits a 31-bit integer, and the holding times at 20, 30, 40, 50 and 60 deg divide
# it, so that they are met to the millisecond.
_DOSE_DUE = const(982800000)
_DOSE_BACK = const(4095)  # given back in a millisecond: all of it in four minutes, the holding time at 20 deg
_DOSE_SLOUCH_MS = const(3000)  # the shortest slouch that a dose reminds of, as the shortest dwell

_NEVER = const(-(1 << 30))
_SNAPSHOT_VERSION = const(2)
_SNAPSHOT = const("<BBBBBIIiIiiiB")


def holding_ms(angle_ddeg: int) -> int:
    """How long an inclination, 0.1 deg, may be held: 4 min at 20 deg falling to 1 min at 60 deg, the line that is
    published for ISO 11226. The straight line goes on below 20 deg, where that standard has no limit: our own choice,
    because a slouch tilts the upper back by less. No conformance is claimed."""
    return 330000 - 450 * clamp(angle_ddeg, 0, 600)


def window_day(plan: Plan, local_minute: int) -> int:
    """The local day in whose window this minute lies, -1 for none. `local_minute` counts from a Monday 00:00, days do
    so too. A window whose end is not after its start runs over midnight and belongs to the day on which it starts."""
    day = local_minute // _MINUTES_A_DAY
    minute = local_minute % _MINUTES_A_DAY
    if plan.start_min < plan.end_min:
        inside = plan.start_min <= minute < plan.end_min
    else:
        inside = minute >= plan.start_min or minute < plan.end_min
        if minute < plan.end_min:
            day -= 1
    return day if inside and plan.days >> day % 7 & 1 else -1


def is_quiet(plan: Plan, local_minute: int) -> bool:
    """Whether the plan wants no reminders at this minute of its window."""
    minute = local_minute % _MINUTES_A_DAY
    if plan.quiet_start_min <= plan.quiet_end_min:
        return plan.quiet_start_min <= minute < plan.quiet_end_min
    return minute >= plan.quiet_start_min or minute < plan.quiet_end_min


def is_probe_day(plan: Plan, day: int) -> bool:
    """Whether a local day of the plan is silent: one of every `probe_every` days of the window, which one is drawn from
    the seed."""
    every = plan.probe_every
    if not every:
        return False
    a_week = before = 0  # days of the window in a week, and in this week before `day`
    for weekday in range(7):
        if plan.days >> weekday & 1:
            a_week += 1
            before += weekday < day % 7
    number = day // 7 * a_week + before
    drawn = crc16(struct.pack("<HH", plan.seed, number // every & 0xFFFF))
    return number % every == drawn % every


def withheld_at(plan: Plan, local_minute: int) -> int:
    """Why the plan wants no vibration at this time, GIVEN when it does not mind or the time is unknown."""
    if local_minute < 0:
        return records.GIVEN
    day = window_day(plan, local_minute)
    if day < 0:
        return records.WITHHELD_WINDOW
    if is_quiet(plan, local_minute):
        return records.WITHHELD_QUIET
    return records.WITHHELD_PROBE if is_probe_day(plan, day) else records.GIVEN


class Policy:
    """State of the policy. `state` is one of STATE_*; `changed` is True after something that a reboot must not forget,
    until its reader sets it False."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.changed = False
        self.snoozed_until = _NEVER
        self._now = 0
        self._category = category.LOST
        self._judge = -1
        self._angle = 0
        self._slouching = False
        self._since = 0  # of the running slouch, the earliest that a judge has claimed
        self._raw_since = 0  # as the present judge last said it
        self._lost_at = _NEVER  # when a running slouch was last cut by lost samples
        self._moved = _NEVER  # when moving last ended
        self._stirred = _NEVER  # when moving began out of a slouch, as long as that may still go on
        self._decided = _NEVER  # when a reminder was last due
        self._again = _NEVER  # not due again before this, without a recovery
        self._recovered = True  # a recovery was seen since `_decided`
        self._given: list[int] = []  # times of the reminders given within the last hour, in order
        self._given_last = _NEVER
        self._ignored = 0
        self._phase = plan.seed % 100
        self._open: tuple[int, int, int, int] | None = None  # start, judge, since, angle of the reminder given last
        self._confirm = False
        self._dose = 0  # as of `_dose_at`
        self._dose_at = 0
        self._dose_from = 0  # when what it counts now began: no judgement reaches back further
        self._rate = 0  # by which it rises in a millisecond
        self._next_rate = 0  # from the next tick on
        self._records: list[tuple[int, int, int, int, int, int, int, int]] = []

    def set_plan(self, plan: Plan) -> None:
        """Put another version of the plan in force; a running dwell goes on under the new one."""
        if plan.seed != self.plan.seed:
            self._phase = plan.seed % 100
        if plan.trigger != self.plan.trigger:
            self._dose = 0
            self._dose_at = self._dose_from = self._now
            self._rate = self._next_rate = _DOSE_DUE // holding_ms(self._angle) if self._slouching else 0
        self.plan = plan
        self.changed = True

    @property
    def state(self) -> int:
        """One of STATE_*, for the status."""
        if self._now < self.snoozed_until:
            return STATE_SNOOZED
        if self._open is not None:
            return STATE_REMINDED
        return STATE_DWELL if self._slouching else STATE_IDLE

    # --- judgements ---

    def judge(self, code: int, since_ms: int, angle_ddeg: int, judge: int) -> None:
        """Take the newest judgement: a category that began at `since_ms`, the inclination in 0.1 deg, and its judge.

        A change of judge keeps a running dwell. The same judge naming a later start has seen a recovery in between.
        """
        before = self._category
        other = judge != self._judge
        if self.plan.trigger == DOSE:
            self._weigh(code, since_ms, angle_ddeg)
        if code != category.LOST and self._lost_at != _NEVER and since_ms - self._lost_at > BRIDGE_MS:
            self._respond(records.RESPONSE_NONE, self._lost_at)
        self._category = code
        self._judge = judge
        if before == category.MOVING and code != category.MOVING:
            self._come_to_rest(code, max(since_ms, self._now) if other else since_ms)
        if code == category.SLOUCHED:
            self._slouch(since_ms, other)
            self._angle = angle_ddeg
        elif code == category.LOST:
            if self._slouching:
                self._slouching = False
                self._lost_at = since_ms
        elif code == category.MOVING and (self._slouching or self._stirred != _NEVER):
            if self._slouching:
                self._slouching = False
                self._stirred = since_ms
        else:
            if self._slouching:
                self._slouching = False
                self.changed = True
            self._lost_at = _NEVER
            if code == category.UPRIGHT:
                self._corrected(since_ms)
            else:
                self._respond(records.RESPONSE_NONE, since_ms)
            if code != category.PAUSED and code != category.UNCALIBRATED:  # a tuple would be made each time
                self._recovered = True

    def _come_to_rest(self, code: int, at: int) -> None:
        """Moving has ended: the slouch before goes on, was corrected, or is long over."""
        short = self._stirred != _NEVER and at - self._stirred <= STIR_MS
        if short and code == category.SLOUCHED:
            self._lost_at = self._stirred
            self._stirred = _NEVER
            return
        if short and code == category.UPRIGHT:
            self._stirred = _NEVER
        self._go_away()
        self._moved = at

    def _go_away(self) -> None:
        """A slouch has ended in moving."""
        if self._stirred != _NEVER:
            self._respond(records.RESPONSE_NONE, self._stirred)
            self._stirred = _NEVER
            self._recovered = True
            self.changed = True

    def _slouch(self, since: int, other: bool) -> None:
        if not self._slouching:
            bridged = self._lost_at != _NEVER and since - self._lost_at <= BRIDGE_MS
            if not bridged:
                self._since = since
                self.changed = True
            self._since = min(self._since, since)
            self._slouching = True
            self._lost_at = _NEVER
        elif other or since <= self._raw_since:
            self._since = min(self._since, since)
        else:
            self._corrected(since)
            self._since = since
            self._recovered = True
        self._raw_since = since

    def _corrected(self, at: int) -> None:
        if self._open is None:
            return
        self._ignored = 0
        self._confirm = True
        self._respond(records.RESPONSE_PROMPT if at - self._open[0] <= PROMPT_MS else records.RESPONSE_LATER, at)

    def _respond(self, response: int, at: int) -> None:
        if self._open is None:
            return
        start, judge, since, angle = self._open
        self._open = None
        self._tell(start, 2, judge, since, angle, records.GIVEN, response, max(0, at - start))

    # --- the dose ---

    def _weigh(self, code: int, since: int, angle: int) -> None:
        """Another angle counts from the next tick on, another category from its own start on."""
        if code == category.SLOUCHED:
            rate = _DOSE_DUE // holding_ms(angle)
        else:
            rate = 0 if code == category.LOST else -_DOSE_BACK
        if code != self._category:
            self._count_dose(max(since, self._dose_from))
            self._dose_from = self._dose_at
            self._rate = rate
        self._next_rate = rate

    def _count_dose(self, to: int) -> None:
        """Count the dose up to a time; or back to it, when it was counted at this rate for too long."""
        if self._dose or to > self._dose_at:  # from nothing, nothing was given back
            self._dose = clamp(self._dose + self._rate * (to - self._dose_at), 0, _DOSE_DUE)
        self._dose_at = to

    # --- decisions ---

    def due_ms(self) -> int:
        """When the next reminder falls due if nothing changes, -1 when no slouch is running. Before that time `tick`
        has nothing to do, so that replay need not call it."""
        if not self._slouching:
            return -1
        if self.plan.trigger == DOSE:
            left = (_DOSE_DUE - self._dose + self._rate - 1) // self._rate
            first = max(self._dose_at + left, self._since + _DOSE_SLOUCH_MS)
        else:
            first = self._since + self.plan.dwell_s * 1000
        if self._decided != _NEVER and (not self._recovered or self._since <= self._decided):
            return max(first, self._again)
        return first

    def tick(self, now_ms: int, local_minute: int) -> int:
        """What to do at `now_ms`: one of ACTION_*. `local_minute` is the patient's local time in minutes since any
        Monday 00:00, the same one always; -1 when it is unknown (window, quiet hours and silent days are then not
        enforced)."""
        self._now = now_ms
        if self._stirred != _NEVER and now_ms - self._stirred > 2 * STIR_MS:  # twice: a judgement may be late
            self._go_away()
        if self.plan.trigger == DOSE:
            self._count_dose(max(now_ms, self._dose_at))
            self._rate = self._next_rate
        if self._confirm:
            self._confirm = False
            wanted = self.plan.positive_pulse and now_ms >= self.snoozed_until
            if wanted and withheld_at(self.plan, local_minute) == records.GIVEN:
                return ACTION_CONFIRM
        if not self._slouching or now_ms < self.due_ms():
            return ACTION_NONE
        if self._open is not None:
            self._ignored += 1
            self._respond(records.RESPONSE_NONE, now_ms)
        while self._given and now_ms - self._given[0] >= _HOUR_MS:
            self._given.pop(0)
        reason = self._reason(now_ms, local_minute)
        self._decided = now_ms
        self._recovered = False
        self._again = now_ms + self.plan.repeat_s * 1000
        if reason == records.WITHHELD_STOOD_UP:
            self._again = min(self._again, self._moved + STOOD_UP_MS)
        else:
            self._dose = 0
            self._dose_from = now_ms
        if reason == records.GIVEN:
            self._given.append(now_ms)
            self._given_last = now_ms
            self._open = (now_ms, self._judge, self._since, self._angle)
            self._tell(now_ms, 1, self._judge, self._since, self._angle, records.GIVEN, records.RESPONSE_OPEN, 0)
            return ACTION_REMIND
        self._tell(now_ms, 1, self._judge, self._since, self._angle, reason, records.RESPONSE_NONE, 0)
        return ACTION_NONE

    def _reason(self, now: int, local_minute: int) -> int:
        plan = self.plan
        if plan.mode == TRACK:
            return records.WITHHELD_TRACK
        hour = withheld_at(plan, local_minute)
        if hour != records.GIVEN:
            return hour
        if now < self.snoozed_until:
            return records.WITHHELD_SNOOZED
        if now < self._moved + STOOD_UP_MS:
            return records.WITHHELD_STOOD_UP
        doublings = min(self._ignored // _IGNORED_STEP, _BACK_OFF_MAX) if plan.back_off else 0
        if doublings and now - self._given_last < (plan.repeat_s * 1000) << doublings:
            return records.WITHHELD_BACK_OFF
        if len(self._given) >= plan.cap_per_hour:
            return records.WITHHELD_CAP
        # Error diffusion: of any n reminders that reach this point, n * fraction are given, to within one.
        self._phase += plan.fraction_pct
        if self._phase < 100:
            return records.WITHHELD_FADED
        self._phase -= 100
        return records.GIVEN

    def _tell(
        self, start: int, rev: int, judge: int, since: int, angle: int, reason: int, response: int, response_ms: int
    ) -> None:
        self.changed = True
        if len(self._records) < _QUEUE_MAX:
            self._records.append((start, rev, judge, max(0, since), angle, reason, response, response_ms))

    def take_record(self) -> "tuple[int, int, int, int, int, int, int, int] | None":
        """The oldest record not yet taken, or None: (start_ms, rev, judge, since_ms, angle 0.1 deg, reason, response,
        response_ms)."""
        return self._records.pop(0) if self._records else None

    # --- what the wearer and the motor say ---

    def snooze(self, until_ms: int) -> None:
        """Withhold reminders until `until_ms`; measuring goes on."""
        self.snoozed_until = until_ms
        self.changed = True

    def resume(self) -> None:
        """End a snooze."""
        self.snoozed_until = _NEVER
        self.changed = True

    def motor_failed(self, start_ms: int) -> None:
        """Say that the reminder given at `start_ms` was not felt because the motor did not answer: it counts neither
        for the cap nor as ignored."""
        if self._open is None or self._open[0] != start_ms:
            return
        start, judge, since, angle = self._open
        self._open = None
        if self._given and self._given[-1] == start:
            self._given.pop()
        self._given_last = self._given[-1] if self._given else _NEVER
        self._phase = min(self._phase + 100, 199)  # it is still to be given
        self._tell(start, 2, judge, since, angle, records.WITHHELD_MOTOR, records.RESPONSE_NONE, 0)

    # --- over a reboot ---

    def snapshot(self) -> bytes:
        """The state as bytes, with times relative to the newest tick. Records not yet taken and an open response are
        not in it: they belong to the boot that is ending."""
        now = self._now
        given = [now - at for at in self._given if now - at < _HOUR_MS]  # an older one need not fit
        head = struct.pack(
            _SNAPSHOT,
            _SNAPSHOT_VERSION,
            self._phase,
            min(self._ignored, 255),
            self._recovered,
            self._slouching,
            self._dose,
            max(0, self.snoozed_until - now),
            _age(now, self._decided),
            max(0, self._again - now),
            _age(now, now if self._category == category.MOVING else self._moved),
            _age(now, self._since),
            _age(now, self._given_last),
            len(given),
        )
        return with_crc(head + b"".join([struct.pack("<I", age) for age in given]))

    def restore(self, data: bytes, elapsed_ms: "int | None") -> None:
        """Take over the state of a clock that ended; the new one starts at 0, `elapsed_ms` after the snapshot.

        When that is None nobody knows how long it was: a running slouch is then not continued, and cap, back-off and
        snooze go on as if no time had passed. Raises MalformedError and changes nothing when the bytes do not fit.
        """
        size = struct.calcsize(_SNAPSHOT)
        if len(data) < size + 2 or not crc_fits(data):
            raise MalformedError("damaged")
        values = struct.unpack(_SNAPSHOT, data[:size])
        count = values[12]
        whole = values[1] < 200 and values[5] <= _DOSE_DUE and len(data) == size + 4 * count + 2
        if values[0] != _SNAPSHOT_VERSION or not whole:
            raise MalformedError("version")
        gone = 0 if elapsed_ms is None else elapsed_ms
        self._phase, self._ignored = values[1], values[2]
        self._recovered = bool(values[3])
        # The slouch goes on if the snapshot is fresh and the new clock soon finds it again.
        fresh = values[4] and elapsed_ms is not None and gone <= RESTART_MS
        self._dose = values[5] if fresh else max(0, values[5] - _DOSE_BACK * gone)
        self._dose_at = self._dose_from = self._rate = self._next_rate = 0
        self.snoozed_until = values[6] - gone if values[6] > gone else _NEVER
        self._decided = _since_age(values[7], gone)
        self._again = values[8] - gone
        self._moved = _since_age(values[9], gone)
        self._since = _since_age(values[10], gone)
        self._given_last = _since_age(values[11], gone)
        self._lost_at = 0 if fresh else _NEVER
        self._slouching = False
        self._stirred = _NEVER
        self._open = None
        self._given = [-age - gone for age in struct.unpack("<%dI" % count, data[size:-2])]


def _age(now: int, then: int) -> int:
    """Age for a snapshot, -1 for never."""
    return -1 if then == _NEVER else clamp(now - then, 0, 0x7FFFFFFF)


def _since_age(age: int, gone: int) -> int:
    return _NEVER if age < 0 else -age - gone
