"""Whole numbers in bodies, as JSON Schema means them: 3 and 3.0, but no text and no truth value."""

from __future__ import annotations

from typing import Final

from pydantic import BeforeValidator


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE: Final = BeforeValidator(_whole)
"""Goes behind a strict field: `Annotated[int, Field(strict=True, ge=1, le=9), WHOLE]`."""
