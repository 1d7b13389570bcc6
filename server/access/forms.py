"""Form tokens: a value that only a page of ours can know, made from the secret in the visitor's cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """256 random bits for a cookie, in URL-safe letters."""
    return secrets.token_urlsafe(32)


def form_token(secret: str) -> str:
    """The token of the forms shown to the holder of the cookie `secret`. One-way: it does not reveal the cookie."""
    return hmac.new(secret.encode(), b"plumbline form", hashlib.sha256).hexdigest()


def is_form_token(token: str, secret: str) -> bool:
    """Whether `token` was made for this cookie."""
    return bool(secret) and hmac.compare_digest(token.encode(), form_token(secret).encode())
