"""What a fingerprint sees, each beside what it must not see, and what it refuses."""

import builtins
import collections
import contextvars
import copy
import functools
import gc
import importlib
import operator
import os
import pathlib
import random
import re
import subprocess
import sys
import textwrap
import threading
import time
import types
import typing
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.models import GRUClassifier, ModReLURNN, _fingerprint, mlp, training
from linearlens.models._fingerprint import fingerprint


def run(source, **names):
    """The names that a piece of a notebook leaves."""
    scope = {"__name__": "__main__", "torch": torch, "nn": nn, "np": np, "functools": functools, **names}
    exec(compile(textwrap.dedent(source), "<cell>", "exec"), scope)
    return scope


def of(source, name="f", **names):
    return fingerprint(value=run(source, **names)[name])


CHANGES = {
    "instruction": ("def f(x): return x + 1", "+", "-"),
    "constant": ("def f(x): return x + 1", "1", "2"),
    "kind of constant": ("def f(x): return x * 1", "1", "1.0"),
    "truth": ("def f(x): return 1", "1", "True"),
    "sign of zero": ("def f(x): return 0.0", "0.0", "-0.0"),
    "text constant": ("def f(x): return 'a'", "'a'", "b'a'"),
    "constant in a tuple": ("def f(x): return x in (1, 2)", "(1, 2)", "(1, 2.0)"),
    "constant in a set": ("def f(x): return x in {1, 2}", "{1, 2}", "{1, 3}"),
    "format": ("def f(x): return f'{x}'", "{x}", "{x!r}"),
    "comparison": ("def f(x): return x < 1", "<", "<="),
    "attribute": ("def f(x): return x.mean()", "mean", "sum"),
    "default": ("def f(x, a=1): return x + a", "a=1", "a=2"),
    "default object": ("def f(x, a=[1]): return x", "[1]", "[2]"),
    "keyword default": ("def f(x, *, a=1): return x + a", "a=1", "a=2"),
    "kind of argument": ("def f(x, a): return x + a", "x, a", "x, *, a"),
    "order of arguments": ("def f(x, a): return x - a", "x, a", "a, x"),
    "what is caught": ("def f(x):\n  try: return x()\n  except KeyError: return 0", "KeyError", "Exception"),
    "how much is tried": (
        "def f(x):\n  try:\n    x()\n    x(1)\n  except KeyError: return 0",
        "    x(1)\n  except KeyError: return 0",
        "  except KeyError: return 0\n  x(1)",
    ),
    "condition": ("def f(x):\n  if x: return 1\n  return 2", "if x", "if not x"),
    "loop": ("def f(x):\n  while x: x -= 1\n  return x", "-= 1", "-= 2"),
    "keyword of a call": ("def f(x): return x(a=1)", "a=1", "b=1"),
    "name of an argument": ("def f(x): return 1", "(x)", "(y)"),
    "inner function": ("def f(x):\n  def g(y): return y + 1\n  return g(x)", "y + 1", "y + 2"),
    "comprehension": ("def f(x): return [y + 1 for y in x]", "y + 1", "y + 2"),
    "inner class": ("def f(x):\n  class A:\n    b = 1\n  return A.b", "b = 1", "b = 2"),
    "generator": ("def f(x): yield x + 1", "+ 1", "+ 2"),
    "coroutine": ("async def f(x): return x + 1", "async def", "def"),
    "lambda": ("f = lambda x: x + 1", "+ 1", "+ 2"),
    "global number": ("A = 1\ndef f(x): return x + A", "A = 1", "A = 2"),
    "global in a comprehension": ("A = 1\ndef f(x): return [y + A for y in x]", "A = 1", "A = 2"),
    "global in an inner function": ("A = 1\ndef f(x): return lambda: A", "A = 1", "A = 2"),
    "global that comes later": ("def f(x): return x + A", "def f", "A = 2\ndef f"),
    "global declared": ("def f(x):\n  global A\n  A = 1\n  return A", "A = 1", "A = 2"),
    "shadowed builtin": ("def f(x): return max(x)", "def f", "max = min\ndef f"),
    "called function": ("def g(x): return x + 1\ndef f(x): return g(x)", "x + 1", "x + 2"),
    "far called": (
        "def a(): return 1\n" + "".join(f"def {y}(): return {x}()\n" for x, y in zip("abcde", "bcdef", strict=True)),
        "return 1",
        "return 2",
    ),
    "recursion": ("def g(x): return f(x - 1)\ndef f(x): return g(x) if x else 0", "x - 1", "x - 2"),
    "mutable global": ("A = {'rate': [1]}\ndef f(x): return x + A['rate'][0]", "[1]", "[2]"),
    "in a dict": ("G = {'a': lambda x: x + 1}\ndef f(x): return G['a'](x)", "+ 1", "+ 2"),
    "in a list": ("G = [lambda x: x + 1]\ndef f(x): return G[0](x)", "+ 1", "+ 2"),
    "in a deque": (
        "from collections import deque\nG = deque([lambda x: x + 1])\ndef f(x): return G[0](x)",
        "+ 1",
        "+ 2",
    ),
    "in a default dict": (
        "from collections import defaultdict\nG = defaultdict(lambda: 1)\ndef f(x): return G[x]",
        ": 1",
        ": 2",
    ),
    "in a set of functions": ("def a(x): return 1\ndef b(x): return 3\nG = {a, b}\ndef f(x): return G", "3", "4"),
    "in a key": ("def a(x): return 1\nG = {a: 0}\ndef f(x): return [g(x) for g in G]", "return 1", "return 2"),
    "in a registry": (
        "G = {}\ndef add(g): G[g.__name__] = g; return g\n@add\ndef h(x): return 1\ndef f(x): return G['h'](x)",
        "return 1",
        "return 2",
    ),
    "order of a dict": ("G = {'a': 1, 'b': 2}\ndef f(x): return sum(G.values())", "'a': 1, 'b': 2", "'b': 2, 'a': 1"),
    "mapping proxy": (
        "import types\nG = types.MappingProxyType({'a': 1})\ndef f(x): return G['a']",
        "'a': 1",
        "'a': 2",
    ),
    "closure": ("def make(a):\n  return lambda x: x + a\nf = make(1)", "make(1)", "make(2)"),
    "closure over a list": ("def make(a):\n  return lambda x: x + a[0]\nf = make([1])", "make([1])", "make([2])"),
    "closure over a function": ("def make(a):\n  return lambda x: a(x)\nf = make(lambda x: 1)", "x: 1", "x: 2"),
    "attribute of a function": ("def f(x): return f.a\nf.a = 1", "f.a = 1", "f.a = 2"),
    "name of a function": ("def g(x): return 1\nG = [g]\ndef f(x): return G[0].__name__", "g", "h"),
    "by globals()": ("def g(x): return 1\ndef f(x): return globals()['g'](x)", "return 1", "return 2"),
    "by eval": ("def g(x): return 1\ndef f(x): return eval('g')(x)", "return 1", "return 2"),
    "partial": ("def g(x, a): return x + a\nf = functools.partial(g, a=1)", "a=1", "a=2"),
    "function of a partial": ("def g(x, a): return x + a\nf = functools.partial(g, a=1)", "x + a", "x - a"),
    "partial with positions": ("f = functools.partial(pow, 1)", "1", "2"),
    "wrapped": (
        "def w(g):\n  @functools.wraps(g)\n  def h(x): return 2 * g(x)\n  return h\n@w\ndef f(x): return x + 1",
        "x + 1",
        "x + 3",
    ),
    "wrapper": (
        "def w(g):\n  @functools.wraps(g)\n  def h(x): return 2 * g(x)\n  return h\n@w\ndef f(x): return x + 1",
        "2 *",
        "3 *",
    ),
    "under no_grad": ("@torch.no_grad()\ndef f(x): return x + 1", "+ 1", "+ 2"),
    "the decorator itself": ("@torch.no_grad()\ndef f(x): return x + 1", "no_grad", "enable_grad"),
    "under lru_cache": ("@functools.lru_cache\ndef f(x): return x + 1", "+ 1", "+ 2"),
    "under singledispatch": (
        "@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 2",
        "return 2",
        "return 3",
    ),
    "context manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef f():\n  yield 1",
        "yield 1",
        "yield 2",
    ),
    "attribute of an object": ("class A: pass\na = A()\na.b = 1\ndef f(x): return a.b", "a.b = 1", "a.b = 2"),
    "slot of an object": (
        "class A:\n  __slots__ = ('b',)\na = A()\na.b = 1\ndef f(x): return a.b",
        "a.b = 1",
        "a.b = 2",
    ),
    "slot of a base": (
        "class B:\n  __slots__ = ('b',)\nclass A(B): pass\na = A()\na.b = 1\ndef f(x): return a.b",
        "a.b = 1",
        "a.b = 2",
    ),
    "object that hides its state": (
        "class A:\n  def __getstate__(self): return {}\na = A()\na.b = 1\ndef f(x): return a.b",
        "a.b = 1",
        "a.b = 2",
    ),
    "object that lies of its making": (
        "class A:\n  def __reduce__(self): return A, ()\na = A()\na.b = 1\ndef f(x): return a.b",
        "a.b = 1",
        "a.b = 2",
    ),
    "callable object": ("class A:\n  def __call__(self, x): return x + 1\nf = A()", "+ 1", "+ 2"),
    "bound method": ("class A:\n  def g(self, x): return x + 1\nf = A().g", "+ 1", "+ 2"),
    "object of a bound method": (
        "class A:\n  def __init__(self, b): self.b = b\n  def g(self, x): return self.b\nf = A(1).g",
        "A(1)",
        "A(2)",
    ),
    "class attribute": ("class f:\n  a = 1", "a = 1", "a = 2"),
    "attribute of a base": ("class B:\n  a = 1\nclass f(B): pass", "a = 1", "a = 2"),
    "method of a base": ("class B:\n  def a(self): return 1\nclass f(B): pass", "return 1", "return 2"),
    "method of a mixin": (
        "class B: pass\nclass M:\n  def a(self): return 1\nclass f(M, B): pass",
        "return 1",
        "return 2",
    ),
    "order of bases": ("class A: pass\nclass B: pass\nclass f(A, B): pass", "(A, B)", "(B, A)"),
    "through super": (
        "class B:\n  def a(self): return 1\nclass A(B):\n  def a(self): return super().a()\nf = A().a",
        "return 1",
        "return 2",
    ),
    "property": ("class f:\n  @property\n  def a(self): return 1", "return 1", "return 2"),
    "setter": (
        "class f:\n  @property\n  def a(self): return 1\n  @a.setter\n  def a(self, x): self.b = 2",
        "self.b = 2",
        "self.b = 3",
    ),
    "cached property": ("class f:\n  @functools.cached_property\n  def a(self): return 1", "return 1", "return 2"),
    "static method": ("class f:\n  @staticmethod\n  def a(): return 1", "return 1", "return 2"),
    "class method": ("class f:\n  @classmethod\n  def a(cls): return 1", "return 1", "return 2"),
    "descriptor": (
        "class D:\n  def __get__(self, *_): return 1\nclass f:\n  a = D()",
        "return 1",
        "return 2",
    ),
    "metaclass": (
        "class M(type):\n  def __call__(cls): return 1\nclass f(metaclass=M): pass",
        "return 1",
        "return 2",
    ),
    "abstract": (
        "import abc\nclass f(abc.ABC):\n  @abc.abstractmethod\n  def a(self): return 1",
        "return 1",
        "return 2",
    ),
    "__getattr__": ("class f:\n  def __getattr__(self, name): return 1", "return 1", "return 2"),
    "dataclass default": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  a: int = 1\nf = A",
        "= 1",
        "= 2",
    ),
    "dataclass value": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  a: int\nf = A(1)",
        "A(1)",
        "A(2)",
    ),
    "dataclass option": (
        "from dataclasses import dataclass\n@dataclass(order=False)\nclass f:\n  a: int",
        "order=False",
        "order=True",
    ),
    "factory of a field": (
        "import dataclasses as d\n@d.dataclass\nclass f:\n  a: list = d.field(default_factory=lambda: [1])",
        "[1]",
        "[2]",
    ),
    "named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n  a: int = 0\nf = A(1)",
        "A(1)",
        "A(2)",
    ),
    "enum": ("from enum import Enum\nclass A(Enum):\n  a = 1\nf = A.a", "a = 1", "a = 2"),
    "member of an enum": ("from enum import Enum\nclass A(Enum):\n  a = 1\n  b = 2\nf = A.a", "= A.a", "= A.b"),
    "kind of list": ("class A(list): pass\nf = A([1])", "f = A([1])", "f = [1]"),
    "content of a kind of dict": ("class A(dict): pass\nf = A(b=1)", "b=1", "b=2"),
    "content of a kind of float": ("class A(float): pass\nf = A(1.0)", "A(1.0)", "A(2.0)"),
    "imported inside": ("def f(x):\n  from statistics import mean\n  return mean(x)", "mean", "median"),
    "step of a module": (
        "class f(nn.Module):\n  def forward(self, x): return x + 1",
        "+ 1",
        "+ 2",
    ),
    "step of autograd": (
        "class A(torch.autograd.Function):\n  @staticmethod\n  def backward(ctx, g): return g * 2\n"
        "def f(x): return A.apply(x)",
        "g * 2",
        "g * 3",
    ),
    "vectorized": ("f = np.vectorize(lambda x: x + 1)", "+ 1", "+ 2"),
}


