"""Which statements of a chapter only draw? An edit of these changes no number that was measured.

A cell that shows a figure only draws if it records nothing, binds no name that what measures uses, and calls nothing
that could change what it is given. That cannot be decided for every Python program, so it is decided the safe way: a
cell counts as measuring unless each call and method in it is known to leave its arguments alone, and each name it takes
from elsewhere is known to hold nothing that changes by being read, such as a generator. Functions, constants and
imports count as what uses them does. Taken on trust is what the rooms of the library do with what they are given.
"""

import ast
import re
from collections.abc import Iterable, Sequence, Set

from linearlens.press.chapter.judge import Judge, from_elsewhere
from linearlens.press.chapter.statements import Module, Statement, bound_by, free_names, read_code

# Names by which a cell gets at what is bound elsewhere without saying so; the first are IPython's.
HIDDEN = re.compile(r"_+|_i*\d*|_[iod]h|In|Out|dir|eval|exec|get_ipython|globals|locals|vars|__builtins__|__import__")

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
    judge = Judge(whole, bodies)
    draws = [shows and judge.only_draws(body) for body, (_, shows) in zip(bodies, cells, strict=True)]
    shown = {node for body, (_, shows) in zip(bodies, cells, strict=True) if shows for node in body}
    while True:
        taken = _needed([body for body, apart in zip(bodies, draws, strict=True) if not apart], bodies, judge)
        names = {name for node in taken for name in taken[node]}
        hidden = any(map(HIDDEN.fullmatch, names)) or any(
            judge.is_of_matplotlib(name)
            for node in taken
            if node not in shown and not judge.waits(node)
            for name in taken[node]
        )
        meets = [hidden or any(bound_by(node) & names for node in body if not judge.waits(node)) for body in bodies]
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


def _needed(
    measuring: Iterable[Sequence[ast.stmt]], bodies: Iterable[Sequence[ast.stmt]], judge: Judge
) -> dict[ast.stmt, Set[str]]:
    """The statements that measure, with the functions and imports they use, and the names each takes from elsewhere."""
    taken: dict[ast.stmt, Set[str]] = {
        node: names for body in measuring for node, names in from_elsewhere(body).items() if not judge.waits(node)
    }
    waiting = [node for body in bodies for node in body if judge.waits(node)]
    while True:
        names = {name for many in taken.values() for name in many}
        more = [node for node in waiting if node not in taken and _names_of(node) & names]
        if not more:
            return taken
        taken |= {node: free_names(node) for node in more}


def _names_of(node: ast.stmt) -> Set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return bound_by(node)
