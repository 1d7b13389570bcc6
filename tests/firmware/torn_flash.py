"""A flash that loses its power in the middle of anything, as files and as what `os` does with them.

The model. What a program writes, creates, removes and renames reaches the flash when a file is flushed or closed, byte
by byte. A write that is torn has put its first bytes; behind them lies, up to its end or the end of its block, whatever
was there: nothing, old content of another place, zeros, ones or noise. Changes that no flush stands between may come
in either order. What was flushed before stays: littlefs copies a block before it changes it, and littlefs itself is
asked in programs/littlefs_cuts.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

BLOCK = 4096
Residue = Literal["short", "old", "zeros", "ones", "noise", "block"]
RESIDUES: tuple[Residue, ...] = ("short", "old", "zeros", "ones", "noise", "block")


class PowerCutError(BaseException):
    """Nothing after it is carried out."""


@dataclass
class TornFlash:
    """Files by path. `cut` is how many bytes and changes are still carried out, None: all."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    cut: int | None = None
    residue: Residue = "short"
    backwards: bool = False
    carried_out: int = 0
    full: bool = False
    _waiting: list[tuple[Callable[[int], None], int]] = field(default_factory=list)
    _now: dict[str, bytearray] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self._now = {path: bytearray(data) for path, data in self.files.items()}

    def after(self, cut: int | None = None, residue: Residue = "short") -> TornFlash:
        """What is there when the power comes back."""
        return TornFlash(dict(self.files), set(self.folders), cut, residue, self.backwards)

    # -- what the program calls

    def open(self, path: str, mode: str) -> Handle:
        """As the built-in, for "rb", "wb", "r+b" and "w+b"."""
        if mode[0] == "w":
            if path in self.files:
                self.flush()
                self.files[path] = b""
            self._now[path] = bytearray()
            self._later(lambda _: self.files.setdefault(path, b""), 1)
        elif path not in self._now:
            raise FileNotFoundError(path)
        return Handle(self, path)

    def mkdir(self, path: str) -> None:
        """As os.mkdir."""
        if path in self.folders:
            raise FileExistsError(path)
        self.folders.add(path)

    def listdir(self, path: str) -> list[str]:
        """As os.listdir."""
        return [name.removeprefix(path + "/") for name in self._now if name.startswith(path + "/")]

    def stat(self, path: str) -> tuple[int, ...]:
        """As os.stat: the size is the seventh."""
        return (0, 0, 0, 0, 0, 0, len(self._now[path]))

    def remove(self, path: str) -> None:
        """As os.remove."""
        if path not in self._now:
            raise FileNotFoundError(path)
        del self._now[path]
        self._later(lambda _: self.files.pop(path, None), 1)

    def rename(self, old: str, new: str) -> None:
        """As os.rename, which is one change in littlefs and carried out at once."""
        self._now[new] = self._now.pop(old)
        self._later(lambda _: self.files.__setitem__(new, self.files.pop(old)), 1)
        self.flush()

    def urandom(self, n: int) -> bytes:
        """As os.urandom."""
        return self._random.randbytes(n)

    # -- what the flash does

    def write(self, path: str, at: int, data: bytes) -> None:
        """Change a file from `at` on, when it is flushed."""
        if self.full:
            raise OSError(28, "full")
        now = self._now[path]
        now.extend(bytes(max(0, at - len(now))))
        now[at : at + len(data)] = data
        self._later(lambda done: self._put(path, at, data, done), len(data))

    def flush(self) -> None:
        """Carry out what waits. Raises PowerCutError where the power ends."""
        waiting, self._waiting = self._waiting, []
        for act, size in reversed(waiting) if self.backwards else waiting:
            done = size if self.cut is None else min(size, self.cut - self.carried_out)
            self.carried_out += done
            if done:
                act(done)
            if done < size:
                raise PowerCutError

    def _later(self, act: Callable[[int], object], size: int) -> None:
        self._waiting.append((lambda done: void(act(done)), size))

    def _put(self, path: str, at: int, data: bytes, done: int) -> None:
        before = self.files.get(path, b"").ljust(at, b"\0")
        rest = len(data) - done
        if self.residue == "block" and rest:
            rest = BLOCK - (at + done) % BLOCK
        behind = {
            "short": b"",
            "old": before[at - len(data) + done : at],
            "zeros": bytes(rest),
            "ones": b"\xff" * rest,
        }.get(self.residue, self._random.randbytes(rest))
        new = data[:done] + (behind if rest else b"")
        self.files[path] = before[:at] + new + before[at + len(new) :]


def void(_: object) -> None:
    """Nothing."""


@dataclass
class Handle:
    """An open file."""

    flash: TornFlash
    path: str
    at: int = 0

    def seek(self, at: int) -> None:
        """Go there."""
        self.at = at

    def read(self, n: int = -1) -> bytes:
        """As of a file."""
        data = self.flash._now[self.path]
        part = bytes(data[self.at :] if n < 0 else data[self.at : self.at + n])
        self.at += len(part)
        return part

    def write(self, data: bytes) -> None:
        """As of a file."""
        self.flash.write(self.path, self.at, bytes(data))
        self.at += len(data)

    def flush(self) -> None:
        """As of a file, and of all others: littlefs has one order."""
        self.flash.flush()

    def close(self) -> None:
        """As of a file."""
        self.flash.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
