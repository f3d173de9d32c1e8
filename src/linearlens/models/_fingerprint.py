"""Everything that a computation reaches, as one number: its code, and the values that code and objects lead to."""

import builtins
import contextvars
import copyreg
import dataclasses
import dis
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import logging
import os
import random
import re
import site
import struct
import sys
import sysconfig
import threading
import types
import typing
import weakref
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

# What is told in full by its type and its repr.
ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range})
NAMED = (
    typing.TypeVar
    | torch.dtype
    | torch.device
    | torch.layout
    | torch.memory_format
    | torch._ops.OpOverload
    | torch._ops.OpOverloadPacket
)
SETTABLE = type | FunctionType | functools.partial
LOCKS = type(threading.Lock()) | type(threading.RLock())
# Entries of classes and modules that say where the code stands, describe it, or remember what has been asked of it.
NO_CODE = re.compile(
    r"__(doc|dict|weakref|module|annot\w+|firstlineno|static_attributes|orig_bases|parameters|type_params|builtins|cached"
    r"|file|loader|name|package|path|spec)__|_abc_impl|_autograd_function_id"
)
LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
JOINED = re.compile(r"((?:LOAD|STORE)_FAST(?:_BORROW)?)_((?:LOAD|STORE)_FAST(?:_BORROW)?)")
BY_ANY_NAME = {"eval", "exec", "globals"}  # with these a function reaches all globals
IMPORTERS = (importlib.import_module, importlib.__import__, builtins.__import__, sys.modules)
COMPILED = re.compile(r"_cython_\w+|pybind11_builtins")  # no modules, but where compiled packages keep their types
KEPT_BY_IPYTHON = re.compile(r"_+(i{1,3}|i?\d+|[iod]h|exit_code)?|In|Out|get_ipython|exit|quit|open")
HAS_DOCSTRING = 0x4000000  # a flag of code since Python 3.13
HEAP_TYPE = 1 << 9  # a type that can be changed

PACKAGE = __name__.partition(".")[0]

Part = tuple[str, Any]  # what it is, and its value


def fingerprint(**values: object) -> str:
    """A number that differs if anything differs that the values reach: code, defaults, closures, globals, state.

    Functions count by their instructions, whether from a cell, an own module, or this package, with every default,
    closure and global they name; so comments, docstrings, annotations, layout and the place in a file do not.
    Classes count by all their entries and bases, objects by class and state, arrays and tensors by their bytes.
    Whatever comes with Python or from site-packages counts by its name and version.
    Dicts count in their order, which a sum over their entries feels, and so does sharing: tied weights are not equal
    ones.

    Parameters
    ----------
    **values
        Each by the name under which an error is to find it.

    Returns
    -------
    str
        64 hexadecimal digits; the same in each process.

    Raises
    ------
    TypeError
        If something is reached whose state cannot be seen, such as an open file or a running generator. The message
        says what, and through what it was reached.
    """
    walk = _Walk()
    for name, value in values.items():
        walk.write(name)
        walk.meet(value, name)
    return walk.finish()


class _Walk:
    """Writes all that is reached into a hash: plain values at once, each other object once, by the order of its turn.

    A list that waits, in place of a recursion, sees cycles and long chains as anything else.
    """

    def __init__(self, numbers: dict | None = None) -> None:
        self.digest = hashlib.sha256()
        self.numbers = {} if numbers is None else numbers
        self.waiting: deque = deque()
        self.met: list = []  # numbers are by id, which belongs to an object for as long as it lives

    def write(self, *parts: str | bytes) -> None:
        for part in parts:
            data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            self.digest.update(len(data).to_bytes(8))
            self.digest.update(data)

    def meet(self, value: Any, path: str) -> None:
        value = _bare(value)
        kind = type(value)
        if kind in ATOMS:
            self.write(kind.__name__, _atom(value))
        elif kind is tuple and _flat(*value):
            self.write("tuple", *(part for item in value for part in (type(item).__name__, _atom(item))), "end")
        elif kind is _Place:
            first, address = self.numbers.setdefault(value.owner, (len(self.numbers), value.address))
            self.write("place", str(first), str(value.address - address))
        elif kind is _Unordered:
            found = sorted(_Walk({} if _flat(item) else dict(self.numbers)).only(item, path) for item in value.items)
            self.write("unordered", str(len(found)), *found)
        elif kind is types.MethodType:  # made anew each time it is asked for
            self.write("method")
            self.meet(value.__func__, path)
            self.meet(value.__self__, f"{path}.__self__")
        else:
            if id(value) not in self.numbers:
                self.numbers[id(value)] = len(self.numbers)
                self.met.append(value)
                self.waiting.append((value, path))
            self.write("object", str(self.numbers[id(value)]))

    def only(self, value: Any, path: str) -> str:
        self.meet(value, path)
        return self.finish()

    def finish(self) -> str:
        while self.waiting:
            value, path = self.waiting.popleft()
            try:
                for label, part in _parts(value):
                    self.write(label)
                    self.meet(part, f"{path} -> {label}" if label else path)
            except _Unseen as reason:
                raise TypeError(
                    f"{_name_of(type(value))} is reached as {path}, and {reason}, so whether it has changed cannot be "
                    "told; take it out of what this code reaches (globals, closures, defaults, attributes), make it "
                    "where it is used, or name what matters of it in settings"
                ) from None
            self.write("done")
        return self.digest.hexdigest()


