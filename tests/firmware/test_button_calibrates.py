"""From the button to a calibration: the real clip in MicroPython, and the gateway's own session, over the radio."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware.clip import haptic_drv2605l as haptic
from firmware.clip import keystore, prescription
from firmware.clip.protocol import calibration
from firmware.virtual import RadioHost, VirtualClip, simulate
from gateway.config import ClipConfig
from gateway.outbox import Outbox
from gateway.radio import BleakRadio
from gateway.session import Session

SERIAL, GATEWAY, KEY = "00112233445566aa", "4741544557415931", bytes(range(32))
BOW_S = (60.0, 66.0)
Array = NDArray[np.float64]


class Bowing:
    """Sits upright, and bows once by 45 degrees."""

    duration_s: float | None = None

    def sample(self, t_s: Array) -> tuple[Array, Array, Array]:
        """See `firmware.virtual.MotionSource`."""
        lean, rate = _lean(t_s), np.degrees(_lean(t_s + 1e-3) - _lean(t_s - 1e-3)) / 2e-3
        none = np.zeros_like(t_s)
        acc = np.column_stack((none, np.cos(lean), -np.sin(lean)))
        return acc, np.column_stack((rate, none, none)), np.full(len(t_s), 31.0)


def _lean(t_s: Array) -> Array:
    into = np.clip((t_s - BOW_S[0]) / (BOW_S[1] - BOW_S[0]), 0.0, 1.0)
    lean: Array = np.radians(45.0) * (1 - np.cos(2 * np.pi * into)) / 2
    return lean


def test_a_long_press_a_hold_and_a_bow_are_a_calibration(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    (flash / "keys.bin").write_bytes(keystore.pack([(bytes.fromhex(GATEWAY), KEY)]))
    first = calibration.pack_calibration(1, calibration.SEATED, (0, 16384, 0), (0, 0, 16384))
    assert prescription.calibration_store(str(flash / "calibration.bin")).accept(first) == 0
    clip = VirtualClip(SERIAL, flash=flash, motion=Bowing(), noise=False, heap="256k")

    async def main() -> tuple[int | None, list[tuple[int, ...]]]:
        async with RadioHost([clip], start_utc_ms=1_700_000_000_000) as host:
            with Outbox(tmp_path / "gateway.db", host.utc_ms) as outbox, await host.open_bluetooth("gateway"):
                session = Session(
                    ClipConfig(serial=SERIAL, key=KEY.hex()),
                    GATEWAY,
                    radio=BleakRadio(),
                    outbox=outbox,
                    utc_ms=host.utc_ms,
                    auto_calibrate=False,
                    on_change=lambda: None,
                    on_rows=lambda: None,
                    on_live=lambda _: None,
                )
                task = asyncio.create_task(session.run())
                await asyncio.sleep(50)
                await host.control("press", serial=SERIAL, held_ms=2_400)
                await asyncio.sleep(30)
                version = session.face.calibration_version
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            return version, [event.waveform for event in host.clips[SERIAL].motor_log]

    version, felt = simulate(main())
    assert version == 2
    assert felt == [pulses(haptic.TICK), pulses(haptic.CALIBRATED)]


def pulses(pattern: int) -> tuple[int, ...]:
    """The effects of a pattern, without the waits."""
    return tuple(slot for slot in haptic.sequence(pattern, 100, 0) if slot and not slot & 0x80)
