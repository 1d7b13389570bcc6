"""What a browser is, in a few words from what it calls itself: enough for its owner to know it again."""

from __future__ import annotations

import re
from typing import Final

_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(Chrome|Chromium|HeadlessChrome|CriOS)/")),
    ("Safari", re.compile(r"\bSafari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("Mac", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Chromebook", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
_PROGRAM: Final = re.compile(r"[\w.+ -]{1,40}")


def name_of(user_agent: str) -> str:
    """Browser and system, `Firefox on Windows`; of anything else the first words that it says of itself."""
    browser = next((name for name, sign in _BROWSERS if sign.search(user_agent)), "")
    system = next((name for name, sign in _SYSTEMS if sign.search(user_agent)), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = _PROGRAM.match(user_agent.partition("/")[0])
    return program[0].strip() if program else ""
