"""What a patient may ask for: consent, who looked, everything that is held."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from server.access.acts import Act
from server.access.web import Door, SignedIn, desk_of
from server.api import models
from server.api.etag import UNCHANGED, IfNoneMatch, answer
from server.api.needs import needs
from server.api.paging import LIMIT, LINK, MOST, lead_on
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.downloads import zip_file
from server.paths import PatientId
from server.problems import ProblemError
from server.rights.consents import ConsentError

router: Final = APIRouter(prefix=PREFIX, tags=["rights"])
_ZIP: Final[dict[str, Any]] = {"type": "string", "contentMediaType": "application/zip"}


@router.get(
    "/patients/{patient_id}/consent",
    response_model=models.Consent,
    responses=UNCHANGED,
    openapi_extra=needs(Act.SEE_RIGHTS),
)
def consent(door: Door, response: Response, patient_id: PatientId, wanted: IfNoneMatch) -> Response:
    """How the patient's consent stands, and the text that is asked for."""
    return answer(_consent(door, patient_id), wanted, response)


@router.post(
    "/patients/{patient_id}/consent",
    status_code=201,
    responses=problems(409),
    openapi_extra=needs(Act.CONSENT, Act.SEE_RIGHTS),
)
def give_consent(door: Door, request: Request, patient_id: PatientId, given: models.ConsentGiven) -> models.Consent:
    """Record that consent is given, from now on."""
    _consent(door, patient_id)  # before anything is changed: the answer shows how it stands
    stones = desk_of(request).tombstones
    try:
        door.care.give_consent(patient_id, given.version, given.signed_on is not None, given.signed_on or "", stones)
    except ConsentError as error:
        raise ProblemError(409, "The consent was not recorded", str(error)) from error
    return _consent(door, patient_id)


@router.post(
    "/patients/{patient_id}/consent/withdrawal",
    status_code=201,
    openapi_extra=needs(Act.CONSENT, Act.SEE_RIGHTS),
)
def withdraw_consent(door: Door, request: Request, patient_id: PatientId) -> models.Consent:
    """Record that consent is withdrawn: from now on nothing of the patient's is taken in. Again changes nothing."""
    _consent(door, patient_id)
    door.care.withdraw_consent(patient_id, desk_of(request).tombstones)
    return _consent(door, patient_id)


@router.get(
    "/patients/{patient_id}/looks",
    response_model=list[models.Look],
    responses={**UNCHANGED, 200: {"headers": {**UNCHANGED[200]["headers"], **LINK}}},
    openapi_extra=needs(Act.SEE_AUDIT),
)
def looks(
    door: Door,
    request: Request,
    response: Response,
    patient_id: PatientId,
    wanted: IfNoneMatch,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most entries of one part.")] = LIMIT,
    after: Annotated[int, Query(ge=0, le=2**53 - 1, description="Go on after the entry of this number.")] = 0,
) -> Response:
    """Who looked at the patient's data or changed them, or was refused, in order of time. What was read is kept and
    never changes: go on after the last number that is known. This request is itself an entry."""
    found = door.care.trail(patient_id, after, limit + 1)
    shown = found.entries[:limit]
    if len(found.entries) > limit:
        lead_on(request, response, after=shown[-1].number)
    parts = [
        models.Look(name=found.names.get(one.actor), **{field: getattr(one, field) for field in _OF_THE_TRAIL})
        for one in shown
    ]
    return answer(parts, wanted, response)


_OF_THE_TRAIL: Final = models.Look.model_fields.keys() - {"name"}


@router.get(
    "/patients/{patient_id}/export",
    response_class=StreamingResponse,
    responses={200: {"description": "A ZIP file.", "content": {"application/zip": {"schema": _ZIP}}}},
    openapi_extra=needs(Act.EXPORT),
)
def export(door: Door, patient_id: PatientId) -> StreamingResponse:
    """Everything that is held about the patient, as JSON and CSV; the file explains itself."""
    return zip_file(lambda file: door.care.export(patient_id, file))


def _consent(door: SignedIn, patient_id: int) -> models.Consent:
    return models.Consent.model_validate(door.care.consent(patient_id))
