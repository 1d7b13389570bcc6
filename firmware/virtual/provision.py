"""Pairing without a radio: the key file is written before the clip is switched on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firmware.clip import keystore


def provision(flash: Path, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Let the gateways with these (id of 8 bytes, key of 32 bytes) use the clip whose flash is the folder `flash`.

    Raises ValueError for more than the clip holds or other sizes, OSError when the file cannot be written.
    """
    flash.mkdir(parents=True, exist_ok=True)
    (flash / keystore.FILE).write_bytes(keystore.pack(list(keys)))