class _Unseen(Exception):
    """An object does not show its state."""


class _Unordered(NamedTuple):
    items: Iterable


class _Place(NamedTuple):
    """Where numbers lie in memory, relative to the first that are met in the same storage."""

    owner: tuple
    address: int


def _flat(*values: Any) -> bool:
    """Whether all of them stand for themselves wherever they are met."""
    return ATOMS.issuperset(map(type, values))


def _atom(value: Any) -> str | bytes:
    if type(value) is float:
        return struct.pack(">d", value)
    if type(value) is complex:
        return struct.pack(">dd", value.real, value.imag)
    if type(value) is int:
        return hex(value)
    return value if isinstance(value, str | bytes) else repr(value)


# What comes with Python or a package, and is told by name and version


@functools.cache
def _installed() -> tuple[str, ...]:
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple({f"{os.path.realpath(folder)}{os.sep}" for folder in folders})


@functools.cache
def _listed(place: str) -> bool:
    """Whether beside a package, wherever that is, stands the list of files by which it was installed there."""
    path = Path(os.path.abspath(place))
    lists = [file.read_text(encoding="utf-8") for file in path.parent.glob("*.dist-info/RECORD")]
    return any(re.search(rf"^{re.escape(path.name)}[/,]", text, re.M) for text in lists)


