"""The texts by which each system starts the gateway, and what is done with them. Nothing is given to a real system."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import Result

from gateway.config import GatewayConfig
from gateway.enrol_commands import DEFAULT_CONFIG
from gateway.face import service
from gateway.face.service import Service

COMMAND = ("/opt/plumb line/bin/plumbline", "gateway", "run", "--config", "/home/ann/a 50% $b.json")
Call = Callable[..., Result]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Commands that would have been given to the system."""
    given: list[tuple[str, ...]] = []

    def run(command: Sequence[str]) -> str | None:
        given.append(tuple(command))
        return None

    monkeypatch.setattr(service, "_run", run)
    return given


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def test_a_systemd_unit(tmp_path: Path) -> None:
    made = service.systemd("plumbline-gateway", COMMAND, tmp_path)
    lines = made.text.decode().splitlines()
    assert 'ExecStart="/opt/plumb line/bin/plumbline" gateway run --config "/home/ann/a 50%% $$b.json"' in lines
    for line in ("Restart=on-failure", "RestartPreventExitStatus=2", "NoNewPrivileges=yes", "WantedBy=default.target"):
        assert line in lines
    (families,) = [line for line in lines if line.startswith("RestrictAddressFamilies=")]
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(families.split("=")[1].split())
    assert made.file == tmp_path / ".config/systemd/user/plumbline-gateway.service"


def test_systemd_where_there_is_one_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        return
    made = service.systemd("plumbline-gateway", ("/bin/true", "a b", "50%"), tmp_path)
    unit = tmp_path / made.file.name
    unit.write_bytes(made.text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert (done.returncode, unit.name in done.stderr) == (0, False), done.stderr


def test_a_launchd_agent(tmp_path: Path) -> None:
    made = service.launchd("plumbline-gateway", COMMAND, tmp_path, 501)
    told = plistlib.loads(made.text)
    assert told["ProgramArguments"] == list(COMMAND)
    assert told["RunAtLoad"] is True
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert made.file.name == f"{told['Label']}.plist"
    assert made.enable[0][:3] == ("launchctl", "bootstrap", "gui/501")
    assert made.disable == (("launchctl", "bootout", f"gui/501/{told['Label']}"),)


def test_a_windows_task(tmp_path: Path) -> None:
    made = service.windows("plumbline-gateway", COMMAND, tmp_path, "PC\\ann")
    assert made.text[:2] in {b"\xff\xfe", b"\xfe\xff"}
    task = ET.fromstring(made.text.decode("utf-16"))
    of = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"

    def text(path: str) -> str | None:
        return task.findtext("/".join(of + part for part in path.split("/")))

    assert text("Actions/Exec/Command") == COMMAND[0]
    assert text("Actions/Exec/Arguments") == 'gateway run --config "/home/ann/a 50% $b.json"'
    assert text("Triggers/LogonTrigger/UserId") == "PC\\ann"
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Settings/DisallowStartIfOnBatteries") == "false"
    assert made.enable[0] == ("schtasks", "/Create", "/TN", made.name, "/XML", str(made.file), "/F")


def test_it_is_installed_and_removed(home: Path, call: Call, asked: list[tuple[str, ...]]) -> None:
    dry = call("install-service", "--dry-run")
    assert dry.exit_code == 0
    assert "[Service]" in dry.output
    assert not asked
    done = call("install-service")
    assert done.exit_code == 0, done.output
    (unit,) = (home / ".config/systemd/user").iterdir()
    assert asked == [
        ("systemctl", "--user", "daemon-reload"),
        ("systemctl", "--user", "enable", "--now", unit.name),
    ]
    assert unit.read_text() in dry.output
    assert "journalctl" in done.output
    del asked[:]
    assert call("install-service").exit_code == 0
    assert [command[2] for command in asked] == ["disable", "daemon-reload", "enable"], "one that runs starts anew"
    del asked[:]
    assert call("uninstall-service", "--dry-run").exit_code == 0
    assert unit.exists()
    assert call("uninstall-service").exit_code == 0
    assert not unit.exists()
    assert asked[0] == ("systemctl", "--user", "disable", "--now", unit.name)
    again = call("uninstall-service")
    assert again.exit_code == 1
    assert "no such service" in again.output


def test_what_the_system_refuses_is_said(home: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_run", lambda _: "Failed to connect to bus")
    done = call("install-service")
    assert done.exit_code == 1
    assert "is written, but `systemctl --user daemon-reload` did not work: Failed to connect" in done.output
    done = call("uninstall-service")
    assert done.exit_code == 1
    assert "is removed, but the system said: Failed" in done.output


def test_a_system_without_services_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "sunos5")
    done = call("install-service")
    assert done.exit_code == 1
    assert "have it run" in done.output


def test_each_configuration_has_a_service_of_its_own(settings: GatewayConfig, home: Path) -> None:
    def name(path: Path) -> str:
        made: Service | None = service.here(path, settings)
        assert made is not None
        return made.name

    assert name(DEFAULT_CONFIG) == "plumbline-gateway"
    assert name(home / "other.json") == f"plumbline-gateway-{settings.gateway[-4:]}"


def test_a_command_that_is_not_there_and_one_that_fails() -> None:
    assert service._run(("no-such-command-here",)) == "there is no no-such-command-here here"
    assert service._run((sys.executable, "-c", "import sys; sys.exit('a reason')")) == "a reason"
    assert service._run((sys.executable, "-c", "import sys; sys.exit(3)")) == "code 3"
    assert service._run((sys.executable, "-c", "")) is None
