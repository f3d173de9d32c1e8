"""Which statements of a chapter only draw? An edit of these changes no number that was measured.

A cell that shows a figure only draws if it records nothing, binds no name that what measures uses, and calls nothing
that could change what it is given. That cannot be decided for every Python program, so it is decided the safe way: a
cell counts as measuring unless each call and method in it is known to leave its arguments alone, and each name it takes
from elsewhere is known to hold nothing that changes by being read, such as a generator. Functions, constants and
imports count as what uses them does. Taken on trust is what the rooms of the library do with what they are given.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Sequence, Set

from linearlens.press.chapter.reachable import lead
from linearlens.press.chapter.statements import (
    FUNCTIONS,
    Module,
    Name,
    Statement,
    acts,
    bound_by,
    free_names,
    name_of,
    read_code,
    walk,
)  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Methods and functions that change nothing but a drawing.
PLOTS = _words(
    """
    add_artist add_axes add_gridspec add_patch add_subplot annotate arrow axhline axhspan axis axline axvline
    axvspan bar bar_label barh boxplot clabel colorbar contour contourf errorbar figure fill_between
    fill_betweenx get_legend_handles_labels get_xlim get_ylim grid hist hlines imshow inset_axes invert_xaxis
    invert_yaxis label_outer legend loglog margins matshow minorticks_off pcolormesh plot quiver scatter
    secondary_xaxis secondary_yaxis semilogx semilogy set set_alpha set_aspect set_axis_off set_bbox
    set_box_aspect set_color set_linewidth set_title set_xlabel set_xlim set_xscale set_xticklabels set_xticks
    set_ylabel set_ylim set_yscale set_yticklabels set_yticks set_zorder show stem streamplot subfigures
    subplots subplots_adjust suptitle supxlabel supylabel text tick_params title triplot twinx twiny violinplot
    vlines
    """
)
# Those of matplotlib's modules beside them.
SHAPES = _words("Circle Ellipse Line2D LogNorm Normalize Patch Polygon Rectangle close get_cmap rc_context to_rgb")
# Those that leave all as it was, if they are not given a place to write to: by how many arguments come before it.
ALONE = _words(
    "abs absolute angle ceil conj cos degrees exp expm1 floor isfinite isnan log log10 log1p log2 radians sign sin sqrt"
)
FIRST = _words(
    """
    add all any argmax argmin concatenate cumprod cumsum diff divide dot gcd hypot max maximum mean median min
    minimum multiply outer percentile power prod quantile round stack std subtract sum var
    """
)
SECOND = _words("clip replace where")
FREE = _words(
    """
    allclose arange argsort array array_equal array_split asarray astype atleast_1d atleast_2d chain
    column_stack combinations contributions copy corrcoef count cov decode detach diag digitize eigenfunctions
    encode endswith expand_dims eye flatnonzero flatten format full geomspace get histogram hstack index interp
    isclose isdigit isin item items itemgetter join keys linspace logspace lower meshgrid no_grad nonzero norm
    numpy ones ones_like pairwise polyfit polyval predict product ravel real removeprefix removesuffix repeat
    reshape residuals rollout searchsorted split squeeze startswith strip swapaxes tile time_vectors tolist
    transform transpose tril triu unflatten unique upper values view vstack zeros zeros_like
    """
)
CONSTANTS = _words("bool e float32 float64 inf int64 long nan newaxis pi tau")
PURE = ("numpy", "matplotlib", "scipy", "torch", "math", "itertools", "operator", "myst_nb")
OURS = ("linearlens.figures", "linearlens.koopman", "linearlens.snapshots", "linearlens.kann", "linearlens.credit",
        "linearlens.instance", "linearlens.layers")  # fmt: skip
BUILTINS = _words(
    """
    KeyError ValueError abs all any bool chr complex dict divmod enumerate filter float format frozenset getattr
    int isinstance len list map max min ord print range repr reversed round set slice sorted str sum tuple zip
    """
)
DRAWS = _words("choice integers normal permutation standard_normal uniform")
# Attributes that change what they belong to once somebody calls them.
CHANGE = re.compile(
    r"__\w+__|add|append(left)?|backward|clear|close|discard|eval|extend(left)?|fill|insert|next|partition|pop(item|left)?"
    r"|put|read(lines?)?|remove|requires_grad_|resize|reverse|rotate|send|set(default|field|flags)|shuffle|sort|step|throw"
    r"|train|update|write(lines|rows?)?|zero_grad|(add|clamp|copy|div|fill|mul|normal|sub|uniform|zero)_"
)
WRITES = re.compile(r"out|inplace|file|copy|overwrite\w*")  # arguments that say where to
# Calls that give what changes by being read; what only runs through it once; what takes all of that.
MAKES = _words(
    """
    Event Generator Queue RandomState SimpleQueue cycle default_rng defaultdict islice iter memmap open partial
    reader spawn
    """
)
LAZY = _words("enumerate filter map reversed zip")
CONSUMES = _words("dict frozenset list set sorted tuple")
# Names by which a cell gets at what is bound elsewhere without saying so; the first are IPython's.
HIDDEN = re.compile(r"_+|_i*\d*|_[iod]h|In|Out|dir|eval|exec|get_ipython|globals|locals|vars|__builtins__|__import__")

BINDERS = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.withitem, ast.Call)
LATER = (*FUNCTIONS, ast.GeneratorExp)  # when these are run, a name may be bound anew

Cells = list[list[Statement]]


def parts_of(cells: Sequence[tuple[ast.Module, bool]]) -> tuple[Module, Cells, Cells]:
    """The cells as one module, of each the statements that measure, and all.

    Parameters
    ----------
    cells : sequence of (ast.Module, bool)
        Each cell's syntax tree, and whether it shows a figure.
    """
    bodies = [[part for node in tree.body for part in _parts(node)] for tree, _ in cells]
    whole = read_code("", ast.Module([node for body in bodies for node in body], []))
    judge = _Judge(whole, bodies)
    draws = [shows and judge.only_draws(body) for body, (_, shows) in zip(bodies, cells, strict=True)]
    shown = {node for body, (_, shows) in zip(bodies, cells, strict=True) if shows for node in body}
    while True:
        taken = _needed([body for body, apart in zip(bodies, draws, strict=True) if not apart], bodies)
        names = {name for node in taken for name in taken[node]}
        hidden = any(map(HIDDEN.fullmatch, names)) or any(
            judge.is_of_matplotlib(name)
            for node in taken
            if node not in shown and not _waits(node)
            for name in taken[node]
        )
        meets = [hidden or any(bound_by(node) & names for node in body if not _waits(node)) for body in bodies]
        if not any(apart and clash for apart, clash in zip(draws, meets, strict=True)):
            measuring = [[whole.read[node] for node in body if node in taken] for body in bodies]
            return whole, measuring, [[whole.read[node] for node in body] for body in bodies]
        draws = [apart and not clash for apart, clash in zip(draws, meets, strict=True)]


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """An import as one statement for each name, so that each counts as what uses it does."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [node]


