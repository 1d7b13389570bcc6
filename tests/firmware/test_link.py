"""The radio's side in one process: who judges, and a hostile central."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import keystore
from firmware.clip.lease import Arbiter
from firmware.clip.protocol import auth, category, control, plan, records, uuids
from firmware.clip.reminder import ACTION_REMIND, Policy
from firmware.clip.wire import pairing
from firmware.clip.x25519 import BASE, Multiplication

GATEWAY, KEY = b"GATEWAY1", bytes(range(32))
CLIP, CORE = records.JUDGE_CLIP, records.JUDGE_GATEWAY
UP, SLOUCHED = category.UPRIGHT, category.SLOUCHED


def fake(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fake_{name}", Path(__file__).parent / "fakes" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bluetooth: Any = fake("bluetooth")
chips: Any = fake("chips")


def arbiter() -> tuple[Arbiter, Any, Policy]:
    made = plan.Plan()
    made.mode, made.dwell_s, made.repeat_s = plan.TRAIN, 10, 60
    policy = Policy(made)
    detector = SimpleNamespace(category=UP, since_ms=0, sagittal_ddeg=0)
    return Arbiter(policy, detector), detector, policy


def test_a_lease_is_good_for_six_seconds() -> None:
    judge, detector, _ = arbiter()
    detector.category = SLOUCHED
    judge.lease(1_000, SLOUCHED, 500, 1_000, 150)
    judge.step(6_960)
    assert judge.judge == CORE
    judge.step(7_000)
    assert judge.judge == CLIP


def test_a_lease_without_a_judgement_leaves_it_to_the_detector() -> None:
    judge, detector, _ = arbiter()
    judge.lease(0, UP, 0, 0, 0)
    judge.lease(1_000, category.LOST, 900, 1_000, 0)
    detector.category, detector.since_ms = SLOUCHED, 700
    judge.step(1_000)
    assert judge.judge == CLIP


def test_a_paused_clip_asks_nobody() -> None:
    judge, _, policy = arbiter()
    judge.lease(0, SLOUCHED, 0, 0, 150)
    judge.paused = True
    judge.step(40)
    assert policy.due_ms() == -1


@given(
    begins=st.integers(1_000, 4_000),
    agrees=st.integers(-1_500, 1_500),
    links=st.lists(st.booleans(), min_size=30, max_size=30),
    sees=st.booleans(),
)
def test_links_that_drop_and_return_anywhere_cost_no_reminder_and_repeat_none(
    begins: int, agrees: int, links: list[bool], sees: bool
) -> None:
    """The gateway sees a slouch from `begins` to 25 s; the detector sees it `agrees` earlier or later, or is just under
    its own angle. The link is there or not, second by second."""
    judge, detector, policy = arbiter()
    given_at = []
    links[5:8] = [True] * 3  # it is there at least once while the slouch runs
    for now in range(0, 30_000, 40):
        slouch = begins <= now < 25_000
        own = begins + agrees <= now < 25_000
        detector.sagittal_ddeg = 80 if own else 0
        if own and sees:
            detector.category, detector.since_ms = SLOUCHED, begins + agrees
        else:
            detector.category, detector.since_ms = UP, 0 if now < 25_000 else 25_000
        if now % 2_000 == 0 and links[now // 1_000]:
            since = begins if slouch else 25_000 if now >= 25_000 else 0
            judge.lease(now, SLOUCHED if slouch else UP, since, now, 130)
        judge.step(now)
        if policy.tick(now, -1) == ACTION_REMIND:
            given_at.append(now)
    assert len(given_at) == 1
    assert begins + min(agrees, 0) + 10_000 <= given_at[0]
    assert given_at[0] <= begins + max(agrees, 0) + 10_000 + 40


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from firmware.clip.app import App
    from firmware.clip.imu_lsm6dsox import Lsm6dsox

    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.bin").write_bytes(keystore.pack([(GATEWAY, KEY)]))
    clock = chips.Clock()
    bus = chips.I2C(clock, chips.Wearer(lambda _: 0.0))
    ble = bluetooth.BLE()
    parts = (bus, Lsm6dsox(bus), None, None, None)
    app = App(parts, ble, bluetooth.UUID, bytes(8), clock.ticks_ms, lambda: 0, False)
    yield SimpleNamespace(app=app, ble=ble, clock=clock, bus=bus)
    app.journal.close()


def state(app: Any) -> tuple[object, ...]:
    return (
        app.plan.raw,
        app.calibration.raw,
        app.settings.raw,
        app.policy.snoozed_until,
        app.arbiter.paused,
        app.clock.utc_known,
        app.journal.first,
        app.journal.next,
        app.arbiter.judge,
    )


@pytest.mark.parametrize("authenticated", [False, True])
def test_random_writes_change_nothing(clip: Any, authenticated: bool) -> None:
    draw = random.Random(5)
    app, ble = clip.app, clip.ble
    ble.connect(1)
    if authenticated:
        ble.write(1, uuids.CONTROL, control.pack_hello(GATEWAY, bytes(16)))
        app.link.step(0)
        challenge = app.sender._events[0][1]
        nonce = challenge[1:17]
        ble.write(1, uuids.CONTROL, control.pack_auth(auth.proof(KEY, b"gate", GATEWAY, bytes(16), nonce)))
        app.link.step(0)
        assert app.link.active is not None
    before = state(app)
    known = [
        control.pack_hello(b"STRANGER", bytes(16)),
        control.pack_auth(bytes(16)),
        auth.seal(bytes(32), control.SET_PLAN, plan.Plan().pack(), 7),
        auth.seal(bytes(32), control.BUZZ, b"\0", 8),
        b"",
    ]
    for _ in range(3_000):
        if draw.random() < 0.5:
            data = bytearray(draw.choice(known))
            if data and draw.random() < 0.7:
                data[draw.randrange(len(data))] = draw.randrange(256)
        else:
            data = bytearray(draw.randbytes(draw.randrange(130)))
        if data[:1] == bytes([control.HELLO]) and bytes(data[1:9]) == GATEWAY:
            continue
        ble.write(1, draw.choice([uuids.CONTROL, uuids.CONTROL, uuids.PLAN, uuids.STATUS, uuids.JOURNAL]), bytes(data))
        app.link.step(0)
        app.sender._events.clear()
    assert state(app) == before
    assert clip.bus.go == []
    assert (app.link.active is not None) == authenticated


def test_a_flood_of_writes_between_two_ticks_is_bounded(clip: Any) -> None:
    clip.ble.connect(1)
    clip.app.link.step(0)
    for _ in range(500):
        clip.ble.write(1, uuids.CONTROL, b"x")
    waiting = 0
    while clip.app.gatt.take() is not None:
        waiting += 1
    assert waiting == 8


def product(scalar: bytes, point: bytes) -> bytes:
    multiplication = Multiplication(scalar, point)
    while not multiplication.step(64):
        pass
    return multiplication.result


def test_without_memory_for_pairing_it_goes_on_measuring(clip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware.clip import pairing as window

    def no_room(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(window, "Pairing", no_room)
        assert not clip.app.link.open_pairing(0)
    assert not clip.app.link.pairing
    clip.app.link.step(40)
    assert clip.ble.interval, "and can be found"
    assert clip.app.link.open_pairing(80), "another time there may be room"


@pytest.mark.parametrize("late", [False, True])
def test_who_has_said_hello_in_a_pairing_window_must_prove_the_key_in_it(clip: Any, late: bool) -> None:
    app, ble, clock = clip.app, clip.ble, clip.clock

    def rounds(until: Callable[[], bool]) -> None:
        for _ in range(2_000):
            clock.now += 40
            now = app.clock.now()
            app.link.step(now)
            app.sender.step(now)
            if until():
                return
        pytest.fail("it did not happen")

    def heard(kind: int) -> bytes:
        def came() -> bool:
            events.extend(ble.take(uuids.EVENT))
            return any(data[0] == kind for data in events)

        rounds(came)
        return next(data for data in events if data[0] == kind)

    events: list[bytes] = []
    stranger, private, nonce = b"STRANGER", bytes(range(1, 33)), bytes(16)
    app.link.open_pairing(app.clock.now())
    opened = clock.now
    rounds(lambda: clock.now - opened >= 52_000)
    ble.connect(2)
    ble.write(2, uuids.CONTROL, pairing.pack_pair(stranger, product(private, BASE)))
    public, _ = pairing.parse_paired(heard(control.EVENT_PAIRED))
    key = pairing.derive(product(private, public), stranger, app.serial, product(private, BASE), public)
    ble.write(2, uuids.CONTROL, control.pack_hello(stranger, nonce))
    challenge = heard(control.EVENT_CHALLENGE)
    if late:
        rounds(lambda: not app.link.pairing)
    ble.write(2, uuids.CONTROL, control.pack_auth(auth.proof(key, b"gate", stranger, nonce, challenge[1:17])))
    assert heard(control.EVENT_RESULT)[-1] == (control.REFUSED_NOT_PAIRING if late else control.OK)
    trusted = [gateway for gateway, _ in keystore.load()]
    assert trusted == ([GATEWAY] if late else [stranger, GATEWAY])
    assert (app.link.active is None) == late
