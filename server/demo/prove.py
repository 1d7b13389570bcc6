"""`plumbline prove`, the long run: many seeds, crashes, dropped links, whole workdays, the clip's budgets, a hostile
radio, evaluations, long fuzzing."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import typer
from rich.console import Console

from server.demo.check import disturb
from server.demo.check.run import ScriptKind
from server.demo.stations import Name

KILLS: Final[tuple[Name, ...]] = ("broker", "gateway", "server")
_LONGEST: Final[ScriptKind] = "workday"
_FUZZ: Final = ("tests/gateway", "tests/server", "tests/virtual")
DROP_S: Final = 300
"""How long the link is away in `drops`, simulated."""
_FIRMWARE: Final = Path("tests/firmware")
_HOSTILE: Final = "test_hostile*.py"
ENV_32: Final = "MICROPYTHON_32BIT"
_FETCH_32: Final = Path(".ci/micropython32")
_FETCHED_32: Final = "build/micropython32"


@dataclass(frozen=True)
class Step:
    """One run: a command that exits with 0 when it holds. `report` is where it writes its own JSON, if it does."""

    name: str
    command: tuple[str, ...]
    report: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    micropython32: bool = False
    """Whether it needs a 32-bit MicroPython; its path is put into the environment."""


@dataclass(frozen=True)
class Result:
    """What became of a step."""

    name: str
    passed: bool
    wall_s: float
    detail: Any
    skipped: str | None = None


def steps(seeds: int, folder: Path, recordings: Path | None) -> Iterator[Step | Result]:
    """Every step of the long run; a step that this machine cannot take comes as a skipped Result."""
    yield from _checks(seeds, folder)
    yield replace(_plumbline("budgets", folder, "clip", "report"), micropython32=True)
    yield _plumbline("corpus", folder, "evaluate", "workdays", "--seeds", str(2 * seeds))
    yield _plumbline("triggers", folder, "evaluate", "triggers")
    if recordings is not None:
        yield _plumbline("orientation", folder, "evaluate", "orientation", "--thorough", str(recordings / "broad"))
        yield _plumbline("gate", folder, "evaluate", "gate", str(recordings / "mobgap"))
        yield _plumbline("sitting", folder, "evaluate", "sitting", str(recordings / "sitting_postures"))
    if importlib.util.find_spec("pytest") is None or not Path("tests").is_dir():
        for name in (
            "radio",
            "firmware",
            "first-steps",
            "kills",
            "erasure",
            "fuzz",
            "api",
            "server-speed",
            "page-speed",
        ):
            why = "needs a checkout and the development tools"
            yield Result(name, passed=True, wall_s=0, detail=None, skipped=why)
        return
    yield from _tests(recordings)


def _checks(seeds: int, folder: Path) -> Iterator[Step | Result]:
    """The whole line, over and over."""
    brokers = ["mosquitto", "amqtt"]
    if shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") is None:
        brokers.remove("mosquitto")
        yield Result("check with mosquitto", passed=True, wall_s=0, detail=None, skipped="mosquitto is not on PATH")
    for broker in brokers:
        for seed in range(seeds):
            yield _check(folder, f"check-{broker}-{seed}", "--broker", broker, "--seed", str(seed))
    for broker in brokers:
        for seed in range(seeds):
            name = f"drops-{broker}-{seed}"
            yield _check(folder, name, "--broker", broker, "--drop-link", str(DROP_S), "--seed", str(seed))
    for station in KILLS:
        for seed in range(max(1, seeds // 3)):
            yield _check(folder, f"crash-{station}-{seed}", "--kill", station, "--seed", str(seed))
    scripts: tuple[ScriptKind, ...] = ("slouches", "short")
    for kind in get_args(disturb.Kind):
        for script in scripts:
            for seed in range(seeds):
                name = f"disturb-{kind}-{script}-{seed}"
                yield _check(folder, name, "--disturb", kind, "--script", script, "--seed", str(seed))
    for seed in range(2 * seeds):
        yield _check(folder, f"ordeal-{seed}", "--ordeal", "--seed", str(seed))
    yield _check(folder, "delays", "--script", "brief", "--speed", "1")
    yield _check(folder, _LONGEST, "--script", _LONGEST)


def _tests(recordings: Path | None) -> Iterator[Step]:
    """Tests that are longer here than in the ordinary run; those of the firmware in the 32-bit interpreter, too."""
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    long = {"PLUMBLINE_HYPOTHESIS": "long"}
    hostile = sorted(str(path) for path in _FIRMWARE.glob(_HOSTILE))
    rest = (str(_FIRMWARE), f"--ignore-glob=*/{_HOSTILE}")
    if hostile:
        yield Step("radio", (*pytest, "-s", "--timeout=7200", *hostile), env=long, micropython32=True)
    yield Step("firmware", (*pytest, "--timeout=7200", *rest), env=long, micropython32=True)
    yield Step("first-steps", (*pytest, "-s", "tests/line/test_enrol_to_live.py"), env=long)
    killed = (f"tests/gateway/{name}.py" for name in ("test_outbox_kill", "test_erasing"))
    yield Step("kills", (*pytest, "--timeout=3600", *killed), env={"PLUMBLINE_KILLS": "200"})
    yield Step("erasure", (*pytest, "--timeout=3600", "tests/line/test_erase_line.py"), env=long)
    yield Step("fuzz", (*pytest, "--timeout=3600", "-m", "hypothesis", *_FUZZ), env=long)
    noise = "tests/server/summaries/test_trends.py"
    yield Step("noise", (*pytest, "-s", "--timeout=3600", "-m", "not hypothesis", noise), env=long)
    speed = sorted(str(path) for path in Path("tests/benchmarks").glob("test_server_*.py"))
    yield Step("server-speed", (*pytest, "-s", "--timeout=14400", *speed), env=long)
    pages = "tests/benchmarks/test_page_speed.py"
    yield Step("page-speed", (*pytest, "-s", "--timeout=7200", pages), env=long)
    yield Step("api", (*pytest, "tests/server/api/test_fuzzing.py"), env={"PLUMBLINE_API_S": "600"})
    if recordings is not None:
        # In one word: a separate path would be taken for a folder of tests.
        yield Step("recordings", (*pytest, "--timeout=3600", "-m", "recordings", f"--recordings={recordings}", "tests"))


def _check(folder: Path, name: str, *options: str) -> Step:
    return _plumbline(name, folder, "demo", "--check", *options, report="--report")


def _plumbline(name: str, folder: Path, *options: str, report: str = "--json") -> Step:
    """One of our own commands, told by the option `report` where to write its JSON."""
    path = folder / f"{name}.json"
    run = (sys.executable, "-c", "from gateway.cli import main; main()")
    return Step(name, (*run, *options, report, str(path)), path)


@functools.cache
def micropython32() -> str | None:
    """A 32-bit MicroPython: the one that the environment names, or one that the checkout's script fetches."""
    named = os.environ.get(ENV_32)
    if named or not _FETCH_32.is_file():
        return named
    fetched = subprocess.run(  # noqa: S603 - the project's own script
        [str(_FETCH_32.absolute()), _FETCHED_32], stdout=subprocess.PIPE, text=True, check=False
    )
    return fetched.stdout.strip() or None


