"""What the doctor says to each thing that may be found, and what is found out of a real computer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)
from typer.testing import CliRunner, Result

from gateway import commands, messages
from gateway.config import GatewayConfig
from gateway.face import doctor, probes
from gateway.face.asking import ClipNow
from gateway.face.doctor import Bluetooth, Finding
from server import broker
from tests.gateway.face.conftest import running
from tests.gateway.fake_clip import SERIAL, FakeClip

Call = Callable[..., Result]
NOW = 1_795_000_000_000


def clip(**fields: Any) -> messages.ClipStatus:
    known = {"clip": SERIAL, "link": "live", "battery_pct": 80, "plan_version": 2, "calibration_version": 1} | fields
    return messages.ClipStatus.model_validate(known)


FINDINGS: list[tuple[Finding, str, str]] = [
    (doctor.version((3, 12, 1), "1.0", "1.0"), "ok", ""),
    (doctor.version((3, 10, 1), "1.0", None), "problem", "3.11"),
    (doctor.version((3, 12, 1), "1.1", "1.0"), "warning", "restart"),
    (doctor.bluetooth("works", "", "linux"), "ok", ""),
    (doctor.bluetooth("no bluez", "no D-Bus", "linux"), "problem", "apt install bluez"),
    (doctor.bluetooth("no adapter", "", "linux"), "problem", "plug one in"),
    (doctor.bluetooth("off", "", "linux"), "problem", "rfkill"),
    (doctor.bluetooth("off", "", "darwin"), "problem", "System Settings"),
    (doctor.bluetooth("off", "", "win32"), "problem", "Settings"),
    (doctor.bluetooth("denied", "", "darwin"), "problem", "Privacy & Security"),
    (doctor.bluetooth("denied", "", "linux"), "problem", "usermod"),
    (doctor.bluetooth("other", "strange", "linux"), "problem", "off and on"),
    (doctor.clock(NOW, True, "linux"), "ok", ""),
    (doctor.clock(NOW, None, "darwin"), "ok", ""),
    (doctor.clock(NOW, False, "linux"), "warning", "timedatectl"),
    (doctor.clock(0, True, "win32"), "problem", "Time & language"),
    (doctor.broker("mqtts://b", "", tls=True, running=True), "ok", ""),
    (doctor.broker("mqtt://b", "", tls=False, running=False), "ok", ""),
    (doctor.broker("mqtts://b", "the certificate has expired", tls=True, running=False), "problem", "clinic"),
    (doctor.permissions([]), "ok", ""),
    (doctor.permissions([(Path("/a"), 0o100644)]), "problem", "chmod go= /a"),
    (doctor.permissions([], [Path("/a")]), "problem", "chown"),
    (doctor.gateway(running=True, last_utc_ms=NOW, utc_ms=NOW, installed=True, active=True), "ok", ""),
    (
        doctor.gateway(running=True, last_utc_ms=NOW, utc_ms=NOW, installed=False, active=None),
        "warning",
        "install-service",
    ),
    (doctor.gateway(running=False, last_utc_ms=NOW, utc_ms=NOW, installed=True, active=False), "problem", "--plain"),
    (doctor.gateway(running=False, last_utc_ms=None, utc_ms=NOW, installed=False, active=None), "warning", "run"),
]


@pytest.mark.parametrize(("finding", "level", "do"), FINDINGS)
def test_each_finding_says_what_to_do(finding: Finding, level: str, do: str) -> None:
    assert finding.level == level
    assert do in finding.do
    assert finding.told
    assert bool(finding.do) == (level != "ok")


def test_a_clip_in_order() -> None:
    now = ClipNow(clip=SERIAL, clock_error_ms=8)
    found = doctor.clip(clip(), now, SERIAL, running=True)
    assert doctor.worst(found) == "ok"
    assert any("within 8 ms" in one.told for one in found)
    assert doctor.worst(doctor.clip(clip(link="searching"), None, SERIAL, running=False)) == "ok"


@pytest.mark.parametrize(
    ("known", "now", "do"),
    [
        (None, None, "bring it near"),
        (clip(link="searching"), ClipNow(clip=SERIAL, problem="link lost"), "pair it again"),
        (clip(battery_pct=15), None, "charge it today"),
        (clip(calibration_version=0), None, "calibrate"),
        (clip(plan_version=0), None, "therapist"),
        (clip(), ClipNow(clip=SERIAL, clock_error_ms=200), "leave it connected"),
    ],
)
def test_a_clip_that_wants_something(known: messages.ClipStatus | None, now: ClipNow | None, do: str) -> None:
    found = doctor.clip(known, now, SERIAL, running=True)
    assert [one for one in found if one.level == "warning" and do in one.do], found
    assert doctor.worst(found) == "warning"


def test_a_clip_that_was_met_before() -> None:
    (found,) = doctor.clip(None, None, SERIAL, running=True, silent_ms=2 * 3_600_000)
    assert "last heard of 2 h 00 min ago" in found.told


def test_room() -> None:
    def levels(free: int, **status: Any) -> list[str]:
        known = messages.Status(schema="status/1", online=True, utc_ms=0, **status)
        return [one.level for one in doctor.disk(free, 1_000_000, 500_000_000, known)]

    assert levels(10**10) == ["ok"]
    assert levels(10**8) == ["warning"]
    assert levels(10**10, storage_problem="disk full") == ["problem"]
    assert levels(10**10, thinned_rows=4, rejected_rows=1) == ["ok", "warning", "warning"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.POWERED_OFF), "off"),
        (BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.DENIED_BY_USER), "denied"),
        (BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.NO_BLUETOOTH), "no adapter"),
        (BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.UNKNOWN), "other"),
        (FileNotFoundError(2, "No such file or directory"), "no bluez"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["org.bluez was not provided"]), "no bluez"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["no"]), "denied"),
        (BleakError("No Bluetooth adapters found."), "no adapter"),
        (TimeoutError(), "other"),
    ],
)
def test_what_a_system_says_of_its_bluetooth(error: Exception, kind: Bluetooth) -> None:
    found, said = probes.kind_of(error)
    assert found == kind
    assert said


async def test_the_broker_is_tried(
    any_broker: broker.Broker, configured: Callable[..., GatewayConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "OTHER_VERSION_S", 2.0)
    assert await probes.broker(configured(any_broker.port), answer_s=0.5) == ""


async def test_a_broker_that_refuses(mosquitto: broker.Broker, configured: Callable[..., GatewayConfig]) -> None:
    assert "does not let this gateway in" in await probes.broker(configured(mosquitto.port, password="no"))


async def test_a_broker_that_is_not_there(configured: Callable[..., GatewayConfig]) -> None:
    assert "cannot be reached" in await probes.broker(configured(1))
    assert "ca_file" in await probes.broker(
        configured(1, broker="mqtts://127.0.0.1:1", ca_file=Path(__file__).with_name("none.pem"))
    )


def test_the_clocks_state_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def saying(what: str | None) -> bool | None:
        return probes.synchronised(lambda _: what)

    monkeypatch.setattr("sys.platform", "linux")
    assert [saying(what) for what in ("yes", "no", "", None)] == [True, False, None, None]
    monkeypatch.setattr("sys.platform", "darwin")
    assert saying("yes") is None


def test_rights_and_room_of_real_files(settings: GatewayConfig, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("")
    path.chmod(0o640)
    wide, _ = probes.modes((path, tmp_path / "none"))
    assert [(one, mode & 0o777) for one, mode in wide] == [(path, 0o640)]
    path.chmod(0o600)
    assert probes.modes((path,)) == ([], [])
    free, used = probes.room(settings)
    assert free > 0
    assert used == 0


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> None:
    async def yes() -> tuple[Bluetooth, str]:
        return "works", ""

    monkeypatch.setattr(probes, "bluetooth", yes)


@pytest.mark.usefixtures("works")
def test_a_gateway_that_cannot_reach_its_broker(call: Call) -> None:
    done = call("doctor")
    assert done.exit_code == 1
    assert "PROBLEM  broker" in done.output
    assert "say what to do first" in done.output
    told = json.loads(call("doctor", "--json").output)
    assert told["worst"] == "problem"
    assert [one["thing"] for one in told["findings"] if one["level"] == "problem"] == ["broker"]


@pytest.mark.usefixtures("works")
def test_a_computer_that_was_never_enrolled(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands.app, ["doctor", "--config", str(tmp_path / "none.json")])
    assert done.exit_code == 1
    assert "plumbline gateway enrol" in done.output


async def test_a_gateway_that_runs_is_asked(
    settings: GatewayConfig, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its radio nor its place at the broker is taken from it."""

    async def never(*_: Any) -> Any:
        raise AssertionError("the gateway uses it")

    monkeypatch.setattr(probes, "bluetooth", never)
    monkeypatch.setattr(probes, "broker", never)
    async with running(settings, FakeClip()):
        done = await asyncio.to_thread(call, "doctor", "--json")
    told = {one["thing"]: one for one in json.loads(done.output)["findings"]}
    assert told["bluetooth"]["told"] == "in use by the gateway"
    assert told["gateway"]["told"].startswith("runs")
    assert "cannot be reached" in told["broker"]["told"]
