"""The MQTT contract: topics, and one pydantic model a message. Additive changes only.

Topics are `plumbline/v1/{gateway}/up/{kind}` and `plumbline/v1/{gateway}/down/{kind}`; the user name on the broker is
the gateway's id, so that a broker can hold a gateway to its own topics by a pattern. QoS 1 unless said.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from firmware.clip import protocol

ROOT: Final = "plumbline/v1"
UP_KINDS: Final = ("records", "live", "status", "reply")
DOWN_KINDS: Final = ("ack", "plan", "command")

CATEGORIES: Final = protocol.category.NAMES
"""Name of each category code, in order of precedence."""

ClipId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
GatewayId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
BootId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
SpoolId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Token = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
Judge = Literal["clip", "gateway"]
U32 = Annotated[int, Field(ge=0, lt=2**32)]
U16 = Annotated[int, Field(ge=0, lt=2**16)]
UtcMs = Annotated[int, Field(ge=0, lt=2**53)]
Degrees = Annotated[int, Field(ge=-127, le=127)]


class MalformedMessageError(ValueError):
    """A payload that does not follow the contract. The only error `parse` raises."""


def topic(gateway: str, direction: Literal["up", "down"], kind: str) -> str:
    """Topic of a message kind of one gateway."""
    return f"{ROOT}/{gateway}/{direction}/{kind}"


def split_topic(name: str) -> tuple[str, str, str]:
    """(gateway, direction, kind) of a topic. Raises MalformedMessageError for any other topic."""
    parts = name.split("/")
    known = {"up": UP_KINDS, "down": DOWN_KINDS}
    if len(parts) != 5 or f"{parts[0]}/{parts[1]}" != ROOT or parts[4] not in known.get(parts[3], ()):
        raise MalformedMessageError(f"unknown topic {name[:120]!r}")
    if len(parts[2]) != 16 or set(parts[2]) - set("0123456789abcdef"):
        raise MalformedMessageError("the topic's gateway id must be 16 hexadecimal digits")
    return parts[2], parts[3], parts[4]


class Model(BaseModel):
    """Frozen; unknown fields are ignored so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


# --- records ---


class Placed(Model):
    """What every record carries: its identity (clip, boot, judge, kind, start_ms), and where it lies in time.

    `utc_ms` is None when the record cannot be placed; `utc_error_ms` is the clock map's uncertainty at that moment.
    """

    clip: ClipId
    boot: BootId
    judge: Judge
    start_ms: U32
    rev: Annotated[int, Field(ge=0, le=255)]
    utc_ms: UtcMs | None
    utc_error_ms: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    plan: U16
    calibration: U16
    simulated: bool = False


class Epoch(Placed):
    """A minute: one category a second and thirty two-second sagittal means."""

    kind: Literal["epoch"] = "epoch"
    codes: Annotated[str, Field(pattern=r"^[0-9a]{60}$")]
    sagittal: Annotated[tuple[Degrees | None, ...], Field(min_length=30, max_length=30)]
    low: Degrees | None = None
    high: Degrees | None = None
    lateral: Degrees | None = None
    shifts: Annotated[int, Field(ge=0, le=255)] = 0
    celsius: Degrees | None = None

    @model_validator(mode="after")
    def _on_a_minute(self) -> Epoch:
        if self.start_ms % 60_000:
            raise ValueError("an epoch starts on a minute of the clip's time")
        return self


class Episode(Placed):
    """An unbroken slouch longer than the episode floor."""

    kind: Literal["episode"] = "episode"
    duration_ms: U32
    peak_deg: Annotated[float, Field(ge=-180, le=180)]
    mean_deg: Annotated[float, Field(ge=-180, le=180)]
    end_reason: Literal["recovered", "moved", "not_worn", "lost", "paused"]


