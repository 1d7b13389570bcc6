"""Keys written before the clip is switched on are the ones that the firmware reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.clip import keystore
from firmware.virtual.provision import provision


def test_the_firmware_reads_what_was_provisioned(tmp_path: Path) -> None:
    keys = [(bytes(range(8)), bytes(range(32))), (bytes(8), bytes(reversed(range(32))))]
    provision(tmp_path / "flash", keys)
    assert keystore.load(str(tmp_path / "flash" / keystore.FILE)) == keys


def test_more_keys_than_a_clip_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most 4"):
        provision(tmp_path, [(bytes(8), bytes(32))] * 5)
