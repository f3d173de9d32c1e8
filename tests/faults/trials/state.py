"""Whatever is read back is damaged in every way: made things must be made again, written things must be named."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from safetensors import safe_open
from safetensors.numpy import save_file

from faults.project import FIGURE, FIRST, NET, SUM, Project
from faults.trial import FIGURE_COMMAND, SWEEP_COMMAND, Skipped, Trial

WRONG = {SUM: 477777, NET: 577777}  # what a tampered file says
FOREIGN = '{"id": "other.value", "value": 466666, "cells": [], "sources": {}}\n'

Damage = Callable[[Project, Path], None]


# Ways to damage a file.


def missing(_: Project, path: Path) -> None:
    """It is gone."""
    path.unlink()


def empty(_: Project, path: Path) -> None:
    """0 bytes, as a power loss leaves it."""
    path.write_bytes(b"")


def cut(_: Project, path: Path) -> None:
    """Its first half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def garbage(_: Project, path: Path) -> None:
    """Bytes that are no text."""
    path.write_bytes(bytes(range(128, 256)) * 8)


def braces(_: Project, path: Path) -> None:
    """Well-formed JSON that holds nothing."""
    path.write_text("{}")


def foreign(project: Project, path: Path) -> None:
    """The file of another chapter, or something else that is well-formed."""
    other = path.with_name(path.name.replace(SUM, NET)) if SUM in path.name else None
    if other is not None and other.is_file():
        shutil.copy(other, path)
    else:
        path.write_text(FOREIGN)
    project.false.add(466666)


def tampered(project: Project, path: Path) -> None:
    """One number in it is another."""
    content = path.read_bytes()
    for chapter, wrong in WRONG.items():
        project.false |= {wrong, wrong + 1}
        content = content.replace(str(FIRST[chapter]).encode(), str(wrong).encode())
    path.write_bytes(content)
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as kept:
            weights, about = {name: kept.get_tensor(name) for name in kept.keys()}, kept.metadata()  # noqa: SIM118
        save_file({name: weight + 77 for name, weight in weights.items()}, path, metadata=about)


def folder(_: Project, path: Path) -> None:
    """A folder in its place."""
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Damage] = {
    one.__name__: one for one in (missing, empty, cut, garbage, braces, foreign, tampered, folder)
}


# The things.


@dataclass(frozen=True)
class Thing:
    """Something that is read back: where it lies, which command reads it, which damages are tried.

    ``written`` says that an author wrote it, so that a message naming ``names`` is right; what the press made must be
    made again by the command itself. ``kept`` is what took hours and stands in git: it is not thrown away for being
    damaged, but the message says how to get it back, and that is then done.
    """

    name: str
    find: Callable[[Project], Path]
    command: tuple[str, ...]
    damages: tuple[str, ...] = tuple(DAMAGES)
    names: tuple[str, ...] = ()
    written: bool = False
    kept: bool = False
    codes: frozenset[int] = frozenset({0})
    says: tuple[str, ...] = ()  # of a damaged file that is there, one of these is said even where all goes well


def _network(project: Project) -> Path:
    """That of the quick run with seed 0, which was trained first."""
    kept = list((project / "_build" / "networks").rglob("*.safetensors"))
    if not kept:
        raise Skipped("no network is kept in this version")
    return min(kept, key=lambda path: path.stat().st_mtime_ns)


def _key(project: Project) -> Path:
    """What says of which pages the book is made: a file in, or beside it, that is no page and holds a hash."""
    places = [project / "_build" / "html", project / "_build"]
    for pattern in (".key", "*manifest*", "*.key", "*stamp*", ".*.json", "*.sha256"):
        for place in places:
            if found := [path for path in sorted(place.glob(pattern)) if path.is_file()]:
                return found[0]
    raise Skipped("the book has no key in this version")


def _registry(project: Project) -> Path:
    for name in ("data/registry.yml", "src/linearlens/datasets/registry.toml"):
        if (project / name).is_file():
            return project / name
    raise Skipped("no registry of data sets")


def _lock(project: Project) -> Path:
    return next(iter(sorted((project / "_build").glob("*run*lock"))), project / "_build" / "run.lock")


def _at(place: str) -> Callable[[Project], Path]:
    return lambda project: project / place


