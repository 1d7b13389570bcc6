"""The clip stops and starts again at every moment of the story of `link_drops`, alone or with a gateway.

In: begin and step of the moments at which it stops, ms; whether the clock went on meanwhile; how long it hangs before
the watchdog ends it, ms; whether a gateway is there. Out: the moments of the reminders without a stop; for each stop its
moment and those with it, in ms of the story.
"""

import json
import os
import sys

import link_drops as story
from clip.kept import Kept
from clip.lease import Arbiter
from clip.reminder import ACTION_REMIND, Policy
from clip.wire import clip_category as category

BOOT = 3000
SETTLED = 2000  # after the boot, until the fusion has settled and the detector speaks
GATEWAY_BACK = 6000  # after the boot
REPEAT_S = 3600  # one reminder a slouch


class Battery:
    low = False


class Pausing:
    paused_until = 0
    changed = False


class Life:
    """One boot, from `zero` of the story on; what is kept over it lies in the folder."""

    def __init__(self, zero, powered):
        self.zero = zero
        self.now = 0
        self.policy = Policy(story.make_plan(REPEAT_S))
        self.battery = Battery()
        self.pausing = Pausing()
        self.says = story.Says()
        self.says.category = category.LOST
        self.says.since_ms = 0
        self.arbiter = Arbiter(self.policy, self.says)
        self.kept = Kept(self, self.rtc_s, powered)

    def rtc_s(self):
        return (self.zero + self.now) // 1000


def live(trace, stop, hang, powered, gateway):
    if "policy.bin" in os.listdir():
        os.remove("policy.bin")
    life = Life(0, True)
    given = []
    at = 0
    seen_from = 0
    until = stop
    t = 0
    news = None
    said_at = 0
    while True:
        if t >= until:
            if until >= story.END:
                return given
            t = (stop + hang + BOOT + story.TICK - 1) // story.TICK * story.TICK
            life = Life(t, powered)
            seen_from = t + SETTLED
            until = story.END
            news = None
        now = life.now = t - life.zero
        while at < len(trace) and trace[at][0] <= t:
            at += 1
        says = life.says
        if t >= seen_from and at:
            code, since, angle = trace[at - 1][1]
            says.category, says.sagittal_ddeg = code, angle
            says.since_ms = max(since, seen_from) - life.zero
        life.arbiter.paused = story.PAUSE[0] <= t < story.PAUSE[1]
        if gateway:
            if not life.zero:
                told = story.lease(t, 0)
            elif t >= life.zero + GATEWAY_BACK:
                told = story.lease(t, life.zero + GATEWAY_BACK)
            else:
                told = None
            if told is not None and (told != news or t - said_at >= 1600):
                news, said_at = told, t
                life.arbiter.lease(now, told[0], told[1] - life.zero, now - story.PACKET, 160)
        life.arbiter.step(now)
        policy = life.policy
        if policy.tick(now, -1) == ACTION_REMIND:
            given.append(t)
            life.kept.step(now)
        while policy.take_record() is not None:
            pass
        if now % 1000 < story.TICK:
            life.kept.step(now)
        t += story.TICK


def main():
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    story.gateway_trace()
    trace = story.detector_trace(())
    out = []
    for stop in range(wanted["from"], story.END, wanted["step"]):
        out.append((stop, live(trace, stop, wanted["hang"], wanted["powered"], wanted["gateway"])))
    never = live(trace, story.END, 0, True, wanted["gateway"])
    with open(sys.argv[2], "w") as file:
        json.dump({"given": never, "stops": out}, file)


if __name__ == "__main__":
    main()
