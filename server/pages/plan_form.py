"""The plan form: its fields with units and limits (taken from the contract), and reading what was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData

from gateway import messages
from server.language import N_
from server.language import gettext as _
from server.pages.words import sentence
from server.plans.limits import GOALS as _PREFIX
from server.plans.limits import NUMBERS
from server.plans.types import LONGEST_REASON, SHORTEST_REASON, InvalidPlanError

DAYS: Final = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)
SHORT_DAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
MODES: Final = {
    "train": N_("Train: remind when slouched for long"),
    "track": N_("Track: measure only, never remind"),
}
TRIGGERS: Final = {
    "dwell": N_("Time: when one slouch has lasted long enough"),
    "dose": N_("Dose: when slouches have added up"),
}
PROBES: Final = {
    "0": N_("None"),
    "5": N_("One day in 5"),
    "4": N_("One day in 4"),
    "3": N_("One day in 3"),
    "2": N_("One day in 2"),
}
_TIME: Final = TypeAdapter[str](messages.HourMinute)
_LONGEST_TEXT: Final = 40
_ONE_DIGIT: Final = re.compile(r"\d:")


@dataclass(frozen=True)
class NumberField:
    """A number of the plan. `low` and `high` are the contract's."""

    name: str
    label: str
    unit: str
    hint: str
    low: float
    high: float
    whole: bool

    @property
    def step(self) -> str:
        """What the browser's arrows do."""
        return "1" if self.whole else "0.1"

    @property
    def allowed(self) -> str:
        """The limits in words."""
        return _("{low} to {high} {unit}").format(low=f"{self.low:g}", high=f"{self.high:g}", unit=_(self.unit))

    def told(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:g} {_(self.unit)}"

    def read(self, text: str) -> float | int:
        """The number in `text`. Raises ValueError with what to enter instead."""
        ask = _("Enter a whole number from {limits}.") if self.whole else _("Enter a number from {limits}.")
        ask = ask.format(limits=self.allowed)
        try:
            value = float(text.strip().replace(",", "."))
        except ValueError:
            raise ValueError(ask) from None
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            raise ValueError(ask)
        return int(value) if self.whole else value


def _number(name: str, label: str, unit: str, hint: str) -> NumberField:
    limit = NUMBERS[name]
    return NumberField(name, label, unit, hint, limit.low, limit.high, limit.whole)


WHEN: Final = (
    _number("angle_deg", N_("Angle"), N_("degrees forward"), N_("Further forward counts as slouched.")),
    _number("recovery_deg", N_("Recovery"), N_("degrees"), N_("A slouch ends below this angle.")),
    _number("recovery_s", N_("Recovery time"), N_("seconds"), N_("How long below that until it has ended.")),
)
REMINDERS: Final = (
    _number(
        "dwell_s", N_("Dwell"), N_("seconds"), N_("How long slouched before a reminder is due. Not used with a dose.")
    ),
    _number("repeat_s", N_("Repeat"), N_("seconds"), N_("Next reminder of the same slouch, if it goes on.")),
    _number("cap_per_hour", N_("Cap"), N_("reminders an hour"), N_("Never more than this; 0 for none.")),
    _number(
        "fraction_pct",
        N_("Given"),
        N_("percent"),
        N_("Share of due reminders that are given; lower it to fade them out."),
    ),
)
GOALS: Final = (
    _number("goals.shifts_per_hour", N_("Shifts"), N_("an hour"), N_("Changes of posture that last.")),
    _number(
        "goals.longest_still_min", N_("Longest still"), N_("minutes"), N_("Longest time without a shift or a break.")
    ),
    _number("goals.worn_hours", N_("Worn"), N_("hours a day"), N_("How long the clip should be worn.")),
)
SWITCHES: Final = {
    "back_off": N_("Back off: double the pause after three reminders without a change"),
    "positive_pulse": N_("Confirm: a short pulse when the patient comes back upright"),
}


_OTHER: Final = ("mode", "start", "end", "quiet_start", "quiet_end", "trigger", "probe_every", "reason")


@dataclass
class Draft:
    """A plan form as shown: texts by field name, and what cannot be used."""

    values: dict[str, str]
    days: tuple[int, ...]
    switches: Mapping[str, bool]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def labelled_errors(self) -> list[tuple[str, str, str]]:
        """(field, label, what to do) for the summary above the form."""
        return [(name, _(_LABELS.get(name, N_("Plan"))), text) for name, text in self.errors.items()]


_LABELS: Final = {
    **{number.name: number.label for number in (*WHEN, *REMINDERS, *GOALS)},
    "mode": N_("Mode"),
    "days": N_("Days"),
    "start": N_("Window start"),
    "end": N_("Window end"),
    "quiet_start": N_("Quiet from"),
    "quiet_end": N_("Quiet until"),
    "trigger": N_("A reminder is due by"),
    "probe_every": N_("Silent days"),
    "reason": N_("Reason"),
    "template_name": N_("Name of the template"),
    "template_purpose": N_("What the template is for"),
}


def draft_of(plan: messages.Plan) -> Draft:
    """The form filled with a plan."""
    values = {number.name: f"{value_of(plan, number.name):g}" for number in (*WHEN, *REMINDERS, *GOALS)}
    values |= {"mode": plan.mode, "start": plan.start, "end": plan.end, "reason": ""}
    values |= {"quiet_start": plan.quiet_start or "", "quiet_end": plan.quiet_end or ""}
    values |= {"trigger": plan.trigger, "probe_every": str(plan.probe_every)}
    return Draft(values, plan.days, {name: bool(getattr(plan, name)) for name in SWITCHES})


