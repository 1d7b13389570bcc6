"""Static files are packed once and kept by browsers; pages are packed only where that tells nobody a secret."""

from __future__ import annotations

import pytest

from server.pages.files import STATIC, static
from tests.server.conftest import Clinic

GZIP = {"accept-encoding": "br, gzip;q=0.8"}
STYLES = (STATIC / "plumbline.css").read_bytes()


async def test_a_static_file_comes_packed_with_a_tag_and_for_ever(clinic: Clinic) -> None:
    async with clinic.client() as client:
        plain = await client.get(static("plumbline.css"), headers={"accept-encoding": "identity"})
        packed = await client.get(static("plumbline.css"), headers=GZIP)
        assert plain.content == packed.content == STYLES
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(STYLES) / 3
        assert plain.headers["etag"] != packed.headers["etag"]
        for answer in (plain, packed):
            assert answer.headers["vary"] == "Accept-Encoding"
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"] == "text/css; charset=utf-8"
        known = {"if-none-match": f'"other", W/{packed.headers["etag"]}', **GZIP}
        again = await client.get(static("plumbline.css"), headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/static/plumbline.css", headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize("address", ["/static/plumbline.css", "/static/plumbline.css?v=000000000000"])
async def test_an_address_that_does_not_name_the_content_is_asked_again(clinic: Clinic, address: str) -> None:
    async with clinic.client() as client:
        assert (await client.get(address)).headers["cache-control"] == "no-cache"


async def test_what_is_not_there_is_not_there(clinic: Clinic) -> None:
    async with clinic.client() as client:
        for path in ("/static/", "/static/nothing.css", "/static/../files.py", "/static/%2e%2e/files.py"):
            assert (await client.get(path)).status_code == 404, path
        assert (
            await client.post(static("plumbline.css"), headers={"sec-fetch-site": "same-origin"})
        ).status_code == 405
        head = await client.head(static("plumbline.css"), headers=GZIP)
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("site", "encodings", "is_packed"),
    [
        ("same-origin", "gzip, deflate", True),
        ("none", "gzip", True),
        ("same-origin", "gzip;q=0", False),
        ("same-origin", "br", False),
        ("same-site", "gzip", False),
        ("cross-site", "gzip", False),
        (None, "gzip", False),
    ],
)
async def test_a_page_is_packed_for_our_own_pages_alone(
    clinic: Clinic, site: str | None, encodings: str, is_packed: bool
) -> None:
    headers = {"accept-encoding": encodings, **({"sec-fetch-site": site} if site else {})}
    client = await clinic.signed_in()
    for path in ("/patients", "/account"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200
        assert ("content-encoding" in answer.headers) == is_packed, path
        assert "Mara Lindqvist" in answer.text
        assert answer.headers["content-security-policy"]
    await client.aclose()
