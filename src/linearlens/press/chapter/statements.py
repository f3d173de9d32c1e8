"""What the statements of a module say: which names they bind and use, what they import, whether they do more.

Read from the syntax tree, the same in all versions of Python; nothing is run or imported.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

PACKAGE = "linearlens"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SPECIAL = {"ctx", "kind", "type_comment"}  # fields that say nothing, or differ between versions of Python
# What may happen on import without counting as something the module does: it binds names.
BINDS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Pass,
         ast.Import, ast.ImportFrom)  # fmt: skip
# Calls, of other libraries and of containers, that leave everything as it was. Decorators are calls, too.
QUIET = set(
    """
    Path TypeVar abstractmethod array cache cached_property ceil classmethod compile contextmanager dataclass field
    finfo float frozenset id int is_available items keys len list lru_cache max min no_grad overload partition property
    range resolve set setter sorted split staticmethod str sum tuple type values wraps zip
    """.split()  # noqa: SIM905
)

VIEWS = {("items",), ("keys",), ("values",)}

Name = tuple[str, ...]  # a name with its attributes: ("np", "linalg", "norm")


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement at the top level of a module; `own` is the hash of what Python makes of it."""

    own: str
    uses: tuple[Name, ...]
    asks: frozenset[Name]  # names among them that are not only called with a text
    texts: tuple[str, ...]  # constants in it, of which some may be names of modules or data sets
    loads: tuple[str, ...]  # modules that are imported when it is run
    yields: bool  # a function that gives what can be run through once


@dataclass(frozen=True, eq=False)
class Module:
    """What a module binds and does."""

    name: str
    binds: dict[str, list[Statement]] = field(default_factory=dict)
    imports: dict[str, list[tuple[str, Name]]] = field(default_factory=dict)  # name → module, and a name in it
    stars: list[str] = field(default_factory=list)
    runs: list[str | Statement] = field(default_factory=list)  # on import, in order: imports, and what may matter
    acts: set[Statement] = field(default_factory=set)  # of these, those that do more than bind names
    read: dict[ast.stmt, Statement] = field(default_factory=dict)

    def ours(self) -> set[str]:
        """Names imported from the package."""
        return {name for name, targets in self.imports.items() if any(base.startswith(PACKAGE) for base, _ in targets)}

    def statements(self) -> list[Statement]:
        """All of them."""
        return list(self.read.values())


def hash_of(content: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:16]


@cache
def hash_code(code: str | bytes) -> str:
    """Hash of what Python makes of some code: not of comments, docstrings or layout; the same in all versions."""
    return hash_of(_dump(ast.parse(code)))


def _dump(node: object) -> str:
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    if isinstance(node, ast.JoinedStr):  # 3.12 adds empty texts
        fields["values"] = [part for part in node.values if getattr(part, "value", None) != ""]
    said = [f"{k}={_dump(v)}" for k, v in fields.items() if k not in SPECIAL and v is not None and v != []]
    return f"{type(node).__name__}({','.join(said)})"


@lru_cache(2**14)
def walk(node: ast.AST) -> tuple[ast.AST, ...]:
    """`ast.walk`, once for each node."""
    return tuple(ast.walk(node))


def read_code(name: str, tree: ast.Module, package: str = "") -> Module:
    """A module from its syntax tree."""
    found = Module(name)
    skipped = ast.get_docstring(tree, clean=False) is not None and bool(name)
    bound = {node: bound_by(node) | set(_imported(node)) for node in tree.body[skipped:]}
    for node in bound:
        for one in walk(node):
            if isinstance(one, ast.Import | ast.ImportFrom):
                _add_import(found, one, package)
    count = Counter(name for names in bound.values() for name in names)
    ours = found.ours()
    defined = {name for node in bound for name in bound_by(node)}
    acting = {node for node in bound if acts(node, ours, defined)}
    again = {name for name, times in count.items() if times > 1}
    # What is used where others change it, so that it matters which comes first.
    unsettled = ours | (defined if acting or again else set())
    for node, names in bound.items():
        now, later = _loads_of(node, package)
        found.runs.extend(now)
        if isinstance(node, ast.Import | ast.ImportFrom) and name and not names & again:
            continue
        statement = found.read[node] = _statement_of(node, later)
        for bind in names if name or not isinstance(node, ast.Import | ast.ImportFrom) else ():
            found.binds.setdefault(bind, []).append(statement)
        if node in acting:
            found.acts.add(statement)
        if node in acting or names & again or unsettled & {*_read_in(_running(node))}:
            found.runs.append(statement)
    return found


def _read_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return (one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))


def _imported(node: ast.AST) -> list[str]:
    aliases = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return [alias.asname or alias.name.split(".")[0] for alias in aliases if alias.name != "*"]


def _base(node: ast.ImportFrom, package: str) -> str:
    parts = package.split(".") if node.level else []
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def _add_import(found: Module, node: ast.Import | ast.ImportFrom, package: str) -> None:
    for alias, bound in zip(node.names, _imported(node) or [""], strict=False):
        if isinstance(node, ast.Import):
            target: tuple[str, Name] = (alias.name if alias.asname else bound, ())
        elif alias.name == "*":
            found.stars.append(_base(node, package))
            continue
        else:
            target = _base(node, package), (alias.name,)
        found.imports.setdefault(bound, []).append(target)


