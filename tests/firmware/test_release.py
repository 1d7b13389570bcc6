"""Building for slots, the table of partitions, and signing."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.clip import slots
from firmware.clip.app import FIRMWARE
from firmware.tools import build as building
from firmware.tools import cli, partitions, release
from firmware.tools.build import BuildError, Built, build
from firmware.virtual.compiled import find_mpy_cross
from gateway.updating import verify

needs_compiler = pytest.mark.skipif(find_mpy_cross() is None, reason="no mpy-cross")
RUNNER = CliRunner()


def test_the_table_leaves_micropython_where_it_is_and_overlaps_nowhere() -> None:
    end = partitions.TABLE_AT + 0x1000
    for partition in partitions.TABLE:
        assert partition.at >= end
        assert partition.at % 0x1000 == partition.size % 0x1000 == 0
        end = partition.at + partition.size
    assert end == 4 * 1024 * 1024
    factory = next(partition for partition in partitions.TABLE if partition.kind == "app")
    assert (factory.at, factory.size) == (0x10000, 0x1F0000)
    assert partitions.SLOT_SIZE % 0x1000 == 0


def test_the_binary_table_says_what_the_text_says() -> None:
    table = partitions.binary()
    assert len(table) == 0xC00
    rows = [line.split(", ") for line in partitions.csv().splitlines()[1:]]
    for i, (name, kind, _, at, size) in enumerate(rows):
        magic, is_kind, _, is_at, is_size, label, flags = struct.unpack_from("<2sBBII16sI", table, 32 * i)
        assert (magic, flags, label.rstrip(b"\0").decode()) == (b"\xaa\x50", 0, name)
        assert {"app": 0, "data": 1}[kind] == is_kind
        assert (is_at, is_size) == (int(at, 16), int(size.rstrip(","), 16))
    end = 32 * len(rows)
    assert table[end : end + 16] == b"\xeb\xeb" + b"\xff" * 14
    assert table[end + 16 : end + 32] == hashlib.md5(table[:end], usedforsecurity=False).digest()
    assert set(table[end + 32 :]) == {0xFF}


@needs_compiler
def test_one_image_is_for_both_boards_and_fits_its_slot(built: dict[str, Built]) -> None:
    (image,) = {one.image.read_bytes() for one in built.values()}
    assert len(image) <= partitions.SLOT_SIZE
    assert b"loader.mpy" not in image
    for one in built.values():
        assert (one.folder / "clip" / "loader.mpy").exists()
        state = slots.load(str(one.slots))
        assert state is not None
        assert state[: slots.FAILED + 1] == [0, 0, 0, 0]
        version = bytes(int(part) for part in FIRMWARE.split("."))
        assert slots.image(state, 0) == (len(image), hashlib.sha256(image).digest(), version)
        assert slots.image(state, 1)[0] == 0


@needs_compiler
def test_machine_code_and_what_is_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "clip"
    source.mkdir()
    (source / "__init__.py").write_text("")
    (source / "app.py").write_text('FIRMWARE = "1.0.0"\n')
    main = source / "main.py"
    monkeypatch.setattr(building, "CLIP", source)
    main.write_text("from . import app\n")
    build(tmp_path / "fine", "esp32c3")
    main.write_text("import micropython\n\n\n@micropython.native\ndef f():\n    pass\n")
    with pytest.raises(BuildError, match="machine code"):
        build(tmp_path / "native", "esp32c3")
    main.write_text(f"x = {bytes(200_000)!r}\n")
    with pytest.raises(BuildError, match="a slot"):
        build(tmp_path / "large", "esp32c3")


def run(*arguments: str) -> tuple[int, str]:
    done = RUNNER.invoke(cli.app, list(arguments), env={"COLUMNS": "200"})
    return done.exit_code, done.output


@needs_compiler
def test_what_is_signed_is_what_gateways_accept(
    tmp_path: Path, built: dict[str, Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_make", lambda _, board: built[board])
    key, out = tmp_path / "publisher.pem", tmp_path / "firmware.plup"
    code, told = run("keygen", str(key))
    assert code == 0, told
    public = told.split('"publisher": "')[1][:64]
    assert run("keygen", str(key))[0] == 2, "a key is not overwritten"
    code, told = run("release", "--key", str(key), str(out))
    assert code == 0, told
    accepted = verify(out.read_bytes(), public)
    assert (accepted.name, accepted.image) == (FIRMWARE, built["esp32c3"].image.read_bytes())
    code, told = run("release", "--key", str(key), "--version", "9.9.9", str(out))
    assert code == 2
    assert f"calls itself {FIRMWARE}" in told
    shutil.copy(built["esp32c3"].image, key)
    code, told = run("release", "--key", str(key), str(out))
    assert code == 2
    assert "no private key" in told


@pytest.mark.parametrize("version", ["1.2", "1.2.3.4", "1.2.256", "v1.2.3", ""])
def test_a_version_is_three_numbers(version: str) -> None:
    with pytest.raises(ValueError, match="three numbers"):
        release.version_number(version)
