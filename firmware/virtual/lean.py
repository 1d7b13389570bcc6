"""Python source as a small heap wants it: without the names that nobody asks for.

MicroPython keeps every name of a module, an attribute and an argument for as long as the program runs, each in 20
bytes and more. These are needed by readers only, and are taken out before the compiler sees them:

* numbers, texts and bytes named at the top of a module: the value stands wherever the name stood, in any module;
* attributes that objects set on themselves and that no other module names, and private methods: they are numbered
  within a module, and modules share the numbers;
* arguments that no call names: numbered likewise;
* classes that other modules import by name: those of a module are numbered, and asked for as `module.A`;
* the words of a package's own ValueErrors: it raises them for what comes from outside, and catches them.

What a module then imports from its own package for nothing goes too, and so does what only a type checker reads. At
last modules that are always loaded together become one.
Public methods, functions and modules keep their names, so that a traceback can be read.
"""

from __future__ import annotations

import ast
import copy
import operator
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from . import merging

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
Value = int | str | bytes
Site = tuple[ast.ImportFrom, ast.alias, str]  # an import of a class: statement, part of it, full name
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}


def reachable(trees: Mapping[str, ast.Module], start: str) -> set[str]:
    """Names of the modules that `start` imports, by relative imports and theirs, with the packages that they are in."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in trees or name in found:
            continue
        found.add(name)
        waiting += [name.rpartition(".")[0], *_imported(trees, name).values()]
    return found


def lean(trees: dict[str, ast.Module], *, closed: bool, together: Sequence[str] = ()) -> dict[str, str]:
    """Source of each module, by its full name; the trees are changed. `closed`: nobody else imports these modules, so
    that what is public in them need not stay either. `together`: modules that are loaded with all that they import,
    which is merged (see `merging`); what has been merged for one is left where it is for the next.

    Raises ValueError when a module reaches what is private in another, or a class inherits from another module's."""
    _check_private(trees)
    constants = {name: _constants(tree) for name, tree in trees.items()}
    attributes = Counter(attribute for tree in trees.values() for attribute in _attributes(tree))
    wanted = {full for name in trees for full in _imported(trees, name).values()}
    named = {keyword.arg for tree in trees.values() for keyword in ast.walk(tree) if isinstance(keyword, ast.keyword)}
    for name, tree in trees.items():
        _Constants(trees, constants, name).visit(tree)
    if closed:
        _silence_errors(trees)
        _number_classes(trees)
    for _ in range(2):  # what only constants need that go
        for name, tree in trees.items():
            _drop_imports(tree, {full.removeprefix(name + ".") for full in wanted if full.startswith(name + ".")})
        mentioned = {name for tree in trees.values() for name in (*_attributes(tree), *_imports(tree))}
        for name, tree in trees.items():
            _drop_constants(tree, {c for c in constants[name] if closed or c.startswith("_")} - mentioned)
    texts = {text for tree in trees.values() for text in _texts(tree)}
    for tree in trees.values():
        local = {attribute for attribute, modules in attributes.items() if closed and modules == 1}
        _number_attributes(tree, local, texts)
        _number_arguments(tree, named, closed)
    for at, start in enumerate(together):
        merging.merge_loaded(trees, start, together[:at])
    return {name: ast.unparse(ast.fix_missing_locations(tree)) for name, tree in trees.items()}


def _imported(trees: Mapping[str, ast.Module], module: str) -> dict[str, str]:
    """What a module's relative imports bind: name there -> full name of the module or of the thing in it."""
    package = module if any(name.startswith(module + ".") for name in trees) else module.rpartition(".")[0]
    bound = {}
    for node in ast.walk(trees[module]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: package.count(".") + 2 - node.level]
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                bound[alias.asname or alias.name] = full
                if full not in trees:
                    bound[origin] = origin  # for `reachable`; no name has a dot
    return bound


def _constants(tree: ast.Module) -> dict[str, Value]:
    """Values that are named at the top of a module, once and for all."""
    bound = Counter(_bound(tree))
    found: dict[str, Value] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            value = _fold(node.value, found)
            if value is not None and len(node.targets) == bound[target.id] == 1 and _CONSTANT.fullmatch(target.id):
                found[target.id] = value
    return found


def _bound(tree: ast.Module) -> Iterator[str]:
    """Names that are assigned to or that are arguments, anywhere in a module, each time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _fold(node: ast.expr, known: Mapping[str, Value]) -> Value | None:
    """The value that an expression is, None for any that has to be computed."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) in (int, str, bytes) else None  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
        return _fold(node.args[0], known)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _fold(node.operand, known)
        return -value if isinstance(value, int) else None
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _fold(node.left, known), _fold(node.right, known)
        if isinstance(left, int) and isinstance(right, int):
            return int(_OPERATORS[type(node.op)](left, right))
    return None


