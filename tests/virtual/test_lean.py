"""What is taken out of the source before it is compiled, and that the rest does what it did."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from firmware.virtual.compiled import compiled, find_mpy_cross, sources
from firmware.virtual.interpreter import FIRMWARE
from firmware.virtual.lean import lean, reachable

NUMBERS = """
from micropython import const
FEW = 3
MANY = const(FEW << 4)
NAME = "it"
BYTES = b"by"
TABLE = (1, 2)
moved = 5
CHANGED = 1
CHANGED = 2
def many(): return MANY, NAME, CHANGED
"""
USER = """
from .numbers import FEW, NAME
from . import numbers as n
from .numbers import many, TABLE
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar
def _also(): return True
class Thing:
    def __init__(self, size: int, n_of) -> None:
        self._size: int = size
        self.own = n_of
        self.seen = 0
        self.named = 1
    @property
    def _twice(self): return 2 * self._size
    def _grow(self, by, *, fast=False): self._size += by * n.MANY
    def _asked(self): return None
    def _also(self): return None
    def all(self, by):
        for act in (self._grow,):
            act(by, fast=True)
        assert self._twice == 2 * self._size and _also() and not self._also()
        assert getattr(self, "_asked")() is None
        try:
            raise ValueError
        except ValueError as by:
            pass
        return self._size, self.own, FEW, NAME, n.BYTES, n.many(), getattr(self, "named")
"""
OTHER = """
from . import numbers as n
def other(n): return n.FEW
"""
READER = """
from .user import Thing
def see(thing): return thing.seen
"""


def parsed(**sources: str) -> dict[str, ast.Module]:
    return {f"pack.{name}" if name != "pack" else name: ast.parse(text) for name, text in sources.items()}


def leaned(*, closed: bool = True) -> dict[str, str]:
    return lean(parsed(pack="", numbers=NUMBERS, user=USER, other=OTHER, reader=READER), closed=closed)


def run(monkeypatch: pytest.MonkeyPatch, modules: dict[str, str]) -> Any:
    micropython = ModuleType("micropython")
    micropython.const = lambda value: value  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    for name, text in modules.items():
        module = ModuleType(name)
        module.__package__ = "pack"
        if name == "pack":
            module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
        exec(text, module.__dict__)
    return sys.modules["pack.user"]


@pytest.mark.parametrize("closed", [True, False])
def test_it_does_what_it_did(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    before = run(
        monkeypatch,
        {"pack": "", "pack.numbers": NUMBERS, "pack.user": USER, "pack.other": OTHER, "pack.reader": READER},
    )
    told = before.Thing(1, 2).all(3)
    after = run(monkeypatch, leaned(closed=closed))
    thing = after.A if closed else after.Thing
    assert thing(1, 2).all(3) == told == (145, 2, 3, "it", b"by", (48, "it", 2), 1)


def test_constants_stand_where_their_names_stood() -> None:
    out = leaned()
    assert "48" in out["pack.user"]
    assert "MANY" not in "".join(out.values())
    assert "FEW = 3" in out["pack.numbers"], "something may still ask for it"
    assert "TABLE = (1, 2)" in out["pack.numbers"]
    assert "CHANGED = 2" in out["pack.numbers"]
    assert "moved = 5" in out["pack.numbers"]
    assert "return _0.FEW" in out["pack.other"], "an argument is not the module of that name"
    assert "TypeVar" not in out["pack.user"]
    assert "TABLE" not in out["pack.user"], "nobody uses it there"


MAKER = """
class Made:
    def __init__(self, other=None): self.it = other
class Kept:
    pass
class Local:
    pass
class Free:
    pass
class Bad(ValueError):
    pass
A = 1
def again(): return Made(A)
"""
ASKER = """
from . import maker as other_name
from .maker import Made, Local, Bad
from .second import Made as Second
def made(maker=None):
    from .maker import Kept
    return [type(x).__name__ for x in (Made(), Second(), Kept(), other_name.Local(), Local())], Bad.__name__
"""
SECOND = """
from .maker import Free, Made as First
class Made:
    made_of = First, Free
