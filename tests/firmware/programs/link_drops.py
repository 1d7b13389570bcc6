"""Policy, lease and light detector through a story of slouches, over and over: each time the link drops elsewhere.

In: begin and step of the moments at which it drops, ms; for each of the ways it drops in turn [kind, ms until it is back].
Out: what was decided with a link that never drops and with none, then what was decided otherwise: [moment, way, told].
A way is taken from the list by the number of the moment, or each of them at each moment when `all` is set.
"""

import json
import math
import sys

from clip.detector import Detector
from clip.lease import Arbiter
from clip.reminder import ACTION_REMIND, Policy
from clip.wire import clip_category as category
from clip.wire import clip_control as control
from clip.wire import plan

TICK = 40
END = 215000
LATE = 600  # from a change of posture to the lease that tells of it
PACKET = 500  # from the newest sample of a packet to the lease that has judged it
CONNECT = 1100  # from the moment at which the clip is in reach to the gateway's first samples
SUPERVISION = 4000  # until the clip notices that nobody answers
HOP = 250
PUT_OFF = 2000  # a reminder that is put off after a walk may come so much later when nobody watched its end
ANSWERED = 5000  # an answer may be seen so late when the link was lost on it
HELD = 1100  # a reminder of 600 ms and 500 ms after
PAUSE = 174000, 186000
SNOOZE = 132000, 150000
WALK = 82000, 91000

# Sagittal angle, deg, from a moment on, ms; reached within a second.
POSTURES = (
    (0, 0),
    (8000, 16),  # dwell 10 s, a reminder, the repeat interval 12 s, two more, and a recovery
    (45500, 1),
    (48500, 15),  # over in time
    (54000, 0),
    (58000, 18),  # a reminder that is answered at once
    (73000, 2),
    (82000, 4),  # a walk
    (91500, 17),  # just stood up: the reminder is put off
    (126500, 0),
    (134000, 15),  # snoozed
    (163000, 1),
    (178000, 16),  # begins in a pause and goes on after it
    (202000, 0),
)
# What the gateway makes of it: from when, known when, what.
CROSSED = 650
GATEWAY = [(0, LATE, category.UPRIGHT)]


def angle(t):
    before = 0
    for i in range(len(POSTURES)):
        start, degrees = POSTURES[i]
        if t < start:
            break
        if i:
            before = POSTURES[i - 1][1]
        now = degrees
        at = start
    share = min(1.0, (t - at) / 1000)
    return before + (now - before) * share * share * (3 - 2 * share)


def gateway_trace():
    for start, degrees in POSTURES[1:]:
        if start == WALK[0]:
            GATEWAY.append((start, start + 1300, category.MOVING))
            GATEWAY.append((WALK[1], WALK[1] + 1500, category.UPRIGHT))
        elif degrees > 10:
            GATEWAY.append((start + CROSSED, start + CROSSED + LATE, category.SLOUCHED))
        else:
            GATEWAY.append((start + CROSSED, start + CROSSED + 800 + LATE, category.UPRIGHT))
    GATEWAY.append((PAUSE[0], PAUSE[0] + LATE, category.PAUSED))
    GATEWAY.append((PAUSE[1], PAUSE[1] + LATE, category.SLOUCHED))
    GATEWAY.sort()


class Nothing:
    def second(self, *told):
        pass

    episode = not_worn = second


def feed(detector, t, held):
    a = math.radians(angle(t) + 0.4 * math.sin(2 * math.pi * 0.25 * t / 1000)) / 2
    acc = 0
    if WALK[0] <= t < WALK[1]:
        acc = round(200 * math.sin(2 * math.pi * 2 * t / 1000))
    r = math.sqrt(0.5)
    w, x = r * (math.cos(a) - math.sin(a)), r * (math.sin(a) + math.cos(a))
    detector.add(t, round(w * 32767), round(x * 32767), 0, 0, acc, held)


def detector_trace(reminders):
    """[tick, category, since, angle] whenever one of them changes; samples are held while the motor runs."""
    detector = Detector(Nothing())
    detector.set_plan(make_plan())
    detector.set_calibration((1, 0, (0, 16384, 0), (0, 0, 16384)))
    out = []
    told = None
    n = 0
    for now in range(0, END, TICK):
        detector.set_paused(PAUSE[0] <= now < PAUSE[1])
        while n * 1000 // 26 <= now:
            t = n * 1000 // 26
            held = False
            for at in reminders:
                held = held or at <= t < at + HELD
            feed(detector, t, held)
            n += 1
        detector.tick(now)
        says = (detector.category, detector.since_ms, detector.sagittal_ddeg)
        if says != told:
            told = says
            out.append((now, says))
    return out


def make_plan(repeat_s=12):
    made = plan.Plan()
    made.version, made.mode, made.dwell_s, made.repeat_s = 1, plan.TRAIN, 10, repeat_s
    made.cap_per_hour, made.back_off = 30, 0
    return made


