"""One clip's session, over a fake clip, in jumping time."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from firmware.clip import protocol
from gateway import calibrating, messages, timekeeping
from gateway.config import ClipConfig
from gateway.core import repeatability
from gateway.outbox import Outbox
from gateway.session import Session
from tests.gateway import jump
from tests.gateway.fake_clip import CALIBRATION, GATEWAY, KEY, NO_CALIBRATION, SERIAL, FakeClip, FakeRadio
from tests.gateway.jump import START_UTC_MS, until, utc_ms

control, records = protocol.control, protocol.records
code = protocol.category


class Bench:
    """A session over a fake clip, and what it has put into the outbox."""

    def __init__(self, outbox: Outbox, clip: FakeClip, *, auto_calibrate: bool = False) -> None:
        self.clip = clip
        self.radio = FakeRadio(clip)
        self.outbox = outbox
        self.live: list[messages.Live] = []
        self.faces: list[messages.ClipStatus] = []
        self.session = Session(
            ClipConfig(serial=SERIAL, key=KEY.hex()),
            GATEWAY,
            radio=self.radio,
            outbox=outbox,
            utc_ms=utc_ms,
            auto_calibrate=auto_calibrate,
            on_change=lambda: self.faces.append(self.session.face),
            on_rows=lambda: None,
            on_live=self.live.append,
        )

    @property
    def records(self) -> list[dict[str, Any]]:
        batch = self.outbox.next_batch(100_000)
        self.outbox.take_back()
        return [dict(row.record) for row in batch.rows] if batch else []

    def of(self, kind: str, judge: str) -> list[dict[str, Any]]:
        return [r for r in self.records if r["kind"] == kind and r.get("judge") == judge]


@asynccontextmanager
async def running(path: Path, clip: FakeClip, **options: Any) -> AsyncIterator[Bench]:
    with Outbox(path / "gateway.db", utc_ms) as outbox:
        bench = Bench(outbox, clip, **options)
        task = asyncio.create_task(bench.session.run())
        try:
            yield bench
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def test_a_clip_comes_live_and_its_minutes_arrive(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(200)
            states = list(dict.fromkeys(face.link for face in bench.faces))
            assert states == ["connecting", "authenticating", "syncing", "draining", "live"]
            epochs = bench.of("epoch", "gateway")
            assert [e["start_ms"] for e in epochs] == [0, 60_000, 120_000]
            assert epochs[1]["codes"] == "a" * 60
            for epoch in epochs:
                true = START_UTC_MS + epoch["start_ms"]
                assert abs(epoch["utc_ms"] - true) <= epoch["utc_error_ms"] <= 60
            assert epochs[1]["boot"] == clip.boot.hex()

    jump.run(main())


def test_a_slouch_reaches_the_clip_within_a_second_and_the_lease_stays_fresh(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.lean = lambda t: 25.0 if 30 <= t < 60 else 0.0
        async with running(tmp_path, clip):
            await asyncio.sleep(100)
        slouches = [(at, values) for at, values in clip.leases if values[0] == code.SLOUCHED]
        assert 30 < slouches[0][0] < 31.0
        assert abs(slouches[0][1][1] - 30_000) < 500
        assert slouches[0][1][3] > 150
        upright = [at for at, values in clip.leases if values[0] == code.UPRIGHT and at > 60]
        assert upright[0] < 62.3  # recovery takes 0.8 s more
        times = [at for at, _ in clip.leases]
        assert max(b - a for a, b in itertools.pairwise(times)) < 2.2

    jump.run(main())


def test_no_lease_without_a_stream(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(5)
            clip.mangle = lambda _: b"\x10"
            await asyncio.sleep(1)
            said = len(clip.leases)
            await asyncio.sleep(20)
            assert len(clip.leases) == said
            assert bench.outbox.malformed["stream"] > 20
            clip.mangle = lambda packet: packet
            await asyncio.sleep(5)
            assert len(clip.leases) > said

    jump.run(main())


def test_a_lost_link_is_made_again_and_the_time_between_is_lost(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(70)
            assert clip.gatt is not None
            clip.in_reach = False
            clip.gatt.drop()
            await asyncio.sleep(20)
            clip.in_reach = True
            await asyncio.sleep(120)
            epochs = {e["start_ms"]: e for e in bench.of("epoch", "gateway")}
            assert clip.connections == 2
            lost = epochs[60_000]["codes"].count("1")
            assert 18 <= lost <= 45
            assert epochs[120_000]["codes"] == "a" * 60
            assert len({(e["start_ms"], e["rev"]) for e in bench.of("epoch", "gateway")}) == len(
                bench.of("epoch", "gateway")
            )

    jump.run(main())


def test_a_short_loss_does_not_say_that_the_wearer_moved(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.lean = lambda t: 25.0 if 30 <= t < 100 else 0.0
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(60)
            assert clip.gatt is not None
            clip.gatt.drop()
            await asyncio.sleep(80)
            assert clip.connections == 2
            assert {e["end_reason"] for e in bench.of("episode", "gateway")} <= {"lost", "recovered"}

    jump.run(main())


def test_the_unfinished_minute_is_sent_when_the_clip_stays_away(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(90)
            clip.in_reach = False
            assert clip.gatt is not None
            clip.gatt.drop()
            await asyncio.sleep(200)
            epochs = {e["start_ms"]: e for e in bench.of("epoch", "gateway")}
            assert list(epochs) == [0, 60_000]
            assert 28 <= epochs[60_000]["codes"].count("1") <= 33

    jump.run(main())


def test_a_reboot_begins_a_new_boot(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(90)
            first = clip.boot.hex()
            clip.boot_up()
            await asyncio.sleep(130)
            epochs = bench.of("epoch", "gateway")
            boots = [e["boot"] for e in epochs]
            assert boots.count(first) == 2
            assert boots.count(clip.boot.hex()) >= 1
            again = next(e for e in epochs if e["boot"] == clip.boot.hex() and e["start_ms"] == 60_000)
            assert abs(again["utc_ms"] - (START_UTC_MS + 150_000)) <= again["utc_error_ms"]

    jump.run(main())


def test_a_restart_goes_on_with_the_minute_in_progress(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(100)
            before = bench.of("epoch", "gateway")
            assert [e["start_ms"] for e in before] == [0]
        await asyncio.sleep(3)
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(90)
            epochs = bench.of("epoch", "gateway")
        assert [(e["start_ms"], e["rev"]) for e in epochs] == [(0, 1), (60_000, 1), (120_000, 1)]
        assert 3 <= epochs[1]["codes"].count("1") <= 8
        assert epochs[1]["codes"].startswith("a" * 38)
        assert all(abs(e["utc_ms"] - START_UTC_MS - e["start_ms"]) <= 30 for e in epochs)

    jump.run(main())


def test_the_journal_is_committed_then_acknowledged_and_never_twice(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        old = (99).to_bytes(8, "big")
        clip.append(records.pack_event(records.BOOT, old, 0, 0, 0, 7))
        clip.append(records.pack_event(records.BOOT, clip.boot, 0, 0, 0, 8))
        clip.append(b"\0")
        clip.append(b"\x01\x63nonsense that is no record")
        clip.append(records.pack_reminder(records.JUDGE_CLIP, 1, clip.boot, 5000, 2, 1, 1000, 153, records.GIVEN, 0, 0))
        await asyncio.sleep(30)
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            await asyncio.sleep(1)
            assert clip.acknowledged[-1] == 5
            rows = bench.records
            assert [r["kind"] for r in rows[:5]] == ["boot", "boot", "unreadable", "unreadable", "reminder"]
            assert rows[0]["utc_ms"] is None
            assert abs(rows[1]["utc_ms"] - START_UTC_MS) <= rows[1]["utc_error_ms"] <= 100
            assert [r["journal_id"] for r in rows[2:4]] == [3, 4]
            assert rows[4]["angle_deg"] == 15.3
            assert rows[4]["judge"] == "clip"
            clip.append(records.pack_event(records.LOW_BATTERY, clip.boot, 40_000, 0, 0, 12))
            await asyncio.sleep(2)
            assert clip.acknowledged[-1] == 6
            clip.journal_first = 1  # the acknowledgements never arrived
            assert clip.gatt is not None
            clip.gatt.drop()
            await asyncio.sleep(10)
            assert clip.acknowledged[-1] == 6
            assert clip.journal_first == 7
            assert len([r for r in bench.records if r["kind"] in {"boot", "reminder", "low_battery"}]) == 4

    jump.run(main())


def test_a_record_that_the_clip_never_sends_is_stepped_over(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        for n in range(6):
            clip.append(records.pack_event(records.BOOT, clip.boot, n, 0, 0, n))
        clip.hide_records = {3}
        async with running(tmp_path, clip) as bench:
            await until(lambda: clip.acknowledged[-1:] == [6])
            reads = [op for _, op, _ in clip.operations if op == control.JOURNAL_READ]
            assert len(reads) == 4
            rows = [r for r in bench.records if r["kind"] in {"boot", "unreadable"}]
            assert [r.get("start_ms", r.get("journal_id")) for r in rows] == [0, 1, 3, 3, 4, 5]

    jump.run(main())


def test_a_record_that_cannot_be_there_yet_is_kept_and_skipped(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.append(records.pack_event(records.BOOT, clip.boot, 0, 0, 0, 1))
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            assert clip.gatt is not None
            for _ in range(8):
                clip.gatt.tell_record(0xFFFF_FFF0, b"\x01" * 20)
                await asyncio.sleep(1)
            assert bench.outbox.malformed["journal"] == 8
            forged = records.journal_frame(2, records.pack_event(records.BOOT, clip.boot, 5, 0, 0, 1))
            for data in (forged, forged + bytes(8), protocol.auth.with_tag(bytes(32), forged)):
                clip.gatt.tell(protocol.uuids.JOURNAL, data)
            await asyncio.sleep(1)
            assert bench.outbox.malformed["journal"] == 11
            assert clip.acknowledged[-1:] == [1]
            clip.append(records.pack_event(records.BOOT, clip.boot, 7, 0, 0, 1))
            await until(lambda: clip.acknowledged[-1:] == [2], 3)

    jump.run(main())


def test_a_plan_is_sent_confirmed_and_judged_by(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.lean = lambda _: 12.0
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            assert bench.session.face.plan_version == 0
            bench.session.want_plan(messages.Plan(version=4, angle_deg=20, zone="Asia/Kolkata"))
            await until(lambda: bench.session.face.plan_version == 4, 2)
            assert clip.plan.version == 4
            assert clip.plan.angle_deg == 20
            await asyncio.sleep(1)
            assert [values[2] for _, op, values in clip.operations if op == control.TIME][-1] == 330
            await until(lambda: clip.leases[-1][1][0] == code.UPRIGHT, 10)
            bench.session.want_plan(messages.Plan(version=3, angle_deg=11))
            await asyncio.sleep(5)
            assert clip.plan.version == 4
        clip.plan = protocol.plan.Plan()  # exchanged for one that knows nothing
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.face.plan_version == 4)

    jump.run(main())


def test_values_that_a_clip_hides_are_not_taken_for_none(tmp_path: Path) -> None:
    """A stranger is connected while a gateway learns what is in force: no calibration may be begun for that."""

    async def main() -> None:
        clip = FakeClip()
        clip.hides = True
        async with running(tmp_path, clip, auto_calibrate=True) as bench:
            await until(lambda: "hides its values" in bench.session.problem, 30)
            assert not bench.outbox.malformed
            clip.hides = False
            await until(lambda: bench.session.state == "live", 60)
            assert bench.session.face.calibration_version == 1
        assert [op for _, op, _ in clip.operations if op in (control.SET_CALIBRATION, control.SET_PLAN)] == []

    jump.run(main())


def test_a_refused_plan_stays_pending_and_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.refuse[control.SET_PLAN] = control.REFUSED_OUT_OF_RANGE
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            bench.session.want_plan(messages.Plan(version=4))
            await asyncio.sleep(10)
            assert bench.session.face.plan_version == 0
            assert bench.outbox.malformed["plan"] == 1

    jump.run(main())


def test_a_clip_without_calibration_is_calibrated_by_hold_and_bow(tmp_path: Path) -> None:
    def bow(t: float) -> float:
        return 3.0 + (45.0 * min(1.0, (t - 20) / 2, (24 - t) / 2) if 20 < t < 24 else 0.0)

    async def main() -> None:
        clip = FakeClip()
        clip.calibration = NO_CALIBRATION
        clip.lean = bow
        async with running(tmp_path, clip, auto_calibrate=True) as bench:
            await until(lambda: bench.session.state == "live")
            assert bench.session.face.calibration_version == 0
            await until(lambda: bench.session.face.calibration_version == 1)
            assert asyncio.get_running_loop().time() < 26
            version, _, up, forward = protocol.calibration.parse_calibration(clip.calibration)
            assert version == 1
            assert up[0] < -700  # 3 degrees forward
            assert forward[0] > 16_000
            await asyncio.sleep(3)
            assert clip.leases[-1][1][0] == code.UPRIGHT
            assert abs(clip.leases[-1][1][3]) < 10

    jump.run(main())


def test_a_clip_that_was_moved_is_told_and_waits_for_a_calibration(tmp_path: Path) -> None:
    def moved(t: float) -> float:
        if 30 < t < 34:
            return 12.0 * math.sin(17.0 * t)  # a hand
        return 0.0 if t < 30 else 44.0 + (45.0 * min(1.0, (t - 150) / 2, (154 - t) / 2) if 150 < t < 154 else 0.0)

    async def main() -> None:
        clip = FakeClip()
        clip.lean = moved
        async with running(tmp_path, clip, auto_calibrate=True) as bench:
            await asyncio.sleep(120)
            (event,) = bench.of("slipped", "gateway")
            assert messages.parse_record(event)
            assert 30_000 <= event["start_ms"] <= 42_000
            assert abs(event["utc_ms"] - START_UTC_MS - event["start_ms"]) <= event["utc_error_ms"]
            before = int(event["calibration"])
            assert bench.session.face.calibration_version == before
            assert event["value"] > 0
            assert clip.leases[-1][1][0] == code.UNCALIBRATED
            await asyncio.sleep(60)
            assert bench.session.face.calibration_version == before + 1
            assert clip.leases[-1][1][0] == code.UPRIGHT
            assert len(bench.of("slipped", "gateway")) == 1

    jump.run(main())


@pytest.mark.parametrize("kind", ["pause", "snooze", "resume"])
def test_commands_reach_the_clip(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            command = order(kind, minutes=10)
            reply = await bench.session.command(command)
            assert reply.result == "done"
            op = {"pause": control.PAUSE, "snooze": control.SNOOZE, "resume": control.RESUME}[kind]
            values = [values for _, o, values in clip.operations if o == op]
            assert values == [() if kind == "resume" else (10,)]
            await asyncio.sleep(3)
            assert clip.leases[-1][1][0] == (code.PAUSED if kind == "pause" else code.UPRIGHT)

    jump.run(main())


def order(kind: Any, *, minutes: int | None = None, within_s: float = 60.0) -> messages.Command:
    return messages.Command(
        schema="command/1",
        id="c1",
        clip=SERIAL,
        expires_utc_ms=utc_ms() + round(within_s * 1000),
        kind=kind,
        minutes=minutes,
    )


def test_a_command_waits_for_the_clip_until_it_expires(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.in_reach = False
        async with running(tmp_path, clip) as bench:
            assert (await bench.session.command(order("pause", within_s=30))).result == "unreachable"
            assert (await bench.session.command(order("pause", within_s=-1))).result == "expired"
            waiting = asyncio.create_task(bench.session.command(order("pause", within_s=120)))
            await asyncio.sleep(5)
            clip.in_reach = True
            assert (await waiting).result == "done"
            clip.refuse[control.SNOOZE] = control.REFUSED_BUSY
            reply = await bench.session.command(order("snooze"))
            assert (reply.result, "busy" in reply.detail) == ("refused", True)
            assert (await bench.session.command(order("erase"))).result == "refused"

    jump.run(main())


def test_calibrate_on_command(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.lean = lambda t: 40.0 * min(1.0, (t - 40) / 2, (44 - t) / 2) if 40 < t < 44 else 0.0
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            reply = await bench.session.command(order("calibrate", within_s=60))
            assert reply.result == "done"
            told = bench.session.face.calibration_repeat
            assert told is not None
            assert reply.detail == (
                f"calibration 2: up {told.up_deg:g} and forward {told.forward_deg:g} degrees from the one before"
            )
            old, new = (calibrating.from_bytes(data) for data in (CALIBRATION, clip.calibration))
            assert old is not None
            assert new is not None
            assert told.up_deg == pytest.approx(repeatability(old, new).up_deg, abs=0.06)
            assert told.forward_deg == pytest.approx(repeatability(old, new).forward_deg, abs=0.06)
            assert clip.calibration != CALIBRATION
            reply = await bench.session.command(order("calibrate", within_s=20))
            assert reply.result == "unreachable"
            assert "bow" in reply.detail

            bow = asyncio.get_running_loop().time() + 10
            before = clip.calibration
            clip.lean = lambda t: 40.0 * max(0.0, min(1.0, 2 - abs(t - bow)))
            await asyncio.sleep(30)
            assert clip.calibration == before, "nobody waits for it any more"
            clip.in_reach = False
            assert clip.gatt is not None
            clip.gatt.drop()
            await until(lambda: bench.session.state == "searching")
            reply = await bench.session.command(order("calibrate", within_s=5))
            assert (reply.result, reply.detail) == ("unreachable", "the clip was not in reach")

    jump.run(main())


def test_a_calibration_asked_for_with_the_button(tmp_path: Path) -> None:
    def bow(t: float) -> float:
        return 40.0 * min(1.0, (t - 200) / 2, (204 - t) / 2) if 200 < t < 204 else 0.0

    async def main() -> None:
        clip = FakeClip()
        clip.lean = bow
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            ask(clip, clip.t_ms)
            await asyncio.sleep(130)
            ask(clip, clip.t_ms - 90_000)
            ask(clip, clip.t_ms, heard=False)
            await asyncio.sleep(70)
            assert clip.calibration == CALIBRATION, (
                "the first was given up, the second came too late, the third was refused"
            )
            clip.lean = lambda t: bow(t - 60)
            ask(clip, clip.t_ms)
            await asyncio.sleep(60)
            assert clip.calibration != CALIBRATION
            assert bench.session.face.calibration_version == 2
            assert [r["kind"] for r in bench.records if r["kind"] == "calibrate_asked"] == ["calibrate_asked"] * 4

    jump.run(main())


def ask(clip: FakeClip, t_ms: float, *, heard: bool = True) -> None:
    """The wearer has held the button for two seconds."""
    clip.append(records.pack_event(records.CALIBRATE_ASKED, clip.boot, int(t_ms), 0, 0, int(heard)))


def test_posture_is_shown_only_while_watched(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            assert not bench.live
            assert (await bench.session.command(order("watch", minutes=1, within_s=300))).result == "done"
            await asyncio.sleep(90)
            assert 45 <= len(bench.live) <= 61

    jump.run(main())


def test_a_wrong_key_and_another_clip_are_no_use(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip(key=bytes(32))
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(30)
            assert "does not know the key" in bench.session.problem
            assert clip.operations == []
            clip.keys = {}
            await asyncio.sleep(60)
            assert "unknown gateway" in bench.session.problem
        other = FakeClip(serial="ffffffffffff0001")
        async with running(tmp_path, other) as bench:
            await asyncio.sleep(120)
            assert other.connections == 1

    jump.run(main())


def test_a_status_of_another_version_is_followed(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            clip.plan.version = 9
            clip.plan.angle_deg = 33
            assert clip.gatt is not None
            clip.gatt.tell(protocol.uuids.STATUS, clip.status())
            clip.gatt.tell(protocol.uuids.STATUS, b"rubbish")
            await until(lambda: bench.session.face.plan_version == 9, 3)
            assert bench.outbox.malformed["status"] == 1

    jump.run(main())


def test_a_journal_that_began_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        for n in range(5):
            clip.append(records.pack_event(records.LOW_BATTERY, clip.boot, n, 0, 0, n))
        async with running(tmp_path, clip):
            await until(lambda: clip.acknowledged[-1:] == [5])
        clip.journal, clip.journal_first, clip.journal_next = {}, 1, 1
        for n in range(2):
            clip.append(records.pack_event(records.LOW_BATTERY, clip.boot, 100 + n, 0, 0, n))
        async with running(tmp_path, clip) as bench:
            await until(lambda: clip.acknowledged[-1:] == [2])
            told = [r["start_ms"] for r in bench.records if r["kind"] == "low_battery"]
            assert told == [0, 1, 2, 3, 4, 100, 101]

    jump.run(main())


def test_a_refused_journal_reading_ends_the_link_and_is_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.append(records.pack_event(records.BOOT, clip.boot, 0, 0, 0, 1))
        clip.refuse[control.JOURNAL_READ] = control.REFUSED_BUSY
        async with running(tmp_path, clip) as bench:
            await until(lambda: "busy" in bench.session.problem)
            assert not clip.acknowledged
            clip.refuse.clear()
            await until(lambda: clip.acknowledged == [1])

    jump.run(main())


def test_a_snapshot_that_cannot_be_read_is_kept_and_a_new_core_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(100)
            stored = bench.outbox.get(SERIAL, "core")
            assert stored is not None
        with Outbox(tmp_path / "gateway.db", utc_ms) as outbox:
            outbox.set(SERIAL, {"core": stored[:8] + b"{}", f"clock/{clip.boot.hex()}": b"[]"})
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(90)
            assert bench.outbox.malformed == {"state": 2}
            told = [(e["start_ms"], e["rev"]) for e in bench.of("epoch", "gateway")]
            assert told == [(0, 1), (60_000, 1), (120_000, 1)]

    jump.run(main())


def test_summaries_of_a_narrow_link_are_no_error(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        summary = bytes(protocol.stream.pack_summary(1000, code.UPRIGHT, 32767, 0, 0, 0, 0, 3))
        clip.mangle = lambda _: summary
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(20)
            assert bench.outbox.malformed == {}
            assert not clip.leases

    jump.run(main())


def test_the_clip_is_told_the_time_again_and_again_by_the_zones_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timekeeping.TIME_EVERY_S == 3600
    monkeypatch.setattr(timekeeping, "TIME_EVERY_S", 120)

    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "live")
            bench.session.want_plan(messages.Plan(version=1, zone="Asia/Kathmandu"))
            await asyncio.sleep(2 * 120 + 60)
        told = [(at, values) for at, op, values in clip.operations if op == control.TIME]
        assert len(told) == 4
        for at, (clip_ms, utc, offset) in told[1:]:
            assert abs(utc - START_UTC_MS - clip_ms) < 30
            assert abs(utc - START_UTC_MS - at * 1000) < 100
            assert offset == 345

    jump.run(main())


def test_a_clip_with_a_fast_clock_is_placed_within_the_stated_error(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        clip.skew_ppm = 80.0
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(610)
            for epoch in bench.of("epoch", "gateway"):
                true = START_UTC_MS + epoch["start_ms"] / (1 + 80e-6)
                assert abs(epoch["utc_ms"] - true) <= epoch["utc_error_ms"] + 1
                assert abs(epoch["utc_ms"] - true) < 50

    jump.run(main())


def test_unsettled_orientation_is_not_judged(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()

        def unsettled(packet: bytes) -> bytes:
            at = asyncio.get_running_loop().time()
            return bytes([packet[0] | protocol.stream.FLAG_UNSETTLED]) + packet[1:] if 70 < at < 80 else packet

        clip.mangle = unsettled
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(130)
            epochs = {e["start_ms"]: e["codes"] for e in bench.of("epoch", "gateway")}
            assert 8 <= epochs[60_000].count("1") <= 12

    jump.run(main())


def test_a_long_journal_drains_without_delaying_the_lease(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        await asyncio.sleep(600 * 60)
        for n in range(600):
            clip.append(
                records.pack_epoch(0, 1, clip.boot, n * 60_000, 1, 1, bytes([10] * 60), bytes(30), 0, 0, 0, 0, 30)
            )
        async with running(tmp_path, clip) as bench:
            await until(lambda: bench.session.state == "draining")
            began = asyncio.get_running_loop().time()
            await until(lambda: bench.session.state == "live", 120)
            ended = asyncio.get_running_loop().time()
            await until(lambda: clip.acknowledged[-1:] == [600], 2)
            assert 30 < ended - began < 40  # 600 records, 50 ms apart
            leases = [at for at, _ in clip.leases if began <= at <= ended]
            assert max(b - a for a, b in itertools.pairwise(leases)) < 2.2
            told = bench.of("epoch", "clip")
            assert [e["start_ms"] for e in told] == [n * 60_000 for n in range(600)]
            for epoch in told:
                assert abs(epoch["utc_ms"] - START_UTC_MS - epoch["start_ms"]) <= epoch["utc_error_ms"]
            assert 5000 < told[0]["utc_error_ms"] < 5600  # ten hours at 150 ppm: nobody met this clock then
            assert told[-1]["utc_error_ms"] < 60

    jump.run(main())


def test_a_disk_that_refuses_for_a_while_costs_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        clip = FakeClip()
        async with running(tmp_path, clip) as bench:
            await asyncio.sleep(50)
            bench.outbox._db.execute("PRAGMA max_page_count = 1")  # it cannot grow: the disk is full
            real = Outbox.put

            def full(outbox: Outbox, rows: Any) -> int:
                real(outbox, rows)
                outbox._db.execute("CREATE TABLE more (x)")  # more than there is room for
                return 0

            bench.outbox.put = full.__get__(bench.outbox)  # type: ignore[method-assign]
            await asyncio.sleep(100)
            assert bench.outbox.waiting == 0
            assert clip.leases[-1][0] > 145
            del bench.outbox.put
            bench.outbox._db.execute("PRAGMA max_page_count = 1000000")
            await asyncio.sleep(60)
            told = [(e["start_ms"], e["rev"], e["codes"].count("1")) for e in bench.of("epoch", "gateway")]
            assert [(start, rev) for start, rev, _ in told] == [(0, 1), (60_000, 1), (120_000, 1)]
            assert [lost for _, _, lost in told[1:]] == [0, 0]

    jump.run(main())
