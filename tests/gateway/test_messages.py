"""The MQTT contract: everything valid comes back as it went, everything else raises the one named error."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import asyncapi, messages
from gateway.messages import MalformedMessageError

CLIP, BOOT = "0123456789abcdef", "fedcba9876543210"
GOLDEN = Path(__file__).parent / "contract.json"

u32 = st.integers(0, 2**32 - 1)
u16 = st.integers(0, 2**16 - 1)
degrees = st.integers(-127, 127)
angle = st.floats(-180, 180)
placed = {
    "clip": st.just(CLIP),
    "boot": st.text("0123456789abcdef", min_size=16, max_size=16),
    "judge": st.sampled_from(["clip", "gateway"]),
    "rev": st.integers(0, 255),
    "utc_ms": st.none() | st.integers(0, 2**53 - 1),
    "utc_error_ms": st.none() | st.integers(0, 2**31 - 1),
    "plan": u16,
    "calibration": u16,
    "simulated": st.booleans(),
}
epochs = st.builds(
    messages.Epoch,
    **placed,
    start_ms=st.integers(0, (2**32 - 1) // 60_000).map(lambda minute: minute * 60_000),
    codes=st.text("0123456789a", min_size=60, max_size=60),
    sagittal=st.lists(st.none() | degrees, min_size=30, max_size=30).map(tuple),
    low=st.none() | degrees,
    high=st.none() | degrees,
    lateral=st.none() | degrees,
    shifts=st.integers(0, 255),
    celsius=st.none() | degrees,
)
episodes = st.builds(
    messages.Episode,
    **placed,
    start_ms=u32,
    duration_ms=u32,
    peak_deg=angle,
    mean_deg=angle,
    end_reason=st.sampled_from(["recovered", "moved", "not_worn", "lost", "paused"]),
)
reminders = st.builds(
    messages.Reminder,
    **placed,
    start_ms=u32,
    since_ms=u32,
    angle_deg=angle,
    reason=st.sampled_from(protocol.records.REASON_NAMES),
    response=st.sampled_from(protocol.records.RESPONSE_NAMES),
    response_ms=u32,
)
events = st.builds(
    messages.Event,
    **placed,
    start_ms=u32,
    kind=st.sampled_from(
        [name for number, name in protocol.records.KIND_NAMES.items() if number >= protocol.records.BOOT]
    ),
    value=u32,
)
records = epochs | episodes | reminders | events
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(records)
def test_a_record_survives_the_wire(record: messages.Epoch) -> None:
    row = {"n": 7, "record": json.loads(record.model_dump_json())}
    batch = messages.Records(schema="records/1", spool="a" * 32, first=7, last=7, rows=(messages.Row(**row),))
    received = messages.parse("records", messages.encode(batch))
    assert isinstance(received, messages.Records)
    assert messages.parse_record(received.rows[0].record) == record


@given(st.sampled_from(sorted(messages.MESSAGES)), st.binary(max_size=300))
def test_bytes_raise_the_named_error_or_parse(kind: str, payload: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        messages.parse(kind, payload)


@given(st.sampled_from(sorted(messages.MESSAGES)), json_values, st.sampled_from(sorted(messages.MESSAGES)))
def test_any_json_raises_the_named_error_or_parses(kind: str, value: Any, schema: str) -> None:
    if isinstance(value, dict):
        value["schema"] = f"{schema}/1"
    with contextlib.suppress(MalformedMessageError):
        messages.parse(kind, json.dumps(value).encode())


@given(json_values | records.map(lambda record: record.model_dump(mode="json")), st.data())
def test_a_mutated_record_raises_the_named_error_or_parses(value: Any, data: st.DataObject) -> None:
    if isinstance(value, dict) and value:
        value[data.draw(st.sampled_from(sorted(value)))] = data.draw(json_values)
    with contextlib.suppress(MalformedMessageError):
        messages.parse_record(value)


def test_an_error_says_where_and_what() -> None:
    with pytest.raises(MalformedMessageError, match=r"plan: plan\.dwell_s: .*600"):
        messages.parse(
            "plan",
            json.dumps({"schema": "plan/1", "clip": CLIP, "plan": {"version": 1, "dwell_s": 601}}).encode(),
        )


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({"recovery_deg": 10, "angle_deg": 10}, "recovery_deg must be below angle_deg"),
        ({"start": "17:00", "end": "09:00"}, "start before it ends"),
        ({"start": "9:00"}, "start"),
        ({"days": []}, "days"),
    ],
)
def test_an_inconsistent_plan_is_refused(plan: dict[str, object], problem: str) -> None:
    payload = json.dumps({"schema": "plan/1", "clip": CLIP, "plan": {"version": 1, **plan}}).encode()
    with pytest.raises(MalformedMessageError, match=problem):
        messages.parse("plan", payload)


def test_rows_out_of_order_are_refused() -> None:
    rows = [{"n": 2, "record": {}}, {"n": 1, "record": {}}]
    payload = json.dumps({"schema": "records/1", "spool": "a" * 32, "first": 1, "last": 2, "rows": rows}).encode()
    with pytest.raises(MalformedMessageError, match="rise"):
        messages.parse("records", payload)


@pytest.mark.parametrize(
    "name", ["", "plumbline/v1", "plumbline/v1/x/up/records", f"plumbline/v1/{CLIP}/up/ack", "a/b/c/d/e"]
)
def test_a_foreign_topic_is_refused(name: str) -> None:
    with pytest.raises(MalformedMessageError):
        messages.split_topic(name)


def test_a_topic_comes_apart_as_it_was_made() -> None:
    assert messages.split_topic(messages.topic(CLIP, "up", "records")) == (CLIP, "up", "records")


def test_categories_are_the_clips() -> None:
    assert messages.CATEGORIES == protocol.category.NAMES
    assert len(messages.CATEGORIES) == protocol.category.COUNT <= 16


def test_the_contract_is_the_recorded_one() -> None:
    """A change of the contract shows in contract.json, which `python -m gateway.asyncapi` prints."""
    assert asyncapi.text() == GOLDEN.read_text()