class Reminder(Placed):
    """A reminder that was due: given, or withheld for a reason; and the response that followed."""

    kind: Literal["reminder"] = "reminder"
    since_ms: U32
    angle_deg: Annotated[float, Field(ge=-180, le=180)]
    reason: Literal[
        "given",
        "track_mode",
        "cap",
        "back_off",
        "faded",
        "snoozed",
        "outside_window",
        "just_stood_up",
        "motor_failed",
        "quiet_hours",
        "silent_day",
    ]
    response: Literal["open", "prompt", "later", "none"]
    response_ms: U32 = 0


EventKind = Literal[
    "boot",
    "plan_applied",
    "calibrated",
    "paused",
    "resumed",
    "snoozed",
    "snooze_ended",
    "imu_lost",
    "imu_back",
    "low_battery",
    "overwritten",
    "calibrate_asked",
    "paired",
    "updated",
    "rolled_back",
    "restarted",
    "slipped",
    "slip_suspected",
    "thinned",
]


class Event(Placed):
    """Something else that happened on the clip; `value` as its kind says (version, minutes, percent, records, counter).

    The gateway finds two: `slipped`, since when the clip sits otherwise than it was calibrated, so that nothing is
    judged until it is calibrated again; `slip_suspected`, when the wearer's walk gave reason to ask. Their value is the
    angle in tenths of a degree.

    One is the gateway's own: `thinned`, from when on `value` records gave way to newer ones before the server had
    settled them, because the outbox had reached its bounds.
    """

    kind: EventKind
    value: U32 = 0


class Unreadable(Model):
    """A journal slot whose content did not survive: passed on so that the acknowledgement can step over it."""

    kind: Literal["unreadable"] = "unreadable"
    clip: ClipId
    journal_id: U32


Record = Annotated[Epoch | Episode | Reminder | Event | Unreadable, Field(discriminator="kind")]
RECORD: Final[TypeAdapter[Record]] = TypeAdapter(Record)


class Row(Model):
    """One outbox row. `n` rises within a spool and means nothing else. The record is kept as it came, so that one
    that the server cannot read is rejected by itself and does not take its batch with it."""

    n: Annotated[int, Field(ge=0, lt=2**53)]
    record: dict[str, object]


class Records(Model):
    """Up. A batch of outbox rows."""

    schema_: Literal["records/1"] = Field("records/1", alias="schema")
    spool: SpoolId
    first: Annotated[int, Field(ge=0)]
    last: Annotated[int, Field(ge=0)]
    rows: Annotated[tuple[Row, ...], Field(max_length=2000)]

    @model_validator(mode="after")
    def _in_order(self) -> Records:
        numbers = [row.n for row in self.rows]
        if not numbers or numbers != sorted(set(numbers)) or (self.first, self.last) != (numbers[0], numbers[-1]):
            raise ValueError("rows must rise from first to last")
        return self


class Rejected(Model):
    """A row that the server will never store, and why."""

    n: int
    reason: Annotated[str, Field(max_length=200)]


class Ack(Model):
    """Down. Exactly the rows of one commit: those between `first` and `last` that were in the batch are settled."""

    schema_: Literal["ack/1"] = Field("ack/1", alias="schema")
    spool: SpoolId
    first: int
    last: int
    rejected: tuple[Rejected, ...] = ()


# --- status, live, plan, command, reply ---


class CalibrationRepeat(Model):
    """How far a calibration lies from the one before it: its up, and its forward seen along up. Large angles mean that
    the clip sat otherwise."""

    up_deg: Annotated[float, Field(ge=0, le=180)]
    forward_deg: Annotated[float, Field(ge=0, le=180)]


