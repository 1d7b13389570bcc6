"""How long a session lasts, how its cookies are named, what must be shown at sign-in, and where the pages are."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from server.access.attempts import AttemptRules


@dataclass(frozen=True)
class Site:
    """The pages as browsers reach them. Passkeys belong to `rp_id`, the host's name, and work at `origin` alone."""

    origin: str
    rp_id: str


@dataclass(frozen=True)
class AccessRules:
    """`secure`: pages are served over TLS, so cookies are marked so (and named `__Host-`, which ties them to the host).

    Limits: a session ends after `idle_ms` without a request and after `absolute_ms` in any case (OWASP ASVS 5.0, 7.3);
    what changes how somebody signs in wants a proof no older than `fresh_ms` (7.5).
    """

    secure: bool = False
    public_url: str = ""
    """Where browsers reach the pages, such as https://posture.example.org. Passkeys and sign-in by the clinic's own
    accounts need it."""
    second_factor_for: frozenset[str] = frozenset()
    """Roles that cannot do without a second factor."""
    idle_ms: int = 30 * 60_000
    absolute_ms: int = 12 * 3_600_000
    fresh_ms: int = 15 * 60_000
    attempts: AttemptRules = field(default_factory=AttemptRules)
    factors: AttemptRules = field(default_factory=lambda: AttemptRules(span_ms=3_600_000, pair=5, account=10))
    """Codes of apps and recovery codes, asked for after the right password. Three codes in a million are good at a
    time, so that 10 an hour find one in some 4 years."""
    questions: AttemptRules = field(default_factory=lambda: AttemptRules(pair=300, account=10**6, address=300))
    """Challenges for passkeys and visits to the clinic's sign-in: each is kept for minutes."""
    programs: AttemptRules = field(
        default_factory=lambda: AttemptRules(span_ms=60_000, pair=600, account=600, address=1800, keys_kept=2000)
    )
    """Requests of a program by its token, and of all those at one address."""
    codes: AttemptRules = field(default_factory=lambda: AttemptRules(pair=10, account=300, address=10))
    """Codes that connect a computer: tried from an address, and in total (the `account`)."""

    @property
    def site(self) -> Site | None:
        """The pages' place, None where it was not said or has no name (passkeys know no bare addresses)."""
        parts = urlsplit(self.public_url)
        host = parts.hostname or ""
        if not host or host.replace(".", "").isdigit() or ":" in host:
            return None
        return Site(f"{parts.scheme}://{parts.netloc}", host)

    @property
    def session_cookie(self) -> str:
        """Name of the cookie of somebody who has signed in."""
        return self._named("plumbline-session")

    @property
    def visitor_cookie(self) -> str:
        """Name of the cookie that ties the sign-in form to its browser."""
        return self._named("plumbline-visitor")

    @property
    def step_cookie(self) -> str:
        """Name of the cookie of somebody who is about to sign in."""
        return self._named("plumbline-step")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name
