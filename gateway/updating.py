"""New firmware for the clips: releases, which only their publisher's signature lets in, and how one gets to a clip.

The gateway keeps one release, the newest that it was given. A clip whose firmware is older gets it in the background
and installs it when its wearer presses the button. Not a byte is sent of a file whose signature and digest were not
checked in the same run.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware.clip import protocol
from gateway.link import Link, LinkError, RefusedError

control = protocol.control
update = protocol.update

NAME: Final = "release.plup"
LOOK_EVERY_S: Final = 60.0
"""How often a connected clip's release is looked for."""
BUSY_S: Final = 600.0
"""How long a clip that cannot take one now is left alone."""
TRIES: Final = 3
"""Transfers over one connection that may end with another digest."""

logger = logging.getLogger(__name__)


class ReleaseError(Exception):
    """The file is not a release that this gateway may pass on; the message says why."""


@dataclass(frozen=True)
class Release:
    """A firmware whose publisher was checked."""

    version: bytes
    """Three bytes."""
    digest: bytes
    """SHA-256 of the image."""
    image: bytes

    @property
    def name(self) -> str:
        """Its version as text."""
        return update.version_text(self.version)


def verify(data: bytes, publisher: str) -> Release:
    """The release in `data`; `publisher` is the public key, 64 hexadecimal digits. Raises ReleaseError."""
    try:
        version, size, digest = update.parse_signed(data)
    except protocol.MalformedError as error:
        raise ReleaseError(f"it is no release: {error}") from error
    signed, signature = data[: update.SIGNED_SIZE], data[update.SIGNED_SIZE : update.HEADER_SIZE]
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(publisher)).verify(signature, signed)
    except InvalidSignature:
        raise ReleaseError("it was not signed by this gateway's publisher, or was changed since") from None
    image = data[update.HEADER_SIZE :]
    if len(image) != size or hashlib.sha256(image).digest() != digest:
        raise ReleaseError("it is damaged: the firmware in it is not the one that was signed")
    return Release(version, digest, image)


class Shelf:
    """Where the gateway keeps its release."""

    def __init__(self, folder: Path, publisher: str) -> None:
        """`publisher`: the public key in hexadecimal; empty: no release is accepted."""
        self._path = folder / NAME
        self._publisher = publisher
        self._seen: tuple[int, int] | None = None
        self._release: Release | None = None

    def put(self, file: Path) -> Release:
        """Check a release and keep it instead of the one before. Raises ReleaseError, OSError."""
        if not self._publisher:
            raise ReleaseError('the configuration names no "publisher", whose releases to trust')
        data = file.read_bytes()
        release = verify(data, self._publisher)
        known = self.newest()
        if known is not None and release.version < known.version:
            raise ReleaseError(f"it is version {release.name}, and this gateway has {known.name} already")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(NAME + ".new")
        with fresh.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._path)
        return release

    def newest(self) -> Release | None:
        """The release that is kept, checked whenever its file has changed; None when there is none to trust."""
        if not self._publisher:
            return None
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                self._seen, self._release = seen, None
                self._release = verify(self._path.read_bytes(), self._publisher)
        except OSError:
            self._seen = self._release = None
        except ReleaseError as error:
            logger.warning("%s is not used: %s", self._path, error)
        return self._release


class Updating:
    """Brings one clip's firmware up to date; lives as long as the clip's session."""

    def __init__(self, shelf: Shelf, serial: str, on_change: Callable[[], None]) -> None:
        """`on_change`: `progress` has changed."""
        self._shelf = shelf
        self._name = serial[-4:]
        self._on_change = on_change
        self._refused: set[bytes] = set()  # digests that the clip does not want
        self.progress: str | None = None
        """What is going on, in a line; None: nothing."""

    async def run(self, link: Link, firmware: str) -> None:
        """Send the release, whenever there is one that is newer than the clip's `firmware`. Raises LinkError."""
        self._tell(None)
        tries = 0
        brought: bytes | None = None
        while True:
            pause_s = LOOK_EVERY_S
            release = self._shelf.newest()
            if release is not None and self._wants(release, firmware) and release.digest != brought:
                try:
                    await self._send(link, release)
                    brought = release.digest
                    self._tell(f"{release.name} waits for a press of the clip's button")
                except RefusedError as error:
                    tries += error.result != control.REFUSED_BUSY
                    pause_s = self._refusal(error, release, tries)
            await asyncio.sleep(pause_s)

    def _wants(self, release: Release, firmware: str) -> bool:
        try:
            running = update.version_of(firmware)
        except ValueError:
            return False  # not one of ours
        return release.version > running and release.digest not in self._refused

    async def _send(self, link: Link, release: Release) -> None:
        size = len(release.image)
        at = await link.begin_update(update.pack_begin(size, release.digest, release.version))
        if at > size:
            raise LinkError("the clip has more of the firmware than there is")
        if at < size:
            logger.info("%s: sending firmware %s from byte %d of %d", self._name, release.name, at, size)
        while at < size:
            piece = release.image[at : at + update.DATA_MAX]
            await link.operate(control.UPDATE_DATA, update.pack_data(at, piece))
            before, at = at, at + len(piece)
            if at * 10 // size != before * 10 // size:
                self._tell(f"{release.name} is being sent, {at * 100 // size} %")
        await link.operate(control.UPDATE_END, b"")

    def _refusal(self, error: RefusedError, release: Release, tries: int) -> float:
        """Seconds until the next try, after the clip has refused a step."""
        if error.result == control.REFUSED_BUSY:  # no memory just now, a trial, or a flash that errs: it may pass
            self._tell(f"{release.name} cannot be taken in by this clip now")
            return BUSY_S
        transient = error.op != control.UPDATE_BEGIN and tries < TRIES
        if not transient:
            self._refused.add(release.digest)
            self._tell(f"{release.name} was refused: {control.RESULT_NAMES[error.result]}")
        return 1.0 if transient else LOOK_EVERY_S

    def _tell(self, progress: str | None) -> None:
        if progress != self.progress:
            self.progress = progress
            if progress is not None:
                logger.info("%s: firmware %s", self._name, progress)
            self._on_change()