class ClipStatus(Model):
    """One clip as its gateway knows it."""

    clip: ClipId
    link: Literal["searching", "connecting", "authenticating", "syncing", "live", "draining", "asleep"]
    link_since_utc_ms: UtcMs | None = None
    """Since when `link` is what it is."""
    paired_utc_ms: UtcMs | None = None
    """When this gateway was paired with the clip, by its own clock; None where it did not note it."""
    link_problem: Annotated[str, Field(max_length=200)] = ""
    """Why the last connection or attempt ended; empty while there is a link."""
    plan_version: U16 | None = None
    calibration_version: U16 | None = None
    calibration_repeat: CalibrationRepeat | None = None
    """Of the calibration in force; None for a clip's first, and when its gateway does not know the one before."""
    battery_pct: Annotated[int, Field(ge=0, le=100)] | None = None
    boot: BootId | None = None
    firmware: Annotated[str, Field(max_length=40)] | None = None
    update: Annotated[str, Field(max_length=100)] | None = None
    """How far a newer firmware has come; None while there is none."""
    journal_waiting: int = 0
    simulated: bool = False


class Status(Model):
    """Up, retained, also the last will (`online` false)."""

    schema_: Literal["status/1"] = Field("status/1", alias="schema")
    online: bool
    utc_ms: UtcMs
    clips: tuple[ClipStatus, ...] = ()
    outbox_rows: int = 0
    outbox_oldest_utc_ms: UtcMs | None = None
    """When the oldest of these rows was put there; None while there is none."""
    rejected_rows: int = 0
    thinned_rows: int = 0
    """Records that gave way to newer ones before the server had settled them."""
    storage_problem: Annotated[str, Field(max_length=200)] = ""
    """Why the gateway cannot write to its disk at present; empty while it can."""
    broker_problem: Annotated[str, Field(max_length=250)] = ""
    """Why the broker, or the server behind it, does not take what this gateway sends; empty while it does."""
    version: str = ""


class Live(Model):
    """Up, QoS 0, only while a `watch` lease is fresh: posture now."""

    schema_: Literal["live/1"] = Field("live/1", alias="schema")
    clip: ClipId
    utc_ms: UtcMs
    category: Annotated[int, Field(ge=0, lt=len(CATEGORIES))]
    sagittal_deg: float | None
    lateral_deg: float | None


HourMinute = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class Goals(Model):
    """What the patient and the therapist agreed to aim for."""

    shifts_per_hour: Annotated[int, Field(ge=0, le=120)] = 12
    longest_still_min: Annotated[int, Field(ge=5, le=240)] = 45
    worn_hours: Annotated[float, Field(ge=0, le=24)] = 6


class Plan(Model):
    """The therapist's versioned prescription. Angles in degrees over the reference posture; times of the local day."""

    version: Annotated[int, Field(ge=1, lt=2**16)]
    mode: Literal["track", "train"] = "train"
    angle_deg: Annotated[int, Field(ge=5, le=60)] = 10
    dwell_s: Annotated[int, Field(ge=3, le=600)] = 60
    recovery_deg: Annotated[int, Field(ge=1, le=30)] = 5
    recovery_s: Annotated[float, Field(ge=0.1, le=10)] = 0.8
    repeat_s: Annotated[int, Field(ge=3, le=3600)] = 300
    cap_per_hour: Annotated[int, Field(ge=0, le=30)] = 6
    fraction_pct: Annotated[int, Field(ge=0, le=100)] = 100
    seed: U16 = 0
    back_off: bool = True
    positive_pulse: bool = False
    days: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)] = (0, 1, 2, 3, 4)
    """Days of the window, Monday is 0."""
    start: HourMinute = "09:00"
    end: HourMinute = "17:00"
    zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    trigger: Literal["dwell", "dose"] = "dwell"
    """dwell: a slouch of `dwell_s`. dose: the holding time of the angles is used up, over all slouches."""
    quiet_start: HourMinute | None = None
    quiet_end: HourMinute | None = None
    """Hours of the window without reminders, such as a meeting."""
    probe_every: Literal[0, 2, 3, 4, 5] = 0
    """One day of the window in so many, drawn from the seed, is silent: measured, not reminded. 0 for none."""
    goals: Goals = Goals()

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        if self.recovery_deg >= self.angle_deg:
            raise ValueError("recovery_deg must be below angle_deg")
        if self.start >= self.end:
            raise ValueError("the window must start before it ends")
        if (self.quiet_start is None) != (self.quiet_end is None):
            raise ValueError("quiet hours need a start and an end")
        if self.quiet_start is not None and self.quiet_end is not None:
            if self.quiet_start >= self.quiet_end:
                raise ValueError("quiet hours must start before they end")
            if self.quiet_start < self.start or self.quiet_end > self.end:
                raise ValueError("quiet hours must lie within the window")
        return self

    def on_clip(self) -> dict[str, int]:
        """The fields of the plan on the clip (names of `firmware.clip.wire.plan.FIELDS`), as whole numbers."""
        quiet = (self.quiet_start, self.quiet_end) if self.quiet_start and self.quiet_end else ("00:00", "00:00")
        own = ("version", "angle_deg", "dwell_s", "recovery_deg", "repeat_s", "cap_per_hour", "fraction_pct", "seed")
        return {name: getattr(self, name) for name in own} | {
            "mode": ("track", "train").index(self.mode),
            "recovery_ds": round(self.recovery_s * 10),
            "back_off": int(self.back_off),
            "positive_pulse": int(self.positive_pulse),
            "days": sum(1 << day for day in set(self.days)),
            "start_min": _minute(self.start),
            "end_min": _minute(self.end),
            "trigger": ("dwell", "dose").index(self.trigger),
            "quiet_start_min": _minute(quiet[0]),
            "quiet_end_min": _minute(quiet[1]),
            "probe_every": self.probe_every,
        }


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class PlanMessage(Model):
    """Down, retained as a shortcut. The plan that a clip should have."""

    schema_: Literal["plan/1"] = Field("plan/1", alias="schema")
    clip: ClipId
    plan: Plan


