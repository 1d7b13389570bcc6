"""`plumbline server`: run it, look after it, and enrol people, gateways and clips.

A topic has its file in `server.commands`; what stands here is only which commands there are, in the order in which
help lists them. A topic with several commands of its own is a Typer app there, added with its name.
"""

from __future__ import annotations

import typer

from server.commands import audit, devices, operation, people, quarantine, rights, running
from server.commands.common import choose_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The therapist's side: store, ingest and pages.",
    callback=choose_settings,
    epilog="Settings are environment variables, or keys of a TOML file; `plumbline server settings` tells of each.",
)

for command in (
    running.run,
    running.migrate,
    running.settings,
    operation.check,
    operation.backup,
    operation.restore,
    people.create_administrator,
    people.create_organisation,
    people.create_therapist,
    people.remove_second_factors,
    people.remove_lost_apps,
    people.create_patient,
    devices.create_gateway,
    devices.assign,
):
    app.command()(command)

app.add_typer(audit.app, name="audit")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(rights.erase, name="erase")
app.add_typer(rights.consent, name="consent")
