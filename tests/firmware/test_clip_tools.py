"""`plumbline clip`: what it builds, what it would copy, and how it judges a day."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from firmware.clip.app import FIRMWARE as VERSION
from firmware.tools import cli, energy, flash, heap, load, printing, report, workday
from firmware.tools.build import LIMIT, MANIFEST, MARCH, BuildError, Built, build, firmware_version
from firmware.tools.heap import KB, Need
from firmware.virtual.compiled import find_mpy_cross
from firmware.virtual.interpreter import find_micropython
from firmware.virtual.provision import provision

needs_compiler = pytest.mark.skipif(find_mpy_cross() is None, reason="no mpy-cross")
RUNNER = CliRunner()


@needs_compiler
def test_the_manifest_signs_for_every_file(built: dict[str, Built]) -> None:
    for board, march in MARCH.items():
        one = built[board]
        manifest = json.loads((one.folder / MANIFEST).read_text())
        assert (manifest["version"], manifest["march"]) == (VERSION, march)
        found = {path.relative_to(one.folder).as_posix() for path in one.folder.rglob("*") if path.is_file()}
        assert found == {*manifest["files"], MANIFEST}
        assert {"clip/main.mpy", "clip/board.mpy", "clip/guarded.mpy", "clip/wire/fragment.mpy", "main.py"} <= found
        assert "clip/imu_bmi270.mpy" not in found
        for path, entry in manifest["files"].items():
            content = (one.folder / path).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])
        assert 30_000 < one.compiled <= LIMIT
    assert firmware_version() == VERSION


@needs_compiler
def test_what_no_build_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "esp32c3").mkdir()
    (tmp_path / "esp32c3" / "thesis.txt").write_text("the only copy")
    with pytest.raises(BuildError):
        build(tmp_path, "esp32c3")
    assert (tmp_path / "esp32c3" / "thesis.txt").exists()


@needs_compiler
def test_a_build_replaces_the_one_before(tmp_path: Path, built: dict[str, Built]) -> None:
    shutil.copytree(built["esp32c3"].folder, tmp_path / "esp32c3")
    stale = tmp_path / "esp32c3" / "clip" / "stale.mpy"
    stale.write_bytes(b"")
    build(tmp_path, "esp32c3")
    assert not stale.exists()


@needs_compiler
def test_flashing_starts_nothing_half_copied(built: dict[str, Built]) -> None:
    one = built["esp32s3"]
    steps = flash.commands(one, ["mpremote"], "/dev/ttyACM0", Path("keys.bin"))
    assert all(step[:3] == ["mpremote", "connect", "/dev/ttyACM0"] for step in steps)
    words = [step[3:] for step in steps]
    assert words[0] == ["fs", "rm", ":main.py"]
    assert words[-1] == ["reset"]
    assert words[-2][-1] == ":main.py"
    assert words[-3] == ["fs", "cp", "keys.bin", ":keys.bin"]
    copied = [word[-1].removeprefix(":") for word in words if word[1:2] == ["cp"]]
    assert sorted(copied) == sorted([*one.files, "slots.bin", "keys.bin"])
    deployed = words.index(["romfs", "deploy", str(one.image)])
    assert words.index(["fs", "rm", ":slots.bin"]) < deployed < words.index(["fs", "cp", str(one.slots), ":slots.bin"])
    made = [word[2].removeprefix(":") for word in words if word[1:2] == ["mkdir"]]
    assert made == ["clip", "clip/wire"]
    assert not any(flash.may_fail(step) for step in steps if step[-1] == ":main.py" and "cp" in step)


def two_files(out: Path, board: str) -> Built:
    return Built(board, out / board, {"clip/main.mpy": 1, "main.py": 1}, out / "image.romfs", out / "slots.bin")


def test_a_board_without_slots_gets_files_alone(tmp_path: Path) -> None:
    built = two_files(tmp_path, "esp32c3")
    words = [step[3:] for step in flash.commands(built, ["mpremote"], None, None, in_slots=False)]
    assert words == [
        ["fs", "rm", ":main.py"],
        ["fs", "rm", ":slots.bin"],
        ["fs", "rm", "-r", ":clip"],
        ["fs", "mkdir", ":clip"],
        ["fs", "cp", str(built.folder / "clip/main.mpy"), ":clip/main.mpy"],
        ["fs", "cp", str(built.folder / "main.py"), ":main.py"],
        ["reset"],
    ]


def test_a_dry_run_prints_and_says_that_it_is_untried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "find_mpremote", lambda: None)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("it ran something"))
    monkeypatch.setattr(cli, "_make", two_files)
    done = RUNNER.invoke(cli.app, ["flash", "--dry-run", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert cli.UNTRIED in done.output
    assert "mpremote connect auto fs cp" in done.output
    refused = RUNNER.invoke(cli.app, ["flash", "--out", str(tmp_path)])
    assert refused.exit_code == 2
    assert flash.HOW_TO_GET in refused.output


def test_a_board_without_the_partition_is_told_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(step: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        ran.append(step)
        return subprocess.CompletedProcess(step, 1 if "romfs" in step or "rm" in step else 0)

    monkeypatch.setattr(cli, "find_mpremote", lambda: ["mpremote"])
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr(cli, "_make", two_files)
    done = RUNNER.invoke(cli.app, ["flash", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "--no-slots" in done.output
    assert "romfs" in ran[-1], "main.py is not copied after it"


@needs_compiler
def test_what_cannot_be_used_is_told_in_a_line_and_exits_with_two(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments, words in (
        (["build", "--out", str(tmp_path / "file")], "file"),
        (["flash", "--board", "esp8266", "--out", str(tmp_path)], "there are: esp32s3, esp32c3"),
        (["flash", "--dry-run", "--keys", str(tmp_path / "none.bin"), "--out", str(tmp_path)], "does not exist"),
        (["report", "--json", str(tmp_path / "none" / "report.json")], "there is no folder"),
    ):
        done = RUNNER.invoke(cli.app, arguments, env={"COLUMNS": "200"})
        assert done.exit_code == 2, done.output
        assert words in done.output


def test_without_a_32_bit_interpreter_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICROPYTHON_32BIT", raising=False)
    done = RUNNER.invoke(cli.app, ["report"])
    assert done.exit_code == 2
    assert ".ci/micropython32" in done.output


# --- judging


def day(**changes: object) -> workday.Day:
    """A day in which everything went well."""
    seconds = 3600
    made = workday.Day(
        seconds=seconds,
        heap=96 * KB,
        apart=16_000,
        free=[9000] * seconds,
        kept=[86_000] * seconds,
        linked_s=3500.0,
        packets=8000,
        samples=88_000,
        stream_bytes=8000 * 85 + 3500 * 6,
        notifications=9000,
        connections=2,
        reminders={100_000 * k: 100_000 * k - 30_020 for k in range(1, 21)},
        motor_ms=[100_000 * k for k in range(1, 21)],
        epochs=59,
        motor_s=20.0,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


GOOD = Need(118 * KB, 13 * KB, 42 * KB)
FAST = load.Load(second=0.002, alone=0.0018, parts={"all": 0.002}, sums=0.045, products=0.19, packets=2.4)


def missed(
    made: workday.Day, need: Need = GOOD, compiled: int = 40_000, grown: int = 0, loading: load.Load = FAST
) -> set[str]:
    judged = report.judge(1.0, compiled, grown, loading, Need(100 * KB, 13 * KB), need, made)
    assert not judged.failure
    names = {bar.name for bar in judged.bars if not bar.passed}
    assert judged.passed == (not names)
    return names


def test_a_good_day_passes() -> None:
    assert missed(day()) == set()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"kept": [86_000] * 1800 + [87_000] * 1800}, "heap growth over the day"),
        ({"stream_bytes": 8000 * 100}, "ATT payload a sample, trailer apart"),
        ({"notifications": 80_000}, "notifications a second, all kinds"),
        ({"motor_ms": [100_000 * k + 200 for k in range(1, 21)]}, "reminder due to motor GO, p95"),
    ],
)
def test_each_bar_can_be_missed(changes: dict[str, object], name: str) -> None:
    assert missed(day(**changes)) == {name}


def test_size_heap_and_allocation_can_be_missed() -> None:
    assert missed(day(), compiled=60_001) == {"compiled firmware"}
    assert missed(day(), grown=16) == {"allocated from the sensor's FIFO to the queued packet"}
    assert missed(day(), need=Need(120 * KB, 13 * KB, 42 * KB)) == {"smallest heap, code run from flash"}


def test_one_late_reminder_of_twenty_is_within_the_95th_percentile() -> None:
    assert missed(day(motor_ms=[100_000] + [100_000 * k for k in range(2, 20)] + [2_000_140])) == set()
    assert report.percentile([1] * 19 + [500], 0.95) == 1
    assert report.percentile([1] * 18 + [500, 500], 0.95) == 500


def test_a_reminder_without_a_motor_fails_the_day() -> None:
    assert not report.judge(1.0, 40_000, 0, FAST, GOOD, GOOD, day(motor_ms=[])).passed
    assert not report.judge(1.0, 40_000, 0, FAST, GOOD, GOOD, day(motor_ms=[100_000 * k for k in range(1, 20)])).passed


def test_a_memory_error_fails_the_day() -> None:
    judged = report.judge(1.0, 40_000, 0, FAST, GOOD, GOOD, day(failure="MemoryError: ..."))
    assert not judged.passed
    assert judged.as_json()["failure"]


def test_a_slow_processor_and_a_hungry_one_are_misses() -> None:
    slow = replace(FAST, second=0.004)
    assert missed(day(), loading=slow) == {
        "C3 at 80 MHz, time it computes at most",
        "S3 at 80 MHz, time it computes at most",
        "S3, worst case, 500 mAh, 20 % left",
    }


def test_a_report_can_be_printed_in_a_hundred_columns_and_written_down() -> None:
    made = report.judge(1.0, 40_000, 0, FAST, GOOD, GOOD, day())
    out = io.StringIO()
    printing.show(Console(file=out, width=200), made)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= printing.WIDTH
    said = " ".join(out.getvalue().split())
    for bar in made.bars:
        assert bar.name in said
    for parts in made.energy.values():
        for part in parts:
            assert " ".join(part.source.split()) in said
    assert "radio never rests" in said
    assert json.loads(json.dumps(made.as_json()))["computing"]["share"]["C3"]


# --- the processor's time


def test_the_share_is_what_the_chip_would_need_for_the_same_work() -> None:
    """A program of nothing but the benchmark's sums, one million a second, takes what was published, at 80 MHz."""
    same = load.Load(second=0.05, alone=0.04, parts={}, sums=0.05, products=10.0, packets=2.4)
    least, most = same.share("S3")
    assert most == pytest.approx(3.376 * 3)
    assert least == pytest.approx(11.005 * 3 * 0.05 / 10.0)
    assert same.share("C3", 0.025)[1] == pytest.approx(4.851 * 2 / 2)


