"""The firmware as boards get it, built once in a run: whichever worker needs it first makes it for all."""

from __future__ import annotations

import fcntl
import pickle
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from firmware.tools.build import Built


@pytest.fixture(scope="session")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """What `build` makes for each board. To be read, not to be changed."""
    from firmware.tools.build import MARCH, build

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own
    made = shared / "built"
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "told").exists():
            told = {board: build(made, board) for board in MARCH}
            (made / "told").write_bytes(pickle.dumps(told))
        kept: dict[str, Built] = pickle.loads((made / "told").read_bytes())
        return kept
