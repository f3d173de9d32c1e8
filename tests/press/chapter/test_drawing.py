"""Which cells only draw: each case is a figure cell that changes what a later cell measures, or one that does not."""

# ruff: noqa: E501 (one line for each case)

import ast

import pytest

from linearlens.press.chapter.drawing import parts_of

IMPORTS = """
import functools, itertools, operator, os, random
import matplotlib.pyplot as plt
import numpy as np
import torch
from myst_nb import glue
from torch import nn
from linearlens.figures import Slider, draw_spectrum
from linearlens.koopman import Koopman
from linearlens.ledger import record
from linearlens.snapshots import collect_layers, iterate_hidden
"""


def measures(given: str, figure: str, after: str = "record('x', xs)") -> bool:
    """Whether the cell in the middle counts as measuring; the others do."""
    cells = [
        (ast.parse(IMPORTS), False),
        (ast.parse(given), False),
        (ast.parse(figure), True),
        (ast.parse(after), False),
    ]
    _, measuring, _ = parts_of(cells)
    return bool(measuring[2])


CHANGING = {
    # in place
    "an item": ("xs = [1]", "xs[0] = 2"),
    "an item of an alias": ("xs = [1]", "a = xs\na[0] = 2"),
    "an attribute": ("xs = f()", "xs.n = 2"),
    "added to": ("xs = [1]", "a = xs\na += [1]"),
    "sorted": ("xs = [1]", "xs.sort()"),
    "a view": ("xs = np.zeros(3)", "np.ravel(xs)[:] = 1"),
    "an item in a loop": ("xs = [1]", "for xs[0] in range(3):\n    pass"),
    "deleted": ("xs = [1]", "del xs[0]"),
    "out": ("xs = np.zeros(3)", "np.abs(xs, out=xs)"),
    "out by place": ("xs = np.zeros(3)", "np.add(xs, xs, xs)"),
    "out of one by place": ("xs = np.zeros(3)", "np.exp(xs, xs)"),
    "out by stars": ("xs = np.zeros(3)", "np.median(*[xs, 0, xs])"),
    "out by two stars": ("xs = np.zeros(3)", "np.median(xs, **{'out': xs})"),
    "out of a method by place": ("xs = np.zeros(3)", "xs.clip(0, 1, xs)"),
    "out of a maximum": ("xs = np.zeros(3)", "xs.max(0, xs)"),
    "out of a join": ("xs = np.zeros(3)", "np.concatenate([xs], 0, xs)"),
    "add.at": ("xs = np.zeros(3)", "np.add.at(xs, 0, 1)"),
    "copyto": ("xs = np.zeros(3)", "np.copyto(xs, 1)"),
    "nan_to_num": ("xs = np.zeros(3)", "np.nan_to_num(xs, copy=False)"),
    "a method of a class": ("xs = np.zeros(3)", "np.ndarray.sort(xs)"),
    "a method with a dash": ("xs = torch.zeros(3)", "xs.add_(1)"),
    "relu in place": ("xs = torch.zeros(3)", "nn.functional.relu(xs, True)"),
    "a set": ("xs = set()", "xs.add(1)"),
    "a dict": ("xs = {}", "xs.setdefault(1, 2)"),
    "a table, by place": ("xs = table()", "xs.replace(1, 2, True)"),
    "a table": ("xs = table()", "xs.replace(1, 2, inplace=True)"),
    "a default dict": ("from collections import defaultdict\nxs = defaultdict(list)", "ax.plot(xs[1])"),
    "overwritten": ("from scipy import linalg\nxs = np.eye(3)", "linalg.inv(xs, overwrite_a=True)"),
    # by functions handed on
    "setattr": ("xs = f()", "setattr(xs, 'n', 1)"),
    "setitem": ("xs = [1]", "operator.setitem(xs, 0, 1)"),
    "iadd": ("xs = [1]", "operator.iadd(xs, [1])"),
    "append by map": ("xs = []", "list(map(xs.append, [1]))"),
    "append by a name": ("xs = []\nadd = xs.append", "list(map(add, [1]))"),
    "append by a partial": ("xs = []\nadd = functools.partial(xs.append, 1)", "Slider(add, [1, 2], label='', alt=str)"),
    "append as a key": ("xs = []", "sorted([1], key=xs.append)"),
    "append by getattr": ("xs = []", "list(map(getattr(xs, 'append'), [1]))"),
    "reduce": ("xs = []", "functools.reduce(operator.iadd, [[1]], xs)"),
    "a comprehension": ("xs = []", "[xs.append(n) for n in range(3)]"),
    "a walrus": ("xs = []", "ax.plot((add := xs.append)(1))"),
    "a ufunc by map": ("xs = np.zeros(3)", "list(map(np.exp, [xs], [xs]))"),
    "vectorize": ("xs = []", "np.vectorize(xs.append)([1])"),
    "a callback of a slider": ("xs = []", "Slider(draw, [1, 2], label='', alt=lambda n: xs.append(n))"),
    "a bad function by name": ("xs = []\ndef add(n):\n    xs.append(n)", "Slider(add, [1, 2], label='', alt=str)"),
    "a bad lambda by name": ("xs = []\nadd = lambda n: xs.append(n)", "Slider(add, [1, 2], label='', alt=str)"),
    "a bad function in if": ("xs = []\nif True:\n    def add(n):\n        xs.append(n)", "list(map(add, [1]))"),
    "a function of two": ("xs = []\ndef add(n):\n    xs.append(n)\n    even(n)\ndef even(n):\n    add(n)", "even(1)"),
    "a name that hides a builtin": ("xs = []\nlen = xs.append", "len(1)"),
    "a name that hides a function": ("xs = []\ndef f(n):\n    return n\nf = xs.append", "f(1)"),
    "a name that hides a library": ("xs = []\nnp = Evil()", "np.abs(1)"),
    "a decorator": ("xs = []\ndef count(f):\n    def g():\n        xs.append(1)\n    return g\n@count\ndef draw():\n    pass", "draw()"),
    "a callable kept in an object": ("xs = []\nlift = Lift(lambda z: xs.append(z))", "lift.transform(1)"),
    "a function kept in an object": ("xs = []\ndef g(z):\n    xs.append(z)\nlift = Lift(g)", "lift.transform(1)"),
    "a method of a cell's class": ("class M:\n    def predict(self, x):\n        self.n += 1\nxs = M()", "xs.predict(1)"),
    "a property of a cell's class": ("class M:\n    @property\n    def n(self):\n        self.m = 1\nxs = M()", "ax.plot(xs.n)"),
    "an operator of a cell's class": ("class M:\n    def __add__(self, x):\n        self.m = x\nxs = M()", "ax.plot(xs + 1)"),
    "a cell's class, made in a function": ("class M:\n    def __len__(self):\n        self.m = 1\ndef make():\n    return M()\nxs = make()", "len(xs)"),
    "fit of an old model": ("xs = Koopman()", "xs.fit([1])"),
    "fit of a chosen model": ("xs = [Koopman()]", "max(xs, key=len).fit([1])"),
    "print to": ("xs = Log()", "print(1, file=xs)"),
    # what changes by being read
    "a generator of random numbers": ("xs = np.random.default_rng(0)", "ax.plot(xs.normal(size=3))"),
    "one handed on": ("xs = np.random.default_rng(0)", "draw_spectrum(ax, xs)"),
    "one in a list": ("xs = [np.random.default_rng(0)]", "ax.plot(xs[0].normal(size=3))"),
    "one in a dict": ("xs = dict(rng=np.random.default_rng(0))", "draw_spectrum(ax, xs['rng'])"),
    "one in an object": ("rng = np.random.default_rng(0)\nxs = Holder(rng)", "xs.predict(1)"),
    "one put into an object": ("xs = Holder()\nxs.rng = np.random.default_rng(0)", "xs.predict(1)"),
    "one appended": ("xs = []\nxs.append(np.random.default_rng(0))", "draw_spectrum(ax, xs[0])"),
    "one in a closure": ("def make():\n    rng = np.random.default_rng(0)\n    return lambda: rng.normal()\nxs = make()", "Slider(xs, [1, 2], label='', alt=str)"),
    "one in a default": ("xs = []\ndef jitter(rng=np.random.default_rng(0)):\n    return rng.normal()", "ax.plot(jitter())"),
    "one behind a function": ("xs = np.random.default_rng(0)\ndef jitter():\n    return xs.normal()", "ax.plot(jitter())"),
    "one behind two functions": ("xs = np.random.default_rng(0)\ndef jitter():\n    return draw_spectrum(ax, xs)\ndef g():\n    return jitter()", "g()"),
    "one hidden by a parameter": ("xs = np.random.default_rng(0)", "draw_spectrum(ax, xs)\ndef g(xs):\n    pass"),
    "numpy's own": ("xs = 1", "ax.plot(np.random.uniform(size=3))"),
    "numpy's own seed": ("xs = 1", "np.random.seed(0)"),
    "numpy's own power": ("xs = 1", "np.random.power(3)"),
    "torch's own": ("xs = 1", "torch.rand(3)"),
    "torch's own seed": ("xs = 1", "torch.manual_seed(0)"),
    "Python's own": ("xs = 1", "random.random()"),
    "an iterator": ("xs = iter([1])", "for n in xs:\n    ax.plot(n)"),
    "next": ("xs = iter([1])", "next(xs)"),
    "a map": ("xs = map(str, [1])", "ax.plot([*xs])"),
    "a zip in a tuple": ("xs, n = zip([1], [2]), 3", "ax.plot([*xs])"),
    "a generator": ("xs = (n for n in [1])", "ax.plot(list(xs))"),
    "a generator's last item": ("xs = (n for n in [1])", "ax.plot(1 in xs)"),
    "a generator function": ("def make():\n    yield 1\nxs = make()", "ax.plot(list(xs))"),
    "one in a function's result": ("def make():\n    return [map(str, [1])]\nxs = make()", "ax.plot(list(xs[0]))"),
    "one of the library": ("xs = iterate_hidden(network, batches)", "ax.plot(list(xs))"),
    "an open file": ("xs = open('a')", "ax.plot(list(xs))"),
    "an alias of a generator": ("xs = (n for n in [1])\nit = xs", "ax.plot(list(it))"),
    "one of a library": ("from torch.utils.data import DataLoader\nxs = DataLoader(data, shuffle=True)", "for n in xs:\n    ax.plot(n)"),
    "one of itertools": ("xs = itertools.chain([1], [2])", "ax.plot(list(xs))"),
    "one of a copied list": ("rngs = [np.random.default_rng(0)]\nxs = rngs.copy()", "draw_spectrum(ax, xs[0])"),
    "one of a dict": ("rngs = {1: np.random.default_rng(0)}\nxs = list(rngs.values())", "draw_spectrum(ax, xs[0])"),
    "one of a loop": ("rngs = [np.random.default_rng(0)]\nfor xs in rngs:\n    pass", "draw_spectrum(ax, xs)"),
    "one of a tuple of one": ("it = (n for n in [1])\nfor xs in (it,):\n    pass", "ax.plot(list(xs))"),
    "one kept in a library": ("np.kept = np.random.default_rng(0)\nxs = 1", "draw_spectrum(ax, np.kept)"),
    "one of a comprehension": ("xs = {n: np.random.default_rng(n) for n in [1]}", "draw_spectrum(ax, xs[1])"),
    "one in an argument of its own": ("rng = np.random.default_rng(0)\nxs = [1]\nclass H:\n    def __init__(self, r):\n        self.r = r\nh = H(rng)", "draw_spectrum(ax, h.r)"),
    "a context": ("@contextmanager\ndef c():\n    yield\nxs = c()", "with xs:\n    pass"),
    # networks
    "a network in train mode": ("xs = nn.Dropout()", "ax.plot(xs(1))"),
    "the mode of a network": ("xs = nn.Dropout()", "xs.train()"),
    "the mode by its class": ("xs = nn.Dropout()", "nn.Module.eval(xs)"),
    "the mode by map": ("xs = [nn.Dropout()]", "list(map(nn.Module.eval, xs))"),
    "a cell's network": ("class N(nn.Module):\n    def forward(self, x):\n        self.n += 1\nxs = N()", "collect_layers(xs, 1, [])"),
    # names
    "a name": ("xs = 1", "xs = 2"),
    "a name for a function": ("n = 1\ndef f():\n    return n", "n = 2", "record('x', f())"),
    "a name for a lambda bound before": ("n = 1\nf = lambda: n", "n = 2", "record('x', f())"),
    "a name in a loop": ("xs = 1", "for xs in range(3):\n    pass"),
    "a name by walrus": ("xs = 1", "ax.plot((xs := 2))"),
    "a name by walrus in a comprehension": ("xs = 1", "ax.plot([xs := n for n in [1]])"),
    "a name by with": ("xs = 1", "with plt.rc_context() as xs:\n    pass"),
    "a name by except": ("xs = 1", "try:\n    pass\nexcept ValueError as xs:\n    pass"),
    "a name by match": ("xs = 1", "match [1]:\n    case [xs]:\n        pass"),
    "a name by a star": ("xs = 1", "from numpy import *"),
    "a name that a loop may not bind": ("xs = 1", "n = 2", "for n in []:\n    pass\nrecord('x', n)"),
    "a name in a loop's else": ("xs = 1", "n = 2", "for n in []:\n    pass\nelse:\n    record('x', n)"),
    "a deleted name": ("xs = 1", "del xs", "try:\n    n = xs\nexcept NameError:\n    n = 2\nrecord('x', n)"),
    "global": ("xs = 1\ndef f():\n    global xs\n    xs = 2", "f()"),
    "what was shown last": ("xs = 1", "plt.show()\n3", "record('x', _)"),
    "what was shown once": ("xs = 1", "plt.show()\n3", "record('x', Out[3])"),
    "all names": ("xs = 1", "n = 2", "record('x', len(globals()))"),
    # elsewhere
    "a file": ("xs = 1", "np.savetxt('a', [1])"),
    "a figure's file": ("xs = 1", "plt.savefig('a')"),
    "a written file": ("xs = 1", "open('a', 'w').write('1')"),
    "the environment": ("xs = 1", "os.environ['A'] = '1'"),
    "the environment by method": ("xs = 1", "os.putenv('A', '1')"),
    "a setting that is measured": ("xs = 1", "plt.rcParams.update(a=1)", "record('x', plt.rcParams['a'])"),
    "a figure that is measured": ("xs = 1", "plt.figure()", "record('x', plt.gcf())"),
    "how numbers are printed": ("xs = 1", "np.set_printoptions(1)"),
    "errors of numpy": ("xs = 1", "np.seterr(all='raise')"),
    "the end": ("xs = 1", "exit()"),
    "text that is run": ("xs = 1", "exec('xs = 2')"),
    "text that is run, handed on": ("xs = 1", "list(map(exec, ['xs = 2']))"),
    "another library": ("import evil\nxs = 1", "evil.plot(xs)"),
    "another library, handed on": ("xs = 1", "list(map(os.remove, ['a']))"),
    "another library, imported": ("xs = 1", "import evil"),
    "a record": ("xs = 1", "record('y', xs)"),
    "a record by another name": ("note = record\nxs = 1", "note('y', xs)"),
    "a class": ("xs = []", "class A:\n    xs.append(1)"),
    "a default": ("xs = []", "def f(n=xs.append(1)):\n    pass"),
}  # fmt: skip

