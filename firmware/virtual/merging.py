"""Modules that are always loaded together, as one: each module of its own costs an object, a dictionary, a table of the
names in it, and an entry in every module that imports it.

Into one go neighbours in the order of loading, so that nothing is asked for before it is there. Whoever asks for
something in one of them is answered by the one. Functions and classes keep their names where these are free there.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Container, Iterator, Mapping

Trees = dict[str, ast.Module]
_Origin = tuple[str, str]  # module and name in it; the name is empty for the module itself
_Scope = dict[str, _Origin | None]  # names that are bound; what was merged has its origin
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Inner = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
)
_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Of modules that become one. The interpreter has a record of every function of a module until all of it is loaded, so
# that a single module for everything needs more at that moment than it saves; of what was tried this needs least.
_NAMES = 240


def merge_loaded(trees: Trees, start: str, apart: Container[str]) -> None:
    """Merge what is loaded with the module `start`, but what is in `apart`: neighbours in the order of loading, as many
    as have `_NAMES` names, into the last of them. See `merge`."""
    members: list[str] = []
    names: set[str] = set()
    for name in [name for name in _loaded(trees, start) if name not in apart]:
        own = _mentioned(trees[name])
        if members and len(names | own) > _NAMES:
            merge(trees, members)
            members, names = [], set()
        members.append(name)
        names |= own
    merge(trees, members)


def merge(trees: Trees, members: list[str]) -> None:
    """Merge modules of a package, in the order in which they are loaded, into the last of them. `trees` are changed:
    the others are gone.

    Raises ValueError when one of them is taken for a thing instead of being asked for what it defines, when somebody
    imports from one of them what its functions bind anew, or when two mean different things by the name of an import.
    """
    into = members[-1]
    renamed = _names(trees, members)
    asking = _who_asks(trees, members)
    for name in [name for name in trees if name in asking]:
        _Linked(trees, name, into, members, renamed).visit(trees[name])
    imports = list(dict.fromkeys(line for name in members for line in _import_lines(trees[name])))
    bound = Counter(line.split()[-1].partition(".")[0] for line in imports)
    if twice := [name for name, times in bound.items() if times > 1]:
        raise ValueError(f"imports into {into} of different things as {', '.join(twice)}")
    body = ast.parse("\n".join(imports)).body
    for name in members:
        body += [node for node in trees[name].body if not isinstance(node, _IMPORTS) and not _is_text(node)]
    trees[into].body = body
    for name in members[:-1]:
        del trees[name]


def _who_asks(trees: Trees, members: list[str]) -> set[str]:
    """The modules that import from some, with these. What they import must stay the same thing."""
    anew = {(name, thing) for name in members for node in ast.walk(trees[name]) for thing in _globals(node)}
    found = set(members)
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                origin = _origin(trees, name, node)
                for thing in {(origin, alias.name) for alias in node.names} & anew:
                    raise ValueError(f"{name} imports {'.'.join(thing)}, which is bound anew there")
                if {origin, *(f"{origin}.{alias.name}" for alias in node.names)} & set(members):
                    found.add(name)
    return found


def _globals(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global) else []


def _mentioned(tree: ast.Module) -> set[str]:
    """Names that a module's bytecode mentions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, _DEFINITIONS):
            found.add(node.name)
    return found


def _package(trees: Mapping[str, ast.Module], module: str) -> str:
    """The package that a module is in, or is."""
    return module if any(name.startswith(module + ".") for name in trees) else module.rpartition(".")[0]


def _origin(trees: Mapping[str, ast.Module], module: str, node: ast.ImportFrom) -> str:
    """Full name of what a relative import imports from."""
    package = _package(trees, module).split(".")
    return ".".join([*package[: len(package) + 1 - node.level], *([node.module] if node.module else [])])


def _loaded(trees: Mapping[str, ast.Module], start: str) -> list[str]:
    """What is loaded with a module, in the order in which it is; packages themselves are not among it."""
    found: dict[str, None] = {}

    def load(module: str) -> None:
        for node in trees[module].body:
            if isinstance(node, ast.ImportFrom) and node.level:
                origin = _origin(trees, module, node)
                for full in (f"{origin}.{alias.name}" for alias in node.names):
                    other = full if full in trees else origin
                    if other not in found and other in trees and _package(trees, other) != other:
                        load(other)
        found[module] = None

    load(start)
    return list(found)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _import_lines(tree: ast.Module) -> Iterator[str]:
    """What a module imports at its top, each thing by a line of its own."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (ast.unparse(ast.Import([alias])) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (ast.unparse(ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names)


def _in_scope(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Nodes of statements, without what is within the functions and classes among them."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements bind in their own scope."""
    for node in _in_scope(body):
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _own_names(node: _Inner) -> set[str]:
    """Names that belong to a function or a comprehension."""
    if isinstance(node, _COMPREHENSIONS):
        return {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}
    arguments = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    if isinstance(node, ast.Lambda):
        return arguments
    elsewhere = {name for part in _in_scope(node.body) for name in _globals(part)}
    return (arguments | set(_bound(node.body))) - elsewhere


def _kept_imports(trees: Trees, module: str, members: list[str]) -> Iterator[str]:
    """Names that a module's imports of what is not merged bind."""
    for node in trees[module].body:
        for alias in node.names if isinstance(node, _IMPORTS) else ():
            origin = _origin(trees, module, node) if isinstance(node, ast.ImportFrom) and node.level else ""
            if not {origin, f"{origin}.{alias.name}"} & set(members):
                yield (alias.asname or alias.name).partition(".")[0]


