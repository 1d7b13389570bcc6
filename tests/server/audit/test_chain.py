"""The chain by itself: any one change to what was written is found, and where."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.audit.chain import BEGINNING, START, Link, Record, check, digest, link

FIELDS = [field.name for field in fields(Record)]
WORDS = st.text(max_size=12)


@st.composite
def raw_records(draw: st.DrawFn) -> Record:
    words = {name: draw(WORDS) for name in FIELDS if name not in ("number", "at_ms", "before", "hash")}
    return Record(number=0, at_ms=draw(st.integers(0, 2**53)), before="", **words)


def _with(record: Record, name: str, value: object) -> Record:
    return Record(**{**asdict(record), name: value})


CHAINS = st.lists(raw_records(), min_size=2, max_size=8).map(lambda raw: link(raw, START))


def test_the_canonical_form() -> None:
    record = Record(1, 2, "U-7", "therapist", "care", "page", "::1", "see_day", "P-1", "allowed", 'é"', BEGINNING)
    form = (
        '["plumbline-audit/1",1,2,"U-7","therapist","care","page","::1","see_day","P-1","allowed",'
        f'"\\u00e9\\"","{BEGINNING}"]'
    )
    assert digest(record) == hashlib.sha256(form.encode()).hexdigest()


@given(CHAINS)
def test_a_chain_holds_in_one_go_and_in_parts(chain: list[Record]) -> None:
    end = Link(chain[-1].number, chain[-1].hash)
    assert check(chain, head=end) == check(chain)
    assert check(chain).last == end
    assert check(chain).fault is None
    assert check(chain[1:], after=Link(1, chain[0].hash)).fault is None
    assert link(chain[1:], Link(1, chain[0].hash)) == chain[1:]


@given(CHAINS, st.data())
def test_any_changed_field_is_found_where_it_is(chain: list[Record], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    old = getattr(chain[at], name)
    other = st.integers(0, 2**53) if isinstance(old, int) else WORDS
    new = data.draw(other.filter(lambda value: value != old))
    fault = check([*chain[:at], _with(chain[at], name, new), *chain[at + 1 :]]).fault
    assert fault is not None
    assert fault.number == at + 1 or (name == "number" and fault.number <= at + 1)


@given(CHAINS, st.data())
def test_any_changed_field_is_found_although_the_hash_was_made_again(chain: list[Record], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(chain) - 1))
    changed = replace(chain[at], actor=chain[at].actor + "x")
    forged = replace(changed, hash=digest(changed))
    head = Link(chain[-1].number, chain[-1].hash)
    fault = check([*chain[:at], forged, *chain[at + 1 :]], head=head).fault
    assert fault is not None
    assert fault.number == min(at + 2, len(chain))


@given(CHAINS, st.data())
def test_a_record_moved_removed_or_repeated_is_found(chain: list[Record], data: st.DataObject) -> None:
    head = Link(chain[-1].number, chain[-1].hash)
    one, other = sorted(data.draw(st.lists(st.integers(0, len(chain) - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(chain)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    renumbered = [replace(record, number=at) for at, record in enumerate(swapped, 1)]
    removed = chain[:one] + chain[one + 1 :]
    closed = [replace(record, number=at) for at, record in enumerate(removed, 1)]
    repeated = [*chain[: one + 1], *chain[one:]]
    for broken in (swapped, renumbered, removed, closed, repeated, chain[:other]):
        fault = check(broken, head=head).fault
        assert fault is not None
        assert fault.number <= other + 1


@pytest.mark.parametrize("before", ["", "e" * 64])
def test_the_first_record_follows_the_beginning(before: str) -> None:
    (record,) = link([Record(0, 1, "-", "", "", "", "", "", "", "", "", "")], Link(0, before))
    assert check([record], after=START).fault is not None
