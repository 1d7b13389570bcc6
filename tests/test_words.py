"""Nothing that a person may read frightens or judges: messages of the programs, and what stands beside the code.

The pages have a test of their own, with their templates (tests/server/pages/test_words.py).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
JUDGING = re.compile(
    r"\b(damag(e|es|ing)|damaged (?!file)|injur\w*|misalign\w*|degenerat\w*|abnormal\w*|hunch\w*|"
    r"(bad|wrong|poor|good|perfect|proper|correct|incorrect|healthy|unhealthy|fail\w*) (posture|position|back|spine)|"
    r"(slouch\w*|sit\w*|posture|stand\w*) (badly|wrongly|poorly|correctly|properly))\b",
    re.IGNORECASE,
)
"""What is said of a person. Of an input that cannot be used, `wrong` is a plain word; of a posture it is not."""


def strings(file: Path) -> list[tuple[str, str]]:
    """(place, text) of every string of a program that is no docstring."""
    tree = ast.parse(file.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        (f"{file.relative_to(ROOT)}:{node.lineno}", node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def docstrings(file: Path) -> list[tuple[str, str]]:
    """(place, text) of the docstrings of commands and models: help texts and descriptions of the interfaces."""
    tree = ast.parse(file.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (str(file.relative_to(ROOT)), ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, documented)
    ]


def texts() -> list[tuple[str, str]]:
    programs = [file for room in ("gateway", "server") for file in (ROOT / room).rglob("*.py")]
    programs += (ROOT / "firmware").glob("virtual/*.py")
    read = [text for file in programs for text in (*strings(file), *docstrings(file))]
    beside = [*ROOT.glob("*.md"), *(ROOT / "firmware").glob("*.md"), *(ROOT / "gateway").glob("*.md")]
    drawings = list((ROOT / ".readme").glob("*.svg"))
    return read + [(str(file.relative_to(ROOT)), file.read_text()) for file in (*beside, *drawings)]


def test_no_text_frightens_or_judges() -> None:
    read = texts()
    assert len(read) > 3000
    for known in ("Run the gateway until Ctrl-C.", "has not run yet", "wears a virtual clip now"):
        assert any(known in text for _, text in read), known
    assert [(place, match[0]) for place, text in read if (match := JUDGING.search(" ".join(text.split())))] == []


@pytest.mark.parametrize(
    "text", ["a bad posture", "Correct  posture", "may damage the spine", "you sit badly", "a poor back"]
)
def test_the_search_finds_what_it_should(text: str) -> None:
    assert JUDGING.search(" ".join(text.split()))


@pytest.mark.parametrize(
    "text", ["wrong units", "the wrong password", "came back upright", "the correct version", "damp"]
)
def test_the_search_lets_plain_words_be(text: str) -> None:
    assert not JUDGING.search(text)
