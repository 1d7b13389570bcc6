"""The routes of /api/v1, a file a topic. They only translate; `Care` and `Office` decide what may be done."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from server.api import days, enrolling, operation, patients, periods, plans, rights, server, session, tokens

router: Final = APIRouter()
for part in (server, session, patients, days, periods, plans, rights, operation, tokens, enrolling):
    router.include_router(part.router)
