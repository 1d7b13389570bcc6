"""Answers are packed for browsers, but never where their length could tell a secret.

Whoever can have a browser ask us again and again with words of their own in the address, and sees how long the packed
answers are, can guess what stands beside these words: a form's token, a name (the BREACH attack). Such requests come
from another site, and browsers say so. So an answer is packed only for a request of which the browser says that it did
not: one of our own pages made it, or a person typed the address. A browser that says nothing gets it as it is, and so
does a program.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

LEAST: Final = 1024
"""Bytes from which on packing is worth it: less fits into one packet as it is."""
_LEVEL: Final = 6
_PACKED_ALREADY: Final = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/pdf")
_OURS: Final = frozenset({"same-origin", "none"})


def takes_gzip(headers: Headers) -> bool:
    """Whether the one who asks can unpack gzip."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or weight == ""
    return False


class Compressing:
    """Packs answers as said above."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packing = GZipMiddleware(app, LEAST, _LEVEL, exclude_content_types=_PACKED_ALREADY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        packs = False
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            packs = headers.get("sec-fetch-site") in _OURS and takes_gzip(headers)
        await (self._packing if packs else self._app)(scope, receive, send)
