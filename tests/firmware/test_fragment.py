"""Messages in pieces: any cut comes together again, and whatever else comes costs no memory and makes no message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.clip.protocol import MalformedError, control, fragment

messages = st.binary(min_size=1, max_size=fragment.MESSAGE_MAX)
numbers = st.integers(0, 1000)
rooms = st.integers(20, 97)


@given(messages, numbers, rooms)
def test_any_cut_comes_together(message: bytes, number: int, room: int) -> None:
    pieces = fragment.split(control.FRAGMENT, number, message, room)
    joiner = fragment.Joiner()
    assert all(len(piece) <= room and piece[0] == control.FRAGMENT for piece in pieces)
    assert [joiner.add(piece) for piece in pieces] == [None] * (len(pieces) - 1) + [message]


@given(messages, st.lists(st.integers(1, 40), min_size=16, max_size=16))
def test_pieces_need_not_be_of_one_size(message: bytes, sizes: list[int]) -> None:
    """The MTU may grow on the way."""
    parts, at = [], 0
    for size in sizes[:-1]:
        parts.append(message[at : at + size])
        at += size
    parts = [part for part in [*parts, message[at:]] if part]
    joiner = fragment.Joiner()
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        joined = joiner.add(bytes([control.FRAGMENT, 3 << 5 | (16 if last else 0) | index]) + part)
        assert joined == (message if last else None)


@given(messages, messages, numbers, rooms, st.data())
def test_what_is_lost_is_not_replaced_by_what_is_foreign(
    message: bytes, other: bytes, number: int, room: int, data: st.DataObject
) -> None:
    """A piece is left out, or one of another message takes its place; the next whole message comes through all the
    same."""
    pieces = fragment.split(control.FRAGMENT, number, message, room)
    foreign = fragment.split(control.FRAGMENT, number + 1, other, room)
    at = data.draw(st.integers(0, len(pieces) - 1))
    spoilt = pieces[:at] + (data.draw(st.sampled_from([[], [foreign[-1]]]))) + pieces[at + 1 :]
    joiner = fragment.Joiner()
    for piece in spoilt:
        try:
            joined = joiner.add(piece)
        except MalformedError:
            continue
        assert joined in {None, other if len(foreign) == 1 else None}
    assert [joiner.add(piece) for piece in foreign][-1] == other


@given(messages, numbers, rooms, st.data())
def test_what_comes_twice_is_taken_once(message: bytes, number: int, room: int, data: st.DataObject) -> None:
    pieces = fragment.split(control.FRAGMENT, number, message, room)
    at = data.draw(st.integers(0, len(pieces) - 1))
    joiner = fragment.Joiner()
    joined = [joiner.add(piece) for piece in pieces[: at + 1]]
    if at < len(pieces) - 1:
        assert joiner.add(pieces[at]) is None
        joined += [joiner.add(piece) for piece in pieces[at + 1 :]]
    elif len(pieces) > 1:
        with pytest.raises(MalformedError):
            joiner.add(pieces[at])
    assert joined[-1] == message


@given(st.lists(st.binary(max_size=40), max_size=60))
def test_noise_is_ignored_or_malformed(noise: list[bytes]) -> None:
    joiner = fragment.Joiner()
    for piece in noise:
        try:
            joined = joiner.add(piece)
        except MalformedError:
            continue
        assert joined is None or 0 < len(joined) <= fragment.MESSAGE_MAX


@pytest.mark.parametrize(("size", "room"), [(0, 20), (18 * 16 + 1, 20)])
def test_what_does_not_fit_sixteen_pieces_is_a_mistake_of_the_sender(size: int, room: int) -> None:
    with pytest.raises(ValueError, match="pieces"):
        fragment.split(control.FRAGMENT, 0, bytes(size), room)


class Joining(RuleBasedStateMachine):
    """Pieces in any order against what the description says."""

    def __init__(self) -> None:
        super().__init__()
        self.joiner = fragment.Joiner()
        self.number, self.index, self.parts = 0, 0, b""

    @rule(
        number=st.integers(0, 2), index=st.integers(0, 15), last=st.booleans(), part=st.binary(min_size=1, max_size=40)
    )
    def piece(self, number: int, index: int, last: bool, part: bytes) -> None:
        data = bytes([control.FRAGMENT, number << 5 | (16 if last else 0) | index]) + part
        expected: bytes | None = None
        wrong = False
        if index == 0:
            self.number, self.index, self.parts = number, 0, b""
        if index and number == self.number and index == self.index - 1:
            pass
        elif (index and (number != self.number or index != self.index)) or (
            len(self.parts) + len(part) > fragment.MESSAGE_MAX
        ):
            wrong = True
        else:
            self.parts += part
            self.index = index + 1
            if last:
                expected = self.parts
        if wrong or expected is not None:
            self.index, self.parts = 0, b""
        if wrong:
            with pytest.raises(MalformedError):
                self.joiner.add(data)
        else:
            assert self.joiner.add(data) == expected

    @invariant()
    def bounded(self) -> None:
        assert len(self.joiner._message) <= fragment.MESSAGE_MAX


TestJoining = Joining.TestCase
