"""Which code can a chapter reach? Read from the sources, without running or importing anything.

The unit is a statement at the top level of a module: a function, a class, an assignment. A statement reaches what its
names lead to, through imports, aliases and attributes of modules; so an edit of a function that nobody calls reaches no
chapter, and one that moves to another module is still the same. What a module does when it is imported (a bare call, a
loop, a decorator that registers) counts for all who import it, however far away.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from linearlens.paths import ROOT

PACKAGE = "linearlens"
# Not followed: what it gives is told by the checksums of the data sets that are asked for.
CHECKED = "linearlens.datasets.registry"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SPECIAL = {"ctx", "kind", "type_comment"}  # fields that say nothing, or differ between versions of Python
# Decorators that only wrap; any other may register what it decorates, which is an effect of the import.
WRAPPERS = {
    "cache", "cached_property", "classmethod", "contextmanager", "dataclass", "lru_cache", "no_grad", "overload",
    "property", "singledispatch", "staticmethod", "wraps",
}  # fmt: skip

SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip

Name = tuple[str, ...]  # a name with its attributes: ("np", "linalg", "norm")


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement at the top level of a module; `own` is the hash of what Python makes of it."""

    own: str
    uses: frozenset[Name]
    texts: frozenset[str]  # constants in it, of which some may be names of modules
    fetches: frozenset[str]  # data sets it asks for by name


@dataclass(frozen=True)
class Module:
    """What a module binds and does."""

    name: str
    path: Path | None
    binds: dict[str, list[Statement]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # name → module, or name in a module
    stars: list[str] = field(default_factory=list)
    effects: list[Statement] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)  # modules that importing this one imports
    read: dict[ast.stmt, Statement] = field(default_factory=dict)

    def statements(self) -> list[Statement]:
        """All of them."""
        return [*self.effects, *(one for many in self.binds.values() for one in many)]


def hash_of(content: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def hash_code(code: str) -> str:
    """Hash of what Python makes of some code: not of comments, docstrings or layout; the same in all versions."""
    return hash_of(_dump(ast.parse(code)))


def _dump(node: object) -> str:
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    said = [f"{k}={_dump(v)}" for k, v in fields.items() if k not in SPECIAL and v is not None and v != []]
    return f"{type(node).__name__}({','.join(said)})"


# Reading modules.


def find(name: str) -> Path | None:
    """The file of a module of the package, or of one that lies where cells would find it; None for all others."""
    parts = name.split(".")
    stem = (ROOT / "src" if parts[0] == PACKAGE else ROOT).joinpath(*parts)
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


@cache
def module(name: str) -> Module | None:
    """A module of ours, read; None if it is not ours. Whoever expects changes clears what is remembered first."""
    path = None if name == CHECKED else find(name)
    return None if path is None else _read(name, path, path.read_text(encoding="utf-8"))


@cache
def _read(name: str, path: Path, code: str) -> Module:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return read_code(name, path, ast.parse(code, str(path)), package)


def read_code(name: str, path: Path | None, tree: ast.Module, package: str = "") -> Module:
    """A module from its syntax tree."""
    found = Module(name, path)
    skipped = ast.get_docstring(tree, clean=False) is not None and bool(name)
    for node in tree.body[skipped:]:
        for one in ast.walk(node):
            _add_import(found, one, package, top=one is node)
        statement, names = found.read.setdefault(node, statement_of(node)), bound_by(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for bound in names:
            found.binds.setdefault(bound, []).append(statement)
        if not names or not isinstance(node, (*DOCUMENTED, ast.Assign, ast.AnnAssign)) or _registers(node):
            found.effects.append(statement)
    return found


def _add_import(found: Module, node: ast.AST, package: str, *, top: bool) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            target = alias.name if alias.asname else alias.name.split(".")[0]
            found.imports[alias.asname or target] = (target, None)
            found.loads.extend([alias.name] if top else [])
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
        for alias in node.names:
            if alias.name == "*":
                found.stars.append(base)
            else:
                found.imports[alias.asname or alias.name] = (base, alias.name)
            found.loads.extend([base, f"{base}.{alias.name}"] if top else [])


def bound_by(node: ast.AST) -> set[str]:
    """Names a statement binds at the top level."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    inner = [child for child in _outside_functions(node) if isinstance(child, ast.Name)]
    names = {child.id for child in inner if isinstance(child.ctx, ast.Store | ast.Del)}
    return names | {
        child.name for child in _outside_functions(node) if isinstance(child, ast.FunctionDef | ast.ClassDef)
    }


def free_names(node: ast.AST) -> set[str]:
    """Names that a statement takes from outside itself, its functions included."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    inner = {name for child in ast.iter_child_nodes(node) for name in free_names(child)}
    if not isinstance(node, SCOPES) or isinstance(node, ast.ClassDef):
        return inner
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        own = {one.id for part in node.generators for one in ast.walk(part.target) if isinstance(one, ast.Name)}
        return (inner - own) | free_names(node.generators[0].iter)
    own = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
    body = [] if isinstance(node, ast.Lambda) else node.body
    declared = {name for one in body for g in ast.walk(one) if isinstance(g, ast.Global) for name in g.names}
    own |= {name for one in body for name in bound_by(one)} - declared
    outside = [*node.args.defaults, *filter(None, node.args.kw_defaults), *getattr(node, "decorator_list", [])]
    return (inner - own) | {name for one in outside for name in free_names(one)}


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, SCOPES):
        return
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)


