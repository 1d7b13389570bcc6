"""The view: what it says, and that it can be read on small screens and without colour."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from gateway import messages
from gateway.config import GatewayConfig
from gateway.face import live_view, view
from gateway.face.asking import Answer, ClipNow
from gateway.face.today import SoFar
from tests.gateway.face.conftest import running
from tests.gateway.fake_clip import SERIAL, FakeClip
from tests.gateway.jump import until

WHEN = datetime(2026, 11, 24, 12, 34, 5, tzinfo=UTC)
OTHER = "00000000c11b0002"


def answer(**status: object) -> Answer:
    live = messages.ClipStatus(
        clip=SERIAL, link="live", battery_pct=12, plan_version=3, calibration_version=2, firmware="0.1"
    )
    away = messages.ClipStatus(
        clip=OTHER, link="searching", link_since_utc_ms=1000, calibration_version=0, battery_pct=80
    )
    posture = messages.Live(
        schema="live/1", clip=SERIAL, utc_ms=10_000, category=9, sagittal_deg=21.2, lateral_deg=-3.4
    )
    fields = {"schema": "status/1", "online": True, "utc_ms": 10_000, "clips": (live, away)} | status
    return Answer(
        schema="answer/1",
        status=messages.Status.model_validate(fields),
        broker_connected="broker_problem" not in status,
        clips=(
            ClipNow(clip=SERIAL, posture=posture, clock_error_ms=7.6, clock_utc_ms=1000),
            ClipNow(clip=OTHER, problem="link lost"),
        ),
    )


def text(now: Answer, width: int = 80, height: int = 40, *, plain: bool = False) -> str:
    days = {SERIAL: SoFar(7200, 6000, 600, 2, planned=True)}
    shown = view.lines(now, days, "mqtts://broker.example.org", ("12:30 something",))
    return view.render(shown, WHEN, width, height, plain=plain).plain


def test_it_says_how_everything_is() -> None:
    shown = text(answer(outbox_rows=1200))
    for part in (
        "connected",
        "12 %, charge it soon",
        "slouched, 21° forward, 3° left",
        "worn 1 h 40 min of 2 h 00 min so far (83 %",
        "slouched 10 % of the time worn; 2 reminders",
        "within 8 ms, compared 9 s ago",
        "plan 3, calibration 2, firmware 0.1",
        "looking for the clip, for 9 s now (link lost)",
        "not calibrated yet: plumbline gateway calibrate",
        "connected to mqtts://broker.example.org",
        "1,200 records waiting",
        "12:30 something",
    ):
        assert part in shown, shown


def test_it_says_what_is_wrong() -> None:
    shown = text(answer(broker_problem="no luck", storage_problem="disk full", thinned_rows=3, rejected_rows=1))
    for part in ("not connected to", "! no luck", "! disk full", "3 records given up", "1 record rejected"):
        assert part in shown, shown
    assert "latest warnings" not in text(answer(broker_problem="something")), "it is said already"
    assert "pair one" in text(answer(clips=()))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 24), (24, 10), (20, 5)])
def test_it_fits(width: int, height: int) -> None:
    for plain in (False, True):
        shown = text(answer(broker_problem="word " * 40), width, height, plain=plain).splitlines()
        assert len(shown) <= height
        assert max(map(len, shown)) <= width
        if plain:
            "\n".join(shown).encode("ascii")
    assert "more lines" in text(answer(), 80, 5)


def test_what_it_says_needs_no_colour() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, no_color=True, width=80)
    console.print(view.render(view.lines(answer(), {}, "b", ()), WHEN, 80, 24, plain=False))
    assert "\x1b[3" not in out.getvalue()
    assert "21° forward" in out.getvalue()


async def test_it_follows_the_gateway(settings: GatewayConfig) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24)
    async with running(settings, FakeClip(), faces=(live_view.on(console, ()),)):
        await until(lambda: "upright" in out.getvalue(), 10)
        await asyncio.sleep(0)
    assert "77 %" in out.getvalue()
    assert out.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in out.getvalue()
