"""What a supervisor, a load balancer and Prometheus ask. Without sessions, and without anything about a person."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from server.operation.health import Readiness
from server.operation.metrics import CONTENT_TYPE, Metrics

router: Final = APIRouter(include_in_schema=False)
metrics_router: Final = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Operation:
    """What is asked; `token` is what whoever reads the metrics beside the pages must carry."""

    readiness: Readiness
    metrics: Metrics = field(default_factory=Metrics)
    token: str | None = field(default=None, repr=False)


def _operation(request: Request) -> Operation:
    operation: Operation = request.app.state.operation
    return operation


@router.get("/healthz")
async def alive() -> PlainTextResponse:
    """Whether the process answers at all."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """Whether it can do its work; 503 and the reasons when it cannot."""
    problems = _operation(request).readiness.problems()
    return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)


@metrics_router.get("/metrics")
def metrics(request: Request) -> Response:
    """Metrics, for whoever carries the token."""
    operation = _operation(request)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(given.encode(), (operation.token or "").encode()):
        return PlainTextResponse("a bearer token is needed\n", 401, {"www-authenticate": "Bearer"})
    return Response(operation.metrics.text(), media_type=CONTENT_TYPE)
