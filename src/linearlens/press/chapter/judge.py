"""Can a cell change anything but a drawing? In doubt it can: whatever is not known to leave all as it was.

Two things are asked of each cell: whether each call and method in it is known to leave its arguments alone, and whether
each name it takes from elsewhere is known to hold nothing that changes by being read, such as a generator.
"""

import ast
import builtins
from collections.abc import Iterable, Sequence, Set

from linearlens.press.chapter.harmless import (
    BUILTINS,
    CHANGE,
    CONSUMES,
    DRAWS,
    FREE,
    GIVES,
    LAZY,
    MAKES,
    PLOTS,
    PURE,
    WRITES,
    gives_numbers,
    is_known,
    leaves_alone,
)
from linearlens.press.chapter.reachable import lead
from linearlens.press.chapter.statements import FUNCTIONS, Module, Name, acts, bound_by, free_names, name_of, walk

BINDERS = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.withitem, ast.Call)
LATER = (*FUNCTIONS, ast.GeneratorExp)  # when these are run, a name may be bound anew


class Judge:
    """Says of a cell whether it can change anything but a drawing."""

    def __init__(self, whole: Module, bodies: Sequence[Sequence[ast.stmt]]) -> None:
        self.whole, self.ours = whole, whole.ours()
        self.nodes = [node for body in bodies for node in body]
        self.binders: dict[str, list[ast.stmt]] = {}
        for node in self.nodes:
            for name in bound_by(node):
                self.binders.setdefault(name, []).append(node)
        # Functions are good until something in them is found that is not.
        self.good = {name for name, many in self.binders.items() if all(map(_is_function, many))} - {*whole.imports}
        while bad := {name for name in self.good if not all(map(self._is_fine, self.binders[name]))}:
            self.good -= bad
        self.makers: set[str] = set()  # functions and classes that give what changes by being read
        self.changing: set[str] = set()  # names of such
        while self._find_makers() or self._find_changing(self.nodes, self.changing):
            pass

    def waits(self, node: ast.AST) -> bool:
        """Whether a statement does nothing until its name is used."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            return base.split(".")[0] in (*PURE, "linearlens") and node.names[0].name != "*"
        return isinstance(node, ast.FunctionDef | ast.ClassDef) and not acts(node, self.ours, self.binders)

    def is_of_matplotlib(self, name: str) -> bool:
        """Whether a name was imported from there."""
        return any(base.startswith("matplotlib") for base, _ in self.whole.imports.get(name, ()))

    def only_draws(self, body: Sequence[ast.stmt]) -> bool:
        """Whether a cell changes nothing that another can see, but for the names it binds."""
        elsewhere = {name for name in self.changing if any(node not in body for node in self.binders.get(name, [None]))}
        used = {name for names in from_elsewhere(body).values() for name in names}
        while (
            more := {name for one in used & self.good for node in self.binders[one] for name in free_names(node)} - used
        ):
            used |= more
        return not used & elsewhere and self._is_fine(ast.Module([*body], []))

    # Whether code leaves alone what it is given.

    def _is_fine(self, tree: ast.AST) -> bool:
        nodes = walk(tree)
        own = {name for one in nodes for name in _own_names(one)}
        assigned = [(name, one.value) for one in nodes if isinstance(one, ast.Assign) for name in bound_by(one)]
        called = {one.name for one in nodes if isinstance(one, ast.FunctionDef)}
        called |= {name for name, value in assigned if isinstance(value, ast.Lambda)}
        fresh = {name for name, value in assigned if _last(value) == "default_rng"}
        within = {id(one.func) for one in nodes if isinstance(one, ast.Call)}
        within |= {id(one.value) for one in nodes if isinstance(one, ast.Attribute)}
        return all(
            self._may_call(one, own, called, fresh)
            if isinstance(one, ast.Call)
            else self._is_harmless(one) and (id(one) in within or self._may_hand_on(one, own))
            for one in nodes
        )

    def _is_harmless(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute | ast.Subscript):
            return isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self.waits(node)
        if isinstance(node, ast.With):
            return all(isinstance(item.context_expr, ast.Call) for item in node.items)
        return not isinstance(
            node,
            ast.AugAssign
            | ast.Global
            | ast.Nonlocal
            | ast.Delete
            | ast.Await
            | ast.AsyncFor
            | ast.AsyncWith
            | ast.ClassDef,
        )

    def _may_hand_on(self, node: ast.AST, own: set[str]) -> bool:
        """Whether this is no function that changes something, nor one of which nothing is known."""
        if isinstance(node, ast.Attribute) and CHANGE.fullmatch(node.attr):
            return False
        if not (name := name_of(node)) or not _is_read(_root(node)):
            return True
        if name[0] in self.binders and any(map(_is_function, self.binders[name[0]])) and name[0] not in self.good:
            return False
        if name[0] in own or name[0] in self.binders:
            return True
        if name[0] in self.whole.imports:
            return all(is_known(full) for full in self._full(name))
        return name[0] in BUILTINS or not hasattr(builtins, name[0])

    def _may_call(self, call: ast.Call, own: set[str], called: set[str], fresh: set[str]) -> bool:
        name, last = name_of(call.func), _last(call)
        options = {keyword.arg for keyword in call.keywords}
        n_given = 99 if any(isinstance(one, ast.Starred) for one in call.args) else len(call.args)
        if any(WRITES.fullmatch(option or "") for option in options):
            return False
        if name and len(name) == 1 and name[0] in own:
            return name[0] in called
        if name and len(name) == 1 and name[0] in self.binders:
            return name[0] in self.good
        if name and name[0] in self.whole.imports and name[0] not in own and name[0] not in self.binders:
            return all(is_known(full, n_given, unknown=None in options) for full in self._full(name))
        if isinstance(call.func, ast.Name):
            if last == "getattr":
                return not isinstance(call.args[1], ast.Constant) or not CHANGE.fullmatch(str(call.args[1].value))
            return last in BUILTINS and all(self._may_be_called(one, own, called) for one in _callbacks(call))
        if not isinstance(call.func, ast.Attribute):
            return False
        maker = call.func.value
        if last in DRAWS and (bool(name and name[0] in fresh) or _last(maker) == "default_rng"):
            return True
        if last == "fit":  # Koopman().fit(…)
            made = name_of(maker.func) if isinstance(maker, ast.Call) else None
            return bool(made and made[-1][0].isupper() and made[0] in self.whole.imports)
        if last == "set":
            return not call.args
        plain = None not in options and not CHANGE.fullmatch(last) and leaves_alone(last, n_given + 1)
        return last in PLOTS or plain

    def _may_be_called(self, node: ast.AST, own: set[str], called: set[str]) -> bool:
        name = name_of(node)
        if isinstance(node, ast.Attribute) and not (name and name[0] in self.whole.imports):
            return node.attr in FREE
        if not name:  # the body of a lambda is looked at with all others
            return isinstance(node, ast.Lambda | ast.Constant)
        if name[0] in own or name[0] in self.binders:
            return name[0] in (called if name[0] in own else self.good)
        return name[0] in self.whole.imports or name[0] in BUILTINS

    def _full(self, name: Name) -> list[str]:
        return [".".join([base, *inner, *name[1:]]) for base, inner in self.whole.imports[name[0]]]

    # Whether a value changes by being read.

    def _find_makers(self) -> bool:
        more = {name for name, many in self.binders.items() if any(map(self._is_maker, many))} - self.makers
        self.makers |= more
        return bool(more)

    def _is_maker(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            return not all(self._is_fine(one) for one in methods if not one.name.endswith("init__"))
        if not isinstance(node, ast.FunctionDef):
            return False
        known = self.changing - {name for one in walk(node) for name in _own_names(one)}
        while self._find_changing(node.body, known):
            pass
        returned = [one.value for one in walk(node) if isinstance(one, ast.Return) and one.value]
        yields = any(isinstance(one, ast.Yield | ast.YieldFrom) for one in walk(node))
        return yields or any(self._changes(one, known) for one in returned)

    def _find_changing(self, nodes: Iterable[ast.stmt], known: set[str]) -> bool:
        statements = [node for node in nodes if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
        parts = [one for node in statements for one in walk(node) if isinstance(one, BINDERS)]
        found = {name for one in parts for name in self._bound_to_changing(one, known)}
        more = found - known
        known |= more
        return bool(more)

    def _bound_to_changing(self, node: ast.AST, known: set[str]) -> Set[str]:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return {
                name
                for target in targets
                if self._changes(_consumed(node.value) if isinstance(target, ast.Tuple) else node.value, known)
                for name in [*bound_by(target), *filter(None, [_root_name(target)])]
            }
        if isinstance(node, ast.For):
            return bound_by(node.target) if self._changes(_consumed(node.iter), known) else set()
        if isinstance(node, ast.withitem) and node.optional_vars:
            return bound_by(node.optional_vars) if self._changes(node.context_expr, known) else set()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and CHANGE.fullmatch(node.func.attr):
            put = any(self._changes(one, known) for one in _given(node))  # xs.append(rng)
            return {_root_name(node.func)} - {""} if put else set()
        return set()

    def _changes(self, node: ast.AST, known: set[str]) -> bool:
        """Whether a value may change by being read, or holds what does."""
        if isinstance(node, ast.Name):
            return node.id in known
        if isinstance(node, ast.GeneratorExp):
            return True
        if isinstance(node, ast.Lambda):
            return not self._is_fine(node)
        if isinstance(node, ast.ListComp | ast.SetComp):
            return self._changes(node.elt, known)
        if isinstance(node, ast.DictComp):
            return self._changes(node.value, known)
        if isinstance(node, ast.Attribute):
            return bool(CHANGE.fullmatch(node.attr)) or _root_name(node) in known
        if not isinstance(node, ast.Call):
            return any(self._changes(one, known) for one in ast.iter_child_nodes(node))
        last, name = _last(node), name_of(node.func) or ("",)
        if last in MAKES or (last in LAZY and len(name) == 1) or name[0] in self.makers or self._yields(name):
            return True
        if last in CONSUMES:
            return any(self._changes(_consumed(one), known) for one in [*_given(node), node.func])
        if name[0] in self.whole.imports and not all(map(gives_numbers, self._full(name))):
            return True
        if last in GIVES:
            return _root_name(node.func) in known
        bad = {one.id for one in _given(node) if isinstance(one, ast.Name) and one.id in self.binders} - self.good
        handed = any(map(_is_function, [binder for name in bad for binder in self.binders[name]]))
        return last[:1].isupper() and (handed or any(self._changes(one, known) for one in _given(node)))

    def _yields(self, name: Name) -> bool:
        return name[0] in self.whole.imports and any(one.yields for one in lead(self.whole, name)[0])


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _is_function(node: ast.AST) -> bool:
    value = getattr(node, "value", None) if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    return isinstance(node, ast.FunctionDef) or isinstance(value, ast.Lambda)


def _own_names(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.arg):
        return [node.arg]
    return bound_by(node) if isinstance(node, ast.Name | ast.FunctionDef | ast.ExceptHandler | ast.pattern) else ()


def _last(node: ast.AST) -> str:
    """The last name of what is called."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def _root(node: ast.AST) -> ast.AST:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node


