"""The file of tombstones: who was erased or said no, kept outside the database and so outside its backups.

A line of JSON each, in order of time, added with a full sync before the database commits what it tells of: whatever
backup is restored later, `server.rights.restoring` can repeat it. It holds pseudonyms, clips and times, no names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.rights.one_writer import one_writer

_CHUNK: Final = 2**20
_OPEN: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


class TombstoneError(Exception):
    """The file of tombstones cannot be used; the message says why and what to do."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    pseudonym: Annotated[str, Field(min_length=1, max_length=32)]
    at_ms: int


class Worn(BaseModel):
    """A clip that a patient wore from `start_ms` to before `end_ms` (None: until they were erased), UTC ms."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    clip: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    start_ms: int
    end_ms: int | None = None


class Erased(_Line):
    """A patient was erased at `at_ms`."""

    kind: Literal["erased"] = "erased"
    actor: Annotated[str, Field(max_length=40)] = "-"
    worn: tuple[Worn, ...] = ()


class Said(_Line):
    """A patient gave consent, or withdrew it, at `at_ms`."""

    kind: Literal["given", "withdrawn"]


Tombstone = Erased | Said
_TOMBSTONE: Final[TypeAdapter[Erased | Said]] = TypeAdapter(Annotated[Erased | Said, Field(discriminator="kind")])


def parse(text: str) -> list[Tombstone]:
    """The tombstones of a file's text. A last line without an end was being written when something stopped it, before
    its database committed: it is left out. Raises TombstoneError for any other line that cannot be read."""
    *lines, _ = text.split("\n")
    found: list[Tombstone] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_TOMBSTONE.validate_json(line))
        except ValidationError as error:
            raise TombstoneError(f"line {number} of the tombstones cannot be read: restore that file first") from error
    return found


class Tombstones:
    """The file. It is made for its user alone when the first is added; until then there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Tombstone]:
        """All of them, in the order in which they were added. Raises TombstoneError."""
        try:
            return parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise TombstoneError(f"the tombstones in {self.path} cannot be read: {error}") from error

    def add(self, stones: Iterable[Tombstone]) -> None:
        """Add some; they are on the disk when this returns. Call it before the database commits. Raises
        TombstoneError, and then nothing may be committed."""
        lines = "".join(stone.model_dump_json() + "\n" for stone in stones).encode()
        try:
            with self._opened() as file:
                os.lseek(file, _whole(file), os.SEEK_SET)
                _write(file, lines)
                os.ftruncate(file, os.lseek(file, 0, os.SEEK_CUR))
                os.fsync(file)
        except OSError as error:
            raise TombstoneError(f"the tombstones in {self.path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        new = not self.path.exists()
        if new:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.path, _OPEN, 0o600)
        try:
            with one_writer(file):
                yield file
                if new:
                    _sync_folder(self.path.parent)
        finally:
            os.close(file)


def _whole(file: int) -> int:
    """Where the last whole line ends."""
    os.lseek(file, 0, os.SEEK_SET)
    data = b""
    while part := os.read(file, _CHUNK):
        data += part
    return data.rfind(b"\n") + 1


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
