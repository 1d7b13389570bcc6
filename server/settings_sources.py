"""Where settings come from: the environment wins over the file; secrets may be in files of their own; and a key that
is no setting is an error that names it, because a misspelt setting is one that silently does nothing."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

PREFIX: Final = "PLUMBLINE_SERVER_"
_CONFIG: Final = "config"
_FILE: Final = "_file"


class SettingsError(ValueError):
    """Settings that cannot be read; the message says which, and what to do."""


def sources(
    settings: type[BaseSettings], given: PydanticBaseSettingsSource, environment: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """What is given in code, then the environment, then the file that one of them names. Raises SettingsError."""
    _refuse_unknown(
        (name for name in os.environ if name.upper().startswith(PREFIX)), variables_of(settings), "the environment"
    )
    told = _Environment(settings, environment)
    file = given().get(_CONFIG) or told().get(_CONFIG)
    if file is None:
        return given, told
    return given, told, InitSettingsSource(settings, _from_file(settings, Path(file)))


def variables_of(settings: type[BaseSettings]) -> list[str]:
    """The environment variables that set something."""
    names = [*settings.model_fields, *(name + _FILE for name in _secrets(settings))]
    return sorted(PREFIX + name.upper() for name in names)


def _secrets(settings: type[BaseSettings]) -> list[str]:
    return [
        name
        for name, field in settings.model_fields.items()
        if field.annotation is SecretStr or SecretStr in get_args(field.annotation)
    ]


def _refuse_unknown(names: Iterable[str], known: list[str], place: str) -> None:
    spelt = {name.upper(): name for name in known}
    for name in sorted(names):
        if name.upper() not in spelt:
            near = difflib.get_close_matches(name.upper(), spelt, 1)
            hint = f"did you mean {spelt[near[0]]}?" if near else "remove it"
            raise SettingsError(f"{name} in {place} is no setting of this server; {hint}")


def _from_file(settings: type[BaseSettings], path: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not text
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from error
    secrets = _secrets(settings)
    known = [*(name for name in settings.model_fields if name != _CONFIG), *(name + _FILE for name in secrets)]
    _refuse_unknown(told, known, str(path))
    _read_secrets(told, {name: told.pop(name + _FILE, None) for name in secrets})
    return told


class _Environment(PydanticBaseSettingsSource):
    """The environment, with secrets from the files that it names."""

    def __init__(self, settings: type[BaseSettings], plain: PydanticBaseSettingsSource) -> None:
        super().__init__(settings)
        self._plain = plain

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """A field's value as the environment has it."""
        return self._plain.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """All values."""
        told = dict(self._plain())
        named = {name: os.environ.get(PREFIX + (name + _FILE).upper()) for name in _secrets(self.settings_cls)}
        _read_secrets(told, named)
        return told


def _read_secrets(told: dict[str, Any], files: dict[str, Any]) -> None:
    """Put the content of these files, without the line's end, where the secrets would be. Raises SettingsError."""
    for name, file in files.items():
        if file is None:
            continue
        if name in told:
            raise SettingsError(f"{name} is set, and {name}{_FILE} too; keep one of them")
        try:
            told[name] = Path(str(file)).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}{_FILE}: {file} cannot be read: {error}") from error


def secret_files(settings: BaseSettings) -> list[Path]:
    """The files that secrets are in: their own, and the settings file where it has one in it."""
    kind = type(settings)
    secrets = _secrets(kind)
    named = [os.environ.get(PREFIX + (name + _FILE).upper()) for name in secrets]
    file: Path | None = getattr(settings, _CONFIG)
    if file is not None:
        told = tomllib.loads(file.read_text())
        named += [told.get(name + _FILE) for name in secrets]
        if any(name in told for name in secrets):
            named.append(str(file))
    return [Path(name) for name in named if name]
