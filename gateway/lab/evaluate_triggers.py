"""`plumbline evaluate triggers`: dwell and dose over the same simulated workdays of wearers who heed reminders."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from firmware.clip import protocol

from .evaluate_report import Bar, Json, Report, emit, figures_table, number
from .heeding import HOUR_S, Outcome, heeded_day
from .presets import PEOPLE, Person
from .progress import Step, progress

SEEDS: Final = 5
DAYS: Final = 2
TIRES: Final = 0.3
"""Each further reminder of an encounter made one less likely to be accepted by 30 % (Ancker et al. 2017, clinicians and
their reminders, doi 10.1186/s12911-017-0430-8): no figure was found for reminders of posture."""

CANNOT_JUDGE: Final = [
    "people: every day is simulated, and so is whether a reminder is heeded and what follows",
    "whether somebody learns from reminders: the next slouch comes as it would have come without them",
]


def triggers(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="Bodies of each kind of person, two days each.")] = SEEDS,
    first: Annotated[int, typer.Option(min=0, metavar="SEED", help="The first of the seeds.")] = 0,
    json_to: Json = None,
) -> None:
    """Reminding after one long slouch (dwell) or when slouches add up (dose), on simulated workdays."""
    with progress(Console(stderr=True)) as step:
        report = triggers_report(range(first, first + seeds), step)
    emit(report, json_to)


def plans() -> dict[str, protocol.plan.Plan]:
    """What is compared: without cap and back-off, so that the trigger alone decides."""
    made = {}
    for name, mode, trigger, dwell_s in (
        ("no reminders", protocol.plan.TRACK, protocol.plan.DWELL, 60),
        ("dwell 60 s", protocol.plan.TRAIN, protocol.plan.DWELL, 60),
        ("dwell 180 s", protocol.plan.TRAIN, protocol.plan.DWELL, 180),
        ("dose", protocol.plan.TRAIN, protocol.plan.DOSE, 60),
    ):
        plan = protocol.plan.Plan()
        plan.mode, plan.trigger, plan.dwell_s = mode, trigger, dwell_s
        plan.cap_per_hour, plan.back_off = 30, 0
        made[name] = plan
    return made


def triggers_report(seeds: range, step: Step) -> Report:
    """Every plan on every day; the days of a person are the same under each."""
    begun = time.monotonic()
    wearers = {"heeds as ever": 0.0, "heeds less when reminded often": TIRES}
    total: dict[str, dict[str, Outcome]] = {}
    figures: dict[str, Any] = {"simulated": True, "seeds": [seeds.start, seeds.stop - 1], "days": DAYS}
    report = Report("triggers", figures, cannot_judge=CANNOT_JUDGE)
    for done, (heeding, tires) in enumerate(wearers.items()):
        people = {}
        for at, person in enumerate(PEOPLE.values()):
            step(f"{person.name}, {heeding}", (done + at / len(PEOPLE)) / len(wearers))
            people[person.name] = {name: _days(person, seeds, plan, tires) for name, plan in plans().items()}
        total[heeding] = {name: sum((own[name] for own in people.values()), Outcome()) for name in plans()}
        figures[heeding] = {
            "all": {name: _figures(outcome) for name, outcome in total[heeding].items()},
            **{who: {name: _figures(outcome) for name, outcome in own.items()} for who, own in people.items()},
        }
        table = figures_table(
            f"Simulated wearers: {heeding}", "plan", "reminders an hour", "slouched %", "holding times an hour"
        )
        for name, outcome in total[heeding].items():
            row = _figures(outcome)
            table.add_row(
                name,
                number(row["reminders_per_hour"]),
                number(100 * row["slouched"], 1),
                number(row["holding_times_per_hour"]),
            )
        report.tables.append(table)
        report.bars += _bars(heeding, total[heeding])
    figures["took_s"] = round(time.monotonic() - begun, 1)
    return report


def _days(person: Person, seeds: range, plan: protocol.plan.Plan, tires: float) -> Outcome:
    days = (heeded_day(person, seed, day, plan, tires=tires) for seed in seeds for day in range(DAYS))
    return sum(days, Outcome())


def _figures(outcome: Outcome) -> dict[str, float]:
    hours = outcome.worn_s / HOUR_S
    return {
        "reminders_per_hour": round(outcome.reminders / hours, 3),
        "slouched": round(outcome.slouched_s / outcome.worn_s, 4),
        "holding_times_per_hour": round(outcome.doses / hours, 3),
    }


def _bars(heeding: str, outcomes: dict[str, Outcome]) -> list[Bar]:
    fixed, dose = outcomes["dwell 60 s"], outcomes["dose"]
    why = "information: each reminder saves about as much, so fewer of them save less"
    return [
        Bar(f"reminders by dose, share of those by dwell ({heeding})", dose.reminders / fixed.reminders, 0.5),
        Bar(
            f"time slouched by dose, share of that by dwell ({heeding})",
            (dose.slouched_s / dose.worn_s) / (fixed.slouched_s / fixed.worn_s),
            None,
            why=why,
        ),
    ]
