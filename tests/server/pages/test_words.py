"""Figures and times in words; and the words that pages never say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import server
from server.pages import words

ROOT = Path(server.__file__).parent
FORBIDDEN = re.compile(
    r"\b(bad|wrong|damag\w*|poor(ly)?|harm\w*|injur\w*|fail(ed|ure)? posture|"
    r"(in)?correct posture|good posture|perfect posture|proper posture|misalign\w*|"
    r"degenerat\w*|abnormal\w*|hunch\w*)\b",
    re.IGNORECASE,
)
SPOKEN = ("pages", "api", "access", "plans", "summaries", "reports", "notes")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (750, "12 min 30 s"),
        (3600, "1 h 00 min"),
        (21_900, "6 h 05 min"),
        (59.6, "1 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_exact_durations_add_up_by_eye() -> None:
    assert words.exact(28_800) == "8:00:00"
    assert words.exact(3_909) == "1:05:09"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 10, "0 %"), (1, 3, "33 %"), (10, 10, "100 %"), (1, 1000, "<1 %"), (999, 1000, ">99 %"), (0, 0, "–")],
)
def test_shares_never_hide_a_remainder(part: float, whole: float, text: str) -> None:
    assert words.percent(part, whole) == text


def test_angles_have_a_true_minus() -> None:
    assert [words.degrees(value) for value in (-2.4, -0.2, 0.4, 17.5)] == ["−2°", "0°", "0°", "18°"]


@pytest.mark.parametrize(
    ("passed_s", "text"),
    [(-5, "just now"), (59, "just now"), (60, "1 min ago"), (7200, "2 h ago"), (172_800, "2 days ago")],
)
def test_ago(passed_s: int, text: str) -> None:
    assert words.ago(1_000_000_000, 1_000_000_000 + passed_s * 1000) == text
    assert words.ago(None, 0) == "never"


def spoken() -> list[tuple[str, str]]:
    """(place, text) of everything that a person may read: templates, scripts, styles, and strings of the code."""
    found = [
        (str(f), f.read_text()) for f in (ROOT / "pages").rglob("*") if f.suffix in (".html", ".js", ".css", ".svg")
    ]
    for file in [f for folder in SPOKEN for f in (ROOT / folder).rglob("*.py")] + list(ROOT.glob("*.py")):
        tree = ast.parse(file.read_text())
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            (f"{file}:{node.lineno}", node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        ]
    return found


def test_no_text_frightens_or_judges() -> None:
    texts = spoken()
    assert len(texts) > 500
    assert any("Slouched" in text for _, text in texts)
    said = [(place, match[0]) for place, text in texts if (match := FORBIDDEN.search(text))]
    assert said == []


@pytest.mark.parametrize("text", ["Bad posture", "is wrong", "may damage", "the correct posture", "poorly held"])
def test_the_search_finds_what_it_should(text: str) -> None:
    assert FORBIDDEN.search(text)


def test_templates_load_nothing_from_elsewhere_and_hold_no_inline_code() -> None:
    for file in (ROOT / "pages").rglob("*"):
        if file.suffix in (".html", ".css", ".js"):
            text = file.read_text()
            assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!['\"]?#)", text), file
        if file.suffix == ".html":
            assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", text), file
            assert not re.search(r"<script(?![^>]*(src=|application/json))", text), file
