"""The settings of ways to come in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.access.clinic_settings import ClinicSettings
from server.settings import Settings, variable

CLINIC = {
    "public_url": "https://posture.clinic.test",
    "clinic_issuer": "https://accounts.clinic.test",
    "clinic_client_id": "plumbline",
    "clinic_client_secret": "a very private word",
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)


def settings(monkeypatch: pytest.MonkeyPatch, **told: str) -> Settings:
    for name, value in told.items():
        monkeypatch.setenv(variable(name), value)
    return Settings()


def test_roles_that_need_a_second_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().second_factor_for == ()
    told = settings(monkeypatch, second_factor_for="administrator, therapist")
    assert told.second_factor_for == ("administrator", "therapist")
    with pytest.raises(ValidationError, match="no role; there are administrator, therapist, patient"):
        settings(monkeypatch, second_factor_for="doctor")


def test_a_clinics_sign_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Settings().clinic is None
    told = settings(monkeypatch, **CLINIC, clinic_organisation="3", clinic_name="Clinic Rosenhof")
    secret = CLINIC["clinic_client_secret"]
    assert told.clinic == ClinicSettings(CLINIC["clinic_issuer"], "plumbline", secret, 3, "Clinic Rosenhof")
    assert secret not in repr(told) + repr(told.clinic)
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    monkeypatch.delenv(variable("clinic_client_secret"))
    told = settings(monkeypatch, clinic_client_secret_file=str(file))
    assert told.clinic is not None
    assert told.clinic.client_secret == "from a file"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("public_url", None, "needs public_url"),
        ("clinic_client_id", None, "needs clinic_client_id"),
        ("clinic_client_secret", None, "needs clinic_client_id and clinic_client_secret"),
        ("clinic_issuer", "http://accounts.clinic.test", "must begin with https://"),
    ],
)
def test_half_a_sign_in_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, words: str) -> None:
    told = {**CLINIC, name: value}
    with pytest.raises(ValidationError, match=words):
        settings(monkeypatch, **{key: text for key, text in told.items() if text is not None})
