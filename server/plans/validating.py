"""Whether fields make a plan, and what is amiss with those that do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from gateway import messages
from server.plans.limits import GOALS, NUMBERS, rule_of
from server.plans.types import InvalidPlanError


def validate(fields: Mapping[str, object]) -> messages.Plan:
    """The plan of these fields (names of `messages.Plan`). Raises InvalidPlanError with every problem found."""
    problems = tuple(_not_numbers(fields))
    try:
        plan = messages.Plan.model_validate(dict(fields))
    except ValidationError as error:
        found = [
            (".".join(str(part) for part in problem["loc"]), problem["msg"].removeprefix("Value error, "))
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        problems += tuple((name, rule_of(name) or words) for name, words in found)
        raise InvalidPlanError(tuple(dict.fromkeys(problems))) from error
    if problems:
        raise InvalidPlanError(problems)
    return plan.model_copy(update={"days": tuple(sorted(set(plan.days)))})


def _not_numbers(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yes and no where a number belongs, which the contract's reader would take for 1 and 0."""
    goals = fields.get("goals")
    told = {
        **fields,
        **{GOALS + str(name): value for name, value in (goals.items() if isinstance(goals, dict) else ())},
    }
    for name in NUMBERS.keys() & told.keys():
        if isinstance(told[name], bool):
            yield name, f"must be {NUMBERS[name].words}"
