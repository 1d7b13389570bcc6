"""Commands for a clip that comes too late: what has expired is refused, by whichever clock shows it first."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import protocol
from gateway import messages
from gateway.link import Link
from gateway.orders import Orders
from gateway.prescription import Prescription
from tests.gateway import jump
from tests.gateway.fake_clip import SERIAL
from tests.gateway.jump import START_UTC_MS


class Bench:
    """A clip that comes into reach when told, and a computer that may sleep: the loop's clock stops, UTC does not."""

    def __init__(self) -> None:
        self.slept_ms = 0
        self.carried_out: list[str] = []
        self.settings = protocol.status.pack_settings(3, 100, 1, 1)
        self.hidden = [False]
        self.calibrating_problem = "the clip was not in reach"
        self.calibration_repeat = None
        self._in_reach = asyncio.Event()
        self.orders = Orders(self._link, cast("Prescription", self), self.utc_ms)

    def utc_ms(self) -> int:
        return START_UTC_MS + round(asyncio.get_running_loop().time() * 1000) + self.slept_ms

    def come_into_reach(self) -> None:
        self._in_reach.set()

    async def _link(self) -> Link:
        await self._in_reach.wait()
        return cast("Link", self)

    async def operate(self, op: int, payload: bytes) -> None:
        self.carried_out.append("operate")
        if op == protocol.control.SET_SETTINGS:
            self.settings = payload

    async def read(self, uuid: str) -> bytes:
        assert uuid == protocol.uuids.SETTINGS
        return b"" if self.hidden.pop() else self.settings

    def await_clip(self) -> None:
        self.calibrating_problem = "the clip was not in reach"

    async def calibrate(self) -> int:
        self.carried_out.append("calibrate")
        return 1


def order(kind: Any, expires_utc_ms: int, **more: Any) -> messages.Command:
    if kind == "settings" and not more:
        more = {"strength_pct": 60}
    return messages.Command(schema="command/1", id="a", clip=SERIAL, kind=kind, expires_utc_ms=expires_utc_ms, **more)


@pytest.mark.parametrize("kind", ["pause", "snooze", "resume", "calibrate", "settings"])
def test_a_command_that_expired_while_the_computer_slept_is_not_carried_out(kind: str) -> None:
    async def main() -> None:
        bench = Bench()
        waiting = asyncio.create_task(bench.orders.carry_out(order(kind, bench.utc_ms() + 600_000)))
        await asyncio.sleep(30)
        bench.slept_ms = 8 * 3_600_000
        bench.come_into_reach()
        assert (await waiting).result == "unreachable"
        assert bench.carried_out == []

    jump.run(main())


@given(
    st.sampled_from(["pause", "snooze", "resume", "calibrate", "settings"]),
    st.floats(-60, 600),
    st.floats(0, 900),
    st.floats(0, 900),
)
def test_a_command_is_carried_out_before_it_expires_or_not_at_all(
    kind: str, lifetime_s: float, away_s: float, slept_s: float
) -> None:
    async def main() -> None:
        bench = Bench()
        expires = bench.utc_ms() + round(lifetime_s * 1000)
        doing = asyncio.create_task(bench.orders.carry_out(order(kind, expires)))
        await asyncio.sleep(away_s)
        bench.slept_ms = round(slept_s * 1000)
        bench.come_into_reach()
        result = (await doing).result
        assert (result == "done") is bool(bench.carried_out)
        if abs(lifetime_s - away_s - slept_s) > 0.01 and lifetime_s > 0.01:
            assert (result == "done") is (away_s + slept_s < lifetime_s)
        if lifetime_s <= 0:
            assert result == "expired"

    jump.run(main())


@pytest.mark.parametrize(
    ("wanted", "then"),
    [
        ({"strength_pct": 60}, (4, 60, 1, 1)),
        ({"rhythm": 5}, (4, 100, 5, 1)),
        ({"strength_pct": 0, "rhythm": 0}, (4, 0, 0, 1)),
        ({"strength_pct": 100}, (3, 100, 1, 1)),
    ],
)
def test_how_the_clip_buzzes_is_changed_and_the_rest_left_as_it_is(
    wanted: dict[str, int], then: tuple[int, int, int, int]
) -> None:
    async def main() -> None:
        bench = Bench()
        bench.hidden = [False, True]  # at first somebody else is connected, who must not see the values
        bench.come_into_reach()
        answer = await bench.orders.carry_out(order("settings", bench.utc_ms() + 600_000, **wanted))
        assert (answer.result, answer.detail) == ("done", f"strength {then[1]} %, rhythm {then[2]}")
        assert bench.settings == protocol.status.pack_settings(*then)
        assert bench.carried_out == (["operate"] if then[0] == 4 else [])

    jump.run(main())


def test_settings_of_a_clip_that_cannot_be_read_are_left_alone() -> None:
    async def main() -> None:
        bench = Bench()
        bench.settings = b"\1"
        bench.come_into_reach()
        answer = await bench.orders.carry_out(order("settings", bench.utc_ms() + 600_000, strength_pct=60))
        assert answer.result == "refused"
        assert bench.carried_out == []

    jump.run(main())