def _loads_of(node: ast.AST, package: str) -> tuple[list[str], list[str]]:
    """Modules that are imported when the module is, and those that are when its functions are called."""
    names: dict[ast.AST, list[str]] = {}
    for one in walk(node):
        if isinstance(one, ast.Import):
            names[one] = [alias.name for alias in one.names]
        elif isinstance(one, ast.ImportFrom):
            base = _base(one, package)
            names[one] = [base, *(f"{base}.{alias.name}" for alias in one.names)]
    now = {one for one in _running(node) if one in names} if names else set()
    early, late = ([name for one in names if (one in now) is when for name in names[one]] for when in (True, False))
    return early, late


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """What is run when a statement is: of functions not the bodies, but decorators and defaults."""
    yield node
    children: Iterable[ast.AST | None] = ast.iter_child_nodes(node)
    if isinstance(node, FUNCTIONS):
        children = [*getattr(node, "decorator_list", []), *node.args.defaults, *node.args.kw_defaults]
    elif isinstance(node, ast.AnnAssign):
        children = [node.target, node.value]
    for child in children:
        if child is not None:
            yield from _running(child)


def acts(node: ast.AST, ours: Container[str], bound: Container[str]) -> bool:
    """Whether a statement does more, when it is run, than to bind names; which of these are ours is told."""
    return any(_acts(one, ours, bound) for one in _running(node))


def _acts(node: ast.AST, ours: Container[str], bound: Container[str]) -> bool:
    if isinstance(node, ast.Call):
        return not _is_quiet(node.func, ours, bound)
    if isinstance(node, ast.Attribute | ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        loud = any(not _is_quiet(one, ours, bound) for one in node.decorator_list)
        bases = [name_of(base) or ("",) for base in getattr(node, "bases", [])]
        # A class of ours may register those derived from it.
        return loud or bool(getattr(node, "keywords", [])) or any(b[0] in ours or b[0] in bound for b in bases)
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.stmt) and not constant and not isinstance(node, BINDS)


def _is_quiet(function: ast.AST, ours: Container[str], bound: Container[str]) -> bool:
    name = name_of(function.func if isinstance(function, ast.Call) else function)
    if name is None:  # " ".join, a method of what another call gives
        return isinstance(function, ast.Attribute) and function.attr in QUIET
    return name[-1] in QUIET and name[0] not in ours and (name[0] not in bound or name[1:] in VIEWS)


@lru_cache(2**14)
def bound_by(node: ast.AST) -> frozenset[str]:
    """Names a statement binds where it stands, but for imports."""
    return frozenset(_bound_by(node))


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, COMPREHENSIONS):
        yield from (one.target.id for one in walk(node) if isinstance(one, ast.NamedExpr))
    elif not isinstance(node, ast.Lambda):
        if isinstance(node, ast.ExceptHandler | ast.pattern):  # except … as name, case name, case **rest
            yield from filter(None, [getattr(node, "name", None), getattr(node, "rest", None)])
        for child in ast.iter_child_nodes(node):
            yield from _bound_by(child)


@lru_cache(2**14)
def free_names(node: ast.AST) -> frozenset[str]:
    """Names that a statement takes from outside itself, its functions included."""
    return frozenset(_free_names(node))


def _free_names(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Load) else []
    if isinstance(node, COMPREHENSIONS):
        own = {one.id for part in node.generators for one in walk(part.target) if isinstance(one, ast.Name)}
        return (_free_in(ast.iter_child_nodes(node)) - own).union(_free_names(node.generators[0].iter))
    if isinstance(node, ast.For):
        return (_free_in(node.body) - bound_by(node.target)) | _free_in([node.iter, *node.orelse])
    if not isinstance(node, FUNCTIONS):
        return _free_in(ast.iter_child_nodes(node))
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    own = {one.arg for one in walk(node.args) if isinstance(one, ast.arg)}
    declared = {name for one in body for g in walk(one) if isinstance(g, ast.Global) for name in g.names}
    own |= {name for one in body for name in bound_by(one)} - declared
    outside = [*node.args.defaults, *filter(None, node.args.kw_defaults), *getattr(node, "decorator_list", [])]
    return (_free_in(body) - own) | _free_in(outside)


def _free_in(nodes: Iterable[ast.AST]) -> set[str]:
    return {name for node in nodes for name in _free_names(node)}


def _statement_of(node: ast.AST, loads: Iterable[str]) -> Statement:
    nodes, used = list(walk(node)), list(_names_in(node))
    texts = {one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)} - {""}
    calls = [
        (name_of(one.func), [*one.args, *(k.value for k in one.keywords)]) for one in nodes if isinstance(one, ast.Call)
    ]
    told = Counter(name for name, given in calls if given and isinstance(given[0], ast.Constant))
    asks = {name for name, times in Counter(used).items() if told[name] < times}
    yields = not isinstance(node, ast.ClassDef) and any(isinstance(one, ast.Yield | ast.YieldFrom) for one in nodes)
    return Statement(
        hash_of(_dump(node)), tuple(sorted({*used})), frozenset(asks), tuple(sorted(texts)), tuple(loads), yields
    )


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
