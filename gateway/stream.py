"""Stream packets to arrays. The same layout as `protocol.stream`, decoded a packet at a time instead of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from gateway.core.types import Samples, Trailer

_OTHERS: Final = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
"""Places of the three components that are sent, by the place of the largest."""
_SCALE: Final = 1 / (16384 * 2**0.5)
_SMALLEST_SQUARE: Final = 0.2
"""The omitted component is the largest, so its square is at least 1/4, quantisation aside."""


@dataclass(frozen=True)
class Packet:
    """A decoded stream packet."""

    flags: int
    seq: int
    t_ms: int
    samples: Samples
    trailer: Trailer | None

    @property
    def settled(self) -> bool:
        """Whether the orientation can be trusted."""
        return not self.flags & protocol.stream.FLAG_UNSETTLED


def decode(data: bytes, period_us: int) -> Packet:
    """The packet in `data`; `period_us` is the interval between samples.

    Raises protocol.MalformedError.
    """
    flags, n, seq, t_ms = protocol.stream.parse_header(data)
    size = protocol.stream.SAMPLE_SIZE
    raw = np.frombuffer(data, np.uint8, n * size, protocol.stream.HEADER_SIZE).reshape(n, size)
    times: NDArray[np.float64] = t_ms + np.arange(n, dtype=np.float64) * (period_us / 1000)
    samples = Samples(
        t_ms=times,
        quaternion=_quaternions(raw[:, :6].astype(np.int32)),
        acc_mg=_expand(raw[:, 6].view(np.int8)),
        held=np.full(n, bool(flags & protocol.stream.FLAG_MOTOR)),
    )
    trailer = None
    if flags & protocol.stream.FLAG_TRAILER:
        gyro, acc, saturated, _, celsius = protocol.stream.parse_trailer(data)
        at = float(times[-1]) if n else float(t_ms)
        trailer = Trailer(at, gyro / 10, float(acc), saturated, celsius)
    return Packet(flags, seq, t_ms, samples, trailer)


def _quaternions(b: NDArray[np.int32]) -> NDArray[np.float64]:
    """(N, 6) bytes to (N, 4) unit quaternions, w x y z."""
    if np.any(b[:, 5] & 0x80):
        raise protocol.MalformedError("sample: the bit above the quaternion must be 0")
    largest = b[:, 0] & 3
    sent = np.stack(
        (
            b[:, 0] >> 2 | b[:, 1] << 6 | (b[:, 2] & 1) << 14,
            b[:, 2] >> 1 | b[:, 3] << 7,
            b[:, 4] | b[:, 5] << 8,
        ),
        axis=1,
    )
    parts = (sent - 16384) * _SCALE
    rest = 1.0 - np.sum(parts * parts, axis=1)
    if np.any(rest < _SMALLEST_SQUARE):
        raise protocol.MalformedError("sample: the quaternion's components are too large")
    out = np.empty((len(b), 4))
    rows = np.arange(len(b))
    out[rows[:, None], _OTHERS[largest]] = parts
    out[rows, largest] = np.sqrt(rest)
    return out


def _expand(code: NDArray[np.int8]) -> NDArray[np.float64]:
    """Companded bytes to mg, rounded towards zero as `protocol.stream.expand` does."""
    wide = code.astype(np.int32)
    milli_g: NDArray[np.float64] = (np.sign(wide) * (wide * wide // 4)).astype(np.float64)
    return milli_g
