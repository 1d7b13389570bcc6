"""Packed epochs: the codec, and a merge that no order, repetition or division can confuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from server.store import epoch_blob as blob

ANGLE = st.none() | st.integers(-127, 127)
EPOCHS = st.builds(
    messages.Epoch,
    clip=st.just("00000000000000aa"),
    boot=st.sampled_from(["0123456789abcdef", "ffffffffffffffff", "0000000000000000"]),
    judge=st.sampled_from(["clip", "gateway"]),
    start_ms=st.integers(0, 2**32 // 60_000 - 1).map(lambda minute: minute * 60_000),
    rev=st.integers(0, 255),
    utc_ms=st.integers(0, 2**53 - 1),
    utc_error_ms=st.none() | st.integers(0, 2**31 - 1),
    plan=st.integers(0, 2**16 - 1),
    calibration=st.integers(0, 2**16 - 1),
    simulated=st.booleans(),
    codes=st.text("0123456789a", min_size=60, max_size=60),
    sagittal=st.tuples(*[ANGLE] * 30),
    low=ANGLE,
    high=ANGLE,
    lateral=ANGLE,
    shifts=st.integers(0, 255),
    celsius=ANGLE,
)
# Few identities and revs, so that deliveries of one minute meet.
CROWDED = st.builds(
    lambda epoch, start, rev, utc, error, shifts: epoch.model_copy(
        update={
            "boot": "0123456789abcdef",
            "start_ms": start * 60_000,
            "rev": rev,
            "utc_ms": utc,
            "utc_error_ms": error,
            "shifts": shifts,
        }
    ),
    EPOCHS,
    st.integers(0, 2),
    st.integers(0, 2),
    st.none() | st.integers(0, 3),
    st.none() | st.integers(0, 2),
    st.integers(0, 1),
)
ROWS = st.lists(CROWDED.map(blob.pack_row), max_size=12)


@given(EPOCHS)
def test_a_row_holds_everything(epoch: messages.Epoch) -> None:
    row = blob.pack_row(epoch)
    table = blob.decode(blob.encode([row]))
    assert blob.rows_of(table) == [row]
    assert "".join(f"{code:x}" for code in blob.codes_of(table)[0]) == epoch.codes
    back = table[0]
    means = [None if value == blob.NO_ANGLE else value for value in back["sagittal"].tolist()]
    assert means == list(epoch.sagittal)
    for name in ("low", "high", "lateral", "celsius"):
        assert back[name] == (blob.NO_ANGLE if getattr(epoch, name) is None else getattr(epoch, name))
    for name in ("start_ms", "rev", "utc_ms", "plan", "calibration", "shifts", "simulated"):
        assert back[name] == getattr(epoch, name)
    assert back["utc_error_ms"] == (blob.NO_ERROR if epoch.utc_error_ms is None else epoch.utc_error_ms)
    assert (blob.boot_of(row), blob.start_of(row), blob.judge_of(row)) == (epoch.boot, epoch.start_ms, epoch.judge)
    assert (blob.rev(row), blob.utc_ms(row)) == (epoch.rev, epoch.utc_ms)


@given(st.lists(EPOCHS, max_size=20))
def test_a_blob_gives_back_its_rows(epochs: list[messages.Epoch]) -> None:
    rows = [blob.pack_row(epoch) for epoch in epochs]
    assert blob.rows_of(blob.decode(blob.encode(rows))) == rows


@given(ROWS, ROWS, ROWS)
def test_merging_is_commutative_associative_and_idempotent(a: list[bytes], b: list[bytes], c: list[bytes]) -> None:
    assert blob.merge(a, b) == blob.merge(b, a)
    assert blob.merge(blob.merge(a, b), c) == blob.merge(a, blob.merge(b, c))
    both = blob.merge(a, b)
    assert blob.merge(both, a) == both
    assert blob.merge(both, both) == both


@given(ROWS, st.randoms(use_true_random=False))
def test_any_order_repetition_and_split_of_deliveries_ends_the_same(rows: list[bytes], random: object) -> None:
    deliveries = rows * 2
    random.shuffle(deliveries)  # type: ignore[attr-defined]
    hour: list[bytes] = []
    while deliveries:
        size = random.randint(1, len(deliveries))  # type: ignore[attr-defined]
        part, deliveries = deliveries[:size], deliveries[size:]
        hour = blob.rows_of(blob.decode(blob.encode(blob.merge(hour, part))))
    assert hour == blob.merge([], rows)
    identities = [blob.identity(row) for row in hour]
    assert len(set(identities)) == len(identities)
    for row in hour:
        assert blob.rev(row) == max(blob.rev(other) for other in rows if blob.identity(other) == blob.identity(row))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(blob.BlobError):
        blob.decode(data)


@given(EPOCHS, st.data())
def test_damage_is_noticed_or_harmless(epoch: messages.Epoch, data: st.DataObject) -> None:
    good = blob.encode([blob.pack_row(epoch)])
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    try:
        table = blob.decode(bytes(bad))
    except blob.BlobError:
        return
    assert len(table) == 1  # a flipped bit in zlib's own header may be without effect
    assert blob.rows_of(table) == blob.rows_of(blob.decode(good))


def test_an_unplaced_row_says_so() -> None:
    epoch = messages.Epoch(
        clip="0" * 16,
        boot="0" * 16,
        judge="clip",
        start_ms=0,
        rev=1,
        utc_ms=None,
        plan=0,
        calibration=0,
        codes="1" * 60,
        sagittal=(None,) * 30,
    )
    assert blob.utc_ms(blob.pack_row(epoch)) is None


def test_an_hour_of_a_day_at_a_desk_stays_small() -> None:
    random = np.random.default_rng(7)
    rows = []
    for minute in range(60):
        angles = np.clip(np.cumsum(random.normal(0, 0.7, 30)) + 8, -20, 40).astype(int)
        codes = "".join("9" if angle > 10 else "a" for angle in np.repeat(angles, 2))
        rows.append(
            blob.pack_row(
                messages.Epoch(
                    clip="0" * 16,
                    boot="0123456789abcdef",
                    judge="gateway",
                    start_ms=minute * 60_000,
                    rev=1,
                    utc_ms=1_790_000_000_000 + minute * 60_000 + int(random.integers(-3, 4)),
                    utc_error_ms=20,
                    plan=3,
                    calibration=1,
                    codes=codes,
                    sagittal=tuple(int(angle) for angle in angles),
                    low=int(angles.min()),
                    high=int(angles.max()),
                    lateral=1,
                    shifts=1,
                    celsius=31,
                )
            )
        )
    assert len(blob.encode(rows)) / 60 < 35
