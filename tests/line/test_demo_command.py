"""`plumbline demo` from the outside: however it is ended, nothing of it is left; what is in its way is named."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.demo.ending import interruptible, uninterrupted

COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()", "demo", "--no-browser", "--port")


def command(*arguments: str, folder: Path) -> dict[str, Any]:
    return {"args": [*COMMAND, *arguments], "env": {**os.environ, "TMPDIR": str(folder), "COLUMNS": "80"}}


def heed_signals() -> None:
    """Whoever runs the tests in the background may have them ignore some."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def heeding() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    heed_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a demonstration and returns when it has said some words."""
    started: list[subprocess.Popen[str]] = []

    def until(words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            **command("0", folder=tmp_path),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - no threads here
        )
        started.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            assert len(line.rstrip("\n")) <= 80
            if words in line:
                return process
        pytest.fail("it ended by itself")

    yield until
    for process in started:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, "Starting"),
        (signal.SIGTERM, "Simulated workdays through core and ingest:"),
    ],
)
def test_nothing_is_left_however_it_is_ended(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path, number: signal.Signals, words: str
) -> None:
    process = start(words)
    limit = time.monotonic() + 10
    while not (children := psutil.Process(process.pid).children(recursive=True)):
        assert time.monotonic() < limit
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("plumbline-")]
    process.send_signal(number)
    process.send_signal(number)  # an impatient second one must not stop the cleaning up
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_and_a_broker_that_is_not_there_are_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(**command(port, folder=tmp_path), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"port {port} of 127.0.0.1: another program has it" in done.stderr
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{unused.getsockname()[1]}"
        done = subprocess.run(
            **command("0", "--mqtt", url, folder=tmp_path), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert f"no broker answers at {url}" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--kill", "broker"),
        ("--disturb", "link"),
        ("--drop-link", "300"),
        ("--check", "--drop-link", "300", "--disturb", "link"),
        ("--check", "--mqtt", "mqtt://127.0.0.1:1"),
    ],
)
def test_options_that_do_not_go_together_are_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = subprocess.run(**command("0", *options, folder=tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the check" in done.stderr


@pytest.mark.usefixtures("heeding")
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_only_the_first_signal_interrupts(first: signal.Signals) -> None:
    before, cleaned_up = signal.getsignal(first), False
    try:
        with interruptible():
            try:
                signal.raise_signal(first)
            finally:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.raise_signal(number)
                cleaned_up = True
    except KeyboardInterrupt:
        assert cleaned_up
        assert signal.getsignal(first) is before
    else:
        pytest.fail("it did not interrupt")


@pytest.mark.usefixtures("heeding")
def test_what_starts_a_child_is_finished_before_it_is_interrupted() -> None:
    done: list[str] = []

    @uninterrupted
    def start() -> None:
        signal.raise_signal(signal.SIGTERM)
        done.append("started")

    def body() -> None:
        with interruptible():
            start()
            done.append("went on")

    with pytest.raises(KeyboardInterrupt):
        body()
    assert done == ["started"]
