"""Whatever `Care` and `Office` offer decides before it does anything: read off the code, so that nothing can be added
without it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Generic

import pytest

from server.access.care import Care
from server.access.doorway import Doorway
from server.access.duty_entrance import DutyEntrance
from server.access.entrance import Entrance
from server.access.office import Office

DECIDES = {"_enter", "_enter_all", "_writing", "enter", "demand", "may"}
SHOW_NOTHING = {
    "CareList.today",  # of a patient whom one has entered already
    "OfficeAccounts.organisation",  # what one's own organisation is called
}
"""Methods without a decision."""


def methods(face: type) -> dict[str, ast.FunctionDef]:
    """Every method that a topic adds to `Care` or `Office`, private ones too, by class and name."""
    found: dict[str, ast.FunctionDef] = {}
    for topic in face.__mro__:
        if topic in (object, Generic, Doorway, Entrance, DutyEntrance, face):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(topic))).body
        assert isinstance(tree, ast.ClassDef)
        found |= {f"{topic.__name__}.{item.name}": item for item in tree.body if isinstance(item, ast.FunctionDef)}
    return found


def own_calls(node: ast.AST) -> set[str]:
    """Names of the methods of `self` that are called."""
    return {
        call.func.attr
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "self"
    }


@pytest.mark.parametrize("face", [Care, Office])
def test_every_method_decides(face: type) -> None:
    found = methods(face)
    deciding = set(DECIDES)
    while True:
        more = {name.partition(".")[2] for name, item in found.items() if own_calls(item) & deciding}
        if more <= deciding:
            break
        deciding |= more
    public = {name for name in found if not name.partition(".")[2].startswith("_")}
    undecided = {name for name in public if name.partition(".")[2] not in deciding}
    assert len(public) >= 12
    assert undecided <= SHOW_NOTHING, "begin these with self._enter or self._writing"


@pytest.mark.parametrize("face", [Care, Office])
def test_no_method_is_told_twice(face: type) -> None:
    """Topics are mixed into one class: a name of one must not hide that of another."""
    names = [name.partition(".")[2] for name in methods(face)]
    assert sorted({name for name in names if names.count(name) > 1}) == []
