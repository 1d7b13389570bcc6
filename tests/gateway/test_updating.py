"""Which releases the gateway lets in, and how it brings one to a clip."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from firmware.clip import protocol
from firmware.tools import release as releasing
from gateway import commands, config
from gateway.config import GatewayConfig
from gateway.link import RefusedError
from gateway.updating import NAME, ReleaseError, Shelf, Updating, verify
from tests.gateway import jump
from tests.gateway.fake_clip import GATEWAY

control, update = protocol.control, protocol.update
IMAGE = bytes(range(256)) * 4
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """A publisher's private key, and its public half."""
    path = tmp_path_factory.mktemp("publisher") / "publisher.pem"
    public = releasing.make_key(path)
    assert path.stat().st_mode & 0o077 == 0
    return releasing.load_key(path), public


@pytest.fixture(scope="module")
def pack(keys: tuple[Any, str]) -> Callable[..., bytes]:
    """Makes a signed release."""
    return lambda version="0.2.0", image=IMAGE: releasing.pack(keys[0], version, image)


def test_a_signed_release_is_let_in(pack: Callable[..., bytes], keys: tuple[Any, str]) -> None:
    release = verify(pack("1.20.3"), keys[1])
    assert (release.name, release.image) == ("1.20.3", IMAGE)


def test_no_byte_may_differ(pack: Callable[..., bytes], keys: tuple[Any, str]) -> None:
    good = pack()
    for at in [*range(update.HEADER_SIZE), *range(update.HEADER_SIZE, len(good), 97), len(good) - 1]:
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        with pytest.raises(ReleaseError):
            verify(bytes(bad), keys[1])


@given(st.data())
def test_cut_or_lengthened_it_is_refused(
    pack: Callable[..., bytes], keys: tuple[Any, str], data: st.DataObject
) -> None:
    good = pack()
    with pytest.raises(ReleaseError):
        verify(good[: data.draw(st.integers(0, len(good) - 1))], keys[1])
    with pytest.raises(ReleaseError):
        verify(good + data.draw(st.binary(min_size=1, max_size=9)), keys[1])


def test_another_publisher_is_refused(pack: Callable[..., bytes], tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="publisher"):
        verify(pack(), releasing.make_key(tmp_path / "other.pem"))


def test_size_and_digest_of_another_image_do_not_pass_with_a_good_signature(keys: tuple[Any, str]) -> None:
    digest = hashlib.sha256(IMAGE).digest()
    for size, told in ((len(IMAGE), bytes(32)), (len(IMAGE) - 1, digest)):
        signed = update.pack_signed(b"\0\2\0", size, told)
        with pytest.raises(ReleaseError, match="damaged"):
            verify(signed + keys[0].sign(signed) + IMAGE, keys[1])


def test_the_shelf_keeps_the_newest(tmp_path: Path, pack: Callable[..., bytes], keys: tuple[Any, str]) -> None:
    shelf = Shelf(tmp_path / "data", keys[1])
    assert shelf.newest() is None
    file = tmp_path / "file"
    for version, known in (("0.2.0", "0.2.0"), ("0.2.1", "0.2.1"), ("0.2.0", "0.2.1"), ("0.2.1", "0.2.1")):
        file.write_bytes(pack(version))
        if version == known:
            shelf.put(file)
        else:
            with pytest.raises(ReleaseError, match=r"0\.2\.1 already"):
                shelf.put(file)
        release = shelf.newest()
        assert release is not None
        assert release.name == known


def test_a_file_that_was_changed_on_the_shelf_is_not_used(
    tmp_path: Path, pack: Callable[..., bytes], keys: tuple[Any, str]
) -> None:
    shelf = Shelf(tmp_path, keys[1])
    (tmp_path / NAME).write_bytes(pack())
    assert shelf.newest() is not None
    (tmp_path / NAME).write_bytes(pack()[:-1])
    assert shelf.newest() is None
    assert Shelf(tmp_path, "").newest() is None, "nobody is trusted"


class FakeLink:
    """Takes in a firmware as a clip does, or refuses."""

    def __init__(self) -> None:
        self.at = 0
        self.got = b""
        self.refuse: dict[int, list[int]] = {}
        self.begun: list[float] = []
        self.ended = 0

    def _result(self, op: int) -> None:
        results = self.refuse.get(op, [])
        if results and (result := results.pop(0)):
            raise RefusedError(op, result)

    async def begin_update(self, payload: bytes) -> int:
        assert update.parse_begin(payload)[0] == len(IMAGE)
        self.begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)
        self._result(control.UPDATE_BEGIN)
        return self.at

    async def operate(self, op: int, payload: bytes) -> None:
        await asyncio.sleep(0.1)
        self._result(op)
        if op == control.UPDATE_DATA:
            at, data = update.parse_data(payload)
            assert at == self.at
            self.got = self.got[:at] + bytes(data)
            self.at += len(data)
        else:
            self.ended += 1