LINEAR = "m = nn.Linear(2, 2)\nfor p in m.parameters(): nn.init.ones_(p)\n"
SGD = f"{LINEAR}o = torch.optim.SGD(m.parameters(), lr=0.1)\n"
OBJECTS = {  # what the reader may have made before, and how `f` gets it
    "number put into a package": ("nn.functional.MY = 1\ndef f(): return nn.functional.MY", "= 1", "= 2"),
    "list put into a package": ("nn.functional.MY = [1]\ndef f(): return nn.functional.MY", "[1]", "[2]"),
    "put into a package, imported": (
        "nn.functional.MY = [1]\ndef f():\n  from torch.nn.functional import MY\n  return MY",
        "[1]",
        "[2]",
    ),
    "put into builtins": ("import builtins\nbuiltins.MY = [1]\ndef f(): return MY", "[1]", "[2]"),
    "code put into a function": (
        "def g(): return 1\ndef h(): return 3\nh.__code__ = g.__code__\ndef f(): return h()",
        "return 1",
        "return 2",
    ),
    "class put into an object": (
        "class A:\n  a = 1\nclass B:\n  a = 2\nc = A()\nc.__class__ = A\ndef f(): return c.a",
        "__class__ = A",
        "__class__ = B",
    ),
    "made by exec": ("exec('def g(): return 1')\ndef f(): return g()", "return 1", "return 2"),
    "set by __init_subclass__": (
        "class B:\n  def __init_subclass__(cls): cls.a = 1\nclass f(B): pass",
        "cls.a = 1",
        "cls.a = 2",
    ),
    "generic": (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass f(Generic[T]):\n  def a(self): return 1",
        "return 1",
        "return 2",
    ),
    "through a weak reference": (
        "import weakref\nclass A: pass\na = A()\na.b = 1\nr = weakref.ref(a)\ndef f(): return r().b",
        "a.b = 1",
        "a.b = 2",
    ),
    "view of a dict": ("d = {'a': 1}.values()\ndef f(): return d", ": 1", ": 2"),
    "view of a class": ("class A: a = 1\nd = vars(A)\ndef f(): return d['a']", "a = 1", "a = 2"),
    "running iterator": ("c = map(lambda x: 1, [1])\ndef f(): return next(c)", "x: 1", "x: 2"),
    "partial method": (
        "class f:\n  def g(self, x): return x\n  h = functools.partialmethod(g, 1)",
        "g, 1",
        "g, 2",
    ),
    "attribute of a kind of list": ("class A(list): pass\na = A()\na.b = 1\ndef f(): return a.b", "b = 1", "b = 2"),
    "attribute of a kind of set": ("class A(set): pass\na = A()\na.b = 1\ndef f(): return a.b", "b = 1", "b = 2"),
    "attribute of a kind of array": (
        "class A(np.ndarray): pass\na = np.ones(2).view(A)\na.b = 1\ndef f(): return a.b",
        "b = 1",
        "b = 2",
    ),
    "attribute of a parameter": ("p = nn.Parameter(torch.ones(2))\np.a = 1\ndef f(): return p.a", "a = 1", "a = 2"),
    "attribute of a member": (
        "from enum import Enum\nclass E(Enum):\n  a = 1\nE.a.b = 1\ndef f(): return E.a.b",
        "E.a.b = 1",
        "E.a.b = 2",
    ),
    "method of an array": ("f = np.ones(2).sum", "ones", "zeros"),
    "method of a generator": ("f = np.random.default_rng(0).normal", "(0)", "(1)"),
    "method of a legacy generator": ("f = np.random.RandomState(0).normal", "(0)", "(1)"),
    "method of a ufunc": ("f = np.add.reduce", "add", "multiply"),
    "list in a network": (
        "class A(nn.Module):\n  def __init__(self):\n    super().__init__()\n    self.a = [torch.ones(1)]\nf = A()",
        "ones",
        "zeros",
    ),
    "kind of tensor": (
        "class T(torch.Tensor): pass\nt = torch.ones(2).as_subclass(T)\nt.a = 1\ndef f(): return t",
        "a = 1",
        "a = 2",
    ),
    "parametrization": (
        f"class P(nn.Module):\n  def forward(self, x): return x * 1\n{LINEAR}"
        "nn.utils.parametrize.register_parametrization(m, 'weight', P())\ndef f(): return m",
        "x * 1",
        "x * 2",
    ),
    "optimizer": (f"{SGD}f = o", "lr=0.1", "lr=0.2"),
    "hook of an optimizer": (f"{SGD}o.register_step_post_hook(lambda *a: 1)\nf = o", "a: 1", "a: 2"),
    "schedule": (f"{SGD}f = torch.optim.lr_scheduler.LambdaLR(o, lambda e: 1)", "e: 1", "e: 2"),
    "collation": (
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "f = DataLoader(TensorDataset(torch.ones(3)), collate_fn=lambda b: 1)",
        "b: 1",
        "b: 2",
    ),
    "data of a loader": (
        "from torch.utils.data import DataLoader, TensorDataset\nf = DataLoader(TensorDataset(torch.ones(3)))",
        "ones",
        "zeros",
    ),
    "transformer of functions": (
        "from sklearn.preprocessing import FunctionTransformer\nf = FunctionTransformer(lambda x: 1)",
        "x: 1",
        "x: 2",
    ),
    "estimator": ("from sklearn.linear_model import Ridge\nf = Ridge(alpha=1)", "=1", "=2"),
    "frame": ("import pandas\nf = pandas.DataFrame({'a': [1]})", "[1]", "[2]"),
    "sparse matrix": ("import scipy.sparse\nf = scipy.sparse.eye(3) * 1", "* 1", "* 2"),
    "distribution": ("f = torch.distributions.Normal(0.0, 1.0)", "1.0", "2.0"),
    "mapped": ("f = torch.vmap(lambda x: x + 1)", "+ 1", "+ 2"),
    "differentiated": ("f = torch.func.grad(lambda x: x + 1)", "+ 1", "+ 2"),
}
CHANGES |= OBJECTS