class _Constants(ast.NodeTransformer):
    """Puts values where their names stand, and takes out what only a type checker reads."""

    def __init__(self, trees: Mapping[str, ast.Module], constants: Mapping[str, dict[str, Value]], module: str) -> None:
        rebound = set(_bound(trees[module]))
        self._here = dict(constants[module])
        self._of: dict[str, dict[str, Value]] = {}  # by the name that a module has here
        for name, full in _imported(trees, module).items():
            origin, _, thing = full.rpartition(".")
            if name in rebound:
                continue
            if full in constants:
                self._of[name] = constants[full]
            elif thing in constants.get(origin, {}):
                self._here[name] = constants[origin][thing]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._here:
            return ast.Constant(self._here[node.id])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.attr in self._of.get(node.value.id, {}):
            return ast.Constant(self._of[node.value.id][node.attr])
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _drop_imports(tree: ast.Module, wanted: set[str]) -> None:
    """Take out what a module imports from its own package and does not use any more; others may want it from there."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | wanted
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and not node.names)]


def _drop_constants(tree: ast.Module, unused: set[str]) -> None:
    """Take out the assignments to these names at the top of a module, and to the type checker's switch."""
    unused = unused | {"TYPE_CHECKING"}
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in unused)
    ]


def _imports(tree: ast.Module) -> set[str]:
    """Names that a module imports from its own package."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {alias.name for node in nodes for alias in node.names}


def _attributes(tree: ast.Module) -> set[str]:
    """Attributes that a module names, or could name by a text that it has."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | _texts(tree)


def _texts(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _is_private(name: str) -> bool:
    return re.match("_[^_]", name) is not None


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _methods(tree: ast.Module) -> Counter[str]:
    """Private methods of a module's classes, each as often as a class defines it."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bodies = [node for a_class in classes for node in a_class.body]
    return Counter(node.name for node in bodies if isinstance(node, _FUNCTIONS) and _is_private(node.name))


def _set_on_self(tree: ast.Module) -> set[str]:
    """Attributes that a module's objects set on themselves."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if isinstance(node.ctx, ast.Store) and _of_self(node)}


def _check_private(trees: Mapping[str, ast.Module]) -> None:
    """See to it that numbers of different modules never meet in one object."""
    own = {name: set(filter(_is_private, _set_on_self(tree))) | set(_methods(tree)) for name, tree in trees.items()}
    owners = Counter(private for names in own.values() for private in names)
    for name, tree in trees.items():
        imported = _imported(trees, name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                others = owners[node.attr] - (node.attr in own[name])
                if others and (node.attr not in own[name] or not _of_self(node)):
                    raise ValueError(f"{name} reaches {ast.unparse(node)}, private in another module")
            elif isinstance(node, ast.ClassDef):
                for base in node.bases:
                    if ast.unparse(base).partition(".")[0] in imported:
                        raise ValueError(f"{name}.{node.name} inherits from another module's {ast.unparse(base)}")


def _number_attributes(tree: ast.Module, local: set[str], texts: set[str]) -> None:
    """Give the attributes that a module's objects set on themselves short names when they are private or `local`, and
    private methods too; other methods keep theirs, and so does what a text could name."""
    methods = _methods(tree)
    kept = {node.name for node in ast.walk(tree) if isinstance(node, (*_FUNCTIONS, ast.ClassDef))} - set(methods)
    kept |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}  # named in the class's body, say
    kept |= texts
    defined = Counter(node.name for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))
    kept |= {name for name, times in methods.items() if defined[name] != times}  # a function has the name, too
    own = (_set_on_self(tree) | set(methods)) - kept
    short: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in own and (node.attr in local or _is_private(node.attr)):
            node.attr = short.setdefault(node.attr, f"_{len(short)}")
        elif isinstance(node, _FUNCTIONS) and node.name in own:
            node.name = short.setdefault(node.name, f"_{len(short)}")


def _silence_errors(trees: Mapping[str, ast.Module]) -> None:
    """Raise the package's own ValueErrors without words."""
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef) and _inherits(node, "ValueError")}
    for node in nodes:
        if not isinstance(node, ast.Raise):
            continue
        call = node.exc
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in own:
            node.exc = call.func


def _inherits(node: ast.ClassDef, name: str) -> bool:
    return any(isinstance(base, ast.Name) and base.id == name for base in node.bases)