def bring(
    link: FakeLink, shelf: Shelf, firmware: str = "0.1.0", seconds: float = 100, updating: Updating | None = None
) -> list[str | None]:
    """Let one connection last; what was told on the way."""
    told: list[str | None] = []

    async def main() -> None:
        made = updating or Updating(shelf, "00000000c11b0001", lambda: told.append(made.progress))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await made.run(link, firmware)  # type: ignore[arg-type]

    jump.run(main())
    return told


@pytest.fixture
def shelf(tmp_path: Path, pack: Callable[..., bytes], keys: tuple[Any, str]) -> Shelf:
    """A shelf with version 0.2.0."""
    (tmp_path / NAME).write_bytes(pack())
    return Shelf(tmp_path, keys[1])


def test_it_is_sent_once_and_told(shelf: Shelf) -> None:
    link = FakeLink()
    told = bring(link, shelf, seconds=1000)
    assert (link.got, link.ended, len(link.begun)) == (IMAGE, 1, 1)
    assert told[0] == "0.2.0 is being sent, 18 %"
    assert told[-1] == "0.2.0 waits for a press of the clip's button"


def test_it_goes_on_from_where_the_clip_says(shelf: Shelf) -> None:
    link = FakeLink()
    link.at, link.got = 500, IMAGE[:500]
    bring(link, shelf)
    assert link.got == IMAGE


@pytest.mark.parametrize("firmware", ["0.2.0", "0.2.1", "1.0.0", "another's", ""])
def test_what_is_not_older_gets_nothing(shelf: Shelf, firmware: str) -> None:
    link = FakeLink()
    bring(link, shelf, firmware)
    assert not link.begun


def test_a_release_that_comes_later_is_found(tmp_path: Path, pack: Callable[..., bytes], keys: tuple[Any, str]) -> None:
    shelf, link = Shelf(tmp_path, keys[1]), FakeLink()

    async def main() -> None:
        task = asyncio.create_task(Updating(shelf, "00000000c11b0001", lambda: None).run(link, "0.1.0"))  # type: ignore[arg-type]
        await asyncio.sleep(30)
        (tmp_path / NAME).write_bytes(pack()[:-1])
        await asyncio.sleep(200)
        assert not link.begun
        (tmp_path / NAME).write_bytes(pack())
        await asyncio.sleep(100)
        task.cancel()

    jump.run(main())
    assert link.got == IMAGE


@pytest.mark.parametrize("op", [control.UPDATE_BEGIN, control.UPDATE_DATA, control.UPDATE_END])
def test_a_busy_clip_is_asked_again_every_ten_minutes(shelf: Shelf, op: int) -> None:
    link = FakeLink()
    link.refuse = {op: [control.REFUSED_BUSY] * 4}
    bring(link, shelf, seconds=3000)
    assert len(link.begun) == 5
    assert all(after - before > 600 for before, after in itertools.pairwise(link.begun))
    assert (link.got, link.ended) == (IMAGE, 1)


@pytest.mark.parametrize("result", [control.REFUSED_OLD_VERSION, control.REFUSED_DIGEST, control.REFUSED_OUT_OF_RANGE])
def test_what_the_clip_does_not_want_it_does_not_get(shelf: Shelf, result: int) -> None:
    link = FakeLink()
    link.refuse = {control.UPDATE_BEGIN: [result]}
    told = bring(link, shelf, seconds=3000)
    assert len(link.begun) == 1
    assert told == [f"0.2.0 was refused: {control.RESULT_NAMES[result]}"]


def test_what_arrives_damaged_is_sent_three_times(shelf: Shelf) -> None:
    link = FakeLink()
    link.refuse = {control.UPDATE_END: [control.REFUSED_DIGEST] * 9}
    bring(link, shelf, seconds=3000)
    assert len(link.begun) == 3


def test_the_command_checks_and_keeps(tmp_path: Path, pack: Callable[..., bytes], keys: tuple[Any, str]) -> None:
    settings = GatewayConfig(gateway=GATEWAY, broker="mqtt://localhost", data_dir=tmp_path / "data", publisher=keys[1])
    config.save(tmp_path / "gateway.json", settings)
    (tmp_path / "good").write_bytes(pack())
    (tmp_path / "bad").write_bytes(pack()[:-1])

    def run(name: str) -> Any:
        return RUNNER.invoke(commands.app, ["update", str(tmp_path / name), "--config", str(tmp_path / "gateway.json")])

    refused = run("bad")
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    assert not (tmp_path / "data" / NAME).exists()
    done = run("good")
    assert done.exit_code == 0, done.output
    assert "0.2.0" in done.output
    assert (tmp_path / "data" / NAME).read_bytes() == pack()
    config.save(tmp_path / "gateway.json", settings.model_copy(update={"publisher": ""}))
    assert "publisher" in run("good").output
