"""A recording played into a virtual clip: its sensor's registers, the real firmware, the virtual radio, and back."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware.clip import protocol
from firmware.virtual import RadioHost, VirtualClip, simulate
from firmware.virtual import Recording as Motion
from firmware.virtual.provision import provision
from gateway import stream
from gateway.core import Samples, Trailer
from gateway.link import Link, LinkError
from gateway.radio import BleakRadio, RadioError

from .replay_csv import Floats, Progress, Recording
from .replay_fusion import BRIDGE_S, SETTLE_S

Bools = NDArray[np.bool_]

LEAD_S: Final = 6.0
"""Time to connect before the recording begins. The sensor falls freely meanwhile: without weight the fusion does not
begin, so that it begins with the recording's first sample as it does without a radio."""
TAIL_S: Final = 2.0
PINGS: Final = 8
NOMINAL_PERIOD_US: Final = 38_462
"""Between samples of the stream, until the clip's status has told what it measures."""
_STEP_S: Final = 10.0
_SERIAL: Final = "f000000000000001"
_GATEWAY: Final = bytes.fromhex("f00000000000000e")


class FirmwareError(Exception):
    """The virtual clip did not do its part."""


@dataclass(frozen=True)
class Played:
    """An orientation an input sample, (N, 4), NaN where the stream has a hole; the stream and its trailers in clip time
    from the start of the recording; the interval between its samples; and counts for the report."""

    quaternion: Floats
    stream: Samples
    trailers: list[Trailer]
    period_ms: float
    details: dict[str, Any]


def play(recording: Recording, progress: Progress = lambda _what, _share: None) -> Played:
    """Play a recording through a virtual clip with ideal chips. Raises FirmwareError."""
    with tempfile.TemporaryDirectory(prefix="plumbline-replay-") as folder:
        session = _Session(recording, Path(folder), progress)
        simulate(session.run())
    return session.result()


def motion_of(recording: Recording) -> Motion:
    """What the sensor feels: free fall, then the recording; in its longer gaps the sensor does not turn."""
    t = recording.t_s - recording.t_s[0] + LEAD_S
    values = np.hstack((recording.acc_g, recording.gyro_dps))
    times = [np.array([0.0, LEAD_S - 0.1 / recording.rate_hz]), t]
    rows = [np.zeros((2, 6)), values]
    edge = 0.5 / recording.rate_hz
    for k in np.flatnonzero(np.diff(t) > BRIDGE_S).tolist():
        times.append(np.array([t[k] + edge, t[k + 1] - edge]))
        rows.append(np.hstack((values[[k, k + 1], :3], np.zeros((2, 3)))))
    times.append(np.array([t[-1] + edge]))
    rows.append(np.hstack((values[-1, :3], np.zeros(3)))[None])
    at, row = np.concatenate(times), np.vstack(rows)
    order = np.argsort(at, kind="stable")
    return Motion(at[order], row[order, :3], row[order, 3:])


