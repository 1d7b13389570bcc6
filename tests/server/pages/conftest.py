"""A browser, and the clinic where it can reach it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.pages.browsing import ARGUMENTS, CHROMIUM, listener, serving


@pytest.fixture
def address(clinic: Any) -> Iterator[str]:
    """The application behind a real socket."""
    at = listener()
    with serving(clinic.app, at):
        yield f"http://127.0.0.1:{at.getsockname()[1]}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
