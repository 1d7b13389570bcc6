"""What a virtual clip has in its journal, read from its flash."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.clip.journal import Journal
from firmware.clip.protocol import records


def events(flash: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """(kind, clip ms, value) of every event, oldest first."""
    with monkeypatch.context() as patched:
        patched.chdir(flash)
        journal = Journal()
        found = []
        for number in range(journal.first, journal.next):
            record = journal.read(number)
            assert record is not None
            fields = records.parse(record)
            if "value" in fields:
                found.append((fields["kind"], fields["start_ms"], fields["value"]))
        journal.close()
    return found  # type: ignore[return-value]
