"""The loader of sub-commands: what it lists, and what it says of a command whose extra is missing or that is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway import cli


@dataclass(frozen=True)
class Point:
    """Stands in for an entry point: loads `loaded`, or raises it."""

    name: str
    loaded: Any

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def greet(word: str) -> None:
    """Say a word."""
    typer.echo(f"greeted {word}")


def nested() -> typer.Typer:
    app = typer.Typer(help="Two commands.")
    app.command("one")(greet)
    app.command("two")(greet)
    return app


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(**commands: Any) -> None:
        points = [Point(name, loaded) for name, loaded in commands.items()]
        monkeypatch.setattr(cli, "entry_points", lambda group: points if group == cli.GROUP else [])

    return put


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_every_command_of_the_project_is_listed_and_describes_itself() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for name in ("demo", "gateway", "prove", "replay", "server"):
        assert re.search(rf"\b{name} +\S+ \S+", result.output), name
        told = call(name, "--help")
        assert told.exit_code == 0, told.output
        assert f"plumbline {name}" in told.output or f"Usage: main {name}" in told.output, told.output
    assert "Not installed" not in result.output


def test_functions_and_applications_are_commands(install: Any) -> None:
    install(greet=greet, nested=nested())
    assert call("greet", "hello").output == "greeted hello\n"
    assert call("nested", "two", "again").output == "greeted again\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--port", "80"), ("file.csv", "--json"), ("-h",)])
def test_a_missing_extra_is_explained_whatever_was_asked(install: Any, arguments: tuple[str, ...]) -> None:
    install(server=ModuleNotFoundError("No module named 'fastapi'", name="fastapi"), greet=greet)
    result = call("server", *arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        "'plumbline server' needs the module fastapi; install it with: pip install 'plumbline[server]'\n"
    )
    assert call("greet", "hello").exit_code == 0


def test_a_missing_extra_is_listed_with_what_to_do(install: Any) -> None:
    install(demo=ModuleNotFoundError("No module named 'bumble.hci'", name="bumble.hci"), greet=greet)
    result = call("--help")
    assert result.exit_code == 0
    assert re.search(r"demo +Not installed", result.output)
    assert "plumbline[gateway,server,virtual]" in "".join(result.output.split())
    assert re.search(r"greet +Say a word", result.output)


@pytest.mark.parametrize("name", ["gateway", "gateway.outbox", "firmware.clip.fusion", "server.app", None])
def test_a_missing_module_of_our_own_is_a_fault_not_an_extra(install: Any, name: str | None) -> None:
    fault = ModuleNotFoundError(f"No module named {name!r}", name=name)
    install(gateway=fault)
    assert call("gateway", "run").exception is fault
    assert call("--help").exception is fault


def test_other_modules_whose_names_begin_like_ours_are_extras(install: Any) -> None:
    install(gateway=ModuleNotFoundError("No module named 'server_tools'", name="server_tools"))
    assert call("gateway").exit_code == 2


def test_an_unknown_command_is_named(install: Any) -> None:
    install(greet=greet)
    result = call("gret")
    assert result.exit_code == 2
    assert "gret" in result.stderr


def test_an_entry_point_that_is_no_command_is_a_fault(install: Any) -> None:
    install(greet=42)
    assert isinstance(call("greet").exception, TypeError)


def test_nothing_asked_shows_the_help() -> None:
    assert "Commands" in call().output


def test_the_version() -> None:
    assert re.fullmatch(r"plumbline \d+\.\d+\.\d+\n", call("--version").output)
