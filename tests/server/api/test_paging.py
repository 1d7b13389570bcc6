"""Lists in parts and ranges of days: nothing twice, nothing left out, whatever is added meanwhile; and ETags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from server.api.etag import matches, tag_of
from server.api.paging import Paging
from tests.server.api.conftest import MakeProgram
from tests.server.conftest import Clinic

API = "/api/v1"
DAY = f"{API}/patients/1/days/2026-03-24"


def part(items: list[tuple[int, str]], limit: int, after: int | None) -> tuple[list[tuple[int, str]], int | None]:
    request = Request({"type": "http", "path": "/x", "query_string": b"", "headers": [], "method": "GET"})
    response = Response()
    found = Paging(request, response, limit, after).part(sorted(items), lambda item: item[0])
    link = response.headers.get("link")
    return found, None if link is None else int(link.split("after=")[1].split(">")[0])


items = st.lists(st.tuples(st.integers(-5, 20), st.text("ab", max_size=2)), unique=True, max_size=30)


@given(items, items, st.integers(1, 7))
def test_parts_hold_everything_once_and_what_comes_in_between_moves_nothing(
    there: list[tuple[int, str]], added: list[tuple[int, str]], limit: int
) -> None:
    got: list[tuple[int, str]] = []
    after: int | None = None
    now, coming = list(there), list(added)
    for _ in range(len(there) + len(added) + 1):
        found, after = part(now, limit, after)
        got += found
        assert after is None or len(found) >= limit
        if after is None:
            break
        if coming:
            now = list({*now, coming.pop()})
    assert after is None, "it leads nowhere"
    assert len(got) == len(set(got)), "twice"
    assert set(there) <= set(got), "left out"
    assert got == sorted(got)


async def test_links_lead_through_all_patients_while_one_is_added(clinic: Clinic, program: MakeProgram) -> None:
    client = program()
    seen: list[int] = []
    url: str | None = f"{API}/patients?limit=2"
    while url:
        answer = await client.get(url)
        seen += [one["id"] for one in answer.json()]
        url = answer.links.get("next", {}).get("url")
        clinic.add_patient(f"Aaron Newcomer {len(seen)}", "mara", clip=f"{len(clinic.patients):016x}")
    assert seen[:5] == [1, 2, 3, 4, 5]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=1.5", "after=x", "after=1e3"])
async def test_parts_that_cannot_be(program: MakeProgram, query: str) -> None:
    answer = await program().get(f"{API}/patients?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


async def test_a_range_is_its_days_in_one_request(program: MakeProgram) -> None:
    client = program()
    one_by_one = [(await client.get(f"{API}/patients/1/days/2026-03-{day}")).json() for day in (22, 23, 24, 25)]
    answer = await client.get(f"{API}/patients/1/days?from=2026-03-22&days=2")
    assert answer.json() == one_by_one[:2]
    rest = await client.get(answer.links["next"]["url"])
    assert rest.json() == one_by_one[2:]
    assert "next" not in rest.links, "that was today"
    assert (await client.get(f"{API}/patients/1/days?days=4")).json() == one_by_one
    assert len((await client.get(f"{API}/patients/1/days")).json()) == 28


@pytest.mark.parametrize(
    "query", ["from=0", "from=2026-02-29", "from=2026-3-1", "from=2026-03-01T00:00", "from=", "days=0", "days=93"]
)
async def test_ranges_that_cannot_be(program: MakeProgram, query: str) -> None:
    answer = await program().get(f"{API}/patients/1/days?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize("path", ["", "/../../days?from=2026-03-22&days=3"])
async def test_what_has_not_changed_is_not_sent_again(clinic: Clinic, program: MakeProgram, path: str) -> None:
    client, url = program(), f"{API}/patients/1/days?from=2026-03-22&days=3" if path else DAY
    first = await client.get(url)
    tag = first.headers["etag"]
    assert tag == tag_of(first.content)
    for shown in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.get(url, headers={"if-none-match": shown})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers.get("link") == first.headers.get("link")
    for shown in ('"other"', tag.strip('"'), "", tag[:-2] + '"'):
        again = await client.get(url, headers={"if-none-match": shown})
        assert (again.status_code, again.content) == (200, first.content)
    clinic.now_ms += 3_600_000
    assert (await client.get(url)).headers["etag"] == tag, "time alone changes nothing of a day that is over"


async def test_the_etag_changes_with_the_content(clinic: Clinic, program: MakeProgram) -> None:
    client, today = program(), f"{API}/patients/1/days/2026-03-25"
    before = (await client.get(today)).headers["etag"]
    clinic.now_ms += 2 * 3_600_000
    after = await client.get(today, headers={"if-none-match": before})
    assert (after.status_code, after.headers["etag"] != before) == (200, True)


async def test_who_may_not_see_a_day_learns_no_etag(clinic: Clinic, program: MakeProgram) -> None:
    tag = (await program().get(DAY)).headers["etag"]
    for shown in (tag, "*"):
        answer = await program(who="otto").get(DAY, headers={"if-none-match": shown})
        assert answer.status_code == 404
        assert "etag" not in answer.headers


@given(st.text(), st.binary())
def test_odd_headers_match_nothing(text: str, body: bytes) -> None:
    tag = tag_of(body)
    assert matches(text, tag) is (tag in text or text.strip() == "*")


def test_no_header_matches_nothing() -> None:
    assert not matches(None, tag_of(b""))