@functools.cache
def _version(name: str) -> str | None:
    """The version of the package a module is of, if it is not our own or the reader's."""
    top = str(name).partition(".")[0]
    if COMPILED.fullmatch(top):
        return "compiled"
    if top in ("__main__", PACKAGE):
        return None
    module = sys.modules.get(top)
    try:
        spec = getattr(module, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    places = [getattr(spec, "origin", None) or "", *(getattr(spec, "submodule_search_locations", None) or [])]
    inside = any(f"{os.path.realpath(place)}{os.sep}".startswith(_installed()) or _listed(place) for place in places)
    if not inside and not {"built-in", "frozen"} & set(places):
        return None
    if top in sys.stdlib_module_names:
        return "{}.{}".format(*sys.version_info)
    try:
        return str(getattr(module, "__version__", None) or importlib.metadata.version(top))
    except (importlib.metadata.PackageNotFoundError, FileNotFoundError):  # the latter from its backport
        return "unknown"


def _resolves(value: Any, module: str | None, name: str) -> bool:
    """Whether a module has just this under that name."""
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return _bare(found) is _bare(value)


def _bare(value: Any) -> Any:
    """Without the decorators that keep torch's compiler away, which torch puts on and off as it goes."""
    while isinstance(value, FunctionType) and _home(value).startswith(("torch._dynamo", "torch._compile")):
        if not hasattr(value, "__wrapped__"):
            break
        value = value.__wrapped__
    return value


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _home(function: FunctionType) -> str:
    """The module whose globals a function sees, whatever it says of itself; "" if they are a dict of its own."""
    name = function.__globals__.get("__name__")
    return str(name) if getattr(sys.modules.get(str(name)), "__dict__", None) is function.__globals__ else ""


def _planted(owner: ModuleType | type) -> Iterator[Part]:
    """Functions and classes that someone has put into a module or a class of a package."""
    for name, entry in list(vars(owner).items()):
        if isinstance(entry, type):
            if _version(entry.__module__) is None:
                yield name, entry
        elif isinstance(entry, property):
            yield from ((name, one) for part in (entry.fget, entry.fset) for one in _ours(part))
        else:
            yield from ((name, one) for one in _ours(entry))


def _ours(entry: Any, depth: int = 4) -> Iterator[Any]:
    """Own functions in an entry of a package, under decorators too."""
    if isinstance(entry, staticmethod | classmethod | types.MethodType):
        entry = entry.__func__
    if not isinstance(entry, FunctionType):
        if not isinstance(entry, type) and _version(type(entry).__module__) is None:
            yield entry
    elif _version(_home(entry)) is None:
        yield entry
    elif depth and entry.__closure__ and entry.__module__ != _home(entry):  # what a decorator of a package makes
        for cell in entry.__closure__:
            with suppress(ValueError):
                yield from _ours(cell.cell_contents, depth - 1)


# The code of functions


class _Code(NamedTuple):
    digest: str
    loads: tuple[tuple[str, ...], ...]  # names of globals, each with the attributes that are taken of it at once
    imports: tuple[tuple[str, int, tuple[str, ...] | None], ...]


_SEEN: dict[int, tuple[CodeType, _Code]] = {}  # code does not change, and is kept here so that its id is its own


def _read(code: CodeType) -> _Code:
    """The instructions, and the globals they name, those of functions within included."""
    if id(code) not in _SEEN:
        _SEEN[id(code)] = code, _disassembled(code)
    return _SEEN[id(code)][1]


def _apart(step: dis.Instruction) -> list[dis.Instruction]:
    """The two instructions that Python 3.13 joins into one where they stand on one line."""
    joined = JOINED.fullmatch(step.opname)
    if joined is None:
        return [step]
    return [step._replace(opname=name, argval=one) for name, one in zip(joined.groups(), step.argval, strict=True)]


def _disassembled(code: CodeType) -> _Code:
    steps = [step for whole in dis.get_instructions(code, adaptive=False) for step in _apart(whole)]
    steps = [step for step in steps if step.opname not in ("NOP", "EXTENDED_ARG")]
    # A docstring of a class within is stored as any other name.
    stored = {k for k, step in enumerate(steps) if step.opname == "STORE_NAME" and step.argval == "__doc__"}
    steps = [step for k, step in enumerate(steps) if not {k, k + 1} & stored]
    offsets = [step.offset for step in steps]
    loads: set[tuple] = set()
    imports: set[tuple] = set()
    walk = _Walk()
    flags = code.co_flags & ~HAS_DOCSTRING
    for number in (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags):
        walk.write(str(number))
    walk.meet(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2], "arguments")  # 2 for * and **
    for start, end, target, depth, lasti in dis._parse_exception_table(code):  # type: ignore[attr-defined]
        walk.write(*(str(bisect_left(offsets, place)) for place in (start, end, target)), f"{depth} {lasti}")
    for k, step in enumerate(steps):
        value = code.co_consts[step.arg or 0] if step.opname == "KW_NAMES" else step.argval  # dis leaves it out
        walk.write(step.opname)
        if isinstance(value, CodeType):
            inner = _read(value)
            walk.write("code", inner.digest)
            loads.update(inner.loads)
            imports.update(inner.imports)
        elif step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            walk.write(str(bisect_left(offsets, value)))
        else:
            walk.meet(value, step.opname)
        if step.opname in LOADS:
            taken = k + 1
            while taken < len(steps) and steps[taken].opname in ("LOAD_ATTR", "LOAD_METHOD"):
                taken += 1
            loads.add((value, *(after.argval for after in steps[k + 1 : taken])))
        if step.opname == "IMPORT_NAME":
            imports.add((value, steps[k - 2].argval, steps[k - 1].argval))
    return _Code(walk.finish(), tuple(sorted(loads)), tuple(sorted(imports, key=repr)))


def _reached(code: _Code, names: dict) -> Iterator[Part]:
    """The globals of a function, and what it imports."""
    trusted = str(names.get("__name__")).startswith(f"{PACKAGE}.")
    for path, value in _named(code, names):
        if any(value is one for one in IMPORTERS):
            if trusted:
                continue
            raise _Unseen(f"it takes modules by {path}, under names that nobody knows yet")
        yield path, value


