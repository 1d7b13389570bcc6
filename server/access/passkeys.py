"""Passkeys (Web Authentication): made and used in the browser, checked here. Each asks for its owner's PIN, finger or
face (user verification), so that one alone is two factors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import webauthn
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.access.rules import Site
from server.store.engine import reading
from server.store.tables import passkey, user_account

MOST: Final = 20
"""Passkeys of one person."""
LONGEST_NAME: Final = 60
_PATIENCE_MS: Final = 5 * 60_000
# Fetching a key from a drawer takes longer than the minute that browsers give by themselves.


class PasskeyRefusedError(Exception):
    """What the browser sent does not prove anything. The message is for the log."""


class PasskeyLimitError(Exception):
    """The person has as many passkeys as can be kept."""


@dataclass(frozen=True)
class Passkey:
    """A passkey as its owner sees it."""

    id: int
    name: str
    created_ms: int
    used_ms: int | None


@dataclass(frozen=True)
class Ceremony:
    """What the browser is asked (JSON), and the challenge that its answer must hold (base64url)."""

    options: str
    challenge: str


def ask_to_make(engine: Engine, site: Site, user_id: int, *, email: str, name: str) -> Ceremony:
    """Ask the browser to make a passkey on an authenticator that has none of this person yet."""
    with reading(engine) as db:
        known = _descriptors(db, user_id)
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Plumbline",
        user_id=_handle(user_id),
        user_name=email,
        user_display_name=name,
        timeout=_PATIENCE_MS,
        exclude_credentials=known,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return Ceremony(options_to_json(options), bytes_to_base64url(options.challenge))


def keep_passkey(
    db: Connection, site: Site, user_id: int, answer: dict[str, Any], challenge: str, *, name: str, now_ms: int
) -> None:
    """Check what the browser made and keep it. Raises PasskeyRefusedError, PasskeyLimitError."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise PasskeyRefusedError(str(error)) from error
    row = {
        "user_id": user_id,
        "credential": bytes_to_base64url(made.credential_id),
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "transports": _transports(answer),
        "name": name.strip()[:LONGEST_NAME] or "Passkey",
        "created_ms": now_ms,
    }
    if count_passkeys(db, user_id) >= MOST:
        raise PasskeyLimitError
    try:
        with db.begin_nested():
            db.execute(insert(passkey).values(row))
    except IntegrityError as error:
        raise PasskeyRefusedError("this credential is known already") from error


def ask_to_show(engine: Engine, site: Site, user_id: int | None = None) -> Ceremony:
    """Ask the browser for a passkey: one of this person, or whichever its owner chooses."""
    known: list[PublicKeyCredentialDescriptor] = []
    if user_id is not None:
        with reading(engine) as db:
            known = _descriptors(db, user_id)
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        timeout=_PATIENCE_MS,
        allow_credentials=known,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Ceremony(options_to_json(options), bytes_to_base64url(options.challenge))


def owner_shown(db: Connection, site: Site, answer: dict[str, Any], challenge: str, now_ms: int) -> int:
    """The account whose passkey the browser has shown. Raises PasskeyRefusedError, also for a counter that went back,
    as that of a copy would."""
    credential = answer.get("id")
    row = db.execute(
        select(passkey)
        .join(user_account, user_account.c.id == passkey.c.user_id)
        .where(passkey.c.credential == str(credential)[:1400], user_account.c.disabled_ms.is_(None))
    ).one_or_none()
    if row is None:
        raise PasskeyRefusedError("no such credential")
    if _handle_in(answer) not in (None, bytes_to_base64url(_handle(row.user_id))):
        raise PasskeyRefusedError("the credential is somebody else's")
    try:
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise PasskeyRefusedError(str(error)) from error
    unchanged = passkey.c.id == row.id, passkey.c.sign_count == row.sign_count
    values = {"sign_count": shown.new_sign_count, "used_ms": now_ms}
    if db.execute(update(passkey).where(*unchanged).values(values)).rowcount != 1:
        raise PasskeyRefusedError("the credential was used elsewhere at the same moment")
    return int(row.user_id)


def passkeys_of(db: Connection, user_id: int) -> list[Passkey]:
    """A person's passkeys, the oldest first."""
    c = passkey.c
    query = select(c.id, c.name, c.created_ms, c.used_ms).where(c.user_id == user_id).order_by(c.created_ms, c.id)
    return [Passkey(*row) for row in db.execute(query)]


def count_passkeys(db: Connection, user_id: int) -> int:
    """How many passkeys a person has."""
    return db.scalar(select(func.count()).select_from(passkey).where(passkey.c.user_id == user_id)) or 0


def rename_passkey(db: Connection, user_id: int, passkey_id: int, name: str) -> bool:
    """Call a passkey of this person so; False if they have no such."""
    this = passkey.c.user_id == user_id, passkey.c.id == passkey_id
    return db.execute(update(passkey).where(*this).values(name=name.strip()[:LONGEST_NAME] or "Passkey")).rowcount > 0


def remove_passkey(db: Connection, user_id: int, passkey_id: int) -> bool:
    """Take a passkey of this person no more; False if they have no such."""
    this = passkey.c.user_id == user_id, passkey.c.id == passkey_id
    return db.execute(delete(passkey).where(*this)).rowcount > 0


def remove_passkeys(db: Connection, user_id: int) -> None:
    """Take none of them any more."""
    db.execute(delete(passkey).where(passkey.c.user_id == user_id))


def _handle(user_id: int) -> bytes:
    """What an authenticator keeps of the person: always the same, and nothing that tells who it is."""
    return hashlib.sha256(b"plumbline account %d" % user_id).digest()


def _handle_in(answer: dict[str, Any]) -> str | None:
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    return handle.rstrip("=") if isinstance(handle, str) and handle else None


def _transports(answer: dict[str, Any]) -> str:
    response = answer.get("response")
    told = response.get("transports") if isinstance(response, dict) else None
    known = {kind.value for kind in AuthenticatorTransport}
    return json.dumps(
        sorted({kind for kind in told if isinstance(kind, str)} & known) if isinstance(told, list) else []
    )


def _descriptors(db: Connection, user_id: int) -> list[PublicKeyCredentialDescriptor]:
    query = select(passkey.c.credential, passkey.c.transports).where(passkey.c.user_id == user_id)
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(row.credential),
            transports=[AuthenticatorTransport(kind) for kind in json.loads(row.transports)],
        )
        for row in db.execute(query)
    ]
