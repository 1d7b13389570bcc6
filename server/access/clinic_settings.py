"""What the clinic's own sign-in needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from server.loopback import is_loopback


@dataclass(frozen=True)
class ClinicSettings:
    """What the clinic's provider knows this server by. Its people belong to the organisation `organisation_id`.

    Raises ValueError for an issuer that is not reached over TLS, unless it is on this machine.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    organisation_id: int
    name: str = "the clinic"

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError(f"the issuer {self.issuer!r} must begin with https://")
