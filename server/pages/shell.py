"""What makes the pages installable: a manifest, and a small service worker that knows nothing of anybody.

The worker keeps static files and one page that says kindly that there is no connection. It never keeps a page or an
answer about a person.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from server.language import gettext as _
from server.language import language
from server.pages.files import STATIC, static
from server.pages.places import OWN
from server.pages.render import TEMPLATES, page

router: Final = APIRouter(include_in_schema=False)
OFFLINE: Final = "/offline"
KEPT: Final = ("plumbline.css", "patient.css", "icon.svg")
"""Static files that the offline page needs."""


@router.get("/app.webmanifest")
def manifest() -> Response:
    """How the pages look when they are installed."""
    told = {
        "name": "Plumbline",
        "short_name": "Plumbline",
        "description": _("Your day, your plan and your clip."),
        "lang": language(),
        "id": OWN,
        "start_url": OWN,
        "scope": "/",
        "display": "standalone",
        "background_color": "#f4f6f4",
        "theme_color": "#0c5c63",
        "icons": [
            {"src": static("icon-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": static("icon-512.png"), "sizes": "512x512", "type": "image/png"},
            {"src": static("icon-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
            {"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        ],
        "shortcuts": [
            {"name": _("Note how it hurts"), "url": f"{OWN}/pain"},
            {"name": _("My clip"), "url": f"{OWN}/clip"},
        ],
    }
    return JSONResponse(told, media_type="application/manifest+json")


@router.get("/app-worker.js")
def worker() -> Response:
    """The service worker. It is at the root, because it sees only what lies below its own address; what it is to keep
    is written at its top, so that it changes with the files."""
    kept = ", ".join(f'"{address}"' for address in (_offline(), *map(static, KEPT)))
    text = f"const KEPT = [{kept}];\n{(STATIC / 'worker.js').read_text()}"
    return Response(text, media_type="text/javascript", headers={"cache-control": "no-cache"})


@cache
def _offline() -> str:
    """The offline page's address, which changes with it."""
    version = hashlib.sha256((TEMPLATES / "offline.html").read_bytes()).hexdigest()[:12]
    return f"{OFFLINE}?v={version}"


@router.get(OFFLINE)
def offline() -> Response:
    """What is shown without a connection; the same for everybody."""
    return page("offline.html", {"person": None})