def _registers(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any((name_of(d.func if isinstance(d, ast.Call) else d) or ("?",))[-1] not in WRAPPERS for d in decorators)


def statement_of(node: ast.AST) -> Statement:
    """What counts of a statement."""
    nodes = list(ast.walk(node))
    texts = {one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    calls = [one for one in nodes if isinstance(one, ast.Call) and (name_of(one.func) or ("",))[-1] == "fetch"]
    fetches = {arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant)}
    return Statement(hash_of(_dump(node)), frozenset(_names_in(node)), frozenset(texts), frozenset(map(str, fetches)))


def _names_in(node: ast.AST) -> Iterator[Name]:
    """All names, each with as many attributes as follow it."""
    if name := name_of(node):
        yield name
        return
    for child in ast.iter_child_nodes(node):
        yield from _names_in(child)


def name_of(node: ast.AST) -> Name | None:
    """A plain name with its attributes; None for what is none."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (base := name_of(node.value)):
        return (*base, node.attr)
    return None


# Following names.


class Reach:
    """All statements that can be reached from some: `of` tells in which module each stands, and what it leads to."""

    def __init__(self, start: Module, roots: Iterable[Statement]) -> None:
        self.of: dict[Statement, Module] = {}
        self._loaded: set[str] = set()
        self._waiting: list[tuple[Module, Statement]] = []
        self._led: dict[tuple[str, Name], list[tuple[Module, list[Statement]]]] = {}
        for name in start.loads:
            self._load(name)
        self._add(start, roots)
        while self._waiting:
            where, statement = self._waiting.pop()
            for used in sorted(statement.uses):
                for found, many in self._follow(where, used):
                    self._add(found, many)
            for text in statement.texts:  # import_module("linearlens.koopman")
                if text.startswith(f"{PACKAGE}.") and (named := module(text)):
                    self._add(named, named.statements())

    def key(self, statement: Statement) -> str:
        """Hash of a statement and of what its names lead to, wherever these stand."""
        where = self.of[statement]
        leads = {}
        for name in statement.uses:
            target = where.imports.get(name[0])
            own = sorted(one.own for _, many in self._follow(where, name) for one in many)
            outside = ".".join(filter(None, target)) if target and module(target[0]) is None else ""
            if own or outside:
                leads[".".join(name)] = [*own, outside]
        return hash_of(f"{statement.own} {sorted(leads.items())}")

    def _add(self, where: Module, statements: Iterable[Statement]) -> None:
        if where.name:
            self._load(where.name)
        for statement in statements:
            if statement not in self.of:
                self.of[statement] = where
                self._waiting.append((where, statement))

    def _load(self, name: str) -> None:
        """What happens when a module is imported: its effects, and those of what it imports."""
        for one in [".".join(name.split(".")[: n + 1]) for n in range(name.count(".") + 1)]:
            if one in self._loaded or (loaded := module(one)) is None:
                continue
            self._loaded.add(one)
            self._add(loaded, loaded.effects)
            for other in loaded.loads:
                self._load(other)

    def _follow(self, where: Module, name: Name) -> list[tuple[Module, list[Statement]]]:
        """The statements a name with attributes leads to, seen from a module."""
        if (where.name, name) not in self._led:
            self._led[where.name, name] = self._look_up(where, name)
        return self._led[where.name, name]

    def _look_up(self, where: Module, name: Name) -> list[tuple[Module, list[Statement]]]:
        first, *rest = name
        if first in where.binds:
            return [(where, where.binds[first])]
        if first in where.imports:
            base, attribute = where.imports[first]
            return _inside(base, [*filter(None, [attribute]), *rest])
        return [found for star in where.stars for found in _inside(star, [first, *rest])]


def _inside(base: str, attributes: list[str]) -> list[tuple[Module, list[Statement]]]:
    """The statements that attributes of a module lead to; of a module used as a whole, all."""
    if (here := module(base)) is None:
        return []
    if not attributes:
        return [(here, here.statements())]
    first, *rest = attributes
    if first in here.binds:
        return [(here, here.binds[first])]
    if find(f"{base}.{first}"):
        return _inside(f"{base}.{first}", rest)
    if first in here.imports:
        further, attribute = here.imports[first]
        return _inside(further, [*filter(None, [attribute]), *rest])
    return [found for star in here.stars for found in _inside(star, attributes)]
