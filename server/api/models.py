"""What the API answers. Times are UTC milliseconds (`*_ms`), durations seconds (`*_s`), angles degrees (`*_deg`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway import messages
from server.access.scopes import Scope
from server.api.numbers import WHOLE
from server.api.plan_fields import DraftFields, PlanFields, TemplateFields


class Model(BaseModel):
    """Read from the domain's dataclasses."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Credentials(BaseModel):
    """What to sign in with."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Factor(BaseModel):
    """The second step of a sign-in: six digits of the authenticator app, or a recovery code."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=6, max_length=40)]


class Session(Model):
    """Who has signed in. Writing requests carry `form_token` as the header X-Form-Token. With `second_factor_missing`
    nothing is answered but this: the person has to set one up on the pages first."""

    name: str
    email: str
    role: str
    form_token: str
    second_factor_missing: bool


class Clip(Model):
    """The clip that a patient wears now."""

    clip: str
    link: str | None
    online: bool
    live: bool
    battery_pct: int | None
    firmware: str | None
    journal_waiting: int
    plan_version: int | None
    calibration_version: int | None
    seen_ms: int | None
    simulated: bool


class Patient(Model):
    """A patient in one's care."""

    id: int
    pseudonym: str
    name: str
    zone: str
    today: str
    simulated: bool
    clips: list[Clip]


class Figures(Model):
    """Shares and angles of a day, present only above the floor of coverage. Shares are of worn time, 0 to 1."""

    slouched_share: float | None
    p10_deg: float | None
    p50_deg: float | None
    p90_deg: float | None
    spread_deg: float | None = Field(description="P90 - P10.")
    shifts_per_hour: float | None
    breaks_per_hour: float | None
    longest_still_s: int = Field(description="Longest time without a shift or a break, all of it seen.")
    longest_still_start_ms: int | None
    longest_still_cut: bool = Field(description="It ends where nothing was seen: it may have been longer.")
    response_rate: float | None


class DaySummary(Model):
    """A local day over the window of its plan. `seconds` by category add up to `elapsed_s`.

    `figures` is null when coverage is below the floor; `shortfall` then says what is missing.
    """

    patient_id: int
    date: str
    zone: str
    zones: tuple[tuple[int, str], ...] = Field(description="Zones lived in, from when on; the last one is `zone`.")
    day_start_ms: int
    day_end_ms: int
    plan_version: int | None
    plan_angle_deg: int | None
    plan_zone: str | None
    windows: tuple[tuple[int, int], ...] = Field(
        description="The parts of the plan's windows that lie in the day, from and to."
    )
    window_start_ms: int | None
    window_end_ms: int | None
    until_ms: int | None
    window_s: int
    elapsed_s: int
    so_far: bool
    seconds: dict[str, int]
    worn_s: int
    coverage: float | None
    shortfall: str | None
    figures: Figures | None
    shifts: int
    breaks: int
    episodes: int
    reminders_due: int
    reminders_given: int
    reminders_withheld: dict[str, int]
    responses: dict[str, int]
    plan_versions: tuple[int, ...]
    calibration_versions: tuple[int, ...]
    clips: tuple[str, ...]
    simulated: bool
    algo: int


class Episode(Model):
    """An unbroken slouch."""

    start_ms: int
    end_ms: int
    peak_deg: float
    mean_deg: float
    end_reason: str
    judge: str
    plan: int
    in_window: bool
    simulated: bool


class Reminder(Model):
    """A reminder that was due: given, or withheld for a reason."""

    utc_ms: int
    since_ms: int
    angle_deg: float
    reason: str
    given: bool
    response: str
    response_ms: int | None
    judge: str
    plan: int
    simulated: bool


class Identity(Model):
    """A record that the store holds: its identity, its revision, and what it was judged with."""

    clip: str
    boot: str
    judge: str
    kind: str
    start_ms: int
    rev: int
    utc_ms: int
    plan: int
    calibration: int


class PlanVersion(Model):
    """A version of a plan and what became of it."""

    plan: messages.Plan
    state: str
    author: str | None
    reason: str
    created_ms: int
    sent_ms: int | None
    confirmed_ms: int | None
    superseded_ms: int | None


class Drift(Model):
    """A clip that has another version than `newest`, so the computer says that had a link to it last. `since_ms`: since
    when both has been so. The newest version was sent for it `sent` times, at `sent_ms` last."""

    clip: str
    gateway: str
    reported: int | None
    seen_ms: int
    since_ms: int
    sent: int
    sent_ms: int | None


class ClipReport(Model):
    """What a computer last told of the versions on a clip. `latest`: none had a link to the clip later."""

    clip: str
    gateway: str
    plan_version: int | None
    plan_since_ms: int | None
    calibration_version: int | None
    calibration_since_ms: int | None
    calibration_before: int | None
    seen_ms: int
    linked_ms: int
    latest: bool


class PlanState(Model):
    """`newest` is what the therapist wants; `in_force` what the clip confirmed last; `waiting` while they differ."""

    newest: PlanVersion | None
    in_force: PlanVersion | None
    waiting: bool
    history: tuple[PlanVersion, ...]
    drift: tuple[Drift, ...]
    reports: tuple[ClipReport, ...]


class PlanChange(BaseModel):
    """A new version: `plan` has the fields that change (names and limits of the plan; `version` and `zone` are set by
    the server), all others stay as they are in the newest version."""

    model_config = ConfigDict(extra="forbid")

    plan: PlanFields
    reason: Annotated[str, Field(min_length=3, max_length=500)]


