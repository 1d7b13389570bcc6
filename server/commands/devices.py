"""Gateways and clips."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from server.broker.gateway_key import GatewayKey
from server.broker.verifier import verifier_of
from server.commands.common import in_words, store, utc_now_ms
from server.enrolment.service import random_password
from server.ingest.enrolment import assign_clip, enrol_gateway


def create_gateway(
    name: Annotated[str, typer.Option(prompt=True)],
    gateway: Annotated[str | None, typer.Option(help="Its id, 16 hexadecimal digits; drawn without.")] = None,
) -> None:
    """Enrol a gateway of several patients; prints its id and its password for the broker, which knows it in seconds."""
    with in_words() as settings:
        gateway_id = gateway or secrets.token_hex(8)
        new_password = (
            GatewayKey(settings.gateway_key_file).password_of if settings.mqtt_admin_username else random_password
        )
        password = new_password(gateway_id)
        enrol_gateway(store(settings), gateway_id, name=name, now_ms=utc_now_ms(), mqtt_hash=verifier_of(password))
        typer.echo(f"gateway {gateway_id}\npassword {password}")


def assign(
    clip: Annotated[str, typer.Argument(help="The clip's id, 16 hexadecimal digits.")],
    patient: Annotated[int, typer.Argument(help="The patient's number.")],
    gateway: Annotated[str | None, typer.Option(help="Only this gateway may write; any enrolled one without.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From when on, UTC; now without.")] = None,
) -> None:
    """From a time on the patient wears the clip, and whoever wore it before does not."""
    with in_words() as settings:
        now_ms = utc_now_ms()
        start_ms = now_ms if since is None else int(since.replace(tzinfo=UTC).timestamp() * 1000)
        assign_clip(store(settings), clip, patient, start_ms=start_ms, now_ms=now_ms, gateway_id=gateway)
        when = datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"patient {patient} wears clip {clip} from {when} on")
