"""Lists in parts. The place to go on from is the number or the time of the last item sent, so that what is added or
taken away meanwhile moves nothing; a `Link` header leads to the next part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

T = TypeVar("T")

LIMIT: Final = 100
MOST: Final = 500
_FARTHEST: Final = 2**53 - 1  # what JSON numbers keep exactly everywhere
LINK: Final = {
    "Link": {
        "description": 'Where the next part is, as rel="next" (RFC 8288). Absent when this was the last.',
        "schema": {"type": "string"},
    }
}


@dataclass(frozen=True)
class Paging:
    """A part that was asked for: so many items, beyond `after`."""

    request: Request
    response: Response
    limit: int
    after: int | None

    def part(self, items: Sequence[T], key: Callable[[T], int]) -> list[T]:
        """The part of `items`, which are in order of `key`. Items of one key are never separated, so that a part can be
        longer than its limit."""
        beyond = [item for item in items if self.after is None or key(item) > self.after]
        end = min(self.limit, len(beyond))
        while 0 < end < len(beyond) and key(beyond[end]) == key(beyond[end - 1]):
            end += 1
        if end < len(beyond):
            lead_on(self.request, self.response, after=key(beyond[end - 1]))
        return beyond[:end]


def lead_on(request: Request, response: Response, **changed: object) -> None:
    """Say that the next part is at the same address with these parameters changed."""
    query = {**request.query_params, **changed}
    response.headers["link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'


def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most items of one part.")] = LIMIT,
    after: Annotated[
        int | None,
        Query(ge=-_FARTHEST, le=_FARTHEST, description="Go on after the item of this number or time; see `Link`."),
    ] = None,
) -> Paging:
    return Paging(request, response, limit, after)


Page = Annotated[Paging, Depends(_paging)]
