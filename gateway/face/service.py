"""The gateway as a service of the user's session: started at login, started again when it fails.

A systemd user unit (systemd.unit(5), systemd.exec(5)), a launchd agent (launchd.plist(5)) or a task of the Windows Task
Scheduler (its XML schema 1.2). The two latter have not been tried on their systems.
"""

from __future__ import annotations

import getpass
import os
import plistlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from xml.etree import ElementTree as ET

import platformdirs

from gateway.config import GatewayConfig
from gateway.enrol_commands import DEFAULT_CONFIG
from gateway.face.probes import output_of

RESTART_S: Final = 30
WRONG_SETTINGS: Final = 2
"""Exit code of a gateway without a usable configuration: starting it again does not help."""
_TASKS: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"

System = Literal["systemd", "launchd", "windows"]


class ServiceError(Exception):
    """The service cannot be installed; the message says what to do."""


@dataclass(frozen=True)
class Service:
    """A service on one of the systems: its name, its file, and the commands around it."""

    system: System
    name: str
    file: Path
    text: bytes
    enable: tuple[tuple[str, ...], ...]
    disable: tuple[tuple[str, ...], ...]
    look: tuple[str, ...]
    logs: str


def program() -> tuple[str, ...]:
    """The command that starts this installation of plumbline."""
    script = Path(sys.executable).with_name("plumbline.exe" if sys.platform == "win32" else "plumbline")
    return (str(script),) if script.exists() else (sys.executable, "-c", "from gateway.cli import main; main()")


def here(config: Path, settings: GatewayConfig) -> Service | None:
    """The service on this computer for a configuration; None where no kind of service is known."""
    command = (*program(), "gateway", "run", "--plain", "--config", str(config.absolute()))
    name = "plumbline-gateway" + ("" if config == DEFAULT_CONFIG else f"-{settings.gateway[-4:]}")
    home = Path.home()
    if sys.platform == "darwin":
        return launchd(name, command, home, os.getuid())
    if sys.platform == "win32":
        return windows(name, command, Path(platformdirs.user_data_dir("plumbline")), getpass.getuser())
    return systemd(name, command, home) if sys.platform == "linux" else None


def systemd(name: str, command: Sequence[str], home: Path) -> Service:
    """A unit of the user's systemd."""
    unit = f"{name}.service"
    words = " ".join(_quoted(word) for word in command)
    text = f"""[Unit]
Description=Plumbline gateway
# A user's units cannot wait for the network or for the clock: the gateway waits for both by itself.
StartLimitIntervalSec=0

[Service]
ExecStart={words}
Restart=on-failure
RestartSec={RESTART_S}
RestartPreventExitStatus={WRONG_SETTINGS}
TimeoutStopSec=20
Nice=5
UMask=0077
# Bluetooth is reached over D-Bus, a Unix socket.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""
    control = ("systemctl", "--user")
    return Service(
        "systemd",
        name,
        home / ".config/systemd/user" / unit,
        text.encode(),
        enable=((*control, "daemon-reload"), (*control, "enable", "--now", unit)),
        disable=((*control, "disable", "--now", unit), (*control, "daemon-reload")),
        look=(*control, "is-active", unit),
        logs=f"journalctl --user -u {unit}",
    )


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" \t;'\\\"") else escaped


def launchd(name: str, command: Sequence[str], home: Path, user: int) -> Service:
    """An agent of macOS."""
    label = f"org.plumbline.{name.removeprefix('plumbline-')}"
    file = home / "Library/LaunchAgents" / f"{label}.plist"
    log = home / "Library/Logs" / f"{name}.log"
    text = plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": RESTART_S,
            "ProcessType": "Background",
            "Umask": 0o077,
            "StandardOutPath": str(log),
            "StandardErrorPath": str(log),
        }
    )
    domain = f"gui/{user}"
    return Service(
        "launchd",
        name,
        file,
        text,
        enable=(("launchctl", "bootstrap", domain, str(file)),),
        disable=(("launchctl", "bootout", f"{domain}/{label}"),),
        look=("launchctl", "print", f"{domain}/{label}"),
        logs=str(log),
    )


def windows(name: str, command: Sequence[str], folder: Path, user: str) -> Service:
    """A task of the Task Scheduler, for when `user` signs in."""
    task = ET.Element("Task", {"version": "1.2", "xmlns": _TASKS})

    def put(parent: ET.Element, **values: str) -> None:
        for tag, text in values.items():
            ET.SubElement(parent, tag).text = text

    put(ET.SubElement(task, "RegistrationInfo"), Description="Plumbline gateway")
    put(ET.SubElement(ET.SubElement(task, "Triggers"), "LogonTrigger"), Enabled="true", UserId=user)
    settings = ET.SubElement(task, "Settings")
    put(
        settings,
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        Hidden="true",
        ExecutionTimeLimit="PT0S",
    )
    put(ET.SubElement(settings, "RestartOnFailure"), Interval="PT1M", Count="999")
    action = ET.SubElement(ET.SubElement(task, "Actions"), "Exec")
    put(action, Command=command[0], Arguments=subprocess.list2cmdline(command[1:]))
    ET.indent(task)
    file = folder / f"{name}.xml"
    return Service(
        "windows",
        name,
        file,
        ET.tostring(task, encoding="utf-16"),
        enable=(("schtasks", "/Create", "/TN", name, "/XML", str(file), "/F"), ("schtasks", "/Run", "/TN", name)),
        disable=(("schtasks", "/End", "/TN", name), ("schtasks", "/Delete", "/TN", name, "/F")),
        look=("schtasks", "/Query", "/TN", name),
        logs="the Task Scheduler's history",
    )


def installed(service: Service) -> bool:
    """Whether its file is there."""
    return service.file.exists()


def active(service: Service) -> bool:
    """Whether the system says that it runs."""
    return output_of(service.look) is not None


def install(service: Service) -> None:
    """Write the file and have the system start it, now and at every login; one that runs starts anew.
    Raises ServiceError; the file stays then."""
    again = installed(service)
    try:
        service.file.parent.mkdir(parents=True, exist_ok=True)
        service.file.write_bytes(service.text)
    except OSError as error:
        raise ServiceError(f"cannot write {service.file}: {error.strerror}") from error
    if again:
        _run(service.disable[0])
    for command in service.enable:
        if (problem := _run(command)) is not None:
            raise ServiceError(f"{service.file} is written, but `{' '.join(command)}` did not work: {problem}")


def remove(service: Service) -> None:
    """Stop it and take it away. Raises ServiceError."""
    problems = [_run(service.disable[0])]
    try:
        service.file.unlink()
    except OSError as error:
        raise ServiceError(f"cannot remove {service.file}: {error.strerror}") from error
    problems += [_run(command) for command in service.disable[1:]]
    if told := "; ".join(filter(None, problems)):
        raise ServiceError(f"{service.file} is removed, but the system said: {told}")


def _run(command: Sequence[str]) -> str | None:
    """None when it worked, else why not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except FileNotFoundError:
        return f"there is no {command[0]} here"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()[:300] or f"code {done.returncode}"
