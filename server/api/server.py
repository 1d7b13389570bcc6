"""The server itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Request

from server.access.web import desk_of
from server.api import models
from server.api.prefix import PREFIX

router: Final = APIRouter(prefix=PREFIX, tags=["server"])


@router.get("/health")
def health(request: Request) -> models.Health:
    """Whether the server works. Needs nobody."""
    desk = desk_of(request)
    desk.ask_database()
    return models.Health(status="ok", utc_ms=desk.clock(), version=version("plumbline"))
