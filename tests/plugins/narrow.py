"""Whole numbers as narrow as MicroPython's small int on a 32-bit chip, for the firmware's arithmetic in CPython."""

from __future__ import annotations

from typing import Any

SMALL = 1 << 30


class Small(int):
    """An int that refuses to be wider than MicroPython's small int on a 32-bit chip."""


def _checked(name: str) -> Any:
    plain = getattr(int, name)

    def operate(self: Small, *others: int) -> Small:
        value = plain(self, *others)
        if not -SMALL <= value < SMALL:
            raise OverflowError(f"{name}: {int(self)}, {others} make {value}")
        return Small(value)

    return operate


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or"):
    for _form in (f"__{_name}__", f"__r{_name}__"):
        setattr(Small, _form, _checked(_form))
for _form in ("__neg__", "__abs__"):
    setattr(Small, _form, _checked(_form))


def narrow(*parts: object) -> None:
    """Make every whole number that these objects hold Small, so that every result of their arithmetic is one."""
    for part in parts:
        for name, value in vars(part).items():
            if isinstance(value, int) and not isinstance(value, bool):
                assert -SMALL <= value < SMALL, name
                setattr(part, name, Small(value))
