"""Path parameters that pages and API share, held to one strict form."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from pydantic import Field

from server.problems import FieldError, ProblemError

DATE: Final = (
    r"^20([0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    r"|([02468][048]|[13579][26])-02-29)$"
)
"""Every date from 2000 to 2099, and nothing else, as the document tells it to programs."""
_WORDS: Final = "Local date of the patient, YYYY-MM-DD, from 2000 to 2099."
_DateText = Annotated[str, Field(json_schema_extra={"format": "date", "pattern": DATE})]


def _date(text: str, field: str) -> date:
    if re.fullmatch(DATE, text) and text.isascii():
        return date.fromisoformat(text)
    detail = "Write the date as year-month-day, such as 2026-03-29, from 2000 to 2099."
    raise ProblemError(422, "Not a date", detail, [FieldError(field, detail)])


def _day(day: Annotated[_DateText, Path(description=_WORDS)]) -> date:
    return _date(day, "day")


def _from(
    first: Annotated[_DateText | None, Query(alias="from", description=_WORDS)] = None,
) -> date | None:
    return None if first is None else _date(first, "from")


def _to(
    last: Annotated[_DateText | None, Query(alias="to", description=_WORDS)] = None,
) -> date | None:
    return None if last is None else _date(last, "to")


Day = Annotated[date, Depends(_day)]
FromDay = Annotated[date | None, Depends(_from)]
"""A first day, as the query's `from`; None when it was not said."""
ToDay = Annotated[date | None, Depends(_to)]
"""A last day, as the query's `to`; None when it was not said."""
PatientId = Annotated[int, Path(ge=1, lt=2**31, description="The patient's number.")]
TokenId = Annotated[int, Path(ge=1, lt=2**31, description="The token's number.")]
TemplateKey = Annotated[str, Path(max_length=40, pattern="^[a-z0-9-]+$", description="The template's key.")]
EntryId = Annotated[int, Path(ge=1, lt=2**31, description="The number of what was refused, or of an alarm.")]
