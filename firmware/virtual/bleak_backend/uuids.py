"""UUIDs the way bleak writes them."""

from __future__ import annotations

import uuid

from bumble.core import UUID


def as_text(value: UUID) -> str:
    """The 128-bit form in lower case."""
    return str(uuid.UUID(bytes=bytes(reversed(value.to_bytes(force_128=True)))))