class PlanPreviewDay(Model):
    """A day under another plan, judged by its angle in its window so far, beside what was recorded under the plan in
    force in its own. With `counts` it counts for the means: it is over, representative, and worn for long enough."""

    date: str
    so_far: bool
    counts: bool
    window_s: int
    worn_s: int
    slouched_s: int
    given: int
    given_most: int = Field(
        description="With those that slouches may have come to which a reminder ended before this plan had reminded."
    )
    withheld: dict[str, int]
    recorded: int = Field(description="Reminders that were given.")
    replayed: int | None = Field(description="Reminders that the plan in force gives when it is replayed, too.")
    worn_then_s: int
    slouched_then_s: int
    simulated: bool


class PlanPreview(Model):
    """The last days worn as they would have been under another plan. The postures are those that were held then: what
    the patient would have done nobody knows. The means are of the days that count, null without one."""

    days: tuple[PlanPreviewDay, ...]
    given_a_day: tuple[float, float] | None = Field(description="Reminders a day, from the fewest to the most.")
    recorded_a_day: float | None
    slouched_share: float | None
    slouched_then_share: float | None
    off_by: float | None = Field(
        description="By how many reminders a day a replay of the plan in force differs from what was recorded."
    )


class FieldProblem(Model):
    """A field that cannot be used yet, and what would be accepted."""

    field: str
    detail: str


class PlanDraft(Model):
    """What one has begun and not sent. `based_on` is the version that was the newest then, 0 for none. With `problems`
    it cannot be sent."""

    plan: dict[str, JsonValue]
    reason: str
    based_on: int
    changed_ms: int
    problems: list[FieldProblem]


class PlanDraftChange(BaseModel):
    """A draft, usable or not: `plan` has the fields that differ from the newest version."""

    model_config = ConfigDict(extra="forbid")

    plan: DraftFields
    reason: Annotated[str, Field(max_length=500)] = ""


class PlanTemplate(Model):
    """A beginning of a plan: some of its fields. `basis` says what the figures rest on; `own`: one's organisation has
    saved it."""

    key: str
    name: str
    purpose: str
    basis: str
    own: bool
    fields: dict[str, JsonValue]


class PlanTemplateWish(BaseModel):
    """A template to save: `plan` has its fields, the others are as in a first plan."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60)]
    purpose: Annotated[str, Field(max_length=300)] = ""
    plan: TemplateFields


class ConsentText(Model):
    """What is asked for now: the version that one agrees to, what it is for, and its words."""

    version: str
    purpose: str
    body: str


class ConsentStatement(Model):
    """What a patient said, in force from `at_ms`. `how`: in their own account, on a paper of the date `signed_on`, by
    word, or restored from what outlived a backup. `actor` (`U-` and a number) recorded it."""

    at_ms: int
    kind: Literal["given", "withdrawn"]
    how: Literal["account", "paper", "spoken", "restored"]
    version: str | None
    signed_on: str | None
    actor: str | None


class Consent(Model):
    """How consent stands: `now` is what holds, null where nothing was ever recorded; `outdated`, where it is given to
    an earlier text than is `asked` for. `said` is all that was said, the newest first."""

    now: ConsentStatement | None
    outdated: bool
    asked: ConsentText
    said: tuple[ConsentStatement, ...]


class ConsentGiven(BaseModel):
    """That a patient agrees to the text of `version`, the one that is asked for: on a paper of the date `signed_on`, or
    by word. Patients give it in their own account; then there is no paper."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")]
    signed_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class Look(Model):
    """An entry of the audit about a patient's data: who (`U-` and a number, a token, or `-` for the server; the `name`
    of people of one's own organisation), on what basis, did what, with what outcome; `via` and `address` say whence."""

    number: int
    at_ms: int
    actor: str
    name: str | None
    role: str
    basis: str
    via: str
    address: str
    act: str
    outcome: str
    detail: str


class Alarm(Model):
    """Something to look at, seen `count` times. `gateway` and `clip` are "" where it is not about one."""

    id: int
    kind: str
    gateway: str
    clip: str
    detail: str
    count: int
    first_ms: int
    last_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None
    note: str | None


class Refused(Model):
    """A message or record that was refused, without its content, which only the page and the command line show."""

    id: int
    gateway: str
    kind: str
    reason: str
    detail: str
    bytes: int
    received_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None
    note: str | None


class RefusedCount(Model):
    """How often a gateway's messages or records were refused for a reason: in all, and since somebody acknowledged
    one."""

    gateway: str
    reason: str
    count: int
    since: int
    noted_ms: int | None


class Acknowledgement(BaseModel):
    """That one has looked at something, and what one found."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=300)] = ""


class Token(Model):
    """A token of one's own, without the token. `revoked_ms`, or `expires_ms` in the past: it is good for nothing."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    created_ms: int
    expires_ms: int
    seen_ms: int | None
    revoked_ms: int | None


class NewToken(Token):
    """A token as it is told once."""

    token: str


class TokenWish(BaseModel):
    """A token that is wanted: what it is called, what it is for, and how many days it is good."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[!-~]([ -~]*[!-~])?$")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    days: Annotated[int, Field(strict=True, ge=1, le=365), WHOLE]


class Health(Model):
    """The server answers and reaches its database."""

    status: str
    utc_ms: int
    version: str