class _Session:
    """One clip, one connection, one recording."""

    def __init__(self, recording: Recording, folder: Path, progress: Progress) -> None:
        self._recording = recording
        self._folder = folder
        self._progress = progress
        self._packets: list[stream.Packet] = []
        self._period_us = NOMINAL_PERIOD_US
        self._offset_ms = 0.0
        self._malformed = 0

    async def run(self) -> None:
        key = secrets.token_bytes(protocol.auth.KEY_SIZE)
        flash = self._folder / "flash"
        provision(flash, [(_GATEWAY, key)])
        clip = VirtualClip(_SERIAL, flash, motion_of(self._recording), noise=False)
        async with RadioHost([clip]) as host:
            with await host.open_bluetooth("replay"):
                try:
                    await self._listen(host, key)
                except (FirmwareError, LinkError, RadioError) as error:
                    live = host.clips[_SERIAL]
                    console = live.console.read_text(errors="replace")[-1500:] if live.console.exists() else ""
                    raise FirmwareError(f"{error}; the clip is {live.state}. {console}".rstrip()) from error

    async def _listen(self, host: RadioHost, key: bytes) -> None:
        radio = BleakRadio()
        found = await radio.find(_SERIAL, 10.0)
        if found is None:
            raise FirmwareError("the virtual clip was not found on the virtual radio")
        link = Link(
            await radio.connect(found),
            serial=_SERIAL,
            key=key,
            gateway=_GATEWAY,
            utc_ms=host.utc_ms,
            on_malformed=self._on_malformed,
        )
        await link.subscribe(protocol.uuids.STATUS, self._on_status)
        await link.subscribe(protocol.uuids.STREAM, self._on_stream)
        await link.authenticate()
        self._on_status(await link.read(protocol.uuids.STATUS))
        exchanges = [await link.ping() for _ in range(PINGS)]
        best = min(exchanges, key=lambda exchange: exchange.received_utc_ms - exchange.sent_utc_ms)
        self._offset_ms = best.clip_ms - (best.sent_utc_ms + best.received_utc_ms) / 2
        if host.now_ms > LEAD_S * 1000:
            raise FirmwareError(f"connecting took {host.now_ms / 1000:.1f} s of simulated time, more than the lead-in")
        length = LEAD_S + float(self._recording.t_s[-1] - self._recording.t_s[0]) + TAIL_S
        while (left := length - host.now_ms / 1000) > 0:
            if link.lost.is_set():
                raise FirmwareError("the link to the virtual clip was lost")
            self._progress("firmware", 1 - left / length)
            await link.ping()  # a clip drops a gateway that is silent for a minute
            await asyncio.sleep(min(left + 0.001, _STEP_S))
        await link.close()

    def _on_status(self, data: bytes) -> None:
        try:
            self._period_us = int(str(protocol.status.parse_status(data)["sample_period_us"]))
        except protocol.MalformedError:
            self._malformed += 1

    def _on_stream(self, data: bytes) -> None:
        try:
            self._packets.append(stream.decode(data, self._period_us))
        except protocol.MalformedError:
            self._malformed += 1

    def _on_malformed(self, door: str, reason: str, data: bytes) -> None:
        del door, reason, data
        self._malformed += 1

    def result(self) -> Played:
        recording = self._recording
        length_ms = float(recording.t_s[-1] - recording.t_s[0]) * 1000
        shift = self._offset_ms + LEAD_S * 1000
        parts = [packet.samples for packet in self._packets if len(packet.samples.t_ms)]
        if not parts:
            raise FirmwareError("the virtual clip streamed nothing")
        whole = Samples(
            np.concatenate([part.t_ms for part in parts]) - shift,
            np.concatenate([part.quaternion for part in parts]),
            np.concatenate([part.acc_mg for part in parts]),
            np.concatenate([part.held for part in parts]),
        )
        rising = np.concatenate(([True], np.diff(whole.t_ms) > 0))
        keep = rising & (whole.t_ms >= SETTLE_S * 1000) & (whole.t_ms <= length_ms) & ~self._in_gap(whole.t_ms / 1000)
        trailers = [
            Trailer(t.t_ms - shift, t.gyro_rms_dps, t.acc_rms_mg, t.saturated, t.celsius)
            for t in (packet.trailer for packet in self._packets)
            if t is not None and 0 <= t.t_ms - shift <= length_ms
        ]
        return Played(
            quaternion=_between(_part(whole, rising), (recording.t_s - recording.t_s[0]) * 1000),
            stream=_part(whole, keep),
            trailers=trailers,
            period_ms=self._period_us / 1000,
            details={
                "packets": len(self._packets),
                "malformed": self._malformed,
                "saturated": sum(trailer.saturated for trailer in trailers),
            },
        )

    def _in_gap(self, into_s: Floats) -> Bools:
        inside = np.zeros(len(into_s), dtype=np.bool_)
        start = float(self._recording.t_s[0])
        for begin, end in self._recording.gaps:
            if end - begin > BRIDGE_S:
                inside |= (into_s > begin - start) & (into_s < end - start)
        return inside


def _part(samples: Samples, keep: Bools) -> Samples:
    return Samples(samples.t_ms[keep], samples.quaternion[keep], samples.acc_mg[keep], samples.held[keep])


def _between(samples: Samples, t_ms: Floats) -> Floats:
    """Orientations at other times (N,), on the way between neighbours; NaN where these are too far apart."""
    after = np.clip(np.searchsorted(samples.t_ms, t_ms), 1, len(samples.t_ms) - 1)
    one, other = samples.quaternion[after - 1], samples.quaternion[after]
    span = samples.t_ms[after] - samples.t_ms[after - 1]
    share = ((t_ms - samples.t_ms[after - 1]) / span)[:, None]
    near = np.where((one * other).sum(axis=1, keepdims=True) < 0, -other, other)
    mixed = one * (1 - share) + near * share
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    beyond = (span > BRIDGE_S * 1000) | (share[:, 0] < -0.5) | (share[:, 0] > 1.5)
    mixed[beyond] = np.nan
    result: Floats = mixed
    return result
