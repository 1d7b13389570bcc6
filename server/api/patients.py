"""Patients and what they wear."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from server.access.acts import Act
from server.access.care import Patient
from server.access.clips import ClipState
from server.access.web import Door, SignedIn
from server.api import models
from server.api.needs import needs
from server.api.paging import LINK, Page
from server.api.prefix import PREFIX
from server.paths import PatientId

router: Final = APIRouter(prefix=PREFIX, tags=["patients"])


@router.get("/patients", responses={200: {"headers": LINK}}, openapi_extra=needs(Act.SEE_LIST))
def patients(door: Door, page: Page) -> list[models.Patient]:
    """Everybody whose days one may see, in order of their numbers."""
    everybody = page.part(sorted(door.care.patients(), key=lambda one: one.id), lambda one: one.id)
    clips = door.care.all_clips()
    return [_patient(door, someone, clips.get(someone.id, [])) for someone in everybody]


@router.get("/patients/{patient_id}", openapi_extra=needs(Act.SEE_RECORD, Act.SEE_COMPUTERS))
def patient(door: Door, patient_id: PatientId) -> models.Patient:
    """One patient."""
    someone = door.care.patient(patient_id)
    return _patient(door, someone, door.care.clips(patient_id))


def _patient(door: SignedIn, someone: Patient, clips: list[ClipState]) -> models.Patient:
    return models.Patient(
        id=someone.id,
        pseudonym=someone.pseudonym,
        name=someone.name,
        zone=someone.zone.key,
        today=door.care.today(someone).isoformat(),
        simulated=someone.simulated,
        clips=[models.Clip.model_validate(clip) for clip in clips],
    )
