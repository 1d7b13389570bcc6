"""That merged modules do what they did apart."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.virtual import compiled
from firmware.virtual.interpreter import FIRMWARE
from firmware.virtual.lean import lean, reachable
from firmware.virtual.merging import merge, merge_loaded

PACK = {
    "pack": "",
    "pack.deep": "",
    "pack.deep.low": '''
"""For readers."""
import struct
LEVEL = [1]

def size(n):
    return struct.calcsize("<I") * n

def pack(low):
    return ("low", low, LEVEL[0])

class Low:
    kind = "Low"
    size = 5

    def size_of(self, size):
        return size + self.size

    def both(self, n):
        return [size(i) for i in range(n)]
''',
    "pack.middle": """
import struct as layout
from .deep import low
from .deep.low import Low as Base, pack as low_pack

count = 0

def pack(n):
    global count
    count += n
    return low_pack(count)

def size(low):
    return low  # not the module

def sizes():
    found = {low: size(low) for low in (1, 2)}
    return found, low.size(3), (lambda size: size + 1)(4), layout.calcsize("<H")

class Middle:
    class Inner:
        level = 7

    def later(self):
        from . import late
        return late.told()

    def low(self):
        return Base().both(2) + [low.Low.kind, self.Inner.level]
""",
    "pack.top": """
from . import middle as of_middle
from .deep.low import LEVEL, Low, size
from .middle import Middle

def everything():
    LEVEL[0] += 1
    made = Middle()
    return of_middle.pack(2), of_middle.sizes(), made.low(), made.later(), size(1), Low().size_of(1), of_middle.count
""",
    "pack.late": """
from . import middle
from .deep import low as deepest
from .deep.low import LEVEL, pack

def told():
    top = pack("late")
    return top, middle.pack(10), deepest.size(2), LEVEL[0]
""",
    "pack.other": """
def of_top(top):
    from .top import everything
    return top, everything()
""",
}
ALL = ["pack.deep.low", "pack.middle", "pack.top"]


def parsed(**changed: str) -> dict[str, ast.Module]:
    texts = PACK | {name.replace("_", "."): text for name, text in changed.items()}
    return {name: ast.parse(text) for name, text in texts.items()}


@pytest.fixture
def forget_pack() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "pack"]:
        del sys.modules[name]


def run(trees: dict[str, ast.Module], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, tree in trees.items():
        is_package = name in ("pack", "pack.deep")
        path = folder.joinpath(*name.split("."), *(["__init__"] if is_package else [])).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    for name in [name for name in sys.modules if name.partition(".")[0] == "pack"]:
        del sys.modules[name]
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    other = importlib.import_module("pack.other")
    return other.of_top(1), other.of_top(2)


@pytest.mark.usefixtures("forget_pack")
@pytest.mark.parametrize("groups", [[ALL], [ALL[:2]], [ALL[1:]], [ALL[:2], ALL[2:]], [ALL[:1], ALL[1:]]])
def test_it_does_what_it_did(groups: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(parsed(), tmp_path / "apart", monkeypatch)
    trees = parsed()
    for members in groups:
        merge(trees, members)
    assert set(trees) == set(PACK) - {name for members in groups for name in members[:-1]}
    assert run(trees, tmp_path / "merged", monkeypatch) == before


@pytest.mark.usefixtures("forget_pack")
def test_what_is_loaded_together_is_merged_but_what_is_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(parsed(), tmp_path / "apart", monkeypatch)
    trees = parsed()
    merge_loaded(trees, "pack.top", {"pack.deep.low"})
    assert set(trees) == set(PACK) - {"pack.middle"}
    assert run(trees, tmp_path / "merged", monkeypatch) == before


def test_names_stay_where_they_can() -> None:
    trees = parsed()
    merge(trees, ALL)
    names = [node.name for node in trees["pack.top"].body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert {"Low", "Middle", "sizes", "everything"} < set(names)
    assert len(names) == len(set(names)) == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from . import middle\nkept = [middle]", "pack.middle. for something"),
        ("from . import middle\nmiddle.nothing()", "pack.middle.nothing"),
        ("from .middle import nothing\nnothing()", "pack.middle.nothing"),
        ("from .middle import count", "which is bound anew"),
        (
            "from . import middle\nfrom time import sleep as layout\ndef everything(): pass",
            "different things as layout",
        ),
        ("from . import middle\ntry:\n    from time import size\nexcept ImportError:\n    pass", "binds size"),
    ],
)
def test_what_it_could_get_wrong_is_an_error(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        merge_loaded(parsed(pack_top=text), "pack.top", ())


def test_the_loader_of_the_firmware_loads_nothing_of_the_application() -> None:
    paths = compiled.sources(FIRMWARE / "clip")
    trees = {name: ast.parse(path.read_bytes()) for name, path in paths.items()}
    texts = lean(trees, closed=True, together=["clip.guarded", "clip.app"])
    made = {name: ast.parse(text) for name, text in texts.items()}
    assert len(made) < len(paths) - 25
    assert reachable(made, "clip.loader") == {"clip", "clip.loader", "clip.slots", "clip.guarded"}
    assert {"clip.app", "clip.update", "clip.pairing"} < reachable(made, "clip.main")