class Says:
    category = category.LOST
    since_ms = 0
    sagittal_ddeg = 0


def lease(now, seen_from):
    """What the gateway says at `now` of a stream that it has seen without a gap since `seen_from`."""
    if now < seen_from + LATE:
        return None
    for start, known, code in reversed(GATEWAY):
        if known <= now and (code != category.PAUSED or now < PAUSE[1] + LATE):
            return code, max(start, seen_from)
    return None


class Link:
    """Down from `at` for `away` ms. lost: both know at once; deaf: the clip finds out after the supervision timeout."""

    def __init__(self, kind, at, away):
        self.at = at
        self.back = at + away
        self.active_to = at if kind == "lost" else min(self.back, at + SUPERVISION)
        if kind == "deaf" and away <= SUPERVISION:
            self.seen_from = 0  # what waits is sent again: nothing is missing
        else:
            self.back += CONNECT
            self.seen_from = self.back

    def active(self, now):
        return now < self.active_to or now >= self.back

    def lease(self, now):
        if now < self.at:
            return lease(now, 0)
        return lease(now, self.seen_from) if now >= self.back else None


def tell(trace, link, every_tick=False):
    """Every record of the policy, and the moments of its reminders."""
    policy = Policy(make_plan())
    says = Says()
    arbiter = Arbiter(policy, says)
    told = []
    given = []
    at = 0
    now = 0
    said = None
    said_at = 0
    while now < END:
        while at < len(trace) and trace[at][0] <= now:
            says.category, says.since_ms, says.sagittal_ddeg = trace[at][1]
            at += 1
        arbiter.paused = PAUSE[0] <= now < PAUSE[1]
        if SNOOZE[0] <= now < SNOOZE[0] + TICK:
            policy.snooze(SNOOZE[1])
        news = link.lease(now)
        if news is not None and (news != said or now - said_at >= 1600):
            arbiter.lease(now, news[0], news[1], now - PACKET, 160)
            said = news
            said_at = now
        elif news is None:
            said = None
        if not link.active(now):
            arbiter.drop()
        arbiter.step(now)
        if policy.tick(now, -1) == ACTION_REMIND:
            given.append(now)
        record = policy.take_record()
        while record is not None:
            told.append((record[0], record[1], record[2], record[3], record[5], record[6], record[7]))
            record = policy.take_record()
        following = now + TICK
        if not every_tick:
            # Between these nothing changes: the detector's word, leases, the link, the pause and what falls due.
            following = END
            if at < len(trace):
                following = trace[at][0]
            due = policy.due_ms()
            if due > now:
                following = min(following, due)
            for moment in (link.active_to, link.back, PAUSE[0], PAUSE[1], SNOOZE[0], said_at + 1600):
                if moment > now:
                    following = min(following, moment)
            if said is not None:
                following = min(following, said_at + control.LEASE_VALID_MS)
            for start, known, code in GATEWAY:
                if known > now:
                    following = min(following, known)
                    break
            following = max(now + TICK, -(-following // TICK) * TICK)
        now = following
    return told, given


def between(found, told, alone):
    """Whether the same was decided as with a link that never drops, and with none, at a time that one of them says or
    one between."""
    if len(found) != len(told):
        return False
    for a, b, c in zip(found, told, alone):
        if (a[1], a[4], a[5]) != (b[1], b[4], b[5]):
            return False
        late = PUT_OFF if a[3] > WALK[1] and b[3] < WALK[1] + 2000 and not a[4] else HOP
        times = (a[0], b[0], c[0], late), (a[3], b[3], c[3], HOP), (a[0] + a[6], b[0] + b[6], c[0] + c[6], ANSWERED)
        for x, y, z, late in times:
            if not min(y, z) - HOP <= x <= max(y, z) + late:
                return False
    return True


def main():
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    gateway_trace()
    never = Link("lost", END, 0)
    trace = detector_trace(())
    told, given = tell(trace, never)
    trace = detector_trace(given)
    told, given = tell(trace, never)
    alone = tell(trace, Link("lost", 0, END))[0]
    slowly = Link("deaf", 13000, 9000)
    skips = tell(trace, slowly) == tell(trace, slowly, True)
    other = []
    runs = 0
    ways = wanted["ways"]
    for at in range(wanted["from"], END, wanted["step"]):
        number = at // wanted["step"]
        for way in ways if wanted["all"] else (ways[number % len(ways)],):
            runs += 1
            found = tell(trace, Link(way[0], at, way[1]))[0]
            if not between(found, told, alone):
                other.append((at, way, found))
    with open(sys.argv[2], "w") as file:
        json.dump({"told": told, "alone": alone, "skips": skips, "runs": runs, "other": other}, file)


if __name__ == "__main__":
    main()