def draft_of_fields(fields: Mapping[str, object], reason: str) -> Draft:
    """The form filled with fields that may be unusable, as they were typed; what is missing is as in a first plan."""
    draft = first_draft()
    for name in draft.values:
        holder: object = fields.get("goals") if name.startswith(_PREFIX) else fields
        if isinstance(holder, Mapping) and name.removeprefix(_PREFIX) in holder:
            draft.values[name] = _text(holder[name.removeprefix(_PREFIX)])
    draft.values["reason"] = reason
    days = fields.get("days")
    if isinstance(days, list | tuple):
        draft.days = tuple(day for day in days if isinstance(day, int) and 0 <= day <= 6)
    draft.switches = {name: bool(fields.get(name, on)) for name, on in draft.switches.items()}
    return draft


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def as_typed(draft: Draft, fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a form for a draft: what could be read, and beside it the texts that could not."""
    goals = fields.get("goals")
    kept_goals: dict[str, object] = dict(goals) if isinstance(goals, Mapping) else {}
    kept = {**fields, "goals": kept_goals}
    for name in draft.errors:
        if name in draft.values and name != "reason":
            place = kept_goals if name.startswith(_PREFIX) else kept
            place[name.removeprefix(_PREFIX)] = draft.values[name][:_LONGEST_TEXT]
    return kept


def first_draft() -> Draft:
    """The form for a patient without a plan: the contract's defaults."""
    return draft_of(messages.Plan(version=1))


def read_form(form: FormData) -> tuple[Draft, dict[str, object]]:
    """What was sent, as a draft to show again and as fields for a plan. Without errors in the draft both are usable."""
    names = [number.name for number in (*WHEN, *REMINDERS, *GOALS)]
    texts = {name: str(form.get(name, "")) for name in (*names, *_OTHER)}
    errors: dict[str, str] = {}
    fields: dict[str, object] = {
        "mode": texts["mode"],
        "trigger": texts["trigger"],
    }
    for name in ("start", "end", "quiet_start", "quiet_end"):
        try:
            fields[name] = _time_of_day(texts[name], needed=name in ("start", "end"))
        except ValueError as error:
            errors[name] = str(error)
    goals: dict[str, object] = {}
    for number in (*WHEN, *REMINDERS, *GOALS):
        try:
            value = number.read(texts[number.name])
        except ValueError as error:
            errors[number.name] = str(error)
            continue
        (goals if number.name.startswith(_PREFIX) else fields)[number.name.removeprefix(_PREFIX)] = value
    days = tuple(sorted({int(day) for day in form.getlist("days") if day in {"0", "1", "2", "3", "4", "5", "6"}}))
    switches = {name: form.get(name) == "on" for name in SWITCHES}
    if texts["mode"] not in MODES:
        errors["mode"] = _("Choose train or track.")
    if texts["trigger"] not in TRIGGERS:
        errors["trigger"] = _("Choose time or dose.")
    if texts["probe_every"] in PROBES:
        fields["probe_every"] = int(texts["probe_every"])
    else:
        errors["probe_every"] = _("Choose one of the list.")
    if not days:
        errors["days"] = _("Choose at least one day.")
    reason = texts["reason"].strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        ask = _("Say in {low} to {high} characters why the plan changes.")
        errors["reason"] = ask.format(low=SHORTEST_REASON, high=LONGEST_REASON)
    draft = Draft(texts, days, switches, errors)
    return draft, {**fields, **switches, "days": days, "goals": goals}


def _time_of_day(text: str, *, needed: bool) -> str | None:
    """A time as the contract has it; `9:30` will do, and nothing is None unless a time is needed. Raises ValueError
    with what to enter instead."""
    time = text.strip()
    if not time and not needed:
        return None
    if _ONE_DIGIT.match(time):
        time = f"0{time}"
    try:
        return _TIME.validate_python(time)
    except ValidationError:
        raise ValueError(_("Enter a time of day as hours and minutes, such as 09:30.")) from None


def add_refusal(draft: Draft, refusal: InvalidPlanError) -> None:
    """Show what the contract refused beside the fields it names."""
    for name, text in refusal.problems:
        named = _OF_A_TEMPLATE.get(name, name)
        place, words = _RULES.get(text, (named if named in _LABELS else "", ""))
        draft.errors.setdefault(place, _(words) if words else sentence(text))


_OF_A_TEMPLATE: Final = {"name": "template_name", "purpose": "template_purpose"}
_RULES: Final = {
    "recovery_deg must be below angle_deg": ("recovery_deg", N_("Recovery must be smaller than the angle.")),
    "the window must start before it ends": ("end", N_("The window must end later than it starts.")),
    "quiet hours need a start and an end": ("quiet_start", N_("Enter both times of the quiet hours, or none.")),
    "quiet hours must start before they end": (
        "quiet_end",
        N_("Quiet hours must end later than they start, on the same day."),
    ),
    "quiet hours must lie within the window": ("quiet_start", N_("Quiet hours must lie within the window.")),
}


def value_of(plan: messages.Plan, name: str) -> float:
    """A number of a plan by its field name."""
    holder: object = plan.goals if name.startswith(_PREFIX) else plan
    return float(getattr(holder, name.removeprefix(_PREFIX)))
