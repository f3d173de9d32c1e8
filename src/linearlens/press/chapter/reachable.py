"""Which code can a chapter reach? Read from the sources, without running or importing anything.

The unit is a statement at the top level of a module: a function, a class, an assignment. A statement reaches what its
names lead to, through imports, aliases and attributes of modules; so an edit of a function that nobody calls reaches no
chapter, and one that moves to another module is still the same. What a module does when it is imported (a call, a loop,
a decorator that registers) counts for all who import it, however far away. In doubt a statement is reached: a name that
may lead to several leads to all, and a module that is handed on as a whole, to all of it.
"""

import ast
import os
from collections import deque
from collections.abc import Container, Iterable
from functools import cache
from pathlib import Path

from linearlens.paths import ROOT
from linearlens.press.chapter.statements import PACKAGE, Module, Name, Statement, hash_of, read_code

# Not followed: what it gives is told by the checksums of the data sets that are asked for.
CHECKED = "linearlens.datasets.registry"
# Not followed either: it tells readers what was recorded, and gives nothing back.
TELLS = ("linearlens.ledger._ledger", "told")
# Looks at code that others hand it, by whatever name; it runs none.
REFLECTS = "linearlens.models._fingerprint"
# Who uses these can reach anything, by names that are not written down.
ANYTHING = {"__builtins__", "__import__", "__loader__", "__spec__", "eval", "exec", "get_ipython", "globals"}
ANY_MODULE = {"builtins", "importlib", "importlib.util", "pkgutil", "runpy", "subprocess"}


# Reading files: all that was looked at is remembered, also what was not there, so that a change can be told.

_looked: dict[str, object] = {}


def look(path: str) -> bytes | tuple[str, ...] | None:
    """The content of a file, the names in a folder, or None; the same until `forget_changed`."""
    if path not in _looked:
        _looked[path] = _state(path)
    return _looked[path]  # type: ignore[return-value]


def _state(path: str) -> object:
    try:
        with open(path, "rb") as file:
            return file.read()
    except IsADirectoryError:
        return tuple(sorted(name for name in os.listdir(path) if name != "__pycache__"))
    except OSError:
        return None


def forget_changed() -> bool:
    """Whether anything that was read has changed, or is of another project; then nothing is remembered of it."""
    if all(path.startswith(str(ROOT)) and _state(path) == state for path, state in _looked.items()):
        return False
    for forget in (_looked.clear, module.cache_clear, find.cache_clear, inside.cache_clear, lead.cache_clear):
        forget()
    return True


@cache
def find(name: str) -> Path | None:
    """The file of a module of the package, or of another that lies where cells would find it; None for all others."""
    outer = name.rpartition(".")[0]
    for folder in _folders(name) if not outer or _holds_modules(outer) else ():
        for path in (f"{folder}/__init__.py", f"{folder}.py"):
            if isinstance(look(path), bytes):
                return Path(path)
    return None


def _holds_modules(name: str) -> bool:
    """Whether a module is a package, or a folder without ``__init__.py``."""
    path = find(name)
    return path.name == "__init__.py" if path else any(isinstance(look(folder), tuple) for folder in _folders(name))


def _folders(name: str) -> list[str]:
    return [f"{root}/{name.replace('.', '/')}" for root in (ROOT, ROOT / "src")]


@cache
def module(name: str) -> Module | None:
    """A module of ours, read; None if it is not ours."""
    path = None if name == CHECKED else find(name)
    if path is None:
        return None
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        return _read(name, package, look(str(path)))
    except (SyntaxError, ValueError) as error:  # ValueError: a zero byte
        said, line = getattr(error, "msg", str(error)), getattr(error, "lineno", None)
        raise SyntaxError(said, (str(path), line, None, None)) from error


@cache
def _read(name: str, package: str, code: bytes) -> Module:
    found = read_code(name, ast.parse(code), package)
    if name == TELLS[0]:
        found.binds.pop(TELLS[1], None)
    return found


def _submodules(name: str) -> list[str]:
    files = [entry for folder in _folders(name) for entry in look(folder) or () if isinstance(entry, str)]
    return sorted({f"{name}.{file.removesuffix('.py')}" for file in files if file != "__init__.py" and "-" not in file})


# Following names.

Found = dict[Statement, Module]


@cache
def inside(base: str, attributes: Name) -> tuple[Found, list[str]]:
    """The statements that attributes of a module lead to, of a module used as a whole all; and what is not ours."""
    found: Found = {}
    outside, seen, waiting = [], set(), deque([(base, attributes)])
    while waiting:
        if (at := waiting.popleft()) in seen:
            continue
        seen.add(at)
        base, attributes = at
        first, rest = attributes[:1], attributes[1:]
        here = module(base)
        if here is None:
            outside.append(".".join([base, *attributes]))
            if first and _holds_modules(base):
                waiting.append((f"{base}.{first[0]}", rest))
        elif not first:
            found.update(dict.fromkeys(here.statements(), here))
            waiting.extend(target for targets in here.imports.values() for target in targets)
            waiting.extend((star, ()) for star in here.stars)
            waiting.extend((submodule, ()) for submodule in _submodules(base) if find(submodule))
        else:
            targets = [(further, (*name, *rest)) for further, name in here.imports.get(first[0], [])]
            if find(f"{base}.{first[0]}"):
                targets.append((f"{base}.{first[0]}", rest))
            own = here.binds.get(first[0], [])
            found.update(dict.fromkeys(own, here))
            unknown = not own and not targets and not first[0].startswith("__")
            waiting.extend([*targets, (base, ())] if unknown else targets)  # __getattr__, or a star
    return found, outside


