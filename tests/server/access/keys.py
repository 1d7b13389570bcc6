"""An authenticator in the same process: makes passkeys and shows them as a browser would hand them on."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, MADE = 0x01, 0x04, 0x40


@dataclass
class Key:
    """One passkey. The fields are what a bad one, or a page of another site, would have otherwise."""

    origin: str
    rp_id: str
    count: int = 0
    flags: int = PRESENT | VERIFIED
    user_handle: str = ""
    credential: bytes = b"credential-of-a-test"
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any], **instead: Any) -> dict[str, Any]:
        """The answer to a registration."""
        self.user_handle = options["user"]["id"]
        numbers = self.private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        known = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cbor2.dumps(public)
        data = self._authenticator_data(MADE) + known
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": self._client_data("webauthn.create", options, instead),
            "attestationObject": bytes_to_base64url(attestation),
            "transports": ["internal", "something new"],
        }
        return self._answer(response)

    def show(self, options: dict[str, Any], **instead: Any) -> dict[str, Any]:
        """The answer to a sign-in."""
        self.count += 1
        client_data = self._client_data("webauthn.get", options, instead)
        data = self._authenticator_data(0)
        signed = data + hashlib.sha256(base64url_to_bytes(client_data)).digest()
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(self.private.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.user_handle,
        }
        return self._answer(response)

    def _client_data(self, kind: str, options: dict[str, Any], instead: dict[str, Any]) -> str:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False, **instead}
        return bytes_to_base64url(json.dumps(told).encode())

    def _authenticator_data(self, more: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", self.flags | more, self.count)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
