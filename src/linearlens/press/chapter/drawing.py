"""Which statements of a chapter only draw? An edit of these changes no number that was measured.

A cell that shows a figure only draws if it records nothing, binds no name that what measures uses, and calls nothing
that could change what it is given. That cannot be decided for every Python program, so it is decided the safe way: a
cell counts as measuring unless each call and method in it is known to leave its arguments alone. Functions and
constants count as what uses them does.
"""

import ast
import builtins
import re
from collections.abc import Sequence

from linearlens.press.chapter.reachable import Module, Statement, bound_by, free_names, name_of, read_code

RANDOM = ("default_rng", "Generator", "RandomState")
LAZY = {("map",), ("zip",), ("iter",), ("filter",), ("reversed",), ("enumerate",)}
# Methods that leave what they are called on as it was, or change nothing but a drawing.
HARMLESS = set(
    """
    abs add_artist add_gridspec add_patch add_subplot all annotate any argmax argmin argsort arrow astype axhline
    axhspan axline axvline axvspan bar bar_label barh boxplot clip close cm colorbar conj contour contourf
    contributions copy count cumsum decode detach eigenfunctions encode endswith errorbar figure fill_between
    fill_betweenx flatten format get get_legend_handles_labels get_xlim get_ylim grid hist hlines imshow index
    invert_xaxis invert_yaxis isdigit item items join keys label_outer legend linspace loglog lower margins matshow
    max mean median min minorticks_off nonzero numpy pcolormesh plot predict quantile quiver ravel removeprefix
    removesuffix repeat replace reshape residuals rollout round scatter searchsorted secondary_xaxis semilogx
    semilogy set set_aspect set_axis_off set_box_aspect set_title set_xlabel set_xlim set_xscale set_xticklabels
    set_xticks set_ylabel set_ylim set_yscale set_yticklabels set_yticks show split squeeze startswith std stem
    streamplot strip subfigures subplots subplots_adjust sum suptitle supxlabel supylabel swapaxes text tick_params
    time_vectors title tolist transform transpose triplot twinx twiny unflatten upper values view violinplot vlines
    where
    """.split()  # noqa: SIM905
)
# Modules whose functions leave their arguments alone, but for those named here.
PURE = ("numpy", "matplotlib", "scipy", "torch", "math", "itertools", "functools", "operator", "collections")
OURS = ("linearlens.figures", "linearlens.koopman", "linearlens.snapshots", "linearlens.kann", "linearlens.credit",
        "linearlens.instance", "linearlens.layers", "linearlens.models.accuracy", "myst_nb")  # fmt: skip
CHANGES = re.compile(
    r"fill_diagonal|put|put_along_axis|place|copyto|shuffle|seterr|.*_|set_\w+|seed|manual_seed|rand\w*|normal|bernoulli"
    r"|multinomial|\w*dropout|load|save|from_file"
)
DRAWS = {"choice", "integers", "normal", "permutation", "standard_normal", "uniform"}
BARRED = {
    "__import__", "delattr", "eval", "exec", "globals", "input", "iter", "locals", "next", "open", "setattr", "vars",
}  # fmt: skip


def parts_of(cells: Sequence[tuple[ast.Module, bool]]) -> tuple[Module, list[Statement], list[Statement]]:
    """The cells as one module, the statements that measure in their order, and all.

    Parameters
    ----------
    cells : sequence of (ast.Module, bool)
        Each cell's syntax tree, and whether it shows a figure.
    """
    every = [node for tree, _ in cells for node in tree.body]
    whole = read_code("", None, ast.Module(every, []))
    judge = _Judge(whole, every)
    draws = [shows and judge.only_draws(tree) for tree, shows in cells]
    while True:
        measuring = [tree for (tree, _), apart in zip(cells, draws, strict=True) if not apart]
        taken, names = _needed(measuring, every)
        meets = [any(bound_by(node) & names for node in tree.body if not _waits(node)) for tree, _ in cells]
        if not any(apart and clash for apart, clash in zip(draws, meets, strict=True)):
            chosen = [node for node in every if node in taken]
            return whole, [whole.read[node] for node in chosen], [whole.read[node] for node in every]
        draws = [apart and not clash for apart, clash in zip(draws, meets, strict=True)]


def _waits(node: ast.stmt) -> bool:
    """Whether a statement does nothing until its name is used."""
    return isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)


