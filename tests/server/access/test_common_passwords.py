"""Passwords that are tried first, and those that are not."""

from __future__ import annotations

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.access.common_passwords import weakness


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password123!", "P@ssw0rd1234", "passwordpassword", "123456789012", "qwertyuiop123",
        "1q2w3e4r5t6y", "1qaz2wsx3edc", "iloveyou1234", "ILoveYou2024!", "administrator", "Administrator1",
        "welcome12345", "letmein12345", "sunshine2024", "Summer2026!!", "abcdefghijkl", "qwerty123456",
        "michaeljordan", "superman12345", "aaaaaaaaaaaa", "abababababab", "plumbline2026", "Plumbline123!",
        "changeme12345", "football12345", "zaq12wsxcde3", "asdfghjkl123", "trustno1trustno1", "princess12345",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_refused(password: str) -> None:
    assert weakness(password)


@pytest.mark.parametrize(
    "password",
    [
        "a quiet afternoon", "seven grey herons stand still", "correct horse battery staple", "Zwiebelkuchen im Regen",
        "kx7#Qm2!pZ9w", "ß" * 64 + " 🙂 and more", "тихий вечер у реки", "安静的下午和一杯热茶放在桌上",
    ],
)  # fmt: skip
def test_what_nobody_else_would_take_passes(password: str) -> None:
    assert weakness(password, ["mara@example.org", "Mara Lindqvist"]) == ""


@pytest.mark.parametrize("password", ["Mara.Lindqvist1", "mara@example.org", "Lindqvist1234!", "maramaramara99"])
def test_what_others_know_of_somebody_is_no_password(password: str) -> None:
    assert weakness(password, ["mara@example.org", "Mara Lindqvist"])


def test_what_a_password_manager_draws_passes() -> None:
    signs = string.ascii_letters + string.digits + string.punctuation
    refused = [
        word for word in ("".join(secrets.choice(signs) for _ in range(16)) for _ in range(500)) if weakness(word)
    ]
    assert refused == []


@given(st.text(min_size=12, max_size=48))
def test_every_text_is_measured(password: str) -> None:
    assert isinstance(weakness(password, [password[:20]]), str)
