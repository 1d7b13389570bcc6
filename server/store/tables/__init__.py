"""The tables. All times are UTC milliseconds (`*_ms`); a local date is text, `2026-03-29`.

Events are rows, unique by identity (clip, boot, judge, kind, start_ms). Epochs are packed, one row per patient, clip
and UTC hour (`server.store.epoch_blob`). `start_ms` is the clip's own time; `utc_ms` is None where a record cannot be
placed.
"""

from server.store.tables.audit import audit_entry, audit_head
from server.store.tables.columns import metadata
from server.store.tables.devices import assignment, clip_status, enrolment, gateway
from server.store.tables.diary import pain_entry, red_flag_answer, reminder_answer
from server.store.tables.measurements import (
    boot_span,
    clip_event,
    episode,
    epoch_hour,
    reminder,
    unplaced_epoch,
    unreadable,
)
from server.store.tables.notes import patient_note
from server.store.tables.people import (
    care_relation,
    emergency_access,
    invitation,
    organisation,
    patient,
    recovery,
    user_account,
)
from server.store.tables.plans import command, plan, plan_delivery, plan_draft, plan_template
from server.store.tables.refusals import alarm, ingest_count, quarantine
from server.store.tables.rights import consent, consent_text, erased_wearing, erasure, erasure_order
from server.store.tables.signing_in import (
    authenticator,
    clinic_identity,
    passkey,
    recovery_code,
    session,
    sign_in_step,
)
from server.store.tables.summaries import daily, day_mark, patient_zone, stale_day
from server.store.tables.tokens import api_token
from server.store.tables.worklist import flag_dismissal

__all__ = [
    "alarm",
    "api_token",
    "assignment",
    "audit_entry",
    "audit_head",
    "authenticator",
    "boot_span",
    "care_relation",
    "clinic_identity",
    "clip_event",
    "clip_status",
    "command",
    "consent",
    "consent_text",
    "daily",
    "day_mark",
    "emergency_access",
    "enrolment",
    "episode",
    "epoch_hour",
    "erased_wearing",
    "erasure",
    "erasure_order",
    "flag_dismissal",
    "gateway",
    "ingest_count",
    "invitation",
    "metadata",
    "organisation",
    "pain_entry",
    "passkey",
    "patient",
    "patient_note",
    "patient_zone",
    "plan",
    "plan_delivery",
    "plan_draft",
    "plan_template",
    "quarantine",
    "recovery",
    "recovery_code",
    "red_flag_answer",
    "reminder",
    "reminder_answer",
    "session",
    "sign_in_step",
    "stale_day",
    "unplaced_epoch",
    "unreadable",
    "user_account",
]
