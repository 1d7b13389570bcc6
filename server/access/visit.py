"""From where and by what somebody comes, for the audit."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.lately import Lately


@dataclass(frozen=True)
class Visit:
    """`address` is the client's, "" where there is none; `via` is page, api, `token:` and its number, or command
    line. `by_itself`: an open page asks for itself again, and nobody has done anything; `lately` knows what the trail
    was told of it."""

    address: str = ""
    via: str = "page"
    by_itself: bool = False
    lately: Lately | None = None
