"""The limits of a plan's fields, taken from the contract, and in words for whoever has to put one right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway import messages

GOALS: Final = "goals."
_TIME: Final = "must be a time of day as hours and minutes, such as 09:30"
_WORDS: Final = {
    "days": "must be one or more of the numbers 0 (Monday) to 6 (Sunday)",
    "start": _TIME,
    "end": _TIME,
    "quiet_start": f"{_TIME}, or null",
    "quiet_end": f"{_TIME}, or null",
}


@dataclass(frozen=True)
class Limit:
    """A number of a plan: from `low` to `high`, both allowed."""

    low: float
    high: float
    whole: bool

    @property
    def words(self) -> str:
        """What is allowed: `a whole number from 5 to 60`."""
        return f"{'a whole number' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"


def _numbers(model: type[messages.Model], prefix: str = "") -> Iterator[tuple[str, Limit]]:
    properties: Mapping[str, Mapping[str, Any]] = model.model_json_schema()["properties"]
    for name, rule in properties.items():
        whole = rule.get("type") == "integer"
        if "minimum" in rule and (whole or rule.get("type") == "number"):
            high = rule["maximum"] if "maximum" in rule else rule["exclusiveMaximum"] - 1
            yield prefix + name, Limit(rule["minimum"], high, whole)


NUMBERS: Final[Mapping[str, Limit]] = dict([*_numbers(messages.Plan), *_numbers(messages.Goals, GOALS)])
"""By field name; those of the goals begin with `goals.`."""
MAX_VERSION: Final = int(NUMBERS["version"].high)


def rule_of(field: str) -> str | None:
    """What a field must be, in words; None for one that the contract describes well enough by itself."""
    if field in NUMBERS:
        return f"must be {NUMBERS[field].words}"
    return _WORDS.get(field.partition(".")[0])
