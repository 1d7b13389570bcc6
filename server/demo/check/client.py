"""A client of the server's API that needs nothing but the standard library."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.request
from typing import Any, Final

TIMEOUT_S: Final = 15.0
_NEXT: Final = re.compile(r'<([^>]*)>; rel="next"')


class ApiError(RuntimeError):
    """The server did not answer (`status` 0), or refused; the message has its words."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A signed-in therapist. Every call raises ApiError when the server is away or refuses."""

    def __init__(self, base_url: str) -> None:
        self._base = f"{base_url}/api/v1"
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self._form_token = ""

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return bool(self.get("/health")["status"] == "ok")
        except ApiError:
            return False

    def sign_in(self, email: str, password: str) -> None:
        """Open a session."""
        self._form_token = self.post("/session", {"email": email, "password": password})["form_token"]

    def get(self, path: str) -> Any:
        """GET a path under /api/v1; of a list every part."""
        found, rest = self._call("GET", path, None)
        while rest is not None:
            more, rest = self._call("GET", rest.removeprefix("/api/v1"), None)
            found += more
        return found

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """POST JSON to a path under /api/v1."""
        return self.post_bytes(path, json.dumps(body).encode())

    def post_bytes(self, path: str, body: bytes) -> Any:
        """POST whatever it is, called JSON."""
        return self._call("POST", path, body)[0]

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[Any, str | None]:
        """What was answered, and where the rest of it is."""
        request = urllib.request.Request(  # noqa: S310 - the address is our own, http on loopback
            self._base + path,
            method=method,
            data=body,
            headers={"Content-Type": "application/json", "X-Form-Token": self._form_token},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                found = _NEXT.fullmatch(answer.headers.get("Link", ""))
                return json.loads(answer.read() or b"null"), found[1] if found else None
        except urllib.error.HTTPError as error:
            words = error.read()[:500].decode(errors="replace")
            raise ApiError(f"{method} {path}: {error.code} {words}", error.code) from error
        except (OSError, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error
