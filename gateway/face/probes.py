"""Finds out what `doctor` judges: Bluetooth, broker, clock, files, room. Each asks the system and judges nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from gateway import messages
from gateway.config import GatewayConfig
from gateway.face.doctor import Bluetooth
from gateway.mqtt.connection import Connection
from gateway.mqtt.timing import Timing

SCAN_S: Final = 10.0
BROKER_S: Final = 30.0
COMMAND_S: Final = 10.0
OTHER_VERSION_S: Final = 2.0
"""Within this after a failure the other version is tried, if it is at all."""
_REASONS: Final[dict[BleakBluetoothNotAvailableReason, Bluetooth]] = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "no adapter",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "no adapter",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "off",
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "denied",
}


async def bluetooth() -> tuple[Bluetooth, str]:
    """Begin and end a scan: what came of it, and what the system said."""
    try:
        async with asyncio.timeout(SCAN_S), BleakScanner():
            pass
    except Exception as error:  # noqa: BLE001  (whatever a system's Bluetooth raises is the finding)
        return kind_of(error)
    return "works", ""


def kind_of(error: Exception) -> tuple[Bluetooth, str]:
    """What an error of the system's Bluetooth means."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _REASONS.get(error.reason, "other"), str(error.args[0])
    said = str(error) or type(error).__name__
    if isinstance(error, PermissionError) or "AccessDenied" in said or "NotAuthorized" in said:
        return "denied", said
    if isinstance(error, FileNotFoundError | ConnectionError) or "ServiceUnknown" in said or "org.bluez" in said:
        return "no bluez", "no D-Bus" if isinstance(error, FileNotFoundError) else said
    if isinstance(error, BleakError) and "adapter" in said.lower():
        return "no adapter", said
    return "other", said


async def broker(config: GatewayConfig, answer_s: float = Timing().answer_s) -> str:
    """Connect to the broker as this gateway, and part: why that does not work, empty when it does. Not to be done
    while the gateway runs: the broker would end its connection. `answer_s`: how long it may take to answer."""
    news = asyncio.Event()

    def will() -> messages.Status:
        return messages.Status(schema="status/1", online=False, utc_ms=0)

    connection = Connection(
        config,
        Timing(answer_s=answer_s, retry_first_s=2 * BROKER_S, refused_first_s=2 * BROKER_S),
        will=will,
        on_up=news.set,
        on_down=news.set,
        on_message=lambda *_: None,
        on_taken=lambda _: None,
    )
    running = asyncio.create_task(connection.run())
    try:
        async with asyncio.timeout(BROKER_S):
            return await _outcome(connection, news)
    except TimeoutError:
        return connection.problem or f"{config.broker_host}:{config.broker_port} does not answer"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await connection.close(will())


async def _outcome(connection: Connection, news: asyncio.Event) -> str:
    """The problem of the last attempt that follows at once upon another, which the other version of MQTT does."""
    while True:
        await news.wait()
        news.clear()
        attempts = connection.attempts
        if not connection.up:
            await asyncio.sleep(OTHER_VERSION_S)
        if connection.up:
            return ""
        if connection.attempts == attempts:
            return connection.problem


def synchronised(run: Callable[[Sequence[str]], str | None] | None = None) -> bool | None:
    """Whether the system says that its clock is set by network; None when it does not say."""
    run = run or output_of
    if sys.platform == "linux":
        return {"yes": True, "no": False}.get(run(["timedatectl", "show", "-p", "NTPSynchronized", "--value"]) or "")
    return None


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints; None when it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def modes(paths: Sequence[Path]) -> tuple[list[tuple[Path, int]], list[Path]]:
    """Of the paths that there are: those that others have rights to, with their modes; those that cannot be written."""
    there = [path for path in paths if path.exists()]
    found = [(path, path.stat().st_mode) for path in there]
    wide = [(path, mode) for path, mode in found if os.name == "posix" and stat.S_IMODE(mode) & 0o077]
    return wide, [path for path in there if not os.access(path, os.W_OK)]


def room(config: GatewayConfig) -> tuple[int, int]:
    """Bytes free on the disk of the data, and bytes that the database takes."""
    folder = next(place for place in (config.data_dir, *config.data_dir.absolute().parents) if place.exists())
    files = (config.database, config.database.with_name(config.database.name + "-wal"))
    return shutil.disk_usage(folder).free, sum(file.stat().st_size for file in files if file.exists())
