"""The page on notation beside the package: every public argument is explained, and nothing there has vanished."""

import ast
import importlib
import inspect
import re

from linearlens.ledger import bound_holds, record
from linearlens.paths import BOOK, ROOT

PAGE = (BOOK / "notation.md").read_text(encoding="utf-8")
ROOMS = ("datasets", "models", "snapshots", "koopman", "kann", "layers", "instance", "credit", "figures")
NOT_OURS = {"LAYER_START", "n_delays", "num_delays", "num_iterations", "svd_rank"}  # of the papers' code


def public():
    """Functions and classes of the package that readers are meant to use."""
    for room in ROOMS:
        module = importlib.import_module(f"linearlens.{room}")
        here = [name for name, item in vars(module).items() if getattr(item, "__module__", "") == module.__name__]
        for name in getattr(module, "__all__", [name for name in here if not name.startswith("_")]):
            item = getattr(module, name)
            if inspect.isfunction(item) or (inspect.isclass(item) and not issubclass(item, Exception)):
                yield item
    yield from (record, bound_holds)


def callables(item):
    """A function itself; of a class its constructor and the methods it defines."""
    yield item
    if inspect.isclass(item):
        for name, member in vars(item).items():
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            if inspect.isfunction(function) and (name == "__call__" or not name.startswith("_")):
                yield function


def arguments():
    signatures = [inspect.signature(each) for item in public() for each in callables(item)]
    return {name for signature in signatures for name in signature.parameters} - {"self", "cls"}


def explained():
    """Names in the first column of the tables under "Arguments by name"."""
    return re.findall(r"^\| `(\w+)` \|", PAGE.partition("\n## Arguments by name\n")[2], re.M)


def names_in_code():
    """Whatever has a name in the package: definitions, arguments, attributes, and texts that stand for choices."""
    found = set()
    for path in (ROOT / "src" / "linearlens").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Attribute(attr=name):
                    found.add(name)
                case ast.arg(arg=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
                    found.add(name)
    return found


def test_every_public_argument_is_explained_once_and_no_other():
    names = explained()
    assert set(names) == arguments()
    assert len(names) == len(set(names))


def test_the_walk_finds_arguments_of_functions_constructors_and_methods():
    assert {"delays", "threshold", "steps", "projected", "form", "stops", "perplexity", "claim"} <= arguments()
    assert not {"self", "cls"} & arguments()


def test_no_name_on_the_page_has_vanished_from_the_code():
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"\{\w+:?\w*\}`[^`]*`", "", PAGE))
    names = {part for span in spans if re.fullmatch(r'[\w."]+', span) for part in re.findall(r"[A-Za-z_]\w*", span)}
    assert names - names_in_code() - NOT_OURS == set()
