"""From where and by what somebody comes, for the audit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Visit:
    """`address` is the client's, "" where there is none; `via` is page, api, `token:` and its number, or command
    line."""

    address: str = ""
    via: str = "page"
