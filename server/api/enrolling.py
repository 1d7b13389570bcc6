"""The exchange of a one-time code for a gateway's own credentials. Needs no session: the code is what admits."""

from __future__ import annotations

import logging
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from server.access.web import client_address, desk_of
from server.api.prefix import PREFIX
from server.api.problem import problems
from server.enrolment.codes import LENGTH, UnreadableCodeError
from server.enrolment.service import CodeRefusedError, Refusal, redeem
from server.loopback import is_loopback
from server.problems import ProblemError, too_many_attempts

router: Final = APIRouter(prefix=PREFIX, tags=["gateways"])
log: Final = logging.getLogger(__name__)

_TOTAL: Final = "codes"
_LETTERS: Final = "0-9A-TV-Za-tv-z"
_ASK: Final = "Ask your therapist for a new one."
_ANSWERS: Final[dict[Refusal, tuple[int, str, str]]] = {
    Refusal.UNKNOWN: (404, "No such code", "Compare it with what your therapist gave you, letter by letter."),
    Refusal.USED: (410, "The code has been used", f"Each code connects one computer, once. {_ASK}"),
    Refusal.EXPIRED: (410, "The code is too old", f"A code is good for 24 hours. {_ASK}"),
    Refusal.VOIDED: (410, "The code was replaced", "Your therapist has made a newer one; use that."),
}


_SHAPE: Final = rf"^[ _.\-]*([{_LETTERS}][ _.\-]*){{{LENGTH}}}$"
"""How a code is told to programs; what people type is read more kindly."""


class Code(BaseModel):
    """A code as it was typed; spaces, hyphens and small letters do not matter."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=64, json_schema_extra={"pattern": _SHAPE})]


class GatewayCredentials(BaseModel):
    """Who the gateway is at the broker, told this once. `ca` are certificates (PEM) to trust there instead of the
    system's, null for the system's."""

    gateway: str
    broker: str
    password: str
    ca: str | None


@router.post("/enrol", status_code=201, responses=problems(404, 410, 429, 503))
async def enrol(request: Request, code: Code) -> GatewayCredentials:
    """Exchange a code for credentials. 404: no such code; 410: used, too old or replaced; 429: too many attempts."""
    desk = desk_of(request)
    address = client_address(request)
    doorkeeper = desk.doorkeeper
    if doorkeeper is None:
        raise ProblemError(
            503, "Not possible here", "This server does not keep its broker's accounts. Ask who runs it."
        )
    if is_loopback(urlsplit(doorkeeper.face.url).hostname or "") and not is_loopback(address):
        raise ProblemError(
            503,
            "Not ready for other computers",
            "The broker of this server can be reached from its own machine only. Ask who runs it to set "
            "PLUMBLINE_SERVER_GATEWAY_MQTT_URL. The code has not been used.",
        )
    wait_ms = desk.code_attempts.begin(_TOTAL, address, desk.session_clock())
    if wait_ms:
        log.warning("a code held back after too many attempts from %s", address)
        raise too_many_attempts(wait_ms)
    try:
        made = await run_in_threadpool(
            redeem, desk.engine, code.code, now_ms=desk.clock(), new_password=doorkeeper.new_password
        )
    except UnreadableCodeError as error:
        raise ProblemError(422, "This is no code", str(error)) from error
    except CodeRefusedError as error:
        log.info("a code refused from %s: %s", address, error.refusal.value)
        raise ProblemError(*_ANSWERS[error.refusal]) from error
    await run_in_threadpool(desk.tell_broker)
    log.info("gateway %s enrolled for patient %d from %s", made.gateway, made.patient_id, address)
    return GatewayCredentials(
        gateway=made.gateway, broker=doorkeeper.face.url, password=made.password, ca=doorkeeper.face.ca_pem
    )
