"""Judges and ticks a policy for long, with the heap locked: between two decisions nothing may want a byte of it."""

import json
import sys

from clip.reminder import Policy
from clip.wire import category, plan

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    heap_unlock = heap_lock

CODES = (category.UPRIGHT, category.SLOUCHED, category.LOST, category.SLOUCHED, category.MOVING, category.LEANING_LEFT)


def work(policy, begin, steps):
    now = begin
    i = 0
    while i < steps:
        turn = i // 100
        code = CODES[turn % 6]
        policy.judge(code, begin + turn * 4000, 60 + i % 200 if code == category.SLOUCHED else 0, turn // 7 & 1)
        policy.tick(now, 29000000)
        now += 40
        i += 1


def main():
    with open(sys.argv[1]) as file:
        asked = json.load(file)
    made = plan.Plan()
    made.mode = plan.TRAIN
    made.trigger = asked["trigger"]
    policy = Policy(made)
    work(policy, 0, 700)
    heap_lock()
    try:
        work(policy, 28000, asked["steps"])
    finally:
        heap_unlock()
    with open(sys.argv[2], "w") as file:
        json.dump([policy.take_record() is None, policy.due_ms()], file)


if __name__ == "__main__":
    main()
