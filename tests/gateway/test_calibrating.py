"""Hold and bow found in the stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.clip import protocol
from gateway import calibrating
from gateway.core import Calibration, Samples

Floats = NDArray[np.float64]


def stream(angle: Callable[[Floats], Floats], seconds: float) -> list[Samples]:
    """Leaning forward about y by `angle` degrees over time, in packets of ten samples."""
    t = np.arange(0, seconds, 1 / 26)
    half = np.radians(angle(t) + 0.3 * np.sin(1.7 * t)) / 2
    zero = np.zeros_like(t)
    q = np.stack((np.cos(half), zero, np.sin(half), zero), axis=1)
    return [
        Samples(t[k : k + 10] * 1000, q[k : k + 10], zero[k : k + 10], zero[k : k + 10].astype(np.bool_))
        for k in range(0, len(t), 10)
    ]


def feed(calibrator: calibrating.Calibrator, packets: list[Samples]) -> Calibration | None:
    for packet in packets:
        if (found := calibrator.feed(packet)) is not None:
            return found
    return None


def bow(at: float, depth: float, rest: float = 0.0) -> Callable[[Floats], Floats]:
    return lambda t: rest + depth * np.clip(np.minimum((t - at) / 2, (at + 5 - t) / 2), 0, 1)


def test_a_hold_and_a_bow() -> None:
    found = feed(calibrating.Calibrator(7, protocol.calibration.STANDING), stream(bow(8, 45, rest=5), 20))
    assert found is not None
    assert (found.version, found.procedure) == (7, protocol.calibration.STANDING)
    lean = np.radians(5)
    assert np.degrees(np.arccos(found.up @ [-np.sin(lean), 0, np.cos(lean)])) < 1
    assert np.degrees(np.arccos(found.forward @ [np.cos(lean), 0, np.sin(lean)])) < 2


@pytest.mark.parametrize(
    "angle",
    [
        lambda t: 0 * t,
        bow(8, 12),
        bow(2, 45),  # no hold before it
        lambda t: 30 * np.sin(t),
        lambda t: np.where(t < 8, 0.0, 45.0),  # never comes back
    ],
)
def test_anything_else_is_no_calibration(angle: Callable[[Floats], Floats]) -> None:
    assert feed(calibrating.Calibrator(1), stream(angle, 14)) is None


def test_a_bow_off_its_plane_is_refused_and_the_next_one_counts() -> None:
    crooked = stream(bow(6, 45), 12)
    for k, packet in enumerate(crooked):
        if (packet.t_ms[0] > 6000) and k % 2:
            packet.quaternion[:, [1, 2]] = packet.quaternion[:, [2, 1]]
    calibrator = calibrating.Calibrator(1)
    assert feed(calibrator, crooked) is None
    assert "off-plane" in calibrator.problem
    after = [Samples(p.t_ms + 12_000, p.quaternion, p.acc_mg, p.held) for p in stream(bow(6, 45), 14)]
    assert feed(calibrator, after) is not None


def test_bytes_there_and_back() -> None:
    assert calibrating.from_bytes(b"") is None
    found = feed(calibrating.Calibrator(3), stream(bow(8, 45, rest=20), 20))
    assert found is not None
    again = calibrating.from_bytes(calibrating.to_bytes(found))
    assert again is not None
    assert again.version == 3
    np.testing.assert_allclose(again.up, found.up, atol=1e-4)
    np.testing.assert_allclose(again.forward, found.forward, atol=1e-4)
    with pytest.raises(protocol.MalformedError):
        calibrating.from_bytes(b"\1\0\0")