@needs_compiler
@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")
def test_the_load_is_that_of_a_clip_that_streams(tmp_path: Path, built: dict[str, Built]) -> None:
    micropython = find_micropython()
    assert micropython is not None
    rom = built["esp32c3"].image.read_bytes()
    measured = load.measure(tmp_path, micropython, rom, rounds=1)
    assert measured.packets == pytest.approx(2.4, abs=0.1)
    assert sum(measured.parts.values()) == pytest.approx(measured.second)
    assert all(seconds > 0 for name, seconds in measured.parts.items() if name != load.REST)
    assert measured.second < 1, "not even this machine could run it"


@needs_compiler
@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")
def test_a_load_without_what_the_gateway_wrote_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: dict[str, Built]
) -> None:
    micropython = find_micropython()
    assert micropython is not None
    rom = built["esp32c3"].image.read_bytes()
    monkeypatch.setattr(load, "KEY", bytes(32))  # of the gateway that writes; the clip has another
    monkeypatch.setattr(load, "provision", lambda folder, keys: provision(folder, [(keys[0][0], workday.KEY)]))
    with pytest.raises(RuntimeError, match="has kept"):
        load.measure(tmp_path, micropython, rom, rounds=1)


# --- energy


def use(computing: float, **changes: float) -> energy.Use:
    values = {"notifications_s": 2.5, "payload": 90.0, "interval_ms": 50.0, "motor_s": 10.0, **changes}
    return energy.Use(**values, computing=dict.fromkeys(energy.CHIPS, computing))


