"""Path parameters that pages and API share, held to one strict form."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

from fastapi import Depends, Path

from server.problems import FieldError, ProblemError

_ISO_DATE: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


def _day(day: Annotated[str, Path(description="Local date of the patient, YYYY-MM-DD.", max_length=40)]) -> date:
    if _ISO_DATE.fullmatch(day):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    detail = "Write the date as year-month-day, such as 2026-03-29, from 2000 to 2099."
    raise ProblemError(422, "Not a date", detail, [FieldError("day", detail)])


Day = Annotated[date, Depends(_day)]
PatientId = Annotated[int, Path(ge=1, lt=2**31, description="The patient's number.")]
