"""Sign-in by the clinic's own accounts: OpenID Connect, authorization code with PKCE, state and nonce.

Of what the provider says only the signed ID token counts. It must be of the issuer that the settings name, for this
client alone, unexpired, and hold the nonce of this very visit (OpenID Connect Core 1.0, 3.1.3.7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from server.access.clinic_settings import ClinicSettings
from server.access.forms import new_secret

SCOPE: Final = "openid email"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that the provider alone has. Neither `none` nor a shared secret is among them."""
LEEWAY_S: Final = 60
_TIMEOUT_S: Final = 10.0
_KNOWN_FOR_MS: Final = 3_600_000
_NEEDED: Final = frozenset({"authorization_endpoint", "token_endpoint", "jwks_uri"})


class ClinicSignInError(Exception):
    """The clinic's sign-in has failed or cannot be believed. The message is for the log."""


@dataclass(frozen=True)
class Errand:
    """A visit to the clinic's sign-in: where the browser goes, and what its answer is checked against."""

    url: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class ClinicIdentity:
    """Who the clinic says it is. `email` is "" unless the clinic has verified it."""

    issuer: str
    subject: str
    email: str


class ClinicSignIn:
    """Talks with one provider. `transport` is replaceable, as in tests."""

    def __init__(self, settings: ClinicSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self._transport = transport
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_ms = 0

    async def start(self, redirect_uri: str, now_ms: int) -> Errand:
        """Where to send the browser. Raises ClinicSignInError."""
        async with self._client() as client:
            endpoint = (await self._discover(client, now_ms))["authorization_endpoint"]
        state, nonce, verifier = new_secret(), new_secret(), new_secret()
        url = prepare_grant_uri(
            endpoint,
            self.settings.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Errand(str(url), state, nonce, verifier)

    async def finish(self, code: str, *, nonce: str, verifier: str, redirect_uri: str, now_ms: int) -> ClinicIdentity:
        """Who has signed in there. Raises ClinicSignInError."""
        async with self._client() as client:
            metadata = await self._discover(client, now_ms)
            tokens = await self._exchange(client, metadata, code, verifier, redirect_uri)
            claims = await self._believed(client, tokens, nonce, now_ms)
            email = claims if "email" in claims else await self._userinfo(client, metadata, tokens, claims["sub"])
        verified = email.get("email_verified") is True and isinstance(email.get("email"), str)
        return ClinicIdentity(self.settings.issuer, claims["sub"], email["email"] if verified else "")

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_S, follow_redirects=False)

    async def _discover(self, client: httpx.AsyncClient, now_ms: int) -> dict[str, Any]:
        if not self._metadata or now_ms - self._known_ms > _KNOWN_FOR_MS:
            told = await _json(client, "GET", get_well_known_url(self.settings.issuer, external=True))
            if urlsplit(self.settings.issuer).scheme == "https":  # the library holds every address in it to that
                try:
                    OpenIDProviderMetadata(told).validate()
                except ValueError as error:
                    raise ClinicSignInError(f"the provider's description cannot be used: {error}") from error
            if missing := _NEEDED - told.keys():
                raise ClinicSignInError(f"the provider's description lacks {', '.join(sorted(missing))}")
            if told.get("issuer") != self.settings.issuer:
                raise ClinicSignInError(f"the provider calls itself {told.get('issuer')!r}")
            self._metadata, self._keys, self._known_ms = told, None, now_ms
        return self._metadata

    async def _exchange(
        self, client: httpx.AsyncClient, metadata: dict[str, Any], code: str, verifier: str, redirect_uri: str
    ) -> dict[str, Any]:
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic: httpx.BasicAuth | None = None
        if "client_secret_basic" in ways:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            basic = httpx.BasicAuth(quote(settings.client_id, safe=""), quote(settings.client_secret, safe=""))
        else:
            form |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        return await _json(client, "POST", metadata["token_endpoint"], data=form, auth=basic)

    async def _believed(
        self, client: httpx.AsyncClient, tokens: dict[str, Any], nonce: str, now_ms: int
    ) -> dict[str, Any]:
        """The claims of the ID token, after every check."""
        sent = tokens.get("id_token")
        if not isinstance(sent, str):
            raise ClinicSignInError("the provider sent no ID token")
        settings = self.settings
        try:
            try:
                token = jwt.decode(sent, await self._key_set(client), algorithms=ALGORITHMS)
            except InvalidKeyIdError:  # the provider has changed its keys
                token = jwt.decode(sent, await self._key_set(client, anew=True), algorithms=ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": settings.issuer},
                    "aud": {"essential": True, "value": settings.client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True, "value": nonce},
                },
                {"nonce": nonce, "client_id": settings.client_id, "access_token": tokens.get("access_token")},
            )
            claims.validate(now=now_ms // 1000, leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ClinicSignInError(f"the ID token cannot be believed: {error}") from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ClinicSignInError("the ID token names nobody")
        return dict(claims)

    async def _key_set(self, client: httpx.AsyncClient, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew:
            self._keys = KeySet.import_key_set(await _json(client, "GET", self._metadata["jwks_uri"]))  # type: ignore[arg-type]
        return self._keys

    async def _userinfo(
        self, client: httpx.AsyncClient, metadata: dict[str, Any], tokens: dict[str, Any], subject: str
    ) -> dict[str, Any]:
        """What the provider tells elsewhere about the same person; nothing where it does not."""
        endpoint, access = metadata.get("userinfo_endpoint"), tokens.get("access_token")
        if not endpoint or not isinstance(access, str):
            return {}
        told = await _json(client, "GET", endpoint, headers={"authorization": f"Bearer {access}"})
        return told if told.get("sub") == subject else {}


async def _json(client: httpx.AsyncClient, method: str, url: str, **how: Any) -> dict[str, Any]:
    """A JSON object from the provider. Raises ClinicSignInError."""
    try:
        answer = await client.request(
            method, url, headers={"accept": "application/json", **how.pop("headers", {})}, **how
        )
        told = answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ClinicSignInError(f"the provider does not answer at {urlsplit(url).path}: {error}") from error
    if not isinstance(told, dict):
        raise ClinicSignInError(f"the provider answered {answer.status_code} at {urlsplit(url).path}")
    return told