def test_energy_adds_up() -> None:
    calm, busy = use(0.5), use(0.8, notifications_s=5.0, interval_ms=30.0, motor_s=60.0)
    for chip in energy.CHIPS:
        assert energy.radio_ma(chip, busy) > energy.radio_ma(chip, calm) > 0
        assert energy.processor_ma(chip, busy) > energy.processor_ma(chip, calm)
        parts = energy.parts(chip, calm, busy)
        assert all(0 <= part.expected_ma <= part.worst_ma for part in parts)
        assert all(part.source for part in parts)
        worst = sum(part.worst_ma for part in parts)
        assert energy.hours(energy.cell_mah(worst), worst) == pytest.approx(energy.DAY_H)
        assert energy.restless_ma(chip, parts) > 2 * sum(part.expected_ma for part in parts)
    assert energy.hours(500, 40.0) == pytest.approx(10.0)


def test_the_processor_is_not_counted_twice_under_the_radio() -> None:
    """A radio that receives all the time makes the whole chip take what the data sheet says, whatever it computes."""
    always = 1000 / (energy.EVENT_MS - energy.EMPTY_MS)
    for computing in (0.2, 0.9):
        listening = use(computing, notifications_s=0.0, interval_ms=1000 / always)
        sending = always * energy.EMPTY_MS / 1000
        own = energy.processor_ma("S3", listening)
        whole = own + energy.radio_ma("S3", listening) - sending * (193 - own)
        assert whole == pytest.approx(93)


