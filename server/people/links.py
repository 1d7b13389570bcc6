"""One-time links: 256 random bits in the address, of which only the hash is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.access.forms import new_secret
from server.access.sessions import digest


class LinkRefusedError(Exception):
    """A link is unknown, used, revoked or too old. Which of these is not told: it is nobody's but its receiver's."""


@dataclass(frozen=True)
class Link:
    """A link's token, shown once, and until when it can be used (UTC ms)."""

    token: str = field(repr=False)
    expires_ms: int


def new_link(expires_ms: int) -> tuple[Link, str]:
    """A new link, and what is kept of it."""
    token = new_secret()
    return Link(token, expires_ms), digest(token)