def _number_classes(trees: Mapping[str, ast.Module]) -> None:
    """Call the classes that other modules import by name at their top A, B ... in their own, and let the others ask for
    them as attributes of their modules. Errors keep their names, which a traceback ends with."""
    sites = {name: list(_classes_by_name(trees, name)) for name in trees}
    wanted = {full for found in sites.values() for _, _, full in found} - _asked_otherwise(trees, sites)
    letters: dict[str, str] = {}
    for name, tree in trees.items():
        taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        free = (letter for letter in string.ascii_uppercase if letter not in taken)
        letters |= {full: next(free) for full in _own_classes(name, tree) if full in wanted}
    for name, tree in trees.items():
        renamed = {full.rpartition(".")[2]: letters[full] for full in _own_classes(name, tree) if full in letters}
        asked = _ask_modules(tree, sites[name], letters)
        _Renamed(renamed, asked).visit(tree)


def _own_classes(module: str, tree: ast.Module) -> list[str]:
    """Full names of the classes at the top of a module that inherit from none and are bound once and for all."""
    rebound = set(_bound(tree))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases]
    return [f"{module}.{node.name}" for node in classes if node.name not in rebound]


def _classes_by_name(trees: Mapping[str, ast.Module], module: str) -> Iterator[Site]:
    """Imports at a module's top of classes of its package: (statement, part of it, full name)."""
    imported = _imported(trees, module)
    rebound = set(_bound(trees[module]))
    for node in trees[module].body:
        if not (isinstance(node, ast.ImportFrom) and node.level and node.module):
            continue
        home = node.module.rpartition(".")[2]
        for alias in node.names:
            origin = imported[alias.asname or alias.name].rpartition(".")[0]
            free = home not in rebound and imported.get(home, origin) == origin
            if free and origin in trees and f"{origin}.{alias.name}" in _own_classes(origin, trees[origin]):
                yield node, alias, f"{origin}.{alias.name}"


def _asked_otherwise(trees: Mapping[str, ast.Module], sites: Mapping[str, list[Site]]) -> set[str]:
    """Full names of what modules of the package ask for in another way than `_classes_by_name` tells."""
    found = set()
    for name, tree in trees.items():
        imported = _imported(trees, name)
        told = {id(alias) for _, alias, _ in sites[name]}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                found |= {imported[a.asname or a.name] for a in node.names if id(a) not in told}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add(f"{imported.get(node.value.id)}.{node.attr}")
    return found


def _ask_modules(tree: ast.Module, sites: list[Site], letters: Mapping[str, str]) -> dict[str, ast.Attribute]:
    """Import modules in place of their classes; what then stands for each name of a class."""
    asked: dict[str, ast.Attribute] = {}
    for node, alias, full in sites:
        if full not in letters:
            continue
        package, _, home = (node.module or "").rpartition(".")
        asked[alias.asname or alias.name] = ast.Attribute(ast.Name(home, ast.Load()), letters[full], ast.Load())
        node.names.remove(alias)
        if not any(_binds(other, home) for other in tree.body):
            at = tree.body.index(node)
            tree.body.insert(at, ast.ImportFrom(package or None, [ast.alias(home)], node.level))
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and not node.names)]
    return asked


def _binds(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names)


class _Renamed(ast.NodeTransformer):
    """Puts new names of classes where the old ones stand."""

    def __init__(self, own: Mapping[str, str], asked: Mapping[str, ast.Attribute]) -> None:
        self._own = own
        self._asked = asked

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._asked:
            return copy.deepcopy(self._asked[node.id])
        node.id = self._own.get(node.id, node.id)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._own.get(node.name, node.name)
        return self.generic_visit(node)


def _number_arguments(tree: ast.Module, named: set[str | None], closed: bool) -> None:
    """Give the arguments of functions short names, unless calls name them or a function within could confuse them. Whom
    outsiders call keeps those that have a default."""
    for function in ast.walk(tree):
        if not isinstance(function, _FUNCTIONS) or any(
            isinstance(node, (*_FUNCTIONS, ast.Lambda)) for node in ast.walk(function) if node is not function
        ):
            continue
        optional = len(function.args.defaults)
        arguments = function.args.args if closed or not optional else function.args.args[:-optional]
        kept = {*named, "self", *_bound_as_text(function)}
        short = {arg.arg: f"_{i}" for i, arg in enumerate(arguments) if arg.arg not in kept}
        for node in ast.walk(function):
            if isinstance(node, ast.arg) and node in arguments:
                node.arg = short.get(node.arg, node.arg)
            elif isinstance(node, ast.Name):
                node.id = short.get(node.id, node.id)


def _bound_as_text(function: ast.AST) -> set[str | None]:
    """Names that a function binds in another way than by assigning to them."""
    nodes = list(ast.walk(function))
    caught = {node.name for node in nodes if isinstance(node, ast.ExceptHandler)}
    return caught | {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