# --- a stretch of the day itself


@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")
def test_two_minutes_of_the_day(tmp_path: Path) -> None:
    micropython = find_micropython()
    assert micropython is not None
    lived = workday.live_through(150, tmp_path, 192 * KB, micropython, away=[(110, 120)])
    assert not lived.failure
    assert lived.connections == 2
    assert len(lived.free) == len(lived.kept) > 140
    assert 0 < lived.apart < min(lived.kept)
    assert len(lived.latencies_ms) == 1
    assert 0 <= lived.latencies_ms[0] < 150
    assert lived.samples > 120 * 25


@needs_compiler
@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")
def test_from_an_image_the_code_takes_no_heap(tmp_path: Path, built: dict[str, Built]) -> None:
    micropython = find_micropython()
    assert micropython is not None
    rom = built["esp32c3"].image.read_bytes()
    loaded = workday.live_through(12, tmp_path / "heap", 192 * KB, micropython)
    mapped = workday.live_through(12, tmp_path / "flash", 256 * KB, micropython, rom=rom)
    assert not loaded.failure
    assert not mapped.failure
    assert mapped.packets == loaded.packets > 15
    assert mapped.apart - loaded.apart >= len(rom)
    saved = (loaded.kept[-1] - loaded.apart) - (mapped.kept[-1] - mapped.apart)
    assert saved > len(rom) * 0.6


@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine")
def test_a_heap_that_is_too_small_is_told(tmp_path: Path) -> None:
    micropython = find_micropython()
    assert micropython is not None
    assert "MemoryError" in workday.live_through(30, tmp_path, 64 * KB, micropython).failure


@needs_compiler
@pytest.mark.micropython32
def test_64_kb_are_enough_on_32_bits_when_the_code_is_in_flash(tmp_path: Path, built: dict[str, Built]) -> None:
    micropython = os.environ["MICROPYTHON_32BIT"]
    rom = built["esp32c3"].image.read_bytes()
    apart = workday.live_through(3, tmp_path / "roomy", 256 * KB, micropython, rom=rom).apart - heap.blank(micropython)
    lived = workday.live_through(
        500, tmp_path / "tight", report.HEAP_LIMIT + apart, micropython, rom=rom, away=[(200, 230)]
    )
    assert not lived.failure
    assert lived.connections == 2
    assert lived.reminders
    assert report.growth(lived.kept) <= report.GROWTH_LIMIT
