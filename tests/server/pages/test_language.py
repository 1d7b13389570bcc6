"""Which language a request is answered in, and that it can be chosen."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from server.language import LANGUAGES, gettext, language, speaking
from server.pages.languages import wanted
from tests.server.conftest import Clinic


@pytest.mark.parametrize(
    ("headers", "tag"),
    [
        ({}, "en"),
        ({"accept-language": "de"}, "de"),
        ({"accept-language": "de-AT,de;q=0.9,en;q=0.8"}, "de"),
        ({"accept-language": "en;q=0.4, de;q=0.6"}, "de"),
        ({"accept-language": "fr, it;q=0.9"}, "en"),
        ({"accept-language": "de;q=0, en"}, "en"),
        ({"accept-language": "de;q=much"}, "en"),
        ({"accept-language": "de", "cookie": "language=en"}, "en"),
        ({"accept-language": "en", "cookie": "a=b; language=de"}, "de"),
        ({"accept-language": "de", "cookie": "language=../../de"}, "de"),
    ],
)
def test_the_choice_comes_first_and_then_what_the_browser_asks_for(headers: dict[str, str], tag: str) -> None:
    assert wanted(Headers(headers)) == tag


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_header_gives_a_language(header: str) -> None:
    assert wanted(Headers(raw=[(b"accept-language", header.encode("latin-1"))])) in LANGUAGES


def test_a_language_is_spoken_only_within() -> None:
    with speaking("de"):
        assert language() == "de"
        assert gettext("Sign out") == "Abmelden"
        with speaking("en"):
            assert gettext("Sign out") == "Sign out"
    assert language() == "en"
    with pytest.raises(ValueError, match="en, de"), speaking("xx"):
        pass


async def test_two_requests_at_once_each_speak_their_own(clinic: Clinic) -> None:
    async with clinic.client() as browser:
        tags = ["de", "en", "en", "de"]
        pages = await asyncio.gather(*(browser.get("/login", headers={"accept-language": tag}) for tag in tags))
    assert [page.headers["content-language"] for page in pages] == tags
    assert [f'<html lang="{tag}">' in page.text for tag, page in zip(tags, pages, strict=True)] == [True] * 4


async def test_the_chosen_language_stays_and_leads_back(clinic: Clinic) -> None:
    browser = await clinic.signed_in()
    async with aclosing(browser):
        there = str(browser.base_url.join("/account?x=1"))
        answer = await browser.post("/language", data={"language": "de"}, headers={"referer": there})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?x=1")
        page = await browser.get("/account")
        assert '<html lang="de">' in page.text
        assert "Abmelden" in page.text
        for foreign in ("//else.example//a", "https://else.example/account", "http://["):
            elsewhere = await browser.post("/language", data={"language": "en"}, headers={"referer": foreign})
            assert (elsewhere.status_code, elsewhere.headers["location"]) == (303, "/")
        assert (await browser.post("/language", data={"language": "xx"})).status_code == 422


async def test_programs_are_answered_in_english(clinic: Clinic) -> None:
    browser = await clinic.signed_in()
    async with aclosing(browser):
        answer = await browser.get("/api/v1/patients/999", headers={"accept-language": "de"})
    assert answer.json()["title"] == "Not found"


@pytest.mark.parametrize("address", ["/patients/999", "/nowhere"])
async def test_who_has_signed_in_finds_the_way_on_from_what_is_not_there(clinic: Clinic, address: str) -> None:
    browser = await clinic.signed_in()
    async with aclosing(browser):
        page = await browser.get(address)
    assert page.status_code == 404
    assert 'href="/patients"' in page.text
    assert "Sign out" in page.text
    async with clinic.client() as browser:
        stranger = await browser.get("/nowhere")
    assert stranger.status_code == 404
    assert "Sign out" not in stranger.text