@cache
def lead(where: Module, name: Name) -> tuple[Found, list[str]]:
    """The statements a name with attributes leads to, seen from a module; and what is not ours."""
    first, rest = name[0], name[1:]
    found: Found = dict.fromkeys(where.binds.get(first, []), where)
    through = [(base, (*inner, *rest)) for base, inner in where.imports.get(first, [])]
    through += [(star, name) for star in where.stars]
    outside = [] if found or through else [first]
    for base, attributes in through:
        more, others = inside(base, attributes)
        found, outside = found | more, outside + others
    anything = (not found and not through and first in ANYTHING) or any(_is_any(one) for one in outside)
    return (inside(PACKAGE, ())[0] if anything and where.name != REFLECTS else found), outside


def _is_any(name: str) -> bool:
    return name in ANY_MODULE or name.rpartition(".")[0] in ANY_MODULE


class Reach:
    """All statements that can be reached from some: `of` tells in which module each stands, in the order of discovery.

    `drawing` are statements that only draw or set a style: what they use of `apart` is put off until `extend`.
    """

    def __init__(
        self, start: Module, roots: Iterable[Statement], drawing: Container[Statement] = (), apart: str = "-"
    ) -> None:
        self.of: Found = {}
        self.order: list[Statement] = []  # what is run on import, of which some may never be reached
        self._drawing, self._apart = drawing, apart
        self._later: Found = {}
        self._loaded: set[str] = set()
        self._waiting: deque[Statement] = deque()
        for name in start.runs:
            if isinstance(name, str):
                self._load(name)
        self._follow(dict.fromkeys(roots, start))

    def extend(self, start: Module, roots: Iterable[Statement]) -> None:
        """Go on from more statements, and from what was put off."""
        later, self._later, self._drawing = self._later, {}, ()
        self._follow({**later, **dict.fromkeys(roots, start)})

    def _follow(self, roots: Found) -> None:
        self._add(roots)
        while self._waiting:
            statement = self._waiting.popleft()
            where = self.of[statement]
            for name in statement.loads:
                self._load(name)
            for text in statement.texts:  # import_module("linearlens.koopman"), patch("linearlens.koopman.forecast")
                if text.startswith(f"{PACKAGE}."):
                    parts = text.split(".")
                    self._add(inside(PACKAGE, tuple(parts[1:]) if all(map(str.isidentifier, parts)) else ())[0])
            for used in statement.uses:
                found, _ = lead(where, used)
                if not where.name:  # a name inside a function may be that of another cell, which is no root
                    found = {one: there for one, there in found.items() if there.name or one in self.of}
                if statement in self._drawing:
                    put_off = {one: there for one, there in found.items() if there.name.startswith(self._apart)}
                    self._later |= put_off
                    found = {one: there for one, there in found.items() if one not in put_off}
                self._add(found)

    def _add(self, found: Found) -> None:
        for statement, where in found.items():
            if statement not in self.of:
                self.of[statement] = where
                self._waiting.append(statement)
                self._load(where.name)

    def _load(self, name: str) -> None:
        """What happens when a module is imported: first its package, then in its order its imports and what it does."""
        for one in [".".join(name.split(".")[: n + 1]) for n in range(name.count(".") + 1)]:
            if one in self._loaded or (loaded := module(one)) is None:
                continue
            self._loaded.add(one)
            for run in loaded.runs:
                if isinstance(run, str):
                    self._load(run)
                else:
                    self.order.append(run)
                    self._add({run: loaded} if run in loaded.acts else {})

    def hash(self, first: int = 0, stop: int | None = None) -> str:
        """Hash of the statements from one place of discovery to another, and of what each name in them leads to.

        Of cells, whose text is hashed elsewhere, only what they lead to. Where a statement stands is no part of it.
        """
        place = {statement: number for number, statement in enumerate(list(self.of)[:stop])}
        said: list[object] = [[place[one] for one in self.order if place.get(one, -1) >= first]]
        for statement in list(place)[first:]:
            where, leads = self.of[statement], []
            for name in statement.uses:
                found, outside = lead(where, name)
                known = [one for one, there in found.items() if there.name and one in place]
                to = [place[one] - first if place[one] >= first else one.own for one in known]
                if to or any(one != name[0] for one in outside):
                    leads.append((name, to, outside))
            said.append([statement.own if where.name else "", leads])
        return hash_of(str(said))

    def asked_for(self) -> set[str] | None:
        """Texts of which some may be names of data sets that are asked for; None if one is by no written name."""
        fetches = [(one, name) for one, where in self.of.items() for name in one.uses if _fetches(where, name)]
        if any(name in one.asks for one, name in fetches):
            return None
        return {text for one in self.of for text in one.texts} if fetches else set()


def _fetches(where: Module, name: Name) -> bool:
    wanted = [target for target in lead(where, name)[1] if target.startswith(CHECKED)]
    return any(not target.endswith("Error") for target in wanted)