@pytest.mark.parametrize(("source", "old", "new"), CHANGES.values(), ids=list(CHANGES))
def test_a_change_of_code_or_of_what_it_reaches_is_seen(source, old, new):
    assert old in source
    try:
        assert of(source) == of(source)
        assert of(source.replace(old, new)) != of(source)
    finally:
        for module in (builtins, nn.functional):
            vars(module).pop("MY", None)


PLAIN = """
def g(x, a=1):
    def h(y):
        return y + a
    try:
        return [h(z) for z in x if z] if x else None
    except KeyError:
        return 'no'
    finally:
        x = None
class A:
    b = 1
    def c(self, x):
        while x:
            x = x - 1
        return (x, self.b)
a = A()
def f(x):
    return g(x), a.c(len(x)), A
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def g", "# a comment\ndef g"),
        ("    def h(y):\n", '    """A docstring."""\n\n    def h(y):  # and here\n        "One within."\n'),
        ("class A:\n", 'class A:\n    """A class."""\n'),
        ("def g(x, a=1):", "def g(x: list, a: int = 1) -> 'list | None':"),
        ("    def c(self, x):", "\n\n    def c(\n        self,\n        x,\n    ):"),
        ("return y + a", "return (\n            y\n            + a\n        )"),
        ("[h(z) for z in x if z] if x else None", "(\n [\n h(z)\n for z in x\n if z\n ]\n if x\n else\n None)"),
        ("'no'", '"no"'),
        ("return 'no'", "pass; return 'no'"),
        ("    b = 1\n    def c(self, x):", "    b: int = 1\n    def c(self, x: int):"),
        ("            x = x - 1", "            x: int = x - 1"),
        ("class A", "unrelated = 1\ndef other(): return unrelated\nclass A"),
        ("a = A()", "a = A()\ndel np"),
    ],
)
def test_comments_docstrings_annotations_layout_and_what_is_not_reached_are_no_change(old, new):
    assert PLAIN.count(old) == 1
    assert of(PLAIN.replace(old, new)) == of(PLAIN)


def test_the_docstring_of_a_class_within_a_function_is_none_either():
    plain, dressed = (f"def f():\n  class A:\n    {doc}b = 1\n  return A" for doc in ("", "'About.'\n    "))
    assert of(plain) == of(dressed)


def test_what_was_asked_of_an_object_is_no_change():
    source = """
    @functools.lru_cache
    def a(x): return x + 1
    @functools.singledispatch
    def b(x): return 1
    class C:
        def __init__(self): self.path = pathlib.Path("a/b")
    c = C()
    pattern = re.compile("a+")
    def f(x): return a(x), b(x), hash(c.path), str(c.path), c.path.parent.name, pattern.match("aa")
    """
    f = run(source, pathlib=pathlib, re=re)["f"]
    before = fingerprint(f=f)
    f(3)
    assert fingerprint(f=f) == before


VALUES = [
    None,
    ...,
    NotImplemented,
    True,
    1,
    1.0,
    1 + 0j,
    0,
    False,
    0.0,
    -0.0,
    float("nan"),
    float("inf"),
    10**5000,
    "1",
    b"1",
    bytearray(b"1"),
    memoryview(b"1"),
    "",
    b"",
    (),
    [],
    {},
    set(),
    frozenset(),
    (1,),
    [1],
    {1},
    {1: 1},
    {"1": 1},
    (1, 2),
    (1, (2,)),
    ((1,), 2),
    [[1], 2],
    [1, [2]],
    [[]],
    [[], []],
    {1, 2},
    {(1, 2)},
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    {"a": {"b": 1}},
    collections.OrderedDict(a=1),
    collections.deque([1]),
    collections.deque([1], maxlen=2),
    collections.Counter("a"),
    types.SimpleNamespace(a=1),
    range(3),
    range(0, 3, 2),
    slice(3),
    slice(0, 3),
    pathlib.PurePosixPath("a"),
    pathlib.PurePosixPath("a/b"),
    re.compile("a"),
    re.compile("a", re.I),
    operator.itemgetter(1),
    operator.itemgetter(2),
    operator.attrgetter("a"),
    len,
    max,
    "a".upper,
    "b".upper,
    [1].append,
    [2].append,
    (3).__add__,
    (4).__add__,
    int,
    bool,
    list,
    list[int],
    list[str],
    int | str,
    typing.Any,
    os,
    np,
    torch.relu,
    torch.nn.functional.relu,
    torch.nn.functional.gelu,
    nn.ReLU,
    np.add,
    np.subtract,
    np.mean,
    np.linalg.norm,
    np.float64,
    np.float64(1),
    np.float32(1),
    np.int64(1),
    np.bool_(True),
    np.datetime64("2020-01-01"),
    np.dtype("f4"),
    np.dtype([("a", "f4")]),
    np.zeros(2),
    np.zeros(2, np.float32),
    np.zeros(2, ">f8"),
    np.zeros((2, 1)),
    np.zeros((1, 2)),
    np.zeros(0),
    np.zeros((0, 2)),
    np.arange(6.0).reshape(2, 3),
    np.arange(6.0).reshape(2, 3).T,
    np.arange(6.0).reshape(2, 3).T.copy(),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.ma.masked_array([1.0, 2.0], [False, False]),
    np.array([1, "a", None], dtype=object),
    np.array([1, "b", None], dtype=object),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("c", "f8")]),
    np.array([(1, 3.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array(["a", "b"]),
    np.array(["a", "c"]),
    np.random.default_rng(0),
    np.random.default_rng(1),
    np.random.Generator(np.random.Philox(0)),
    np.random.RandomState(0),
    np.random.RandomState(1),
    np.random.SeedSequence(0),
    random.Random(0),
    random.Random(1),
    torch.Generator().manual_seed(0),
    torch.Generator().manual_seed(1),
    torch.float32,
    torch.float64,
    torch.device("cpu"),
    torch.device("cuda:0"),
    torch.strided,
    torch.preserve_format,
    torch.Size([1, 2]),
    torch.zeros(2),
    torch.zeros(2, requires_grad=True),
    nn.Parameter(torch.zeros(2)),
    nn.Parameter(torch.ones(2)),
    nn.Parameter(torch.zeros(2), requires_grad=False),
    torch.zeros(2, dtype=torch.bfloat16),
    torch.ones(2, dtype=torch.bfloat16),
    torch.zeros(2, dtype=torch.float16),
    torch.zeros(2, dtype=torch.bool),
    torch.zeros(2, dtype=torch.complex64),
    torch.tensor([1 + 1j, 2]),
    torch.tensor([1 + 1j, 2]).conj(),
    torch.tensor([1 + 1j]).conj().imag,
    torch.tensor(1.0),
    torch.tensor([1.0]),
    torch.zeros(0),
    torch.zeros(2, 3),
    torch.zeros(3, 2).T,
    torch.eye(2).to_sparse(),
    (2 * torch.eye(2)).to_sparse(),
    nn.Linear(1, 1, bias=False).requires_grad_(False).half().train(False),
    nn.Identity(),
    nn.Identity().eval(),
    nn.Dropout(0.1),
    nn.Dropout(0.2),
    nn.Sequential(nn.Tanh()),
    nn.Sequential(nn.ReLU()),
    mlp([2, 3, 1], seed=0),
    mlp([2, 3, 1], seed=1),
    GRUClassifier(4, 2, 3, seed=0),
    ModReLURNN(2, 3, 1, seed=0),
    ModReLURNN(2, 3, 1, seed=1),
    functools.partial(pow, 2),
    functools.partial(pow, exp=2),
    contextvars.ContextVar("a"),
    contextvars.ContextVar("a", default=1),
    ValueError("a"),
    ValueError("b"),
    iter([1, 2]),
    zip([1], [2], strict=True),
]


@pytest.fixture(scope="module")
def of_values():
    return [fingerprint(value=value) for value in VALUES]


def test_different_values_have_different_fingerprints(of_values):
    seen = {}
    for value, print_ in zip(VALUES, of_values, strict=True):
        seen.setdefault(print_, []).append(value)
    assert [group for group in seen.values() if len(group) > 1] == []


def test_to_look_changes_nothing_and_gives_the_same_again():
    first = [fingerprint(value=value) for value in VALUES]  # now: other tests may import what changes copyreg
    state = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert [fingerprint(value=value) for value in VALUES] == first
    assert torch.equal(torch.random.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]  # noqa: NPY002
    assert random.getstate() == state[2]
    assert list(VALUES[-1]) == [(1, 2)]


@pytest.mark.parametrize(
    "k",
    [k for k, v in enumerate(VALUES) if type(v) in (np.ndarray, torch.Tensor, nn.Parameter, nn.Linear, GRUClassifier)],
)
def test_a_copy_has_the_same(k, of_values):
    assert fingerprint(value=copy.deepcopy(VALUES[k])) == of_values[k]


def test_another_process_finds_the_same():
    script = (
        "from linearlens.models import *; from linearlens.models._fingerprint import fingerprint\n"
        "print(fingerprint(a=GRUClassifier(4, 2, 3), b=train, c={('a', 1), 'b', train, 2.0}, d=ModReLURNN(2, 3, 1)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    values = {"c": {("a", 1), "b", training.train, 2.0}, "d": ModReLURNN(2, 3, 1)}
    assert done.stdout.strip() == fingerprint(a=GRUClassifier(4, 2, 3), b=training.train, **values)


def test_names_of_the_values_count():
    assert fingerprint(a=1) != fingerprint(b=1)
    assert fingerprint(a=1, b=2) != fingerprint(a=2, b=1)


def test_cycles_and_long_chains():
    ring: list = [1]
    ring.append(ring)
    other: list = [2]
    other.append(other)
    assert fingerprint(a=ring) != fingerprint(a=other)
    chain: list = []
    for _ in range(20_000):
        chain = [chain]
    assert len(fingerprint(a=chain)) == 64
    nested: tuple = ()
    for _ in range(20_000):
        nested = (nested,)
    assert len(fingerprint(a=nested)) == 64

    class Node:
        def __init__(self):
            self.others = {self}

    assert fingerprint(a=Node()) == fingerprint(a=Node())
    while chain:  # not left to the recursion of the collector
        chain = chain[0]


def test_sharing_is_seen():
    one, two = torch.zeros(3), torch.zeros(3)
    assert fingerprint(a=[one, one]) != fingerprint(a=[one, two])
    both = torch.zeros(6)
    assert fingerprint(a=[both[:3], both[:3]]) != fingerprint(a=[both[:3], both[3:]])
    assert fingerprint(a=[both[:3], both[3:]]) != fingerprint(a=[one, two])
    array = np.zeros(6)
    assert fingerprint(a=[array, array[:3]]) != fingerprint(a=[array, np.zeros(3)])
    assert fingerprint(a=[array, torch.from_numpy(array)]) != fingerprint(a=[array, torch.zeros(6, dtype=float)])
    tied, untied = (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(2))
    for model in (tied, untied):
        nn.init.ones_(model[0].weight)
        nn.init.ones_(model[1].weight)
        nn.init.zeros_(model[0].bias)
        nn.init.zeros_(model[1].bias)
    tied[1].weight = tied[0].weight
    assert fingerprint(a=tied) != fingerprint(a=untied)


def test_state_of_a_network_beyond_its_weights():
    def hook(*_):
        return None

    def prints():
        model = nn.Sequential(nn.Linear(2, 2).requires_grad_(False))
        model[0].weight.fill_(1.0)
        model[0].bias.fill_(1.0)
        yield fingerprint(a=model)
        model.note = 1
        yield fingerprint(a=model)
        model[0].register_buffer("kept", torch.zeros(2), persistent=False)
        yield fingerprint(a=model)
        model[0].kept += 1
        yield fingerprint(a=model)
        first = model.register_forward_hook(hook)
        yield fingerprint(a=model)
        first.remove()
        model.register_forward_hook(lambda *_: None)
        yield fingerprint(a=model)
        model.register_forward_hook(hook, with_kwargs=True)
        yield fingerprint(a=model)
        model[0].weight.requires_grad_()
        yield fingerprint(a=model)
        model[0].weight.register_hook(lambda g: 2 * g)
        yield fingerprint(a=model)
        model[0].weight.register_post_accumulate_grad_hook(hook)
        yield fingerprint(a=model)
        model[0].weight.grad = torch.ones(2, 2)
        yield fingerprint(a=model)

    with torch.no_grad():
        found, again = list(prints()), list(prints())
    assert len(set(found)) == len(found)
    assert found == again, "hooks are numbered through the whole process, which says nothing"


def test_what_someone_plants_in_a_package_is_seen(monkeypatch):
    def f(x):
        return nn.functional.relu(x) + torch.nn.Linear(1, 1)(x)

    def twice(x):
        return 2 * x

    before = fingerprint(f=f)
    for owner, name, new in (
        (torch.nn.functional, "relu", twice),
        (torch.nn.functional, "relu", functools.wraps(torch.nn.functional.relu)(lambda x: 3 * x)),
        (torch.nn.functional, "relu", torch.no_grad()(twice)),
        (torch.nn.functional, "relu", functools.partial(torch.mul, 2)),
        (torch.nn.functional, "softmax", twice),
        (nn.Linear, "forward", twice),
        (nn.Module, "__call__", twice),
        (nn, "Linear", type("Linear", (nn.Linear,), {})),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, new)
            assert fingerprint(f=f) != before, (owner, name)
        assert fingerprint(f=f) == before


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("BUCKET", 49),
        ("_one_cycle", lambda *_: None),
        ("_batches", functools.wraps(training._batches)(lambda *_: [])),
        ("training_device", lambda: torch.device("cpu")),
        ("nn", types.ModuleType("nn")),
    ],
)
def test_a_change_within_this_package_is_seen(monkeypatch, name, new):
    before = fingerprint(f=training.train)
    monkeypatch.setattr(training, name, new)
    assert fingerprint(f=training.train) != before


def test_a_function_of_a_package_with_globals_of_its_own_is_own_code():
    def copied(**more):
        relu = nn.functional.relu
        return types.FunctionType(relu.__code__, {**relu.__globals__, **more}, "relu", relu.__defaults__)

    small = {"__name__": "torch.nn.functional", "torch": 1}
    relu = nn.functional.relu.__code__
    assert fingerprint(f=types.FunctionType(relu, small)) != fingerprint(
        f=types.FunctionType(relu, small | {"torch": 2})
    )


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A module of the reader, as edited."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "helper_of_a_reader", raising=False)

    def edit(source):
        (tmp_path / "helper_of_a_reader.py").write_text(source)
        importlib.invalidate_caches()
        known = sys.modules.get("helper_of_a_reader")
        if known:
            for name in [name for name in vars(known) if not name.startswith("__")]:
                delattr(known, name)
        return importlib.reload(known) if known else importlib.import_module("helper_of_a_reader")

    yield edit
    sys.modules.pop("helper_of_a_reader", None)


HELPER = "A = 1\ndef g(x): return x + A\ndef other(x): return 7\nclass K:\n    b = 5\n"


@pytest.mark.parametrize(
    ("use", "edits"),
    [
        ("import helper_of_a_reader as h\ndef f(x): return h.g(x)", {"A = 1": True, "x + A": True, "7": False}),
        ("from helper_of_a_reader import g as f", {"A = 1": True, "x + A": True, "7": False, "5": False}),
        ("import helper_of_a_reader as h\ndef f(x): return getattr(h, 'g')(x)", {"A = 1": True, "7": True, "5": True}),
        ("import helper_of_a_reader as h\nf = h", {"A = 1": True, "x + A": True, "7": True, "5": True}),
        ("import helper_of_a_reader as h\ndef f(x): return [h][0].g(x)", {"x + A": True}),
        ("import helper_of_a_reader as h\ndef f(x): return (h if x else h).K.b", {"5": True}),
        ("def f(x):\n  import helper_of_a_reader\n  return helper_of_a_reader.g(x)", {"x + A": True, "A = 1": True}),
        ("def f(x):\n  from helper_of_a_reader import g\n  return g(x)", {"x + A": True, "A = 1": True, "7": False}),
        ("def f(x):\n  from helper_of_a_reader import missing\n  return 1", {"7": False}),
        ("def f(x):\n  import helper_that_is_not_there\n  return 1", {"7": False}),
    ],
)
def test_own_modules(helper, use, edits):
    def now(source):
        helper(source)
        return of(use)

    before = now(HELPER)
    for old, seen in edits.items():
        new = HELPER.replace(old, old.replace("1", "3") if "=" in old else f"1 - {old}")
        assert new != HELPER
        assert (now(new) != before) is seen, old
        assert now(HELPER) == before


def test_a_module_that_makes_its_attributes(helper):
    source = "def __getattr__(name): return lambda x: x + 1"
    use = "import helper_of_a_reader as h\ndef f(x): return h.anything(x)"
    helper(source)
    before = of(use)
    helper(source.replace("+ 1", "+ 2"))
    assert of(use) != before


def test_a_package_is_one_wherever_it_was_installed_and_a_module_beside_it_is_not(tmp_path, monkeypatch):
    """As in folders that PYTHONPATH names, and in environments made of links."""
    for folder, names in (("apart", ("listed_one", "listed_two")), ("own", ("listed_three",))):
        for name in names:
            (tmp_path / folder / name).mkdir(parents=True)
            (tmp_path / folder / name / "__init__.py").write_text("")
    (tmp_path / "apart" / "unlisted.py").write_text("")
    (tmp_path / "apart" / "listed_one-1.0.dist-info").mkdir()
    (tmp_path / "apart" / "listed_one-1.0.dist-info" / "RECORD").write_text(
        "listed_one/__init__.py,,\nlisted_four.py,,\nlisted_one-1.0.dist-info/RECORD,,\n"
    )
    (tmp_path / "apart" / "listed_four.py").write_text("")
    for folder in ("apart", "own"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    for name in ("listed_one", "listed_four"):
        assert _fingerprint._version(name), name
    for name in ("listed_two", "listed_three", "unlisted"):
        assert _fingerprint._version(name) is None, name


def test_a_new_version_of_a_package_is_seen(monkeypatch):
    def f(x):
        return torch.relu(x)

    before = fingerprint(f=f)
    _fingerprint._version.cache_clear()
    monkeypatch.setattr(torch, "__version__", "9.9")
    try:
        assert fingerprint(f=f) != before
    finally:
        monkeypatch.undo()
        _fingerprint._version.cache_clear()
    assert fingerprint(f=f) == before


def test_which_modules_are_of_packages():
    for name in ("torch.nn", "numpy", "os", "sys", "builtins", "json.decoder", "_io", "pytest", "yaml"):
        assert _fingerprint._version(name), name
    for name in ("linearlens.models", "__main__", "conftest", "nothing_by_this_name", "", __name__):
        assert _fingerprint._version(name) is None, name


def a_generator():
    yield 1


def added(x):
    return x + 1


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (a_generator(), "generator"),
        (torch.zeros(2, device="meta"), "Tensor"),
        (np.frompyfunc(lambda x: x + 1, 1, 1), "ufunc"),
        (threading.local(), "_local"),
        (torch.eye(2).to_mkldnn(), "Tensor"),
        (sys._getframe(), "frame"),
    ],
)
def test_what_hides_its_state_is_refused_with_the_way_to_it(value, what):
    holder = {"one": [value]}
    with pytest.raises(TypeError, match=rf"{what} is reached as train -> holder -> \['one'\] -> \[0\], and .*settings"):
        fingerprint(train=lambda: holder)


def test_an_open_file_is_refused(tmp_path):
    with (tmp_path / "a").open("w") as file, pytest.raises(TypeError, match="TextIOWrapper is reached as train"):
        fingerprint(train=lambda: file)


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\ndef f(x): return importlib.import_module('helper').g(x)",
        "from importlib import import_module\ndef f(x): return import_module('helper').g(x)",
        "def f(x): return __import__('helper').g(x)",
        "import sys\ndef f(x): return sys.modules['helper'].g(x)",
    ],
)
def test_modules_by_a_name_made_at_run_time_are_refused(source):
    with pytest.raises(TypeError, match=r"value.*takes modules by"):
        of(source)


def test_a_scripted_function_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of newer releases of torch
        f = torch.jit.script(added)
    with pytest.raises(TypeError, match="ScriptFunction"):
        fingerprint(f=f)


def test_nothing_that_was_looked_at_is_held():
    array = np.zeros(3)
    before = sys.getrefcount(array)
    fingerprint(f=lambda: array)
    gc.collect()
    assert sys.getrefcount(array) <= before + 1


def test_a_normal_training_takes_no_time():
    model = GRUClassifier(100, 8, 16)
    fingerprint(model=model, train=training.train)
    start = time.process_time()
    fingerprint(model=model, train=training.train)
    assert time.process_time() - start < 0.3