DRAWING = {
    "a plot": ("xs = np.zeros(3)", "fig, ax = plt.subplots()\nax.plot(xs, color='C0')\nax.set(xlabel='x')\nplt.show()"),
    "numbers made for it": ("xs = np.zeros(3)", "top = np.abs(xs).max()\nax.plot(np.linspace(0, top, 3), xs.clip(0, 1))"),
    "a function of its own": ("xs = [1]", "def draw(n):\n    fig, ax = plt.subplots()\n    ax.plot(xs[:n])\n    return fig\nSlider(draw, [1, 2], label='', alt=lambda n: f'{n} of it')"),
    "a function of another cell": ("xs = [1]\ndef draw(ax):\n    ax.plot(xs)", "draw(ax)"),
    "a fresh generator": ("xs = [1]\nrng = np.random.default_rng(1)", "r = np.random.default_rng(0)\nax.plot(r.normal(size=3))"),
    "a fit of its own": ("xs = [1]", "ax.plot(Koopman(delays=2).fit(xs).eigenvalues_)"),
    "what a generator gave": ("xs = list(map(str, [1]))\na, b = zip(*[(1, 2)])", "for x, n in zip(xs, a):\n    ax.plot(x, n, **look)"),
    "what random numbers gave": ("rng = np.random.default_rng(1)\nxs = rng.normal(size=3)\ndef make():\n    r = np.random.default_rng(0)\n    return r.normal(size=3)\nys = make()", "ax.plot(xs, ys)"),
    "a fitted result": ("xs = Koopman().fit([1])", "ax.plot(xs.eigenvalues_.real, xs.predict([1], steps=2))"),
    "a cell's data class": ("@dataclass\nclass D:\n    n: int\n    def __post_init__(self):\n        self.m = [self.n]\nxs = D(1)", "ax.plot(xs.m)"),
    "names of its own": ("xs = 1\nfor ax in map(str, []):\n    pass", "for ax, n in zip(axes, [1]):\n    ax.plot(n)"),
    "a glued figure": ("xs = 1", "glue('a', fig, display=False)\nplt.close(fig)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGING.values(), ids=CHANGING)
def test_a_cell_that_may_change_a_number_measures(case):
    assert measures(*case)


@pytest.mark.parametrize("case", DRAWING.values(), ids=DRAWING)
def test_a_cell_that_changes_none_only_draws(case):
    assert not measures(*case)


def parts(*cells: str) -> list[int]:
    """How many statements of each cell measure; the last cell is a figure."""
    trees = [(ast.parse(cell), cell is cells[-1]) for cell in cells]
    return [len(cell) for cell in parts_of(trees)[1]]


def test_functions_and_imports_count_as_what_uses_them_does():
    imports = "import numpy as np\nfrom matplotlib.pyplot import plot, show"
    helpers = "def draw(n):\n    plot(n)\ndef total(n):\n    return np.sum(n)"
    assert parts(imports, helpers, "record('x', total([1]))", "draw([1])\nshow()") == [1, 1, 1, 0]


def test_what_a_definition_does_is_measured_though_nobody_uses_it():
    assert parts(
        "xs = []\ndef f(n=xs.append(1)):\n    pass\nclass A:\n    xs.append(1)\n@xs.append\ndef g():\n    pass", "n = 1"
    ) == [4, 0]


def test_a_class_that_may_be_registered_is_measured_though_nobody_uses_it():
    base = "class A:\n    def __init_subclass__(cls):\n        xs.append(cls)"
    assert parts(base, "class B(A):\n    pass\nclass C(nn.Module):\n    pass", "n = 1") == [1, 1, 0]


def test_an_import_of_another_library_is_measured_though_nobody_uses_it():
    assert parts("import evil\nfrom __future__ import annotations\nimport numpy", "n = 1") == [2, 0]
