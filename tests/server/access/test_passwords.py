"""Passwords: real argon2, and the refusals."""

from __future__ import annotations

import time

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