def _waits(node: ast.stmt) -> bool:
    """Whether a statement does nothing until its name is used."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        base = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
        return base.split(".")[0] in (*PURE, "linearlens") and node.names[0].name != "*"
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not acts(node)


def _needed(measuring: Iterable[Sequence[ast.stmt]], bodies: Iterable[Sequence[ast.stmt]]) -> dict[ast.stmt, Set[str]]:
    """The statements that measure, with the functions and imports they use, and the names each takes from elsewhere."""
    taken: dict[ast.stmt, Set[str]] = {
        node: names for body in measuring for node, names in _from_elsewhere(body).items() if not _waits(node)
    }
    waiting = [node for body in bodies for node in body if _waits(node)]
    while True:
        names = {name for many in taken.values() for name in many}
        more = [node for node in waiting if node not in taken and _names_of(node) & names]
        if not more:
            return taken
        taken |= {node: free_names(node) for node in more}


def _from_elsewhere(body: Sequence[ast.stmt]) -> dict[ast.stmt, Set[str]]:
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


def _names_of(node: ast.stmt) -> Set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return bound_by(node)


class _Judge:
    """Says of a cell whether it can change anything but a drawing."""

    def __init__(self, whole: Module, bodies: Sequence[Sequence[ast.stmt]]) -> None:
        self.whole = whole
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

    def is_of_matplotlib(self, name: str) -> bool:
        """Whether a name was imported from there."""
        return any(base.startswith("matplotlib") for base, _ in self.whole.imports.get(name, ()))

    def only_draws(self, body: Sequence[ast.stmt]) -> bool:
        """Whether a cell changes nothing that another can see, but for the names it binds."""
        elsewhere = {name for name in self.changing if any(node not in body for node in self.binders[name])}
        used = {name for names in _from_elsewhere(body).values() for name in names}
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
            else _is_harmless(one) and (id(one) in within or self._may_hand_on(one, own))
            for one in nodes
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
            return all(_is_known(full) for full in self._full(name))
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
            return all(_is_known(full, n_given, unknown=None in options) for full in self._full(name))
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
        plain = None not in options and not CHANGE.fullmatch(last) and _leaves_alone(last, n_given + 1)
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
        if last in CONSUMES and len(name) == 1:
            return any(self._changes(_consumed(one), known) for one in _given(node))
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


def _is_harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute | ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _waits(node)
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


def _is_known(full: str, n_given: int | None = None, *, unknown: bool = False) -> bool:
    """Whether a function of a library leaves alone what it is given; without a number, if it is handed on."""
    parts = full.split(".")
    if full.startswith(OURS):
        return True
    if parts[0] in ("matplotlib", "myst_nb"):
        return parts[-1] in PLOTS | SHAPES or full == "myst_nb.glue"
    if parts[0] not in PURE or unknown or "random" in parts:
        return full == "numpy.random.default_rng" and n_given is not None
    if n_given is None:
        return parts[-1] in FREE | CONSTANTS or parts[-1][0].isupper() or len(parts) == 1
    return _leaves_alone(parts[-1], n_given)


def _leaves_alone(last: str, n_given: int) -> bool:
    return last in FREE or any(last in words and n_given <= n for n, words in enumerate((ALONE, FIRST, SECOND), 1))
