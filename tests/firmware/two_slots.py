"""A clip with two slots for its firmware, whose power may end at any byte, erase and change of a file."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.clip import guarded, loader, slots, trial, update
from firmware.clip.protocol import control
from tests.firmware.torn_flash import PowerCutError, TornFlash

BLOCK, SLOT_BLOCKS = 32, 3
OLD = bytes(range(7, 77))
NEW = bytes(reversed(range(90)))
WORSE = b"crashes" * 10
VERSIONS = {OLD: bytes((0, 1, 0)), NEW: bytes((0, 2, 0)), WORSE: bytes((0, 3, 0))}


class Power:
    """Bytes programmed, erases and changes of files that are still carried out; None: all."""

    def __init__(self, left: int | None) -> None:
        self.left = left
        self.spent = 0

    def take(self, wanted: int) -> int:
        """How many of so many are carried out."""
        done = wanted if self.left is None else min(wanted, self.left - self.spent)
        self.spent += done
        return done


class Nor:
    """The partition: programming clears bits, a torn byte has some of them, a torn erase has done half of a block."""

    def __init__(self, data: bytearray, power: Power) -> None:
        self.data = data
        self._power = power

    def ioctl(self, op: int, arg: int) -> int:
        if op == 6:
            done = self._power.take(1)
            size = BLOCK if done else BLOCK // 2
            self.data[arg * BLOCK : arg * BLOCK + size] = b"\xff" * size
            if not done:
                raise PowerCutError
        return {4: 2 * SLOT_BLOCKS, 5: BLOCK}.get(op, 0)

    def readblocks(self, block: int, buf: Any, offset: int) -> None:
        at = block * BLOCK + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block: int, buf: Any, offset: int) -> None:
        at = block * BLOCK + offset
        assert offset + len(buf) <= BLOCK
        done = self._power.take(len(buf))
        for i in range(done):
            assert self.data[at + i] & buf[i] == buf[i], "programmed where it was not erased"
            self.data[at + i] = buf[i]
        if done < len(buf):
            self.data[at + done] &= buf[done] | 0xA5
            raise PowerCutError


class Files(TornFlash):
    """The file system on the same power as the partition."""

    power: Power

    def flush(self) -> None:
        before = self.carried_out
        self.cut = None if self.power.left is None else before + self.power.left - self.power.spent
        try:
            super().flush()
        finally:
            self.power.spent += self.carried_out - before


@dataclass
class Recorder:
    told: list[tuple[int, int]] = field(default_factory=list)

    def event(self, kind: int, _at_ms: int, value: int) -> None:
        self.told.append((kind, value))


class Clip:
    """One life of a clip, from boot to reset or power cut, on a flash that it shares with its other lives."""

    def __init__(self, patch: pytest.MonkeyPatch, data: bytearray, files: Files, left: int | None) -> None:
        self.power = Power(left)
        self.device = Nor(data, self.power)
        files.power = self.power
        self.recorder = Recorder()
        self.reset = False
        patch.setattr(guarded, "open", files.open, raising=False)
        patch.setattr(os, "rename", files.rename)
        patch.setattr(os, "remove", files.remove)
        patch.setitem(sys.modules, "machine", SimpleNamespace(reset=self._reset))
        self._patch = patch
        self.running: bytes | None = None

    def _reset(self) -> None:
        self.reset = True

    def boot(self) -> bytes | None:
        """Which image the loader starts; what `slots.running` says follows."""
        state = slots.load()
        slot = -1
        if state is not None:
            slot = loader.choose(
                state, lambda s: slots.is_whole(self.device, s, *slots.image(state, s)[:2]), slots.save
            )
        self._patch.setattr(slots, "running", lambda: slot)
        if state is None or slot < 0:
            return None
        size = slots.image(state, slot)[0]
        at = slot * slots.slot_size(self.device)
        self.running = bytes(self.device.data[at : at + size])
        return self.running

    def runs_well(self, gateway: bool = True) -> None:
        """A minute and more in which all goes well."""
        proving = trial.Trial(self.recorder, 0)
        for second in range(1, 70):
            if proving.step(second * 1000, gateway):
                break

    def updater(self) -> update.Updater:
        assert self.running is not None
        return update.Updater(self.device, ".".join(map(str, VERSIONS[self.running])))


def offer(image: bytes) -> bytes:
    return struct.pack("<I32s3s", len(image), hashlib.sha256(image).digest(), VERSIONS[image])


def send(updater: update.Updater, image: bytes, chunk: int = 23) -> int:
    """What a gateway does; the result of the last operation."""
    result, event = updater.operate(control.UPDATE_BEGIN, offer(image))
    if result != control.OK:
        return result
    (at,) = struct.unpack("<I", event[1:])
    while at < len(image):
        piece = image[at : at + chunk]
        result, _ = updater.operate(control.UPDATE_DATA, struct.pack("<I", at) + piece)
        if result != control.OK:
            return result
        at += len(piece)
    return updater.operate(control.UPDATE_END, b"")[0]


def factory() -> tuple[bytearray, Files]:
    """A flash as the cable leaves it: the old image in slot A, remains of something else in slot B."""
    data = bytearray(OLD.ljust(SLOT_BLOCKS * BLOCK, b"\xff") + b"remains!" * (SLOT_BLOCKS * BLOCK // 8))
    state = slots.with_image(slots.blank(), 0, len(OLD), hashlib.sha256(OLD).digest(), VERSIONS[OLD])
    payload = struct.pack("<BBBBI32s3sI32s3s", *state)
    return data, Files({"slots.bin": guarded.frame(7, 1, payload)})