def _named(code: _Code, names: dict) -> Iterator[Part]:
    for name, *attributes in code.loads:
        known = names if name in names else vars(builtins)
        if name not in known:
            yield name, "is not there"
        elif isinstance(known[name], ModuleType):
            yield from _taken(known[name], attributes, name)
        else:
            yield name, known[name]
        if name in BY_ANY_NAME:
            yield from _entries(names)
    for name, level, chosen in code.imports:
        package = names.get("__package__") or str(names.get("__name__")).rpartition(".")[0]
        whole = f"{package}.{name}".strip(".") if level else name
        version = _version(whole)
        yield f"import {whole}", version
        if version and whole not in sys.modules:
            continue
        try:
            module = __import__(name, names, None, chosen or (), level)
        except Exception as error:  # whatever the module does; the function will meet it, and may catch it
            yield f"import {whole}", _name_of(type(error))
            continue
        for entry in chosen or ():
            yield from _taken(module, [] if entry == "*" else [entry], whole)
        if not chosen:
            yield whole, module
            yield whole, sys.modules.get(whole)


def _taken(value: Any, attributes: list[str], path: str) -> Iterator[Part]:
    """Attributes of a module: only what is taken of it, unless that is the module."""
    for name in attributes:
        version = _version(value.__name__)
        if version:
            yield path, value
        elif name not in vars(value):
            yield f"{path}.__getattr__", vars(value).get("__getattr__")
        value, path = getattr(value, name, "is not there"), f"{path}.{name}"
        if not isinstance(value, ModuleType):
            # What a reader may have put there is looked at; what a package makes, such as os.environ, is not.
            kind = type(value)
            ours = version is None or value is sys.modules or _version(kind.__module__) is None
            told = ours or kind in ATOMS | {list, tuple, dict, set} or isinstance(value, SETTABLE)
            yield path, value if told else _name_of(kind)
            return
    yield path, value


def _entries(names: dict) -> Iterator[Part]:
    """All of a module, or of a notebook without what IPython keeps there of its own."""
    shell = "_ih" in names
    for name in sorted(names):
        if not NO_CODE.fullmatch(name) and not (shell and KEPT_BY_IPYTHON.fullmatch(name)):
            yield name, names[name]


# What each kind of object is made of


@functools.singledispatch
def _parts(value: Any) -> Iterator[Part]:
    """Any object: its class, its content if it is a kind of list, dict or number, its attributes, what it shows."""
    cls = type(value)
    yield "", cls
    if cls in copyreg.dispatch_table:
        yield from _made(value, copyreg.dispatch_table[cls](value))
        return
    plain = all(getattr(cls, name) is getattr(object, name) for name in ("__reduce__", "__reduce_ex__", "__getstate__"))
    if isinstance(value, dict):
        for key, item in dict.items(value):
            yield "", key
            yield f"[{key!r:.40}]" if type(key) in ATOMS else "[...]", item
    elif isinstance(value, set | frozenset):
        yield "", _Unordered(list(value))
        yield from _attributes(object.__getstate__(value))
        return
    elif isinstance(value, list | tuple):
        items = tuple(list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value))
        if _flat(*items):
            yield "plain", items
        else:
            yield "", len(items)
            yield from ((f"[{k}]", item) for k, item in enumerate(items))
    for plain_type in (int, float, complex, str, bytes, bytearray):
        if isinstance(value, plain_type):
            yield "", plain_type.__repr__(value)
    if cls in (dict, list, tuple, bytearray):
        return
    if not plain and _version(cls.__module__) is None:  # packages tell what counts, and leave out what they worked out
        yield from _attributes(object.__getstate__(value))
    try:
        shown = value.__reduce_ex__(2)
    except Exception as error:
        raise _Unseen(f"does not show its state ({error})") from None
    yield from _made(value, shown)


def _made(value: Any, shown: str | tuple) -> Iterator[Part]:
    """From what an object tells of its making, by the protocol of `copy`."""
    if isinstance(shown, str):
        if isinstance(value, np.ufunc):
            homes = [name for name in sys.modules if name.partition(".")[0] in ("numpy", "scipy")]
        else:
            homes = [getattr(value, "__module__", None) or type(value).__module__]
        name, compiled = getattr(value, "__qualname__", None) or shown, _version(type(value).__module__) == "compiled"
        home = next((home for home in homes if _version(home) and (compiled or _resolves(value, home, name))), None)
        if home is None:
            raise _Unseen(f"shows only a name, {shown!r}")
        yield "", f"{home}.{name} {_version(home)}"
        return
    make, arguments, state, items, pairs = (*shown, None, None, None)[:5]
    yield "", make
    yield "", list(arguments)
    yield from _attributes(state)
    if not isinstance(value, list | dict):
        yield "", None if items is None else list(items)
        yield "", None if pairs is None else list(pairs)


