"""What a chapter reaches: each case edits one text in a small package, and says whether a number may change by it."""

# ruff: noqa: E501 (one line for each case)

import ast
from pathlib import Path

import pytest

from linearlens.press.chapter import reachable
from linearlens.press.chapter.reachable import Reach, forget_changed, module
from linearlens.press.chapter.statements import hash_code, read_code


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Hash of all that cells reach in a package of these files."""
    monkeypatch.setattr(reachable, "ROOT", tmp_path)

    def digest(files: dict[str, str | bytes], cells: str) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        forget_changed()
        whole = read_code("", ast.parse(cells))
        reach = Reach(whole, whole.statements())
        return " ".join(
            [
                *(one.own for one in whole.statements()),
                reach.hash(),
                str(reach.asked_for() and sorted(reach.asked_for())),
            ]
        )

    return digest


def files(**modules: str) -> dict[str, str]:
    """A package of these modules; two underscores for a dot."""
    texts = {f"src/linearlens/{name.replace('__', '/')}.py": text for name, text in modules.items()}
    packages = {parent / "__init__.py" for name in texts for parent in list(Path(name).parents)[:-2]}
    return {str(path): "" for path in packages} | {
        name.replace("/init.py", "/__init__.py"): t for name, t in texts.items()
    }


F = "def f(x):\n    return x * 1\n"
USE = "from linearlens.a import f\nf(2)"

NOTICED = {
    "what is called": (files(a=F), USE),
    "what that calls": (files(a="from linearlens.b import g\ndef f(x):\n    return g(x)", b="def g(x):\n    return x * 1"), USE),
    "a default": (files(a="N = 1\ndef f(x, n=N):\n    return n"), USE),
    "an import in a function": (files(a="def f(x):\n    from .b import g\n    return g", b="g = 1"), USE),
    "what such an import does": (files(a="def f(x):\n    import linearlens.b", b="print(1)"), USE),
    "what an import in a try does": (files(a="try:\n    import linearlens.b\nexcept ImportError:\n    pass\n" + F, b="print(1)"), USE),
    "one of two imports": (files(a="try:\n    from linearlens.b import g\nexcept ImportError:\n    from linearlens.c import g\nf = g", b="g = 1", c="g = 2"), USE),
    "an import in a function of the same name": (files(a="from linearlens.b import g\ndef f(x):\n    return g\ndef h():\n    from linearlens.c import g", b="g = 1", c="g = 2"), USE),
    "an import that is wrapped": (files(a="from linearlens.b import f\nf = print(f)", b="f = 1"), USE),
    "an import in another cell": (files(a="f = 1", b="f = 2"), USE + "\nfrom linearlens.b import f"),
    "a submodule": (files(a__b="f = 1"), "import linearlens.a.b\nlinearlens.a.b.f"),
    "a submodule by alias": (files(a__b="f = 1"), "import linearlens.a.b as k\nk.f"),
    "a submodule from its package": (files(a__init="from . import b", a__b="f = 1"), "from linearlens import a\na.b.f"),
    "an alias of a module": (files(a="f = 1"), "from linearlens import a\nb = a\nc = b\nc.f"),
    "an attribute by its name": (files(a="f = 1"), "import linearlens.a as k\ngetattr(k, 'f')"),
    "a re-export by its name": (files(a__init="from .b import f", a__b="f = 1"), "import linearlens.a as k\ngetattr(k, 'f')"),
    "a submodule by its name": (files(a__b="f = 1"), "import linearlens.a as k\ngetattr(k, name)"),
    "a table of contents": (files(a__init="from .b import g as f", a__b="g = 1\nh = 2"), USE, "import g", "import h"),
    "__getattr__ of a module": (files(a="def __getattr__(name):\n    return 1"), USE),
    "names put into a module": (files(a="globals().update(f=1)"), USE),
    "a star": (files(a="from linearlens.b import *", b="f = 1"), USE),
    "a star in a cell": (files(a="f = 1"), "from linearlens.a import *\nf(2)"),
    "a star over a builtin": (files(a="def len(x):\n    return 1"), "from linearlens.a import *\nlen([])"),
    "importlib": (files(a="f = 1"), "import importlib\nimportlib.import_module('linearlens.a').f"),
    "importlib by another name": (files(a="f = 1"), "from importlib import import_module as load\nload('linear' + name)"),
    "a part of a name": (files(a="f = 1"), "load('linearlens.' + name)"),
    "a name of a name": (files(a="f = 1"), "patch('linearlens.a.f')"),
    "eval": (files(a="f = 1"), "import linearlens\neval(text)"),
    "what a cell sets": (files(a="f = 1"), "import linearlens.a\nlinearlens.a.f = 1", None),
    "a shadow of a library": ({"numpy.py": "f = 1"}, "import numpy\nnumpy.f"),
    "a shadow that a library uses": ({"src/linearlens/a.py": "import numpy\nf = numpy.f", "numpy.py": "f = 1"}, USE),
    "a module beside": ({"helper.py": "f = 1"}, "from helper import f\nf"),
    "a package beside": ({"help/__init__.py": "from .me import f", "help/me.py": "f = 1"}, "from help import f\nf"),
    "a folder beside": ({"help/me.py": "f = 1"}, "from help import me\nme.f"),
    "a deep folder beside": ({"help/it/me.py": "f = 1"}, "import help.it.me\nhelp.it.me.f"),
    "a module in src": ({"src/helper.py": "f = 1"}, "from helper import f\nf"),
    "a package rather than a module": (files(a="f = 2", a__init="f = 1"), USE),
    "bound by walrus": (files(a="[f := 1]"), USE),
    "bound by walrus in a comprehension": (files(a="_ = [f := n for n in [1]]"), USE),
    "bound by with": (files(a="with open(1) as f:\n    pass"), USE),
    "bound by for": (files(a="for f in [1]:\n    pass"), USE),
    "bound by except": (files(a="try:\n    pass\nexcept E as f:\n    g = f(1)"), "from linearlens.a import g"),
    "bound by match": (files(a="match [1]:\n    case [f, *rest]:\n        pass"), USE),
    "bound by global": (files(a="f = None\ndef g():\n    global f\n    f = 1\ng()"), USE),
    "bound in if": (files(a="if True:\n    def f(x):\n        return 1"), USE),
    "bound and deleted": (files(a="f = 1\ng = f\ndel f\nf = 2"), USE),
    "added to": (files(a="f = 0\nf += 1"), USE),
    "set from afar": (files(a="class f:\n    pass\nimport linearlens.b", b="import linearlens.a\nlinearlens.a.f.n = 1"), USE),
    "set beside another name": (files(a="class f:\n    pass\n_unused = f.n = 1"), USE),
    "set by setattr": (files(a="class f:\n    pass\n_ = setattr(f, 'n', 1)"), USE),
    "a seed on import": (files(a="import numpy as np\n_ = np.random.seed(1)\n" + "f = 2"), USE),
    "a call in a default": (files(a="F = []\ndef _g(n=F.append(1)):\n    pass\ndef f(x):\n    return F"), USE),
    "a call in a class": (files(a="F = []\nclass _G:\n    F.append(1)\nf = F"), USE),
    "what registers by decorator": (files(a="F = []\ndef add(g):\n    F.append(g)\n@add\ndef _g():\n    return 1\ndef f(x):\n    return F"), USE),
    "what registers by a decorator named cache": (files(a="F = []\ndef cache(g):\n    F.append(g)\n@cache\ndef _g():\n    return 1\nf = F"), USE),
    "what registers by its class": (files(a="from linearlens.b import B\nclass _G(B):\n    n = 1\nf = B", b="class B:\n    def __init_subclass__(cls):\n        pass"), USE),
    "what registers by metaclass": (files(a="class f(type):\n    pass\nclass _G(metaclass=f):\n    n = 1"), USE),
    "what registers from afar": (files(a="from linearlens.b import f\nimport linearlens.c", b="f = []", c="from linearlens.b import f\nf.append(1)"), USE),
    "the order of two bindings": (files(a="f = 1\nf = 2"), USE, "f = 1\nf = 2", "f = 2\nf = 1"),
    "the place of a binding among two": (files(a="x = 1\nf = x\nx = 2"), USE, "f = x\nx = 2", "x = 2\nf = x"),
    "the order of effects": (files(a="f = []\nf.append(1)\nf.append(2)"), USE, "f.append(1)\nf.append(2)", "f.append(2)\nf.append(1)"),
    "the place of a length": (files(a="F = []\nF.append(1)\nf = len(F)"), USE, "F.append(1)\nf = len(F)", "f = len(F)\nF.append(1)"),
    "the order of imports with effects": (files(a="import linearlens.b\nimport linearlens.c\nfrom linearlens.d import f", b="from linearlens.d import f\nf.append(1)", c="from linearlens.d import f\nf.append(2)", d="f = []"), USE, "import linearlens.b\nimport linearlens.c", "import linearlens.c\nimport linearlens.b"),
    "which of two alike": (files(a="N = 1\ndef f(x):\n    return N", b="N = 2\ndef f(x):\n    return N"), "from linearlens.a import f as slow\nfrom linearlens.b import f as fast\nslow(1), fast(1)", "cells", "slow(1), fast(1)", "fast(1), slow(1)"),
    "which of two alike, by alias": (files(a="N = 1\ndef f(x):\n    return N", b="N = 2\ndef f(x):\n    return N", c="from linearlens.a import f as slow\nfrom linearlens.b import f as fast\ndef s():\n    return slow\ndef t():\n    return fast"), "from linearlens.c import s, t\ns(), t()", "a import f as slow\nfrom linearlens.b", "b import f as slow\nfrom linearlens.a"),
    "the library a name is of": (files(a="from numpy import mean as g\ndef f(x):\n    return g(x)"), USE, "import mean", "import median"),
    "a nested class": (files(a="class f:\n    class g:\n        n = 1"), USE),
    "a field": (files(a="from dataclasses import dataclass\n@dataclass\nclass f:\n    n: int = 1"), USE),
    "a table of functions": (files(a="def g():\n    return 1\nT = {'g': g}\ndef f(x):\n    return T[x]()"), USE),
    "a partial": (files(a="from functools import partial\ndef g(x):\n    return 1\nf = partial(g, 2)"), USE),
    "a guarded binding": (files(a="try:\n    import fast\n    f = fast.f\nexcept ImportError:\n    f = 1"), USE),
    "other letters": ({"src/linearlens/__init__.py": "", "src/linearlens/a.py": "# coding: latin-1\nf = 'é1'".encode("latin-1")}, USE, "f = '", "f = '7"),
    "a data set by name": (files(a="from linearlens.datasets.registry import fetch\ndef f(x):\n    return fetch('mnist')", datasets__registry=""), USE, "mnist", "digits"),
    "a data set by keyword": (files(a="from linearlens.datasets.registry import fetch as get\ndef f(x):\n    return get(name='mnist')", datasets__registry=""), USE, "mnist", "digits"),
    "a data set by variable": (files(a="from linearlens.datasets import registry\nN = 'digits'\ndef f(x):\n    return registry.fetch(N)", datasets__registry=""), USE, "'digits'", "'mn'"),
}  # fmt: skip

UNNOTICED = {
    "what nobody calls": (files(a=F + "def _g():\n    return 7"), USE, "7", "8"),
    "a constant that nobody uses": (files(a=F + "_N = 7"), USE, "7", "8"),
    "a docstring": (files(a='def f(x):\n    """Old."""\n    return x'), USE, "Old", "New"),
    "a comment": (files(a=F), USE, "return", "# said\n    return"),
    "layout": (files(a=F), USE, "x * 1", "(x\n * 1)"),
    "an import": (files(a="import numpy\n" + F), USE, "import numpy", "import math, numpy"),
    "a module beside what is used": (files(a__init="from .b import f\nfrom .c import g", a__b=F, a__c="g = 7"), USE, "7", "8"),
    "the order of functions": (files(a="def g():\n    pass\n" + F), USE, "def g():\n    pass\n" + F, F + "def g():\n    pass\n"),
    "the order of constants": (files(a="M = 1\nN = 2\ndef f(x):\n    return M, N"), USE, "M = 1\nN = 2", "N = 2\nM = 1"),
    "the order of imports": (files(a="import math\nimport numpy\nf = math.pi"), USE, "import math\nimport numpy", "import numpy\nimport math"),
    "a method that only carries a wrapper": (files(a=F + "from functools import cache\n@cache\ndef _g():\n    return 7"), USE, "7", "8"),
}  # fmt: skip


def edited(case: tuple) -> tuple[tuple[dict, str], tuple[dict, str]]:
    """The files and cells of a case, before and after."""
    texts, cells, *edit = case
    if edit[:1] == ["cells"]:
        return (texts, cells), (texts, cells.replace(edit[1], edit[2]))
    if edit == [None]:
        return (texts, cells), (texts, cells.replace("= 1", "= 7"))
    old, new = edit or ("1", "7")

    def replaced(text):
        return text.replace(old.encode(), new.encode()) if isinstance(text, bytes) else text.replace(old, new)

    after = {name: replaced(text) for name, text in texts.items()}
    assert after != texts
    return (texts, cells), (after, cells)


@pytest.mark.parametrize("case", NOTICED.values(), ids=NOTICED)
def test_what_a_number_may_depend_on_is_noticed(digest, case):
    before, after = edited(case)
    assert digest(*before) != digest(*after)
    assert digest(*before) == digest(*before)


@pytest.mark.parametrize("case", UNNOTICED.values(), ids=UNNOTICED)
def test_what_changes_no_number_is_not(digest, case):
    before, after = edited(case)
    assert digest(*before) == digest(*after)


def test_a_function_that_moves_is_the_same(digest):
    g = "from linearlens.b import N\ndef g(x):\n    return N"
    here = files(a=g + "\ndef f(x):\n    return g(x)", b="N = 1")
    there = files(a="from linearlens.c import g\ndef f(x):\n    return g(x)", b="N = 1", c=g)
    assert digest(here, USE) == digest(there, USE)


@pytest.mark.parametrize(
    "case",
    [
        files(a="from linearlens.b import f", b="from linearlens.a import f"),
        files(a="from linearlens.b import *", b="from linearlens.a import *"),
        files(a="from linearlens.a import f"),
        files(a__init="from . import f"),
        files(a="\n".join(f"def f{n}():\n    return f{n + 1}()" for n in range(3000)) + "\ndef f():\n    return f0()"),
    ],
    ids=["two", "stars", "itself", "package", "deep"],
)
def test_circles_and_depths_end(digest, case):
    assert digest(case, USE) == digest(case, USE)


@pytest.mark.parametrize("text", [b"def f(:", b"f = '\xff'", b"f = 1\0"], ids=["syntax", "letters", "zero byte"])
def test_a_module_that_cannot_be_read_is_named(digest, text):
    with pytest.raises(SyntaxError) as caught:
        digest({"src/linearlens/__init__.py": "", "src/linearlens/a.py": text}, USE)
    assert str(caught.value.filename).endswith("src/linearlens/a.py")


def test_a_file_that_comes_or_goes_is_seen_in_the_same_process(digest, tmp_path):
    before = digest(files(a=F), USE + "\nimport helper")
    (tmp_path / "helper.py").write_text("print(1)")
    assert digest({}, USE + "\nimport helper") != before
    (tmp_path / "helper.py").unlink()
    assert digest({}, USE + "\nimport helper") == before
    assert not forget_changed()
    assert module("linearlens.a") is module("linearlens.a")


def test_the_same_code_has_the_same_hash_in_all_versions_of_python():
    """Made by 3.11; what differs between versions is in it: f-strings, patterns, letters that came to Unicode later."""
    code = """
@d
async def f(a, /, b: int = 1, *c, d=None, **e) -> None:
    'Doc.'
    match a:
        case {"k": [x, *_], **r} if (y := f"{x!r:>{b}} {{}} 'it' {1.0e-9}"):
            return [*r, lambda: (yield), -0.0, 1j, b"\\xff", "\u0897 \U0001e5d0", ..., None, True]
    async with a as b, c: pass
    try: pass
    except* E as e: pass
"""
    assert hash_code(code) == "98ef5d2eb04770d4"
