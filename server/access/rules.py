"""How long a session lasts and how its cookies are named."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.access.attempts import AttemptRules


@dataclass(frozen=True)
class AccessRules:
    """`secure`: pages are served over TLS, so cookies are marked so (and named `__Host-`, which ties them to the host).

    Limits: a session ends after `idle_ms` without a request and after `absolute_ms` in any case (OWASP ASVS 5.0, 7.3).
    """

    secure: bool = False
    idle_ms: int = 30 * 60_000
    absolute_ms: int = 12 * 3_600_000
    attempts: AttemptRules = field(default_factory=AttemptRules)
    codes: AttemptRules = field(default_factory=lambda: AttemptRules(pair=10, account=300, address=10))
    """Codes that connect a computer: tried from an address, and in total (the `account`)."""

    @property
    def session_cookie(self) -> str:
        """Name of the cookie of somebody who has signed in."""
        return "__Host-plumbline-session" if self.secure else "plumbline-session"

    @property
    def visitor_cookie(self) -> str:
        """Name of the cookie that ties the sign-in form to its browser."""
        return "__Host-plumbline-visitor" if self.secure else "plumbline-visitor"
