"""`plumbline gateway`: all its commands."""

from __future__ import annotations

import typer

from gateway.enrol_commands import enrol, pair
from gateway.face.commands import clip, doctor, own_data, run, service, status, update

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The patient's side: from the clip to the server.")
for _command in (
    enrol,
    pair,
    run.run,
    status.status,
    clip.calibrate,
    clip.pause,
    clip.snooze,
    clip.resume,
    clip.find,
    service.install_service,
    service.uninstall_service,
    own_data.export,
    own_data.forget,
    update.update,
):
    app.command()(_command)
app.command("doctor")(doctor.diagnose)
