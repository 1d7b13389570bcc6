"""A new user, following the README only: from the therapist's code to live numbers and to records on the server."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from server import children
from server.broker.run import free_port

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent / "patient"
SERIAL = "00112233445566aa"
EMAIL, PASSWORD = "therapist@example.org", "a quiet afternoon"
LIMIT_S = 180.0
"""From `enrol` to the first live numbers."""
SPEEDS = [0, 1] if os.environ.get("PLUMBLINE_HYPOTHESIS") == "long" else [0]
"""Of simulated time, 0 for as fast as it goes. At the speed of time it takes minutes: part of the long run."""

pytestmark = pytest.mark.timeout(400)


def readme(name: str) -> list[list[str]]:
    """The lines of one of the README's commands, as words."""
    script = [sys.executable, str(ROOT / ".ci" / "readme-command"), name]
    text = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    return [shlex.split(line) for line in text.splitlines()]


class Machines:
    """Two computers with folders of their own, the clinic's and the patient's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http, self.mqtt, self.radio = free_port(), free_port(), free_port()
        self.running: list[subprocess.Popen[bytes]] = []
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        own = {name: str(folder / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PLUMBLINE", "XDG"))}
        self.patients = (
            clean
            | own
            | {
                "PATH": path,
                "PYTHONPATH": str(HERE),
                "PYTHONUNBUFFERED": "1",
                "PATIENTS_RADIO": f"127.0.0.1:{self.radio}",
                "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            }
        )
        self.clinics = clean | {
            "PATH": path,
            "PLUMBLINE_SERVER_DATA_DIR": str(folder / "server"),
            "PLUMBLINE_SERVER_PORT": str(self.http),
            "PLUMBLINE_SERVER_MQTT_PORT": str(self.mqtt),
        }

    def start(self, words: list[str], env: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        child = children.spawn(words, log=self.folder / f"{name}.txt", env=env)
        self.running.append(child)
        return child

    def said(self, name: str) -> str:
        path = self.folder / f"{name}.txt"
        return path.read_text() if path.exists() else ""

    def until(self, holds: Callable[[], bool], what: str, limit_s: float = 120) -> None:
        limit = time.monotonic() + limit_s
        while not holds():
            ended = [child.args for child in self.running if child.poll()]
            assert not ended, f"{ended}: {self.said('pair')} {self.said('run')} {self.said('server')}"
            assert time.monotonic() < limit, f"{what}: {[self.said(name) for name in ('enrol', 'pair', 'run')]}"
            time.sleep(0.02)

    def start_clinic(self) -> httpx.Client:
        """The README's commands of the clinic; a browser at the therapist's page."""
        therapist, patient, run = readme("clinic")
        for words in ([*therapist, "--password", PASSWORD], patient):
            subprocess.run(words, env=self.clinics, check=True, capture_output=True)
        self.start(run, self.clinics, "server")
        browser = httpx.Client(base_url=f"http://127.0.0.1:{self.http}", follow_redirects=True)

        def signed_in() -> bool:
            try:
                answer = browser.post("/api/v1/session", json={"email": EMAIL, "password": PASSWORD})
            except httpx.TransportError:
                return False
            browser.headers["x-form-token"] = answer.json()["form_token"]
            return True

        self.until(signed_in, "the server starts")
        return browser

    def start_radio(self, speed: float) -> None:
        words = [sys.executable, str(HERE / "radio.py"), str(self.radio), str(speed), str(self.folder / "flash")]
        self.start(words, {**self.clinics, "PYTHONPATH": str(ROOT)}, "radio")

    def stop(self) -> None:
        for child in reversed(self.running):
            children.stop(child)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path)
    try:
        yield made
    finally:
        made.stop()


def follow_the_readme(machines: Machines, speed: float) -> tuple[httpx.Client, float]:
    """From the code to the gateway that runs; the browser, and the seconds from `enrol` to the first live numbers."""
    browser = machines.start_clinic()
    machines.start_radio(speed)
    page = browser.post("/patients/1/computers/code").text
    shown = re.search(r"plumbline gateway enrol (\S+) --server (\S+?)<", page)
    assert shown is not None
    enrol, pair, run = readme("connect")
    assert enrol[2:5:2] == ["enrol", "--server"]
    enrol[3], enrol[5] = shown.groups()

    began = time.monotonic()
    assert machines.start(enrol, machines.patients, "enrol").wait(60) == 0, machines.said("enrol")
    pairing = machines.start(pair, machines.patients, "pair")
    live = re.compile(r"Live, .*\n  \w.*°")
    machines.until(lambda: live.search(machines.said("pair")) is not None, "live numbers", LIMIT_S)
    took_s = time.monotonic() - began
    assert pairing.wait(120) == 0, machines.said("pair")
    machines.start(run, machines.patients, "run")
    return browser, took_s


def computer(browser: httpx.Client) -> str:
    return browser.get("/patients/1/computers").text


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_new_user_gets_from_a_code_to_live_numbers_and_records(machines: Machines, speed: float) -> None:
    browser, took_s = follow_the_readme(machines, speed)
    print(f"\nfrom `enrol` to live numbers, speed {speed or 'unbound'}: {took_s:.1f} s")
    assert took_s < LIMIT_S
    machines.until(lambda: "Connected now" in computer(browser), "the status arrives")
    assert SERIAL in computer(browser)
    clips = browser.get("/api/v1/patients/1").json()["clips"]
    assert [clip["clip"] for clip in clips] == [SERIAL]

    def recorded() -> bool:
        days = {browser.get("/api/v1/patients/1").json()["today"]}
        return any(
            item["clip"] == SERIAL
            for day in days
            for item in browser.get(f"/api/v1/patients/1/days/{day}/identities").json()
        )

    machines.until(recorded, "records are stored")
    given = (machines.folder / "XDG_CONFIG_HOME" / "plumbline" / "gateway.json").read_text()
    for secret in re.findall(r'"(?:password|key)": "([^"]+)"', given):
        assert all(secret not in machines.said(name) for name in ("enrol", "pair", "run", "server"))
    gateway = re.search(r'"gateway": "(\w+)"', given)
    assert gateway is not None
    assert browser.post(f"/patients/1/computers/{gateway[1]}/disconnect").status_code == 200
    machines.until(lambda: "ot authorized" in machines.said("run"), "the gateway hears that it may not come")
    assert "by Dana Therapist" in computer(browser)
