"""The key file, and what is sealed with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from server.access.sealing import SealingKeyError, SecretBox, UnsealError


def test_the_key_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "sealing.key"
    sealed = SecretBox.at(file).seal("JBSWY3DPEHPK3PXP")
    assert "JBSWY" not in sealed
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert SecretBox.at(file).open(sealed) == "JBSWY3DPEHPK3PXP"


def test_nothing_opens_with_another_key_or_after_a_change() -> None:
    box = SecretBox(Fernet.generate_key())
    sealed = box.seal("secret")
    with pytest.raises(UnsealError):
        SecretBox(Fernet.generate_key()).open(sealed)
    with pytest.raises(UnsealError):
        box.open(sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:])


def test_a_file_that_others_read_or_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sealing.key"
    SecretBox.at(file)
    file.chmod(0o640)
    with pytest.raises(SealingKeyError, match="chmod 600"):
        SecretBox.at(file)
    file.write_text("short")
    file.chmod(0o600)
    with pytest.raises(SealingKeyError, match="32 random bytes"):
        SecretBox.at(file)