EXECUTED = f"_build/executed/quick-seed0/{SUM}.ipynb"
FEW = ("empty", "cut", "foreign", "tampered")
MADE = (
    Thing("executed", _at(EXECUTED), ("run",), says=(SUM,)),
    Thing("executed-claims", _at(EXECUTED), ("claims",), codes=frozenset({0, 1}), says=(f"{SUM}.ipynb", "damaged")),
    Thing("executed-book", _at(EXECUTED), ("book",), ("empty", "tampered"), says=(SUM,)),
    Thing("executed-figure", _at(EXECUTED), FIGURE_COMMAND, ("garbage", "tampered")),
    Thing("executed-sweep", _at("_build/executed/quick-seed1/01_sum.ipynb"), ("sweep", "--seeds", "0:3"), ("cut",)),
    Thing(
        "kept-full", _at(f"data/results/full/{SUM}.json"), ("book",), (*FEW, "braces", "folder"), says=(SUM,), kept=True
    ),
    Thing("kept-seeds", _at(f"data/results/seeds/quick/{SUM}.json"), SWEEP_COMMAND, says=(SUM,), kept=True),
    Thing(
        "kept-seeds-claims",
        _at(f"data/results/seeds/quick/{SUM}.json"),
        ("claims", "--seeds"),
        says=(SUM,),
        kept=True,
    ),
    Thing("network", _network, ("run", "02", "--force")),
    Thing("page", _at(f"_build/html/notebooks/{SUM}.html"), ("book",), ("missing", "cut", "tampered", "folder")),
    Thing("index-page", _at("_build/html/index.html"), ("book",), ("missing", "empty", "tampered")),
    Thing("key", _key, ("book",), ("empty", "garbage", "folder")),
    Thing("stage", _at(f"_build/stage/notebooks/{SUM}.ipynb"), ("book",), ("tampered",)),
    Thing("page-pdf", _at(f"_build/html/notebooks/{SUM}.html"), ("pdf",), ("missing", "tampered")),
    Thing("lock", _lock, ("run",), ("garbage", "folder")),
)
WRITTEN = (
    Thing("claims.yml", _at("data/claims.yml"), ("claims",), names=("claims.yml",), written=True),
    Thing("claims.yml-book", _at("data/claims.yml"), ("book",), ("cut",), names=("claims.yml",), written=True),
    Thing("claims.yml-run", _at("data/claims.yml"), ("run",), ("cut",), names=("claims.yml",), written=True),
    Thing("registry", _registry, ("data", "list"), DAMAGES.keys() - {"tampered"}, names=("registry",), written=True),
    Thing("figures.yml", _at("data/figures.yml"), FIGURE_COMMAND, ("garbage", "cut", "braces"), ("figures.yml",), True),
    Thing(
        "figures.yml-list",
        _at("data/figures.yml"),
        ("figure", "--list"),
        ("garbage", "foreign"),
        ("figures.yml",),
        True,
    ),
    Thing("toc", _at("book/_toc.yml"), ("book",), ("empty", "cut"), ("_toc.yml",), True),
    Thing("toc-pdf", _at("book/_toc.yml"), ("pdf",), ("garbage",), ("_toc.yml",), True),
    Thing("config", _at("_config.yml"), ("book",), ("garbage",), ("_config.yml",), True),
    Thing("versions", _at("requirements.lock"), ("run",), ("missing", "garbage"), ("requirements.lock",), True),
)


def trials() -> list[Trial]:
    """Each thing with each of its damages, and stamps with one field wrong."""
    return [*_damaged(), *_stamps(), *_contents()]


def _damaged() -> Iterator[Trial]:
    for thing in (*MADE, *WRITTEN):
        for damage in sorted(thing.damages, key=list(DAMAGES).index):
            yield Trial(
                f"{thing.name}-{damage}",
                f"{thing.name}: {' '.join((DAMAGES[damage].__doc__ or '').split())} Then {' '.join(thing.command)}",
                thing.command,
                plant=_damage(thing, damage),
                codes=thing.codes | ({0, 1} if thing.written or thing.kept else set()),
                names=("get it back with `git checkout",) if thing.kept else thing.names,
                says=() if damage == "missing" else thing.says,
                mend=_get_back(thing) if thing.kept else _give_back if thing.written else None,
            )


