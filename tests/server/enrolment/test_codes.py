"""Codes as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.enrolment import codes

drawn = st.text(alphabet=codes.DIGITS, min_size=codes.LENGTH, max_size=codes.LENGTH)


@given(drawn, st.sampled_from(["-", " ", "", " - ", "–"]), st.booleans(), st.booleans())
def test_a_code_is_read_however_it_was_typed(code: str, between: str, small: bool, alike: bool) -> None:
    typed = codes.grouped(code).replace("-", between)
    if alike:
        typed = typed.replace("0", "O").replace("1", "L")
    assert codes.read(typed.lower() if small else typed) == code


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_code_or_gets_a_reason(typed: str) -> None:
    if not (code := read_or_reason(typed)).startswith("A code has "):
        assert len(code) == codes.LENGTH
        assert set(code) <= set(codes.DIGITS)


def read_or_reason(typed: str) -> str:
    try:
        return codes.read(typed)
    except codes.UnreadableCodeError as error:
        return str(error)


@pytest.mark.parametrize("typed", ["4F7KQ-M2XP", "4F7KQ-M2XPNN", "4F7KQ-M2XPU", "", "4F7KQ-M2XPß"])
def test_what_can_be_no_code_is_refused(typed: str) -> None:
    with pytest.raises(codes.UnreadableCodeError):
        codes.read(typed)


def test_codes_are_hard_to_guess_and_not_kept() -> None:
    assert len(codes.DIGITS) ** codes.LENGTH >= 2**40
    code = codes.draw()
    assert code != codes.draw()
    assert codes.digest(code) == codes.digest(code) != codes.digest(codes.draw())
    assert code not in codes.digest(code)
