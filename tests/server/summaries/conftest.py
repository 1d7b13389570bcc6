"""Makes rows of epochs and the inputs of a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gateway import messages
from server.store import epoch_blob

Table = Callable[..., epoch_blob.Rows]


def make_table(*epochs: dict[str, Any]) -> epoch_blob.Rows:
    """Rows of epochs given as fields; `code` fills all seconds with one category."""
    rows = []
    for fields in epochs:
        defaults: dict[str, Any] = {
            "clip": "a" * 16,
            "boot": "0" * 16,
            "judge": "gateway",
            "start_ms": 0,
            "rev": 1,
            "utc_ms": 0,
            "plan": 1,
            "calibration": 1,
            "codes": f"{fields.get('code', 10):x}" * 60,
            "sagittal": (fields.get("angle", 3),) * 30,
        }
        rows.append(epoch_blob.pack_row(messages.Epoch.model_validate(defaults | fields)))
    return np.frombuffer(b"".join(rows), dtype=epoch_blob.ROW)


@pytest.fixture
def table() -> Table:
    return make_table
