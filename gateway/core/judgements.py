"""The judgements of many hops, made into objects only when one is asked for: a day has a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .types import Judgement


class Judgements(Sequence[Judgement]):
    """A read-only sequence over columns."""

    def __init__(self, columns: NDArray[np.int64]) -> None:
        self.columns = columns
        """(6, N): category, since_ms, judged_to_ms, sagittal and lateral in millidegrees, whether these are known."""

    @classmethod
    def joined(cls, parts: Sequence[NDArray[np.int64]]) -> Judgements:
        """One sequence of several parts."""
        return cls(np.concatenate(parts, axis=1) if parts else np.empty((6, 0), dtype=np.int64))

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    @overload
    def __getitem__(self, index: int) -> Judgement: ...
    @overload
    def __getitem__(self, index: slice) -> Judgements: ...
    def __getitem__(self, index: int | slice) -> Judgement | Judgements:
        if isinstance(index, slice):
            return Judgements(self.columns[:, index])
        category, since, judged_to, sagittal, lateral, known = self.columns[:, index].tolist()
        return Judgement(
            category=category,
            since_ms=since,
            judged_to_ms=judged_to,
            sagittal_deg=sagittal / 1000 if known else None,
            lateral_deg=lateral / 1000 if known else None,
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Judgements):
            return bool(np.array_equal(self.columns, other.columns))
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
