"""Our own styles and scripts, and what draws charts: kept in memory, packed once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.access.compressing import LEAST, takes_gzip
from server.pages.charts import bundle

STATIC: Final = Path(__file__).parent / "static"
FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For an address that names the file's content: another content has another address."""
ASK_AGAIN: Final = "no-cache"
_PACKED: Final = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True)
class _File:
    """`packed` None: not worth it."""

    body: bytes
    packed: bytes | None
    version: str
    media_type: str


@lru_cache(maxsize=256)
def _read(path: Path, _changed_ns: int) -> _File:
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(body, mtime=0) if media_type.startswith(_PACKED) and len(body) >= LEAST else None
    return _File(body, packed, hashlib.sha256(body).hexdigest()[:12], media_type)


def static(name: str) -> str:
    """Address of a static file; it changes with the file, so that browsers may keep it."""
    path = STATIC / name
    return f"/static/{name}?v={_read(path, path.stat().st_mtime_ns).version}"


class LocalFiles(StaticFiles):
    """The files in the static folder, and the module that draws charts."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)
        self.all_directories = [STATIC, bundle.folder()]

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, for GET and HEAD. Raises HTTPException 404 and 405."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        full, file = await run_in_threadpool(self._find, path)
        asked = Headers(scope=scope)
        packed = file.packed if takes_gzip(asked) else None
        tag = f'"{file.version}{"-gzip" if packed else ""}"'
        # The charts' module has its version in its name.
        named = QueryParams(scope["query_string"]).get("v") == file.version or full.parent != STATIC
        headers = {"cache-control": FOR_EVER if named else ASK_AGAIN, "etag": tag}
        if file.packed is not None:
            headers["vary"] = "Accept-Encoding"
        if tag in (part.strip().removeprefix("W/") for part in asked.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        if packed is not None:
            headers["content-encoding"] = "gzip"
        return Response(packed or file.body, media_type=file.media_type, headers=headers)

    def _find(self, path: str) -> tuple[Path, _File]:
        full, found = self.lookup_path(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            raise HTTPException(404)
        return Path(full), _read(Path(full), found.st_mtime_ns)
