"""Settings: environment over file over defaults, secrets in files of their own, and unknown keys named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from server.cli import app
from server.settings import Settings, SettingsError, variable, variables

SECRET = "a very private word"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_SERVER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text(
        'port = 8001\nmqtt_port = 1884\nmqtt_password = "from the file"\ntrusted_proxies = ["10.0.0.0/8"]\n'
    )
    return path


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("config"), str(file))
    monkeypatch.setenv(variable("port"), "8002")
    settings = Settings()
    assert (settings.port, settings.mqtt_port, settings.host) == (8002, 1884, "127.0.0.1")
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert Settings(config=file, port=8003).port == 8003


@pytest.mark.parametrize("in_environment", [True, False])
def test_a_secret_may_be_in_a_file_of_its_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_environment: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    if in_environment:  # over the file's own word
        monkeypatch.setenv(variable("mqtt_password_file"), str(secret))
    else:
        file.write_text(f'mqtt_password_file = "{secret}"\n')
    settings = Settings(config=file)
    assert settings.mqtt_password.get_secret_value() == SECRET
    assert SECRET not in repr(settings) + str(settings.model_dump())


def test_the_environment_wins_over_a_file_named_in_the_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("another")
    file.write_text(f'mqtt_password_file = "{tmp_path / "secret"}"\n')
    monkeypatch.setenv(variable("mqtt_password"), SECRET)
    assert Settings(config=file).mqtt_password.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prot = 1\n", "prot in {file} is no setting of this server; did you mean port?"),
        ("zzzzzz = 1\n", "zzzzzz in {file} is no setting of this server; remove it"),
        ("config = 'other.toml'\n", "config in {file} is no setting"),
        ("port = \n", "the settings file {file} is not TOML"),
        ("mqtt_password = 'a'\nmqtt_password_file = 'b'\n", "keep one of them"),
        ("mqtt_password_file = '/no/such/file'\n", "mqtt_password_file: /no/such/file cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file: Path, content: str, words: str) -> None:
    file.write_text(content)
    with pytest.raises(SettingsError) as error:
        Settings(config=file)
    assert words.format(file=file) in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        Settings(config=tmp_path / "none.toml")


def test_a_variable_that_sets_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_SERVER_MQTT_URI", "mqtt://x")
    with pytest.raises(SettingsError, match=r"MQTT_URI in the environment .* did you mean PLUMBLINE_SERVER_MQTT_URL"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("trusted_proxies", "10.0.0.1,everybody", "'everybody' is no address or network"),
        ("trusted_proxies", "*", "is no address or network"),
        ("public_url", "clinic.example.org", "must look like https://"),
        ("public_url", "https://clinic.example.org/pages", "without a path"),
        ("tls_key_file", "key.pem", "belong together"),
        ("log_level", "loud", "debug"),
    ],
)
def test_what_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(ValidationError, match="1 validation error") as error:
        Settings()
    assert words in str(error.value)


def test_a_network_of_proxies_is_told_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("trusted_proxies"), "10.0.0.2, 10.0.0.9/24, fd00:0::1")
    assert Settings().trusted_proxies == ("10.0.0.2", "10.0.0.0/24", "fd00::1")


def test_every_variable_is_listed_with_those_that_name_files() -> None:
    assert variable("mqtt_password_file") in variables()
    assert variable("database_url_file") in variables()
    assert variable("port_file") not in variables()


def test_the_option_names_the_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("data_dir"), str(tmp_path / "data"))
    file.write_text("prot = 1\n")
    result = CliRunner().invoke(app, ["--config", str(file), "migrate"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "did you mean port?" in result.stderr
    assert CliRunner().invoke(app, ["migrate"]).exit_code == 0
