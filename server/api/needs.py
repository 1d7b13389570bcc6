"""What a route does, told in the document as the scopes that a program needs for it.

It decides nothing: `Care` and `Office` do. A test holds what is told to what they decide.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi.routing import APIRoute

from server.access.acts import Act, Duty
from server.access.scopes import ways_to

_NEEDS: Final = "x-needs"


def needs(*what: Act | Duty) -> dict[str, Any]:
    """For `openapi_extra`: the acts and duties without which the route answers nothing."""
    return {_NEEDS: list(what)}


def ways_in(route: APIRoute, operation: dict[str, Any]) -> list[list[str]]:
    """The scopes of which each list is enough for a token; takes out of `operation` what `needs` has put there."""
    operation.pop(_NEEDS, None)
    needed = (route.openapi_extra or {}).get(_NEEDS, [])
    return [sorted(scope.value for scope in way) for way in ways_to(needed)]
