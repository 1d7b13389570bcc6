"""An OpenID Connect provider in the same process: real keys, real tokens, and every way to get them wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://accounts.clinic.test/realm"
CLIENT_ID = "plumbline at the clinic"
CLIENT_SECRET = "half a secret: 50%"


@dataclass
class Provider:
    """`claims`, `header` and `metadata` change what it says; `sign` how it signs; `asked` is what came to it."""

    now_ms: Callable[[], int]
    subject: str = "subject-1"
    email: str = "mara@example.org"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    sign: str = "RS256"
    asked: list[str] = field(default_factory=list)
    code: str = "a code"
    wanted: dict[str, str] = field(default_factory=dict)

    def transport(self) -> httpx.ASGITransport:
        app = FastAPI()
        app.get("/realm/.well-known/openid-configuration")(self._describe)
        app.get("/realm/keys")(self._keys)
        app.post("/realm/token")(self._token)
        app.get("/realm/userinfo")(self._userinfo)
        return httpx.ASGITransport(app)

    def visit(self, url: str) -> str:
        """What a browser does there: sign in, and come back with this path and query."""
        parts = urlsplit(url)
        assert url.startswith(ISSUER + "/authorize?")
        self.wanted = {name: values[0] for name, values in parse_qs(parts.query).items()}
        back = urlsplit(self.wanted["redirect_uri"])
        return str(httpx.URL(back.path, params={"code": self.code, "state": self.wanted["state"]}))

    def _describe(self) -> dict[str, Any]:
        self.asked.append("description")
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            **self.metadata,
        }

    def _keys(self) -> dict[str, Any]:
        self.asked.append("keys")
        return {"keys": [self.key.as_dict(private=False)]}

    async def _token(self, request: Request) -> JSONResponse:
        self.asked.append("token")
        form = dict(await request.form())
        pair = base64.b64encode(b"plumbline%20at%20the%20clinic:half%20a%20secret%3A%2050%25").decode()
        by_basic = request.headers.get("authorization") == f"Basic {pair}"
        by_post = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        verifier = str(form["code_verifier"]).encode()
        challenge = _letters(hashlib.sha256(verifier).digest())
        right = (
            (by_basic or by_post)
            and form["code"] == self.code
            and form["redirect_uri"] == self.wanted["redirect_uri"]
            and self.wanted["code_challenge_method"] == "S256"
            and challenge == self.wanted["code_challenge"]
        )
        if not right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": self._signed()})

    def _userinfo(self) -> JSONResponse:
        return JSONResponse(self.userinfo, 200) if self.userinfo is not None else JSONResponse({}, 403)

    def _signed(self) -> str:
        now = self.now_ms() // 1000
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": self.wanted.get("nonce"),
            "email": self.email,
            "email_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign == "none":
            return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."
        if self.sign == "HS256":  # by what everybody may read: the public key
            text = f"{_encoded({'alg': 'HS256', 'kid': 'first'})}.{_encoded(claims)}"
            mark = hmac.digest(self.key.as_pem(private=False), text.encode(), "sha256")
            return f"{text}.{_letters(mark)}"
        return jwt.encode({"alg": self.sign, "kid": self.key.kid}, claims, self.key, algorithms=[self.sign])


def _encoded(part: dict[str, Any]) -> str:
    return _letters(json.dumps(part).encode())


def _letters(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