def _damage(thing: Thing, damage: str):
    def plant(project: Project) -> None:
        path = thing.find(project)
        if not path.exists():
            path.touch()
        DAMAGES[damage](project, path)

    return plant


def _give_back(project: Project) -> None:
    project.checkout(".")


def _get_back(thing: Thing) -> Callable[[Project], None]:
    """What the message says: remove it, and take it from git if it is there."""

    def mend(project: Project) -> None:
        path = thing.find(project)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        project.checkout(".")

    return mend


# The stamp of an executed chapter, one field at a time.

STAMPS: dict[str, Callable[[dict], object]] = {
    "gone": lambda stamp: stamp.clear(),
    "no-records": lambda stamp: stamp.pop("records"),
    "records-tampered": lambda stamp: stamp["records"][0].update(value=WRONG[SUM]),
    "records-text": lambda stamp: stamp.update(records="none"),
    "records-of-another": lambda stamp: stamp["records"].append({"id": "net.value", "value": WRONG[NET]}),
    "no-sources": lambda stamp: stamp.pop("sources", None),
    "sources-a-list": lambda stamp: stamp.update(sources=[]),
    "seed-edited": lambda stamp: stamp.update(seed=5),
    "versions-edited": lambda stamp: stamp.update(versions={"numpy": "1.0"}, python="3.9.1"),
    "commit-edited": lambda stamp: stamp.update(commit="0" * 40, dirty=False),
    "not-a-mapping": lambda stamp: None,
}
BOOKED = ("records-tampered",)


def _stamps() -> Iterator[Trial]:
    for name in STAMPS:
        for command in (("run",), *([("book",)] if name in BOOKED else [])):
            yield Trial(
                f"stamp-{name}-{command[0]}",
                f"the stamp of an executed chapter: {name.replace('-', ' ')}; then {command[0]}",
                command,
                plant=_stamped(name),
            )
    yield Trial(
        "stamp-records-tampered-claims",
        "the stamp of an executed chapter says another number; then claims",
        ("claims",),
        plant=_stamped("records-tampered"),
        codes=frozenset({0, 1}),
    )


def _stamped(name: str):
    def plant(project: Project) -> None:
        path = project.executed(SUM)
        notebook = nbformat.read(path, as_version=4)
        stamps = [key for key in notebook.metadata if key.startswith("linearlens")]
        if not stamps:
            raise Skipped("executed chapters carry no stamp in this version")
        if name == "not-a-mapping":
            notebook.metadata[stamps[0]] = "a stamp"
        else:
            STAMPS[name](notebook.metadata[stamps[0]])
        path.write_text(json.dumps(notebook))
        project.false |= set(WRONG.values())

    return plant


# Contents that are well-formed and say something wrong.


def _contents() -> Iterator[Trial]:
    def claims(text: str):
        return lambda project: (project / "data/claims.yml").write_text(text)

    good = "- id: sum.value\n  chapter: 01_sum\n"
    for name, text in (
        ("a-text-for-an-entry", "- just a text\n"),
        ("a-text", "just a text\n"),
        ("an-entry-without-bound", good),
        ("a-chapter-that-is-a-number", good.replace("01_sum", "1")),
    ):
        yield Trial(
            f"claims.yml-{name}",
            f"claims.yml holds {name.replace('-', ' ')}; then claims",
            ("claims",),
            plant=claims(text),
            codes=frozenset({1}),
            names=("claims.yml",),
            mend=_give_back,
        )
    yield Trial(
        "figures.yml-unknown-figure",
        "figures.yml names a figure that no chapter shows; then the list",
        ("figure", "--list"),
        plant=lambda project: project.edit("data/figures.yml", FIGURE, "fig-other"),
        codes=frozenset({1}),
        names=("figures.yml",),
        mend=_give_back,
    )
    yield Trial(
        "kept-seeds-doubled",
        "the kept seeds hold one seed twice, once with another number; then claims --seeds",
        ("claims", "--seeds"),
        plant=_doubled,
        codes=frozenset({0, 1}),
    )


def _doubled(project: Project) -> None:
    path = project / f"data/results/seeds/quick/{SUM}.json"
    content = json.loads(path.read_text())
    text = json.dumps(content).replace(str(FIRST[SUM]), str(WRONG[SUM]))
    path.write_text(json.dumps([*content, *json.loads(text)]) if isinstance(content, list) else text)
    project.false.add(WRONG[SUM])