"""


def test_classes_are_numbered_where_every_asker_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    out = lean(parsed(pack="", maker=MAKER, asker=ASKER, second=SECOND), closed=True)
    for name in ("pack", "pack.maker", "pack.second", "pack.asker"):
        module = ModuleType(name)
        module.__package__ = "pack"
        if name == "pack":
            module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
        exec(out[name], module.__dict__)
        if name != "pack":
            setattr(sys.modules["pack"], name.removeprefix("pack."), module)
    names, error = sys.modules["pack.asker"].made()
    # A is taken in `maker`; an argument of `asker` is called so, which makes it ask for classes by their names.
    assert names == ["Made", "A", "Kept", "Local", "Local"]
    assert error == "Bad"
    maker = sys.modules["pack.maker"]
    assert sys.modules["pack.second"].A.made_of == (maker.Made, maker.B)
    assert list(vars(maker.again()).values()) == [1]


def test_names_that_somebody_asks_for_stay() -> None:
    text = leaned()["pack.user"]
    for name in ("__init__", "all", "fast", "seen", "named", "_asked", "_also"):
        assert name in text
    for name in ("_size", "size", "n_of", "own", "_grow", "_twice"):
        assert name not in text


@pytest.mark.parametrize(
    "more",
    [
        "def see(thing): return thing._size",
        "def see(thing): thing._grow(1)",
        "class Own:\n    def _grow(self, other): other._grow(self)",
        "class Other:\n    def see(self): return self._size",
        "from .user import Thing\nclass More(Thing): pass",
        "from . import user\nclass More(user.Thing): pass",
    ],
)
def test_what_is_private_in_a_module_stays_there(more: str) -> None:
    trees = parsed(pack="", numbers=NUMBERS, user=USER, more=more)
    with pytest.raises(ValueError, match="another module"):
        lean(trees, closed=True)
    with pytest.raises(ValueError, match="another module"):
        lean(parsed(pack="", numbers=NUMBERS, user=USER, more=more), closed=False)


def test_modules_may_have_private_methods_of_one_name() -> None:
    own = "class Own:\n    def _grow(self): return 1\n    def see(self): return self._grow()"
    out = lean(parsed(pack="", numbers=NUMBERS, user=USER, own=own), closed=True)
    assert "_grow" not in "".join(out.values())


def test_outsiders_find_what_is_public() -> None:
    out = leaned(closed=False)
    assert "FEW = 3" in out["pack.numbers"]
    assert "self.own" in out["pack.user"]
    assert "self._size" not in out["pack.user"]


def test_only_what_is_reached_is_needed() -> None:
    trees = parsed(pack="", numbers=NUMBERS, user=USER, other=OTHER, reader=READER)
    assert reachable(trees, "pack.reader") == {"pack", "pack.reader", "pack.user", "pack.numbers"}
    assert reachable(trees, "pack.numbers") == {"pack", "pack.numbers"}


def test_every_module_is_reached_but_the_other_sides_half_and_the_other_sensor() -> None:
    package = FIRMWARE / "clip"
    reached = set(sources(package).values())
    left = {path for path in package.rglob("*.py") if path not in reached}
    assert {path.relative_to(package).as_posix() for path in left} == {"protocol.py", "imu_bmi270.py"} | {
        f"wire/{path.stem.removeprefix('clip_')}.py" for path in (package / "wire").glob("clip_*.py")
    }


@pytest.mark.skipif(find_mpy_cross() is None, reason="no mpy-cross")
def test_the_flash_gets_less_to_hold(tmp_path: Path) -> None:
    folder = compiled(FIRMWARE / "clip", tmp_path / "cache")
    assert folder is not None
    assert sum(path.stat().st_size for path in folder.rglob("*.mpy")) < 60_000


def test_only_own_value_errors_lose_their_words() -> None:
    own = """
class BadError(ValueError):
    pass
class WireError(OSError):
    pass
def check(a):
    if a:
        raise BadError("a is %d" % a)
    raise WireError(a)
"""
    user = (
        "from .own import BadError\ndef refuse():\n    raise BadError('no')\ndef other():\n    raise ValueError('five')"
    )
    out = lean(parsed(pack="", own=own, user=user), closed=True)
    assert "a is" not in out["pack.own"]
    assert "raise WireError(_0)" in out["pack.own"]
    assert "'no'" not in out["pack.user"]
    assert "ValueError('five')" in out["pack.user"]
