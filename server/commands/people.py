"""Organisations, accounts and patients. Whoever can run these has the machine; the trail remembers them too."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from sqlalchemy import Connection, Engine, select

from server.access import sealed
from server.access.accounts import (
    AccountError,
    add_account,
    credentials,
    end_sessions,
    read_email,
    read_name,
    relate,
)
from server.access.acts import Act, Duty, Role
from server.access.factors import forget_factors
from server.access.passwords import Passwords
from server.access.sealing import SecretBox
from server.audit.trail import SYSTEM, Entry, append
from server.commands.common import fail, in_words, store, utc_now_ms
from server.ingest.enrolment import add_patient, draw_pseudonym
from server.people.organisations import create_organisation as make_organisation
from server.people.organisations import require_organisation
from server.store import reading, writing
from server.store.tables import user_account
from server.store.tables.people import FIRST_ORGANISATION

_OPERATOR: Final = "operator"
Email = Annotated[str, typer.Option(prompt=True, help="Asked for where it is not given.")]
Name = Annotated[str, typer.Option(prompt=True, help="Asked for where it is not given.")]
Password = Annotated[
    str,
    typer.Option(
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        help="Better left out: it is asked for then, and nobody else on this machine can see it.",
    ),
]
Organisation = Annotated[int, typer.Option(min=1, help="Number of the organisation; the first one without.")]


def create_administrator(
    email: Email, name: Name, password: Password, organisation: Organisation = FIRST_ORGANISATION
) -> None:
    """Make an administrator's account; everybody else can be invited from the pages."""
    _create(Role.ADMINISTRATOR, email, name, password, organisation)


def create_therapist(
    email: Email, name: Name, password: Password, organisation: Organisation = FIRST_ORGANISATION
) -> None:
    """Make a therapist's account."""
    _create(Role.THERAPIST, email, name, password, organisation)


def _create(role: Role, email: str, name: str, password: str, organisation: int) -> None:
    with in_words() as settings:
        engine = store(settings)
        address, plain = read_email(email), read_name(name)
        hashed = Passwords().hash(password, address)
        require_organisation(engine, organisation)
        with writing(engine) as db:
            made = add_account(
                db,
                email=address,
                name=plain,
                password_hash=hashed,
                now_ms=utc_now_ms(),
                role=role,
                organisation_id=organisation,
            )
            _tell(db, Duty.MANAGE_PEOPLE, detail=f"U-{made} created, {role}")
        typer.echo(f"{plain} can sign in as {address}")


def create_organisation(name: Name) -> None:
    """Make a further organisation, whose people and patients are apart; prints its number."""
    with in_words() as settings:
        engine = store(settings)
        typer.echo(f"organisation {make_organisation(engine, name, utc_now_ms())}")


def remove_second_factors(email: Email) -> None:
    """For somebody who has lost passkeys, app and codes: the password alone is enough again, and all sessions end."""
    with in_words() as settings:
        engine = store(settings)
        found = credentials(engine, read_email(email))
        if found is None:
            raise AccountError(f"there is no account for {email}")
        with writing(engine) as db:
            forget_factors(db, found.user_id)
            end_sessions(db, found.user_id)
            _tell(db, Duty.MANAGE_PEOPLE, detail=f"second factors of U-{found.user_id} removed")
        typer.echo(f"{email} signs in with the password alone, and can set up a second factor anew")


def remove_lost_apps(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """When the sealing key is lost for good: take away the authenticator apps whose secrets nothing opens any more.

    Whoever has no passkey besides signs in with the password alone, until they set up another second factor."""
    with in_words() as settings:
        engine, box = store(settings), SecretBox.found(settings.sealing_key)
        with reading(engine) as db:
            lost = len(sealed.lost_apps(db, box))
        if not lost:
            typer.echo("the sealing key opens all that is sealed; nothing is removed")
            return
        owners = "1 person has" if lost == 1 else f"{lost} people have"
        if not yes:
            effect = "to set up the app anew, and may until then come in with the password alone"
            typer.confirm(f"{owners} {effect}. Go on?", abort=True)
        with writing(engine) as db:
            for user_id in sealed.remove_lost_apps(db, box):
                _tell(db, Duty.MANAGE_PEOPLE, detail=f"app of U-{user_id} removed, key lost")
        typer.echo(f"{owners} to set up the app anew, on the page of the account")


def create_patient(
    name: Name,
    zone: Annotated[str, typer.Option(prompt=True, help="Time zone of the patient's days, like Europe/Berlin.")],
    therapist: Annotated[
        str | None, typer.Option(help="E-mail of the therapist who cares for the patient, in whose organisation it is.")
    ] = None,
    organisation: Annotated[
        int | None, typer.Option(min=1, help="Number of the organisation, where no therapist is named.")
    ] = None,
) -> None:
    """Make a patient; prints the number that `assign` takes."""
    with in_words() as settings:
        engine = store(settings)
        carer = _therapist(engine, therapist) if therapist else None
        place = carer[1] if carer else require_organisation(engine, organisation or FIRST_ORGANISATION)
        if organisation not in (None, place):
            fail(f"{therapist} belongs to organisation {place}")
        pseudonym, now_ms = draw_pseudonym(), utc_now_ms()
        with writing(engine) as db:
            number = add_patient(db, name=name, zone=zone, now_ms=now_ms, pseudonym=pseudonym, organisation_id=place)
            if carer is not None:
                relate(db, carer[0], number, now_ms)
            detail = f"U-{carer[0]} begins" if carer else ""
            _tell(db, Act.MANAGE_CARE if carer else Duty.ADD_PATIENT, patient=pseudonym, detail=detail)
        typer.echo(f"patient {number}")


def _therapist(engine: Engine, email: str) -> tuple[int, int]:
    """Number and organisation of a therapist. Raises AccountError."""
    people = user_account.c
    query = select(people.id, people.role, people.organisation_id).where(
        people.email == read_email(email), people.disabled_ms.is_(None)
    )
    with reading(engine) as db:
        row = db.execute(query).one_or_none()
    if row is None:
        raise AccountError(f"there is no account for {email}")
    if row.role != Role.THERAPIST:
        raise AccountError(f"{email} is no therapist, but {row.role}")
    return row.id, row.organisation_id


def _tell(db: Connection, act: str, *, patient: str = "", detail: str = "") -> None:
    append(db, [Entry(SYSTEM, _OPERATOR, "", "command line", "", act, patient, "done", detail)], utc_now_ms())
