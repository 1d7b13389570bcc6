"""Guarded files, keys, identity, prescriptions and clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import guarded, identity, keystore, prescription
from firmware.clip.clock import Clock
from firmware.clip.protocol import calibration, control, plan, status

from .torn_flash import RESIDUES, PowerCutError, Residue, TornFlash

PERIOD = 1 << 30


@pytest.fixture
def powered(monkeypatch: pytest.MonkeyPatch) -> Callable[[TornFlash], None]:
    """Puts a flash behind the files."""

    def put(flash: TornFlash) -> None:
        monkeypatch.setattr(guarded, "open", flash.open, raising=False)
        monkeypatch.setattr(guarded, "os", flash)

    return put


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300))
def test_a_guarded_file_is_whole_or_absent(kind: int, version: int, payload: bytes) -> None:
    data = guarded.frame(kind, version, payload)
    assert guarded.unframe(data, kind, version) == payload
    assert guarded.unframe(data, (kind + 1) % 256, version) is None
    assert guarded.unframe(data, kind, (version + 1) % 256) is None
    for cut in range(0, len(data), 7):
        assert guarded.unframe(data[:cut], kind, version) is None
        torn = bytearray(data)
        torn[cut] ^= 0x40
        assert guarded.unframe(bytes(torn), kind, version) is None


def test_replacing_a_file_leaves_the_old_one_until_the_new_is_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "x.bin")
    assert guarded.load(path, 1, 1) is None
    guarded.save(path, 1, 1, b"old")
    (tmp_path / "x.bin.new").write_bytes(b"torn")
    assert guarded.load(path, 1, 1) == b"old"
    guarded.save(path, 1, 1, b"new")
    assert guarded.load(path, 1, 1) == b"new"


@pytest.mark.parametrize("residue", RESIDUES)
def test_a_power_cut_at_any_byte_leaves_the_old_file_or_the_new(
    powered: Callable[[TornFlash], None], residue: Residue
) -> None:
    before = TornFlash()
    powered(before)
    guarded.save("x", 1, 1, b"old" * 9)
    cut, found = 0, None
    while found != b"new" * 9:
        flash = before.after(cut, residue)
        powered(flash)
        for _ in range(2):  # what the first has torn is in the way of the second
            try:
                guarded.save("x", 1, 1, b"new" * 9)
            except PowerCutError:
                flash = flash.after(cut, residue)
                powered(flash)
        powered(flash.after())
        found = guarded.load("x", 1, 1)
        assert found in (b"old" * 9, b"new" * 9)
        cut += 1
    assert cut > 30


@pytest.mark.parametrize("residue", RESIDUES)
def test_a_boot_is_stored_before_it_is_used(powered: Callable[[TornFlash], None], residue: Residue) -> None:
    flash = TornFlash()
    used = [(bytes(8), 0)]
    for cut in [None, *range(60), None]:
        flash = flash.after(cut, residue)
        powered(flash)
        try:
            used.append(identity.begin("boot.bin"))
        except PowerCutError:
            continue
        assert used[-1][1] > used[-2][1]
    assert len({boot for boot, _ in used}) == len(used) > 10


def test_a_full_flash_stops_no_clip(powered: Callable[[TornFlash], None]) -> None:
    flash = TornFlash()
    powered(flash)
    first = identity.begin("boot.bin")
    flash.full = True
    assert identity.begin("boot.bin")[0] != first[0]


def test_keys_of_a_damaged_file_are_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.bin"
    assert keystore.load(str(path)) == []
    pair = (b"GATEWAY1", bytes(32))
    path.write_bytes(keystore.pack([pair]))
    assert keystore.load(str(path)) == [pair]
    path.write_bytes(keystore.pack([pair])[:-1])
    assert keystore.load(str(path)) == []
    with pytest.raises(ValueError, match="at most 4"):
        keystore.pack([pair] * 5)
    with pytest.raises(ValueError, match="bytes"):
        keystore.pack([(b"x", bytes(32))])


def test_each_boot_has_its_own_id_and_a_higher_counter(tmp_path: Path) -> None:
    path = str(tmp_path / "boot.bin")
    boots = [identity.begin(path) for _ in range(3)]
    assert [counter for _, counter in boots] == [1, 2, 3]
    assert len({boot for boot, _ in boots}) == 3
    Path(path).write_bytes(b"torn")
    assert identity.begin(path)[1] == 1


def test_the_serial_is_sixteen_digits() -> None:
    assert identity.serial_of(bytes.fromhex("00112233445566aa")) == "00112233445566aa"
    assert identity.serial_of(bytes.fromhex("a1b2c3d4e5f6")) == "0000a1b2c3d4e5f6"
    assert identity.serial_of(bytes.fromhex("ffff00112233445566aa")) == "00112233445566aa"


def make_plan(version: int, dwell: int = 60) -> bytes:
    made = plan.Plan()
    made.version, made.dwell_s = version, dwell
    return made.pack()


def test_only_a_rising_version_is_accepted_and_it_survives_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "plan.bin")
    store = prescription.plan_store(path)
    assert (store.version, store.value.mode) == (0, plan.TRACK)
    assert store.accept(make_plan(0)) == control.REFUSED_OLD_VERSION
    assert store.accept(make_plan(5, 30)) == control.OK
    assert store.accept(make_plan(5, 30)) == control.OK
    assert store.accept(make_plan(5, 31)) == control.REFUSED_OLD_VERSION
    assert store.accept(make_plan(4)) == control.REFUSED_OLD_VERSION
    assert store.accept(b"nonsense") == control.REFUSED_MALFORMED
    again = prescription.plan_store(path)
    assert (again.version, again.value.dwell_s) == (5, 30)
    Path(path).write_bytes(b"torn")
    assert prescription.plan_store(path).version == 0


def test_a_plan_that_was_stored_before_plans_had_a_trigger_stays_in_force(tmp_path: Path) -> None:
    path = tmp_path / "plan.bin"
    path.write_bytes(bytes.fromhex("504c030115000500010c5a0005082c010643214301011f1c02fc033de3"))
    store = prescription.plan_store(str(path))
    assert (store.version, store.value.angle_deg, store.value.dwell_s, store.value.end_min) == (5, 12, 90, 1020)
    assert (store.value.trigger, store.value.probe_every) == (plan.DWELL, 0)
    assert store.accept(make_plan(4)) == control.REFUSED_OLD_VERSION
    assert store.accept(make_plan(6)) == control.OK
    assert prescription.plan_store(str(path)).version == 6


def test_calibration_and_settings_have_their_defaults(tmp_path: Path) -> None:
    store = prescription.calibration_store(str(tmp_path / "calibration.bin"))
    assert (store.version, store.value, store.raw) == (0, None, b"")
    assert store.accept(calibration.pack_calibration(2, 1, (0, 16384, 0), (0, 0, 16384))) == control.OK
    assert store.version == 2
    settings = prescription.settings_store(str(tmp_path / "settings.bin"))
    assert settings.value == (0, 100, 0, 0)
    assert settings.accept(status.pack_settings(1, 40, 2, 0)) == control.OK
    assert prescription.settings_store(str(tmp_path / "settings.bin")).value == (1, 40, 2, 0)


def test_settings_of_an_older_layout_are_completed_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.bin"
    before_the_light = bytes([7, 0, 60, 3])  # version u16 | strength | pattern
    path.write_bytes(guarded.frame(5, 0, before_the_light))
    store = prescription.settings_store(str(path))
    assert (store.value, store.version) == ((7, 60, 3, 0), 7)
    assert store.raw == status.pack_settings(7, 60, 3, 0), "what a gateway reads is of this layout"
    assert store.accept(status.pack_settings(7, 10, 0, 0)) == control.REFUSED_OLD_VERSION
    assert store.accept(status.pack_settings(8, 10, 0, 1)) == control.OK
    assert prescription.settings_store(str(path)).value == (8, 10, 0, 1)


def test_a_plan_of_an_older_layout_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "plan.bin"
    path.write_bytes(guarded.frame(3, 0, make_plan(5, 30)[:21]))
    store = prescription.plan_store(str(path))
    assert (store.version, store.value.dwell_s, store.value.probe_every) == (5, 30, 0)


@pytest.mark.parametrize(
    ("kind", "make"),
    [(3, prescription.plan_store), (4, prescription.calibration_store), (5, prescription.settings_store)],
)
def test_a_file_of_a_newer_firmware_is_left_alone(
    tmp_path: Path, kind: int, make: Callable[[str], prescription.Versioned]
) -> None:
    path = tmp_path / "x.bin"
    newer = guarded.frame(kind, 2, bytes(40))
    path.write_bytes(newer)
    store = make(str(path))
    assert (store.version, store.raw) == (0, b"")
    assert path.read_bytes() == newer


@given(st.binary(max_size=60), st.integers(0, 255))
def test_whatever_a_settings_file_holds_something_is_in_force(tmp_path_factory: Any, data: bytes, layout: int) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.bin"
    for content in (data, guarded.frame(5, layout, data)):
        path.write_bytes(content)
        store = prescription.settings_store(str(path))
        _, strength, rhythm, led = store.value
        assert strength <= 100
        assert rhythm <= 7
        assert led <= 1


@pytest.mark.parametrize("fails", ["full", "rename"])
def test_what_the_flash_does_not_take_is_refused_and_the_old_stays(
    powered: Callable[[TornFlash], None], monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    flash = TornFlash()
    powered(flash)
    store = prescription.settings_store()
    assert store.accept(status.pack_settings(1, 40, 2, 0)) == control.OK
    if fails == "full":
        flash.full = True
    else:

        def refuse(*_: str) -> None:
            raise OSError(28)

        monkeypatch.setattr(flash, "rename", refuse)
    assert store.accept(status.pack_settings(2, 80, 2, 0)) == control.REFUSED_BUSY
    assert store.value == (1, 40, 2, 0)
    assert prescription.settings_store().value == (1, 40, 2, 0)
    assert store.accept(status.pack_settings(1, 40, 2, 0)) == control.OK, "what is in force may come again"


@given(st.integers(0, PERIOD - 1), st.lists(st.integers(0, PERIOD - 1), max_size=20))
def test_the_clock_counts_over_the_wrap(start: int, steps: list[int]) -> None:
    ticks = start
    clock = Clock(lambda: ticks)
    total = 0
    for step in steps:
        ticks = (ticks + step) % PERIOD
        total += step
        assert clock.now() == total
        assert clock.since((ticks - min(step, 1000)) % PERIOD) == total - min(step, 1000)


def test_local_minutes_since_a_monday() -> None:
    clock = Clock(lambda: 0)
    assert clock.local_minute(0) == -1
    assert not clock.utc_known
    monday = 1_764_547_200_000  # 2025-12-01T00:00:00Z
    week = 7 * 1440
    clock.set_utc(5_000, monday + 5_000, 0)
    first = clock.local_minute(0)
    assert first % week == 0
    assert [clock.local_minute(ms) - first for ms in (59_999, 60_000)] == [0, 1]
    clock.set_utc(0, monday, -30)
    assert clock.local_minute(0) == first - 30
    clock.set_utc(0, monday, 345)
    assert clock.local_minute(7 * 86_400_000) == first + week + 345
    assert clock.utc_known
