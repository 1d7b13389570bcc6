"""A policy with the time around it, for tests."""

from __future__ import annotations

from firmware.clip.protocol import category, plan, records
from firmware.clip.reminder import ACTION_CONFIRM, ACTION_REMIND, Policy

CLIP, GATEWAY = records.JUDGE_CLIP, records.JUDGE_GATEWAY
UP, SLOUCH, MOVE, LOST = category.UPRIGHT, category.SLOUCHED, category.MOVING, category.LOST
TICK = 40
WEEK = 7 * 1440


def make_plan(**fields: int) -> plan.Plan:
    made = plan.Plan()
    made.version, made.mode, made.dwell_s, made.repeat_s = 1, plan.TRAIN, 10, 60
    made.cap_per_hour, made.back_off = 30, 0
    for name, value in fields.items():
        setattr(made, name, value)
    made.pack()
    return made


class Wearer:
    """Ticks a policy every 40 ms and keeps what it did."""

    def __init__(self, **fields: int) -> None:
        self.policy = Policy(make_plan(**fields))
        self.now = 0
        self.minute = -1
        self.angle = 123
        self.reminded: list[int] = []
        self.confirmed: list[int] = []
        self.records: list[tuple[int, ...]] = []

    def judge(self, code: int, since: int | None = None, judge: int = CLIP) -> Wearer:
        self.policy.judge(code, self.now if since is None else since, self.angle, judge)
        return self

    def wait(self, ms: int) -> Wearer:
        end = self.now + ms
        while self.now < end:
            action = self.policy.tick(self.now, self.minute)
            if action == ACTION_REMIND:
                self.reminded.append(self.now)
            elif action == ACTION_CONFIRM:
                self.confirmed.append(self.now)
            self.now += TICK
            while (told := self.policy.take_record()) is not None:
                self.records.append(told)
        return self

    @property
    def reasons(self) -> list[int]:
        return [told[5] for told in self.records if told[1] == 1]

    @property
    def responses(self) -> list[int]:
        return [told[6] for told in self.records if told[1] == 2]