class Command(Model):
    """Down. Something that the gateway should do until `expires_utc_ms`, answered by a Reply."""

    schema_: Literal["command/1"] = Field("command/1", alias="schema")
    id: Token
    clip: ClipId
    expires_utc_ms: UtcMs
    kind: Literal["pause", "snooze", "resume", "calibrate", "watch", "erase", "resend", "settings"]
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None
    strength_pct: Annotated[int, Field(ge=0, le=100)] | None = None
    """Of `settings`: how strongly the clip buzzes; None leaves it."""
    rhythm: Annotated[int, Field(ge=0, le=7)] | None = None
    """Of `settings`: in which of its rhythms the clip reminds; None leaves it."""


class Reply(Model):
    """Up. What became of a command."""

    schema_: Literal["reply/1"] = Field("reply/1", alias="schema")
    id: Token
    clip: ClipId
    result: Literal["done", "refused", "expired", "unreachable"]
    detail: Annotated[str, Field(max_length=200)] = ""


MESSAGES: Final[dict[str, type[Model]]] = {
    "records": Records,
    "live": Live,
    "status": Status,
    "reply": Reply,
    "ack": Ack,
    "plan": PlanMessage,
    "command": Command,
}


def encode(message: Model) -> bytes:
    """JSON of a message, as it goes on the wire."""
    return message.model_dump_json(by_alias=True).encode()


def parse(kind: str, payload: bytes) -> Model:
    """The message of `kind` in `payload`. Raises MalformedMessageError with the first thing that is wrong."""
    model = MESSAGES.get(kind)
    if model is None:
        raise MalformedMessageError(f"unknown message kind {kind[:40]!r}")
    try:
        return model.model_validate_json(payload)
    except (ValidationError, ValueError, RecursionError) as error:
        raise MalformedMessageError(_first_problem(kind, error)) from error


def parse_record(record: object) -> Epoch | Episode | Reminder | Event | Unreadable:
    """The record in a row's `record`. Raises MalformedMessageError."""
    try:
        return RECORD.validate_python(record)
    except (ValidationError, ValueError, RecursionError) as error:
        raise MalformedMessageError(_first_problem("record", error)) from error


def _first_problem(what: str, error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{what}: {where}: {first['msg']}"[:200]
    return f"{what}: {error}"[:200]
