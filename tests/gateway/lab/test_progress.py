"""Telling how far something has come."""

from __future__ import annotations

import io

from rich.console import Console

from gateway.lab.progress import progress


def test_lines_now_and_then_where_no_bar_can_be_drawn() -> None:
    said, now_s = io.StringIO(), [0.0]
    with progress(Console(file=said, width=80), lambda: now_s[0]) as step:
        for done in range(1, 10):
            now_s[0] += 4.0
            step("reading [a]", done / 10)
    assert said.getvalue().splitlines() == ["reading [a]: 30%", "reading [a]: 60%", "reading [a]: 90%"]


def test_what_is_quickly_done_says_nothing() -> None:
    said = io.StringIO()
    with progress(Console(file=said, width=80)) as step:
        step("reading", 1.0)
    assert said.getvalue() == ""


def test_a_bar_in_a_terminal_leaves_nothing_behind_but_its_erasure() -> None:
    said = io.StringIO()
    with progress(Console(file=said, width=80, force_terminal=True)) as step:
        step("reading", 0.5)
    assert "reading" in said.getvalue()
    assert "50%" in said.getvalue()