def _root_name(node: ast.AST) -> str:
    return getattr(_root(node), "id", "")


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _callbacks(call: ast.Call) -> list[ast.expr]:
    """What a function of Python's calls itself."""
    first = call.args[:1] if _last(call) in ("map", "filter") else []
    return first + [keyword.value for keyword in call.keywords if keyword.arg in ("key", None)]


def _consumed(node: ast.AST) -> ast.AST:
    """What stands for the items of a value, once it was run through."""
    if isinstance(node, ast.GeneratorExp):
        return node.elt
    if isinstance(node, ast.Starred):
        return _consumed(_consumed(node.value))
    if isinstance(node, ast.Tuple) and len(node.elts) == 1:
        return node.elts[0]
    if isinstance(node, ast.Call) and _last(node) in LAZY:
        made: list[ast.AST] = [ast.Call(one, [], []) for one in node.args[:1]]  # what the function gives
        return ast.Tuple(made if _last(node) == "map" else [*map(_consumed, _given(node))], ast.Load())  # type: ignore[arg-type,list-item]
    return node


def from_elsewhere(body: Sequence[ast.stmt]) -> dict[ast.stmt, Set[str]]:
    """Names that each statement of a cell takes from outside the cell, or may."""
    taken: dict[ast.stmt, Set[str]] = {}
    bound: set[str] = set()
    for node in body:
        later = {name for one in walk(node) if isinstance(one, LATER) for name in free_names(one)}
        taken[node] = (free_names(node) - bound) | later
        bound |= _surely_bound(node)
    return taken


def _surely_bound(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {name for target in targets for name in bound_by(target)} if getattr(node, "value", None) else set()
