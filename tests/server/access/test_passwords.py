"""Passwords: real argon2, and the refusals."""

from __future__ import annotations

import threading
import time

import anyio
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from server.access.passwords import LONGEST, SHORTEST, Passwords, WeakPasswordError


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1))


async def test_only_the_password_matches_its_hash(passwords: Passwords) -> None:
    stored = passwords.hash("a quiet afternoon")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches("a quiet afternoon", stored)
    assert not await passwords.matches("a quiet afternoom", stored)
    assert not await passwords.matches("nobody has this password", None)


@pytest.mark.parametrize("password", ["x" * (SHORTEST - 1), "x" * (LONGEST + 1), "mara@example.org"])
def test_weak_passwords_are_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(WeakPasswordError):
        passwords.hash(password, "mara@example.org")


def test_long_phrases_and_any_letters_are_accepted(passwords: Passwords) -> None:
    assert passwords.hash("ß" * 64 + " 🙂 and more")


async def test_the_default_cost_is_the_recommended_one_and_nobody_costs_as_much() -> None:
    passwords = Passwords()
    stored = passwords.hash("a quiet afternoon")
    assert "m=65536,t=3,p=4" in stored
    started = time.process_time()  # of all its threads
    assert await passwords.matches("a quiet afternoon", stored)
    somebody = time.process_time() - started
    started = time.process_time()
    assert not await passwords.matches("a quiet afternoon", None)
    nobody = time.process_time() - started
    assert nobody > somebody / 5


class Counting(Argon2Hasher):
    """Knows how many hashes were under way at once, and is never quick."""

    def __init__(self) -> None:
        super().__init__(memory_cost=8, time_cost=1, parallelism=1)
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.crowd = threading.Event()

    def counted(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now > 2:
                self.crowd.set()
        self.crowd.wait(0.02)
        with self.lock:
            self.now -= 1

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.counted()
        return super().hash(password, salt=salt)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - as the library calls it
        self.counted()
        return super().verify(password, hash)


async def test_never_more_than_two_are_hashed_or_checked_at_once() -> None:
    hasher = Counting()
    passwords = Passwords(hasher)
    stored = passwords.hash("a quiet afternoon")
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(passwords.hash_in_turn, "seven grey herons", "mara@example.org")
            group.start_soon(passwords.matches, "a quiet afternoon", stored)
    assert hasher.most == 2


async def test_hashing_in_turn_is_as_strict_and_as_good(passwords: Passwords) -> None:
    assert await passwords.matches("seven grey herons", await passwords.hash_in_turn("seven grey herons"))
    with pytest.raises(WeakPasswordError):
        await passwords.hash_in_turn("nora@example.org", "nora@example.org")


async def test_an_account_without_a_hash_has_no_password(passwords: Passwords) -> None:
    for stored in ("", "!", "no hash of ours"):
        for password in ("nobody has this password", "", stored):
            assert not await passwords.matches(password, stored)