def _attributes(state: Any) -> Iterator[Part]:
    """By name: in which order they were set says nothing."""
    for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):
        if isinstance(part, dict) and all(type(name) is str for name in part):
            hooks = {name: entry for name, entry in part.items() if "_hooks" in name and isinstance(entry, dict)}
            order = sorted({key for entry in hooks.values() for key in entry if type(key) is int})
            yield "", len(part)
            for name, entry in sorted(part.items()):
                numbered = name in hooks and set(entry) <= set(order)  # by a count of all hooks of the process
                yield f".{name}", [(order.index(k), v) for k, v in entry.items()] if numbered else entry
        else:
            yield "state", part


@_parts.register
def _(value: FunctionType) -> Iterator[Part]:
    home = _home(value)
    version = _version(home)
    claimed = value.__module__ if _version(value.__module__) else None
    if home == __name__ or (version and claimed and _resolves(value, claimed, value.__qualname__)):
        yield "", f"{claimed}.{value.__qualname__} {version}"
        yield from (("planted", one) for one in _ours(value))
        return
    code = _read(value.__code__)
    yield "", f"function {value.__name__} {code.digest} {version}"
    registry = getattr(value, "registry", None)
    if home == "functools" and registry is not None:  # what singledispatch makes; the rest of it remembers calls
        yield "registry", registry
        return
    yield "defaults", value.__defaults__
    yield from _attributes(value.__kwdefaults__)
    yield from _attributes({name: entry for name, entry in vars(value).items() if "dynamo" not in name})
    yield from zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
    if version is None:
        yield from _reached(code, value.__globals__)


@_parts.register
def _(value: types.CellType) -> Iterator[Part]:
    try:
        yield "", value.cell_contents
    except ValueError:
        yield "", "empty"


@_parts.register
def _(value: CodeType) -> Iterator[Part]:
    yield "code", _read(value).digest


@_parts.register
def _(value: type) -> Iterator[Part]:
    version = _version(value.__module__)
    fixed = not value.__flags__ & HEAP_TYPE
    if fixed or (version and _resolves(value, value.__module__, value.__qualname__)):
        yield "", f"{_name_of(value)} {version}"
        if not fixed:
            yield from _planted(value)
        yield "bases", value.__bases__
        return
    yield "class", value.__name__
    yield "metaclass", type(value)
    yield "bases", value.__bases__
    for name, entry in sorted(vars(value).items()):
        if not NO_CODE.fullmatch(name):
            yield name, entry


@_parts.register
def _(value: ModuleType) -> Iterator[Part]:
    version = _version(value.__name__)
    yield "module", f"{value.__name__} {version}"
    if value.__name__ != __name__:  # which remembers what it has read
        yield from _entries(vars(value)) if version is None else _planted(value)


@_parts.register
def _(value: types.BuiltinFunctionType) -> Iterator[Part]:
    yield "", f"{value.__module__}.{value.__qualname__} {_version(str(value.__module__))}"
    owner = value.__self__
    yield "", None if isinstance(owner, ModuleType) or type(owner).__name__ == "PyCapsule" else owner


@_parts.register
def _(value: types.MethodWrapperType) -> Iterator[Part]:
    yield "", f"{value.__name__}"
    yield "", value.__self__


@_parts.register(types.WrapperDescriptorType)
@_parts.register(types.MethodDescriptorType)
@_parts.register(types.ClassMethodDescriptorType)
@_parts.register(types.GetSetDescriptorType)
@_parts.register(types.MemberDescriptorType)
def _(value: Any) -> Iterator[Part]:
    yield "", f"{type(value).__name__} {_name_of(value.__objclass__)}.{value.__name__}"


@_parts.register
def _(value: property) -> Iterator[Part]:
    yield "", type(value)
    yield from (("get", value.fget), ("set", value.fset), ("delete", value.fdel))


@_parts.register(staticmethod)
@_parts.register(classmethod)
def _(value: Any) -> Iterator[Part]:
    yield "", type(value)
    yield "", value.__func__


@_parts.register
def _(value: functools._lru_cache_wrapper) -> Iterator[Part]:
    yield "cached", value.__wrapped__
    yield from _attributes(value.cache_parameters())


@_parts.register
def _(value: dataclasses.Field) -> Iterator[Part]:
    yield from ((name, getattr(value, name)) for name in dataclasses.Field.__slots__ if name not in ("type", "doc"))


