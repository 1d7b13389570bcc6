"""What a browser is called to its owner."""

from __future__ import annotations

import pytest

from server.access.browsers import name_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) {WEBKIT} Version/18.1 Safari/605.1.15", "Safari on Mac"),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {WEBKIT} CriOS/131.0 Safari/604.1",
            "Chrome on iPhone",
        ),
        (f"Mozilla/5.0 (Linux; Android 14; Pixel) {WEBKIT} Chrome/131.0 Mobile Safari/537.36", "Chrome on Android"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("x" * 5000, "x" * 40),
    ],
)
def test_browser_and_system_in_a_few_words(agent: str, name: str) -> None:
    assert name_of(agent) == name
