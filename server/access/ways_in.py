"""How people may come in, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.clinic import ClinicSignIn
from server.access.sealing import SecretBox


@dataclass(frozen=True)
class WaysIn:
    """`second_factor_for` are the roles that cannot do without one. `box` seals the secrets of authenticator apps;
    without one there are none. `clinic` is the sign-in by the clinic's own accounts, where it has one."""

    second_factor_for: frozenset[str] = frozenset()
    box: SecretBox | None = None
    clinic: ClinicSignIn | None = None