@_parts.register
def _(value: Enum) -> Iterator[Part]:
    yield "", type(value)
    yield from _attributes(vars(value))


@_parts.register
def _(value: types.MappingProxyType) -> Iterator[Part]:
    yield "", dict(value)


@_parts.register(type({}.keys()))
@_parts.register(type({}.values()))
@_parts.register(type({}.items()))
def _(value: Any) -> Iterator[Part]:
    yield "view", list(value)


@_parts.register
def _(value: weakref.ref) -> Iterator[Part]:
    yield "reference", value()


@_parts.register
def _(value: memoryview) -> Iterator[Part]:
    yield "memory", f"{value.format} {value.shape} {value.strides}"
    yield "", value.tobytes()


@_parts.register
def _(value: slice) -> Iterator[Part]:
    yield "slice", (value.start, value.stop, value.step)


@_parts.register
def _(value: contextvars.ContextVar) -> Iterator[Part]:
    yield "context", value.name
    with suppress(LookupError):
        yield "", value.get()


@_parts.register
def _(value: logging.Logger) -> Iterator[Part]:
    yield "logger", value.name


@_parts.register(LOCKS)
def _(value: Any) -> Iterator[Part]:
    yield "", type(value)


@_parts.register(NAMED)
def _(value: Any) -> Iterator[Part]:
    yield "", f"{_name_of(type(value))} {value}"


# Numbers


@_parts.register(np.ndarray)
@_parts.register(np.generic)
def _(value: Any) -> Iterator[Part]:
    yield "", type(value)
    if isinstance(value, np.ndarray):
        yield from _attributes(getattr(value, "__dict__", None))
    array = np.asarray(value)
    yield "dtype", repr(array.dtype)
    yield "shape", array.shape
    if array.dtype.names:  # between the fields there may be anything
        for name in array.dtype.names:
            yield name, array[name]
    elif array.dtype.hasobject:
        yield "", array.ravel().tolist()
    else:
        yield "", array.tobytes()
    if isinstance(value, np.ndarray) and array.size:
        # In another order the same numbers add up to another sum, in the last bits.
        yield "strides", tuple(s for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        yield "", _Place(("place", owner.ctypes.data), array.ctypes.data)


@_parts.register
def _(value: torch.Tensor) -> Iterator[Part]:
    yield "", type(value)
    yield from _attributes(vars(value))
    yield "", f"{value.dtype} {value.device} {value.layout} {value.requires_grad} {type(value.grad_fn).__name__}"
    if value.is_nested:
        raise _Unseen("is nested")
    yield "shape", tuple(value.shape)
    yield "grad", value.grad if value.is_leaf else None
    for hooks in (value._backward_hooks, value._post_accumulate_grad_hooks):
        yield "hooks", None if hooks is None else list(hooks.values())
    plain = value.detach()
    try:
        if value.layout == torch.sparse_coo:
            yield "sparse", [value.is_coalesced(), plain._indices(), plain._values()]
            return
        dense = plain.cpu().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        data = dense.reshape(-1).view(torch.uint8).numpy().tobytes()
    except Exception as error:
        raise _Unseen(f"does not show its numbers ({error})") from None
    yield "", data
    if value.numel():
        yield "strides", tuple(s for s, n in zip(value.stride(), value.shape, strict=True) if n > 1)
        yield "", _Place(("place", value.untyped_storage().data_ptr()), value.data_ptr())


@_parts.register(nn.Module)
@_parts.register(torch.optim.Optimizer)
def _(value: Any) -> Iterator[Part]:
    yield "", type(value)
    yield from _attributes(vars(value))


@_parts.register
def _(value: np.random.Generator) -> Iterator[Part]:
    yield "", type(value)
    yield "", value.bit_generator


@_parts.register
def _(value: np.random.BitGenerator) -> Iterator[Part]:
    yield "state", value.state
    seeds = value.seed_seq
    yield "seeds", getattr(seeds, "state", None)


@_parts.register(np.random.RandomState)
@_parts.register(torch.Generator)
@_parts.register(random.Random)
def _(value: Any) -> Iterator[Part]:
    yield "", type(value)
    if any(value is one for one in (np.random.mtrand._rand, torch.default_generator, random._inst)):
        yield "", "global"
    elif isinstance(value, np.random.RandomState):
        yield "state", value.get_state(legacy=False)
    elif isinstance(value, torch.Generator):
        yield "state", [str(value.device), value.get_state()]
    else:
        yield "state", value.getstate()
