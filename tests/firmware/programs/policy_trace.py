"""Runs the reminder policy over a script of [call, arguments]; answers every action, record, state and snapshot."""

import json
import sys

from clip.reminder import Policy
from clip.wire import plan
from portable import to_json


def make_plan(values):
    made = plan.Plan()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def main():
    with open(sys.argv[1]) as file:
        script = json.load(file)
    policy = Policy(make_plan(script["plan"]))
    out = []
    for call in script["calls"]:
        name, arguments = call[0], call[1:]
        if name == "set_plan":
            arguments = [make_plan(arguments[0])]
        answer = getattr(policy, name)(*arguments)
        out.append([answer, policy.state, policy.due_ms()])
        told = policy.take_record()
        while told is not None:
            out.append(told)
            told = policy.take_record()
    kept = policy.snapshot()
    other = Policy(make_plan(script["plan"]))
    other.restore(kept, 1000)
    with open(sys.argv[2], "w") as file:
        json.dump(to_json([out, kept, other.snapshot()]), file)


if __name__ == "__main__":
    main()
