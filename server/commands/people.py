"""Accounts and patients."""

from __future__ import annotations

from typing import Annotated

import typer

from server.access.accounts import begin_care, create_account, credentials
from server.access.passwords import Passwords
from server.commands.common import fail, in_words, store, utc_now_ms
from server.ingest.enrolment import enrol_patient


def create_therapist(
    email: Annotated[str, typer.Option(prompt=True)],
    name: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Make a therapist's account."""
    with in_words() as settings:
        create_account(store(settings), Passwords(), email=email, name=name, password=password, now_ms=utc_now_ms())
        typer.echo(f"{name} can sign in as {email}")


def create_patient(
    name: Annotated[str, typer.Option(prompt=True)],
    zone: Annotated[str, typer.Option(prompt=True, help="Time zone of the patient's days, like Europe/Berlin.")],
    therapist: Annotated[str | None, typer.Option(help="E-mail of the therapist who cares for the patient.")] = None,
) -> None:
    """Make a patient; prints the number that `assign` takes."""
    with in_words() as settings:
        engine = store(settings)
        account = credentials(engine, therapist) if therapist else None
        if therapist and account is None:
            fail(f"there is no account for {therapist}")
        patient_id = enrol_patient(engine, name=name, zone=zone, now_ms=utc_now_ms())
        if account is not None:
            begin_care(engine, account.user_id, patient_id, utc_now_ms())
        typer.echo(f"patient {patient_id}")