def _needed(measuring: Sequence[ast.Module], every: Sequence[ast.stmt]) -> tuple[set[ast.stmt], set[str]]:
    """The statements that measure, with all functions and imports they use, and the names they take from elsewhere."""
    taken: set[ast.stmt] = set()
    names: set[str] = set()
    for tree in measuring:
        bound: set[str] = set()
        for node in tree.body:
            if not _waits(node):
                taken.add(node)
                names |= free_names(node) - bound - _looped(node)
                bound |= bound_by(node) if isinstance(node, ast.Assign | ast.AnnAssign | ast.For) else set()
    while more := [node for node in every if _waits(node) and node not in taken and _names_of(node) & names]:
        taken.update(more)
        names |= {name for node in more for name in free_names(node)}
    return taken, names


def _looped(node: ast.stmt) -> set[str]:
    """What the loops of a statement run over."""
    return {name for one in ast.walk(node) if isinstance(one, ast.For) for name in bound_by(one.target)}


def _names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return bound_by(node)


class _Judge:
    """Says of a cell whether it can change anything but a drawing."""

    def __init__(self, whole: Module, nodes: Sequence[ast.stmt]) -> None:
        self.imports = whole.imports
        self.functions: dict[str, list[ast.FunctionDef]] = {}
        self.stateful: set[str] = set()  # generators of random numbers, and what can be run through only once
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                self.functions.setdefault(node.name, []).append(node)
            elif not isinstance(node, ast.ClassDef) and _has_state(node):
                self.stateful |= bound_by(node)
        self._seen: set[str] = set()

    def only_draws(self, tree: ast.Module) -> bool:
        """Whether the cell changes nothing that another can see, but for the names it binds."""
        nodes = list(ast.walk(tree))
        stored = {one.id for one in nodes if isinstance(one, ast.Name) and _stores(one)}
        given = {one.arg for one in nodes if isinstance(one, ast.arg)}
        assigned = [one for one in nodes if isinstance(one, ast.Assign)]
        called = {one.name for one in nodes if isinstance(one, ast.FunctionDef)}
        called |= {name for one in assigned if isinstance(one.value, ast.Lambda) for name in bound_by(one)}
        fresh = {name for one in assigned if _is_generator(one.value) for name in bound_by(one)}
        return all(self._fine(one, stored | given, called, fresh) for one in nodes)

    def _fine(self, node: ast.AST, own: set[str], called: set[str], fresh: set[str]) -> bool:
        if isinstance(node, ast.Name) and not _stores(node):
            if node.id in self.functions and node.id not in self._seen:  # called here, or handed on
                self._seen.add(node.id)
                bodies = [ast.Module([function], []) for function in self.functions[node.id]]
                if not all(map(self.only_draws, bodies)):
                    self._seen.discard(node.id)
                    return False
            return node.id not in self.stateful or node.id in own
        if isinstance(node, ast.Attribute | ast.Subscript):
            return not _stores(node)
        if isinstance(node, ast.AugAssign | ast.Global | ast.Nonlocal | ast.Delete | ast.Await):
            return False
        return self._call_fine(node, own, called, fresh) if isinstance(node, ast.Call) else True

    def _call_fine(self, call: ast.Call, own: set[str], called: set[str], fresh: set[str]) -> bool:
        name = name_of(call.func)
        if any(keyword.arg in ("out", "inplace") for keyword in call.keywords):
            return False
        if name and name[0] in self.imports and name[0] not in own:
            base, attribute = self.imports[name[0]]
            full = [*base.split("."), *filter(None, [attribute]), *name[1:]]
            known = full[0] in PURE or ".".join(full).startswith(OURS)
            return known and (full[-1] == "default_rng" or not any(map(CHANGES.fullmatch, full)))
        if name and len(name) == 1:
            first = name[0]
            return first in called or first in self.functions or (hasattr(builtins, first) and first not in BARRED)
        if not isinstance(call.func, ast.Attribute):
            return False
        drawn = call.func.attr in DRAWS and (_is_generator(call.func.value) or bool(name and name[0] in fresh))
        new = call.func.attr == "fit" and isinstance(call.func.value, ast.Call)  # Koopman().fit(…)
        return drawn or new or call.func.attr in HARMLESS


def _has_state(node: ast.stmt) -> bool:
    """Whether a statement may bind a generator of random numbers, or what can be run through only once."""
    used = {id(one.value) for one in ast.walk(node) if isinstance(one, ast.Attribute)}  # default_rng(0).normal(…)
    made = [one for one in ast.walk(node) if isinstance(one, ast.Call) and id(one) not in used]
    if any((name_of(one.func) or ("",))[-1] in RANDOM for one in made):
        return True
    value = node.value if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else None
    return isinstance(value, ast.GeneratorExp) or (isinstance(value, ast.Call) and name_of(value.func) in LAZY)


def _is_generator(node: ast.AST) -> bool:
    """Whether it makes a generator of random numbers of its own."""
    return isinstance(node, ast.Call) and (name_of(node.func) or ("",))[-1] == "default_rng"


def _stores(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)
