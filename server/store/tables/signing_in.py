"""Sessions, the steps before one, and what people prove themselves with besides a password."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from server.store.tables.columns import metadata, ms_column


def _person(**kw: Any) -> Column[int]:
    return Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), **{"nullable": False, **kw})


session: Final = Table(
    "session",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    _person(index=True),
    Column("handle", String(22), nullable=False, unique=True),
    Column("proof", String(16), nullable=False),
    Column("address", String(45), nullable=False),
    Column("agent", String(120), nullable=False),
    ms_column("created_ms"),
    ms_column("proved_ms"),
    ms_column("seen_ms"),
    ms_column("expires_ms"),
)
"""Signed-in browsers; only the hash of the token is kept (hex). `handle` names one to its owner, `proof` is how they
signed in (`server.access.sessions.Proof`), `proved_ms` when they last showed who they are; `address` and `agent` are
what the browser came with, shortened."""

sign_in_step: Final = Table(
    "sign_in_step",
    metadata,
    Column("browser_sha256", String(64), primary_key=True),
    Column("purpose", String(16), primary_key=True),
    _person(nullable=True, index=True),
    Column("body_json", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    ms_column("expires_ms"),
)
"""What has been begun and not finished, of one browser: the first half of a sign-in, a challenge, a visit to the
clinic's own sign-in. `browser_sha256` is the hash of a cookie. A row gives no rights."""

authenticator: Final = Table(
    "authenticator",
    metadata,
    Column("id", Integer, primary_key=True),
    _person(index=True),
    Column("sealed", String(255), nullable=False),
    Column("last_step", BigInteger, nullable=False),
    ms_column("created_ms"),
    ms_column("confirmed_ms", nullable=True),
)
"""Authenticator apps (RFC 6238). `sealed` is the secret, encrypted with a key that is not in the database; `last_step`
the time step whose code was taken last: none from then or before is taken again."""

passkey: Final = Table(
    "passkey",
    metadata,
    Column("id", Integer, primary_key=True),
    _person(index=True),
    Column("credential", String(1400), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("transports", String(100), nullable=False),
    Column("name", String(60), nullable=False),
    ms_column("created_ms"),
    ms_column("used_ms", nullable=True),
)
"""Passkeys (WebAuthn). `credential` is the id that the authenticator gave it, base64url; `name` its owner's word."""

recovery_code: Final = Table(
    "recovery_code",
    metadata,
    Column("id", Integer, primary_key=True),
    _person(),
    Column("code_sha256", String(64), nullable=False),
    ms_column("created_ms"),
    ms_column("used_ms", nullable=True),
    UniqueConstraint("user_id", "code_sha256"),
)
"""Codes for the day when the second factor is lost; each has 80 random bits, so that a plain hash keeps it (hex)."""

clinic_identity: Final = Table(
    "clinic_identity",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _person(unique=True),
    ms_column("created_ms"),
    ms_column("used_ms", nullable=True),
)
"""Whose account at the clinic's own sign-in (OpenID Connect) is whose here."""
