"""A new firmware from the publisher's key to the clip's second slot: taken over, tried, taken back."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firmware.clip import protocol, slots
from firmware.clip.app import FIRMWARE
from firmware.tools import build as building
from firmware.tools import flash as flashing
from firmware.tools import release as releasing
from firmware.tools import romfs
from firmware.tools.build import Built
from firmware.virtual import MotorEvent, RadioHost, VirtualClip, simulate
from firmware.virtual.compiled import find_mpy_cross
from firmware.virtual.interpreter import find_micropython
from firmware.virtual.provision import provision
from gateway import messages
from gateway import radio as gateway_radio
from gateway.config import ClipConfig
from gateway.link import Link
from gateway.outbox import Outbox
from gateway.radio import BleakGatt, BleakRadio
from gateway.session import Session
from gateway.updating import Shelf

pytestmark = [
    pytest.mark.skipif(find_mpy_cross() is None, reason="no mpy-cross"),
    pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this machine"),
    pytest.mark.timeout(300),
]

control, update, uuids = protocol.control, protocol.update, protocol.uuids

SERIAL = "00112233445566aa"
GATEWAY, KEY = "00000000000a7e01", bytes(range(32))
START_UTC_MS = 1_700_000_000_000
HEAP = "900k"  # the partition is in it, which is in flash on a board


OWN = FIRMWARE
NEXT, WORSE = "8" + OWN[1:], "9" + OWN[1:]  # as long as its own, for a change of bytes


def number(version: str) -> int:
    """A version as an event has it."""
    return int.from_bytes(update.version_of(version), "big")


def with_module(made: Built, scratch: Path, name: str, source: str) -> bytes:
    """The image with one module of another source."""
    shutil.copytree(made.folder / "clip", scratch / "clip")
    (scratch / "source.py").write_text(source)
    compiler = find_mpy_cross()
    assert compiler is not None
    subprocess.run([compiler, "-o", scratch / "clip" / f"{name}.mpy", scratch / "source.py"], check=True)
    (scratch / "source.py").unlink()
    return romfs.image(scratch)


def renamed(image: bytes, version: str) -> bytes:
    """The image of a firmware that calls itself something else."""
    assert image.count(OWN.encode()) == 1
    return image.replace(OWN.encode(), version.encode())


@pytest.fixture(scope="module")
def made(built: dict[str, Built]) -> Built:
    """The firmware as it is."""
    return built["esp32c3"]


class Line:
    """One clip and the session of its gateway, with a shelf for releases."""

    def __init__(self, folder: Path, first: Built, micropython: str | None = None) -> None:
        self.folder = folder
        self.flash = folder / "flash"
        provision(self.flash, [(bytes.fromhex(GATEWAY), KEY)])
        flashing.lay_out(first, self.flash)
        releasing.make_key(folder / "publisher.pem")
        self.key = releasing.load_key(folder / "publisher.pem")
        self.shelf = Shelf(folder / "data", releasing.public_of(self.key))
        self.clip = VirtualClip(
            SERIAL,
            self.flash,
            interpreter="micropython",
            micropython=micropython,
            heap=HEAP,
            program="main",
            search=(self.flash,),
            console=folder / "console.txt",
        )
        self.seen: list[str | None] = []
        self.session: Session
        self.host: RadioHost
        self.outbox: Outbox

    def publish(self, version: str, image: bytes) -> None:
        path = self.folder / f"{version}.plup"
        path.write_bytes(releasing.pack(self.key, version, image))
        self.shelf.put(path)

    @property
    def state(self) -> list[Any]:
        found = slots.load(str(self.flash / slots.FILE))
        assert found is not None
        return found

    @property
    def face(self) -> messages.ClipStatus:
        return self.session.face

    def events(self, kind: str) -> list[int]:
        batch = self.outbox.next_batch(100_000)
        self.outbox.take_back()
        rows = [row.record for row in batch.rows] if batch else []
        return [int(str(row["value"])) for row in rows if row["kind"] == kind]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with RadioHost([self.clip], start_utc_ms=START_UTC_MS) as self.host:
            with await self.host.open_bluetooth("gateway"):

                def utc_ms() -> int:
                    return START_UTC_MS + self.host.now_ms

                with Outbox(self.folder / "gateway.db", utc_ms) as self.outbox:
                    self.session = Session(
                        ClipConfig(serial=SERIAL, key=KEY.hex()),
                        GATEWAY,
                        radio=BleakRadio(),
                        outbox=self.outbox,
                        utc_ms=utc_ms,
                        auto_calibrate=False,
                        on_change=lambda: self.seen.append(self.session.face.update),
                        on_rows=lambda: None,
                        on_live=lambda _: None,
                        shelf=self.shelf,
                    )
                    task = asyncio.create_task(self.session.run())
                    try:
                        yield
                    finally:
                        task.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await task

    async def until(self, what: Callable[[], bool], seconds: float = 300) -> None:
        async with asyncio.timeout(seconds):
            while not what():  # noqa: ASYNC110  (nothing of ours tells when)
                await asyncio.sleep(0.5)

    async def press(self) -> None:
        await self.host.control("press", serial=SERIAL)


def progress(line: Line) -> int:
    found = re.search(r"(\d+) %", line.face.update or "")
    return int(found[1]) if found else 0


def take_over_and_back(line: Line, made: Built, caplog: pytest.LogCaptureFixture) -> None:
    """Update a clip over a lost link; then to what does not run, over a lost power."""
    caplog.set_level(logging.INFO)
    good = renamed(made.image.read_bytes(), NEXT)
    bad = with_module(made, line.folder / "bad", "app", "raise RuntimeError(1)")

    async def story() -> None:
        async with line.running():
            line.publish(NEXT, good)
            await line.until(lambda: progress(line) >= 40)
            assert line.face.firmware == OWN
            await line.host.control("link_loss", serial=SERIAL)
            await line.until(lambda: "waits for a press" in (line.face.update or ""))
            sizes = [int(found) for found in re.findall(rf"sending firmware {NEXT} from byte (\d+)", caplog.text)]
            assert sizes[0] == 0
            assert len(sizes) == 2
            assert sizes[1] > 20_000  # it went on where it was
            await asyncio.sleep(20)
            assert line.state[slots.ACTIVE] == 0, "nothing is installed unless its wearer says so"

            await line.press()
            await line.until(lambda: line.face.firmware == NEXT)
            assert line.state[slots.ACTIVE : slots.STARTS + 1] == [1, 1, 1]
            await line.until(lambda: line.events("updated") == [number(NEXT)])
            assert line.state[slots.ACTIVE : slots.STARTS] == [1, 0]
            assert len(line.host.clips[SERIAL].boots_ms) == 2

            line.publish(WORSE, bad)
            await line.until(lambda: progress(line) >= 20)
            await line.host.control("power_cycle", serial=SERIAL)
            await line.until(lambda: f"{WORSE} waits for a press" in (line.face.update or ""))
            await line.press()
            await line.until(lambda: line.events("rolled_back") == [number(WORSE)])
            await line.until(lambda: "refused" in (line.face.update or ""))
            assert re.findall(rf"sending firmware {WORSE} from byte (\d+)", caplog.text) == ["0", "0"]
            assert line.face.firmware == NEXT
            assert line.state[slots.ACTIVE : slots.STARTS] == [1, 0]
            assert len(line.host.clips[SERIAL].boots_ms) == 3 + 3 + 1
            assert line.events("updated") == [number(NEXT)]

    simulate(story())


def test_an_update_is_taken_over_and_one_that_does_not_run_is_taken_back(
    tmp_path: Path, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    take_over_and_back(Line(tmp_path, made), made, caplog)


@pytest.mark.micropython32
def test_so_it_is_on_32_bits(tmp_path: Path, made: Built, caplog: pytest.LogCaptureFixture) -> None:
    take_over_and_back(Line(tmp_path, made, os.environ["MICROPYTHON_32BIT"]), made, caplog)


@pytest.mark.parametrize(
    "main",
    ["raise ValueError(1)", "import time\nwhile True:\n    time.sleep_ms(1000)", "import clip.none"],
    ids=["errs", "hangs", "lacks a module"],
)
def test_a_firmware_that_does_not_even_start_is_taken_back(tmp_path: Path, made: Built, main: str) -> None:
    """As an installed update leaves the flash, with a first module that is of no use."""
    bad = with_module(made, tmp_path / "image", "main", main)
    line = Line(tmp_path, made)
    partition = bytearray((line.flash / "partition.bin").read_bytes())
    half = len(partition) // 2
    partition[half : half + len(bad)] = bad
    (line.flash / "partition.bin").write_bytes(partition)
    state = slots.with_image(line.state, 1, len(bad), hashlib.sha256(bad).digest(), update.version_of(NEXT))
    state[slots.ACTIVE] = state[slots.TRIAL] = 1
    slots.save(state, str(line.flash / slots.FILE))

    async def story() -> None:
        async with line.running():
            await line.until(lambda: line.events("rolled_back") == [number(NEXT)], 400)
            assert line.face.firmware == OWN
            assert line.state[slots.ACTIVE : slots.STARTS] == [0, 0]
            assert len(line.host.clips[SERIAL].boots_ms) == 4

    simulate(story())


WORST_ERASE_US = 500_000
CONNECTION_INTERVAL_MS = 30
SENT = 25_000  # bytes, seven erases
SLOW = f"""
import _radio