def _names(trees: Trees, members: list[str]) -> dict[_Origin, str]:
    """What the things at the top of each member are called when all are in one module: what they were where nothing
    else has the name; a class of one letter like its module."""
    nodes = [node for name in members for node in ast.walk(trees[name])]
    taken = {own for node in nodes if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS)) for own in _own_names(node)}
    taken |= set(dir(builtins)) | {own for name in members for own in _kept_imports(trees, name, members)}
    found: dict[_Origin, str] = {}
    for name in members:
        own = [node for node in trees[name].body if not isinstance(node, _IMPORTS)]
        fixed = {bound.name for node in own for bound in ast.walk(node) if isinstance(bound, ast.ExceptHandler)}
        fixed |= {
            alias.asname or alias.name for node in own for alias in _in_scope([node]) if isinstance(alias, ast.alias)
        }
        for thing in dict.fromkeys(_bound(own)):
            wanted = name.rpartition(".")[2] if len(thing) == 1 else thing
            numbered = (f"{wanted}{n}" for n in range(2, 99))
            found[name, thing] = next(free for free in (wanted, *numbered) if free not in taken)
            taken.add(found[name, thing])
            if thing in fixed and found[name, thing] != thing:
                raise ValueError(f"{name} binds {thing} in a way that cannot be given another name")
    return found


def _free_name(wanted: str, tree: ast.Module) -> str:
    """A name that nothing in a module has, unless it is a module that is imported by it."""
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS))]
    own = {name for node in functions for name in _own_names(node)}
    own |= set(_bound([node for node in tree.body if not isinstance(node, _IMPORTS)]))
    return next(name for name in (wanted, *(f"{wanted}{n}" for n in range(2, 99))) if name not in own)


class _Linked(ast.NodeTransformer):
    """Has a module find what was merged, and gives its own things their new names if it is merged itself."""

    def __init__(
        self, trees: Trees, module: str, into: str, members: list[str], renamed: Mapping[_Origin, str]
    ) -> None:
        self._trees = dict(trees)
        self._module = module
        self._into = into
        self._members = members
        self._renamed = renamed
        self._merged = module in members
        self._home = into.rpartition(".")[0] if self._merged else _package(trees, module)
        self._asked = _free_name(into.rpartition(".")[2], trees[module])
        self._scopes: list[tuple[_Scope, bool]] = []  # whether names in it are seen from functions in it

    def visit_Module(self, node: ast.Module) -> ast.AST:
        own = {thing: (name, thing) for name, thing in self._renamed if name == self._module}
        return self._within({**self._imported(node.body), **(own if self._merged else {})}, node)

    def _within(self, scope: _Scope, node: ast.AST, *, seen: bool = True) -> ast.AST:
        self._scopes.append((scope, seen))
        super().generic_visit(node)
        self._scopes.pop()
        return node

    def _imported(self, body: list[ast.stmt]) -> _Scope:
        """What imports of merged things mean."""
        found: _Scope = {}
        for node in _in_scope(body):
            if isinstance(node, ast.ImportFrom) and node.level:
                origin = _origin(self._trees, self._module, node)
                for alias in node.names:
                    full = f"{origin}.{alias.name}"
                    if full in self._members:
                        found[alias.asname or alias.name] = (full, "")
                    elif origin in self._members:
                        found[alias.asname or alias.name] = (origin, alias.name)
        return found

    def _meant(self, name: str) -> _Origin | None:
        for scope, seen in reversed(self._scopes):
            if name in scope and (seen or scope is self._scopes[-1][0]):
                return scope[name]
        return None

    def _named(self, origin: _Origin, ctx: ast.expr_context) -> ast.expr:
        """How to ask for something that was merged."""
        if origin not in self._renamed:
            raise ValueError(f"{self._module} takes {'.'.join(origin)} for something that it defines")
        if self._merged:
            return ast.Name(self._renamed[origin], ctx)
        return ast.Attribute(ast.Name(self._asked, ast.Load()), self._renamed[origin], ctx)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        origin = self._meant(node.id)
        return node if origin is None else self._named(origin, node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name):
            origin = self._meant(node.value.id)
            if origin is not None and not origin[1]:
                return self._named((origin[0], node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._renamed.get((self._module, name), name) for name in node.names]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        if not node.level:
            return node
        origin = _origin(self._trees, self._module, node)
        left = [one for one in node.names if not {origin, f"{origin}.{one.name}"} & set(self._members)]
        out: list[ast.stmt] = [_relative(self._home, origin, left)] if left else []
        if len(left) < len(node.names) and not self._merged:
            package, _, name = self._into.rpartition(".")
            out.append(_relative(self._home, package, [ast.alias(name, self._asked if self._asked != name else None)]))
        return out or ast.Pass()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            return self._within(dict.fromkeys(_own_names(node)), node)
        return super().generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._defined(node.name)
        return self._within(dict.fromkeys(_bound(node.body)), node, seen=False)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.name = self._defined(node.name)
        return self._within({**dict.fromkeys(_own_names(node)), **self._imported(node.body)}, node)

    def _defined(self, name: str) -> str:
        return self._renamed.get((self._module, name), name) if len(self._scopes) == 1 else name


def _relative(package: str, origin: str, aliases: list[ast.alias]) -> ast.ImportFrom:
    """A relative import in a module of `package` of things in `origin`."""
    here, there = package.split("."), origin.split(".")
    same = 0
    while same < min(len(here), len(there)) and here[same] == there[same]:
        same += 1
    return ast.ImportFrom(".".join(there[same:]) or None, aliases, len(here) - same + 1)
