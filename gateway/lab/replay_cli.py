"""`plumbline replay`: a real recording through the clip's fusion, the core and the reminder policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from firmware.clip import protocol
from gateway import messages, plans
from gateway.core import CalibrationError, Samples, Trailer
from gateway.core.frames import HOP_MS

from . import replay_samples
from .progress import Step, progress
from .replay_axes import Reference, Span, find_reference
from .replay_csv import JITTER, CsvError, Floats, Recording, read
from .replay_fusion import fuse
from .replay_run import Run, episode_json, epoch_json, moving_hops, reminder_json, run, summary
from .replay_units import check_units

_TIMED: Final = frozenset({"days", "start", "end", "zone", "quiet_start", "quiet_end", "probe_every"})


class ReplayError(Exception):
    """Something that the user can put right."""


def replay(
    recording: Annotated[Path, typer.Argument(help="CSV with t_s, ax_g, ay_g, az_g, gx_dps, gy_dps, gz_dps.")],
    *,
    upright: Annotated[
        str | None, typer.Option(metavar="START:END", help="Seconds from the start in which the wearer held still.")
    ] = None,
    bow: Annotated[
        str | None, typer.Option(metavar="START:END", help="Seconds of a slow bow forward and back.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="PLAN.json",
            help="Fields of a plan, such as angle_deg, dwell_s, trigger; others stay at their defaults.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    samples: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Write angles and category of each sample there.")
    ] = None,
    through_firmware: Annotated[
        bool, typer.Option("--through-firmware", help="Play it into a virtual clip's registers and over its radio.")
    ] = False,
) -> None:
    """Judge a recording of a real sensor as clip and gateway would."""
    errors = Console(stderr=True)
    try:
        with progress(errors) as step:
            result = _replay(
                recording,
                step,
                upright=_span("--upright", upright),
                bow=_span("--bow", bow),
                plan_path=plan,
                samples_path=samples,
                through_firmware=through_firmware,
            )
    except (CsvError, CalibrationError, ReplayError) as error:
        errors.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except OSError as error:
        errors.print(f"error: {error.filename or recording}: {error.strerror}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _show(result, Console())


def _replay(
    path: Path,
    step: Step,
    *,
    upright: Span | None,
    bow: Span | None,
    plan_path: Path | None,
    samples_path: Path | None,
    through_firmware: bool,
) -> dict[str, Any]:
    fields = _fields(plan_path)
    plan = _plan(fields)
    recording = read(path, step)
    notes = check_units(recording)
    if unused := sorted(_TIMED & set(fields)):
        notes.append(f"a recording has no date and no time of day: {', '.join(unused)} of the plan left out")
    played = _through_firmware(recording, step) if through_firmware else _direct(recording, step)
    moving = moving_hops(played.stream)
    into = recording.t_s - recording.t_s[0]
    at = np.minimum((into * 1000 / HOP_MS).astype(np.int64), max(len(moving) - 1, 0))
    active = moving[at] if len(moving) else np.zeros(len(into), dtype=np.bool_)
    reference = find_reference(recording, played.quaternion, active, played.stream, upright_span=upright, bow_span=bow)
    step("judging", 0.0)
    duration = _duration_s(recording)
    judged = run(
        played.stream,
        played.trailers,
        period_ms=played.period_ms,
        duration_s=duration,
        calibration=reference.calibration,
        plan=plan,
    )
    if samples_path is not None:
        replay_samples.write(
            samples_path,
            recording,
            played.quaternion,
            calibration=reference.calibration,
            moving=moving,
            codes=judged.codes,
            progress=step,
        )
    return _result(path, recording, played, reference=reference, plan=plan, judged=judged, notes=notes)


@dataclass(frozen=True)
class Played:
    """What came out of the fusion, whichever way: an orientation an input sample (NaN where there is none), and the
    stream that the core gets, in clip time from the start of the recording."""

    way: str
    quaternion: Floats
    stream: Samples
    trailers: list[Trailer]
    period_ms: float
    details: dict[str, Any]


def _direct(recording: Recording, step: Step) -> Played:
    fused = fuse(recording, step)
    details = {"saturated": fused.saturated, "bridged": fused.bridged, "restarts": fused.restarts}
    return Played("direct", fused.quaternion, fused.stream, [], fused.period_ms, details)


def _through_firmware(recording: Recording, step: Step) -> Played:
    try:
        from .replay_firmware import FirmwareError, play  # noqa: PLC0415  (needs the extra `virtual`)
    except ModuleNotFoundError as error:
        raise ReplayError(f"--through-firmware needs {error.name}: pip install 'plumbline[virtual]'") from error
    try:
        played = play(recording, step)
    except FirmwareError as error:
        raise ReplayError(f"the virtual clip: {error}") from error
    return Played("firmware", played.quaternion, played.stream, played.trailers, played.period_ms, played.details)


def _span(name: str, text: str | None) -> Span | None:
    if text is None:
        return None
    try:
        begin, end = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise typer.BadParameter(f"{name} takes START:END in seconds, not {text!r}") from error
    if not 0 <= begin < end:
        raise typer.BadParameter(f"{name}: {text} does not go forward from the start of the recording")
    return begin, end


def _fields(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReplayError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ReplayError(f"{path.name}: a plan is an object with fields")
    unknown = sorted(set(fields) - set(messages.Plan.model_fields))
    if unknown:
        raise ReplayError(f"{path.name}: unknown field {unknown[0]!r}")
    return fields


def _plan(fields: dict[str, Any]) -> protocol.plan.Plan:
    try:
        plan = messages.Plan(**{"version": 1, **fields})
        return protocol.plan.parse_plan(plans.for_clip(plan))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReplayError(
            f"plan: {where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}"
        ) from error
    except protocol.MalformedError as error:
        raise ReplayError(str(error)) from error


def _result(
    path: Path,
    recording: Recording,
    played: Played,
    *,
    reference: Reference,
    plan: protocol.plan.Plan,
    judged: Run,
    notes: list[str],
) -> dict[str, Any]:
    start = float(recording.t_s[0])
    gaps = [[round(a - start, 4), round(b - start, 4)] for a, b in recording.gaps]
    calibration = reference.calibration
    return {
        "recording": {
            "file": path.name,
            "samples": len(recording.t_s),
            "rate_hz": round(recording.rate_hz, 3),
            "dropped_rows": recording.dropped,
            "doubled_rows": recording.doubled,
            "gaps": len(gaps),
            "gap_s": round(sum(b - a for a, b in gaps), 3),
            "gaps_s": gaps[:1000],
            "uneven": recording.jitter > JITTER,
            **played.details,
            "notes": notes,
        },
        "way": played.way,
        "calibration": None
        if calibration is None
        else {
            "up": calibration.up.round(6).tolist(),
            "forward": calibration.forward.round(6).tolist(),
            "upright_s": reference.upright,
            "upright_found": reference.upright_found,
            "axis_from": reference.axis,
            "axis_s": reference.axis_span,
        },
        "reference": reference.describe(),
        "plan": {name: getattr(plan, name) for name in protocol.plan.FIELDS},
        "summary": summary(judged, _duration_s(recording)),
        "epochs": [epoch_json(epoch) for epoch in judged.epochs],
        "episodes": [episode_json(episode) for episode in judged.episodes],
        "reminders": [reminder_json(told) for told in judged.reminders],
    }


def _duration_s(recording: Recording) -> float:
    """Each sample stands for the step up to the next; rounded, so that ten times 0.1 s is a whole second."""
    return round(float(recording.t_s[-1] - recording.t_s[0]) + 1 / recording.rate_hz, 4)


def _show(result: dict[str, Any], console: Console) -> None:
    about, total = result["recording"], result["summary"]
    console.print(
        f"{about['file']}: {about['samples']} samples at {about['rate_hz']:g} Hz, {total['duration_s']:.1f} s, "
        f"{result['way']}",
        highlight=False,
    )
    counted = (
        (about["dropped_rows"], "row", "without a finite value"),
        (about["doubled_rows"], "row", "with a time that was there already"),
        (about["gaps"], "gap", f"of {about['gap_s']:g} s in all"),
        (about.get("saturated", 0), "sample", "beyond the clip's ranges"),
    )
    for number, what, which in counted:
        if number:
            console.print(f"  {number} {what}{'' if number == 1 else 's'} {which}", highlight=False)
    for note in about["notes"]:
        console.print(f"  {note}", highlight=False)
    reference = result["reference"].split("; ")
    for line in (f"Reference: {reference[0]}", *(f"  {more}" for more in reference[1:])):
        console.print(line, highlight=False, markup=False)
    console.print(_categories(total))
    if total["sagittal_p50_deg"] is not None:
        console.print(
            f"Inclination forward: a tenth of the time below {total['sagittal_p10_deg']:g} deg, half below "
            f"{total['sagittal_p50_deg']:g}, a tenth above {total['sagittal_p90_deg']:g}; "
            f"over the {total['coverage']:.0%} worn",
            highlight=False,
        )
    for episode in result["episodes"]:
        console.print(
            f"  slouched {episode['start_s']:8.1f} - {episode['end_s']:8.1f} s  mean {episode['mean_deg']:.1f}  "
            f"peak {episode['peak_deg']:.1f} deg  {_words(episode['end_reason'])}",
            highlight=False,
        )
    for reminder in result["reminders"]:
        response = "" if reminder["response"] is None else f", response: {_words(reminder['response'])}"
        console.print(f"  reminder {reminder['t_s']:8.1f} s  {_words(reminder['reason'])}{response}", highlight=False)


def _categories(total: dict[str, Any]) -> Table:
    table = Table("category", Column("seconds", justify="right"), Column("share", justify="right"))
    for name, seconds in total["seconds"].items():
        if seconds:
            table.add_row(_words(name), str(seconds), f"{seconds / sum(total['seconds'].values()):.0%}")
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")