_radio.settings["erase_us"] = {WORST_ERASE_US}
"""


class Heard(BleakGatt):
    """A connection that remembers when anything came, in simulated ms."""

    times: ClassVar[list[float]] = []

    async def subscribe(self, uuid: str, callback: Callable[[bytes], None]) -> None:
        def heard(data: bytes) -> None:
            self.times.append(asyncio.get_running_loop().time() * 1000)
            callback(data)

        await super().subscribe(uuid, heard)


def test_stream_and_reminders_go_on_while_it_is_sent(
    tmp_path: Path, made: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a flash that takes as long for each erase as its makers allow."""
    line = Line(tmp_path, made)
    (line.flash / "main.py").write_text(SLOW + building.MAIN)
    image = made.image.read_bytes()[:SENT]
    packets: list[bytes] = []
    since_ms = 5_000
    plan = protocol.plan.Plan()
    plan.version, plan.mode, plan.dwell_s = 1, protocol.plan.TRAIN, 10

    async def lean(link: Link) -> None:
        """Judge that its wearer slouches, until told otherwise."""
        judged = since_ms
        while True:
            lease = control.pack(control.LEASE, protocol.category.SLOUCHED, since_ms, judged, 300)
            await link.operate(control.LEASE, lease, urgent=True)
            await asyncio.sleep(2)
            judged += 2000

    async def story() -> list[MotorEvent]:
        async with RadioHost([line.clip], start_utc_ms=START_UTC_MS) as host:
            monkeypatch.setattr(gateway_radio, "BleakGatt", Heard)
            with await host.open_bluetooth("gateway"):
                radio = BleakRadio()
                handle = await radio.find(SERIAL, 10)
                gatt = await radio.connect(handle)
                link = Link(
                    gatt,
                    serial=SERIAL,
                    key=KEY,
                    gateway=bytes.fromhex(GATEWAY),
                    utc_ms=lambda: START_UTC_MS + host.now_ms,
                    on_malformed=lambda *what: pytest.fail(str(what)),
                )
                await link.authenticate()
                await link.operate(control.SET_PLAN, plan.pack())
                await asyncio.sleep(since_ms / 1000 - host.now_ms / 1000 + 1)
                await link.subscribe(uuids.STREAM, packets.append)
                leaning = asyncio.create_task(lean(link))
                digest = hashlib.sha256(image).digest()
                assert await link.begin_update(update.pack_begin(len(image), digest, update.version_of(NEXT))) == 0
                for at in range(0, len(image), update.DATA_MAX):
                    await link.operate(control.UPDATE_DATA, update.pack_data(at, image[at : at + update.DATA_MAX]))
                await link.operate(control.UPDATE_END, b"")
                leaning.cancel()
                status = await host.control("status", serial=SERIAL)
                assert status["fifo_overruns"] == 0
                return list(host.clips[SERIAL].motor_log)

    (reminder, *_) = simulate(story())
    assert -100 < reminder.t_ms - (since_ms + 10_000) < 100 + WORST_ERASE_US / 1000
    headers = [protocol.stream.parse_header(packet) for packet in packets]
    assert len(headers) > 50
    assert not any(flags & protocol.stream.FLAG_GAP for flags, *_ in headers[1:])
    assert [seq for _, _, seq, _ in headers] == [headers[0][2] + i for i in range(len(headers))]
    # Ten come in ten times the spacing, but for where in an interval of the connection the first and last are.
    spread = min(later - earlier for earlier, later in zip(Heard.times, Heard.times[10:], strict=False))
    assert spread >= 10 * uuids.NOTIFY_SPACING_MS - CONNECTION_INTERVAL_MS - 0.5
