"""What the clip really wrote: its journal read straight from its flash, acknowledged or not."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from firmware.clip import journal, protocol

from .evidence import Identity

_JUDGES = {protocol.records.JUDGE_CLIP: "clip", protocol.records.JUDGE_GATEWAY: "gateway"}


def identities(flash: Path, clip: str) -> dict[Identity, int]:
    """Identity -> highest revision of every record in the journal of the flash folder, in the order first written."""
    found: dict[Identity, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / journal.FOLDER  # the clip is still writing to its own
        shutil.copytree(flash / journal.FOLDER, copy)
        ring = journal.Journal(str(copy))
        for number in range(ring.oldest, ring.next):
            record = ring.read(number)
            if record is None:
                continue
            fields = protocol.records.parse(record)
            key = (
                clip,
                bytes(fields["boot"]).hex(),  # type: ignore[call-overload]
                _JUDGES[fields["judge"]],  # type: ignore[index]
                protocol.records.KIND_NAMES[fields["kind"]],  # type: ignore[index]
                int(fields["start_ms"]),  # type: ignore[call-overload]
            )
            found[key] = max(found.get(key, 0), int(fields["rev"]))  # type: ignore[call-overload]
        ring.close()
    return found