def take(step: Step) -> Result:
    """Run a step to its end."""
    started = time.monotonic()
    env = {**os.environ, **step.env}
    if step.micropython32:
        program = micropython32()
        if program is None:
            return Result(step.name, passed=True, wall_s=0, detail=None, skipped=f"no 32-bit MicroPython; set {ENV_32}")
        env[ENV_32] = program
    run = subprocess.run(  # noqa: S603 - the project's own commands
        step.command, env=env, capture_output=True, text=True, check=False
    )
    wall_s = round(time.monotonic() - started, 1)
    if step.report is not None and step.report.exists():
        detail: Any = json.loads(step.report.read_text())
    else:
        detail = (run.stdout + run.stderr)[-3000:]
    return Result(step.name, run.returncode == 0, wall_s, detail)


def _what_failed(detail: Any) -> str:
    """The part of a failed step's detail that says why."""
    if isinstance(detail, str):
        return detail[-1500:]
    why = {key: detail[key] for key in ("differences", "bars") if key in detail}
    return json.dumps(why or detail, indent=2)


def prove(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds for each broker; a third as many for each crash.")] = 10,
    recordings: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder with broad, mobgap and sitting_postures.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Where to write the JSON report.")] = None,
    only: Annotated[str, typer.Option(help="Take only steps whose name contains this.")] = "",
) -> None:
    """Run everything that is too long for the tests, and report it as JSON. Takes hours with the default seeds."""
    console = Console(stderr=True)
    if report is not None and not report.parent.is_dir():
        raise typer.BadParameter(f"--report: there is no folder {report.parent} to write into")
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="plumbline-prove-") as folder:
        planned = list(steps(seeds, Path(folder), recordings))
        taken = [step for step in planned if only in step.name]
        if not taken:
            names = ", ".join(dict.fromkeys(step.name.rstrip("-0123456789") for step in planned))
            more = "" if recordings else "; with --recordings there are more"
            raise typer.BadParameter(f"--only: no step has {only!r} in its name; there are: {names}{more}")
        for step in taken:
            result = take(step) if isinstance(step, Step) else step
            results.append(result)
            word = f"skipped: {result.skipped}" if result.skipped else "holds" if result.passed else "DOES NOT HOLD"
            console.print(f"{result.name:28} {word}  {result.wall_s:.0f} s", highlight=False)
            if not result.passed:
                console.print(_what_failed(result.detail), highlight=False, markup=False)
    passed = all(result.passed for result in results)
    text = json.dumps(
        {
            "passed": passed,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "results": [asdict(result) for result in results],
        },
        indent=2,
    )
    if report is None:
        typer.echo(text)
    else:
        report.write_text(text + "\n")
    raise typer.Exit(0 if passed else 1)
