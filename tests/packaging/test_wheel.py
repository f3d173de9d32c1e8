"""What is built from the checkout: wheel and sdist, and what the wheel does where there is nothing else of ours."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from linearlens import __version__
from linearlens.paths import ROOT

CORE = {"matplotlib", "numpy", "pandas", "pooch", "safetensors", "scikit-learn", "scipy", "threadpoolctl", "torch"}
COMMANDS = (["run"], ["book"], ["claims"], ["claims", "--seeds"], ["figure", "--list"], ["homework"],
            ["pack", "-o", "pack"], ["pdf"],
            ["sweep"])  # fmt: skip
SOURCES = {
    path.relative_to(ROOT / "src").as_posix()
    for path in (ROOT / "src" / "linearlens").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy to build from: building leaves folders behind."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT, root, dirs_exist_ok=True, ignore=_all_but_what_is_small)
    return root


def _all_but_what_is_small(folder: str, names: list[str]) -> set[str]:
    unwanted = {"__pycache__", "_build", "cache", "results", "_static", "node_modules"}
    return {name for name in names if name in unwanted or name.startswith(".") or name.endswith(".egg-info")}


def build(project: Path, target: Path, kind: str) -> Path:
    """Build a wheel or an sdist as pip and build do, without looking for anything on an index."""
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code, target], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(project, tmp_path_factory) -> Path:
    return build(project, tmp_path_factory.mktemp("wheel"), "wheel")


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if not name.partition("/")[0].endswith(".dist-info")}
        text = packed.read("linearlens/datasets/registry.toml").decode()
    assert names == SOURCES
    assert {"linearlens/py.typed", "linearlens/press/course/slides.css"} <= names
    assert {f"linearlens/press/course/reveal/{name}" for name in ("reveal.css", "reveal.js", "LICENSE")} <= names
    assert text == (ROOT / "src" / "linearlens" / "datasets" / "registry.toml").read_text(encoding="utf-8")


def test_the_wheel_asks_for_the_core_and_offers_the_rest(wheel):
    with zipfile.ZipFile(wheel) as packed:
        folder = f"linearlens-{__version__}.dist-info"
        about = email.message_from_bytes(packed.read(f"{folder}/METADATA"))
        commands = packed.read(f"{folder}/entry_points.txt").decode()
    asked = [Requirement(line) for line in about.get_all("Requires-Dist")]
    core = [requirement for requirement in asked if requirement.marker is None]
    assert {requirement.name for requirement in core} == CORE
    for requirement in core:
        assert {part.operator for part in requirement.specifier} == {">="}, "a range: a reader's own torch stays"
        installed = distribution(requirement.name).version.partition("+")[0]
        assert requirement.specifier.contains(installed)
    assert {"book", "course", "lab", "test"} <= set(about.get_all("Provides-Extra"))
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "MIT"
    assert "linearlens = linearlens.__main__:main" in commands


def test_the_sdist_builds_the_same_wheel_and_holds_no_more(project, wheel, tmp_path):
    sdist = build(project, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as tape:
        names = {name.partition("/")[2] for name in tape.getnames()}
        tape.extractall(tmp_path / "unpacked", filter="data")
    assert {name.partition("/")[0] for name in names} == {
        "", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", "src"}  # fmt: skip
    assert {f"src/{name}" for name in SOURCES} <= names
    again = build(next((tmp_path / "unpacked").iterdir()), tmp_path / "again", "wheel")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())


def closure(names: set[str]) -> set[str]:
    """These distributions, and all they ask for on this machine."""
    found: set[str] = set()
    left = sorted(names)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name not in found:
            found.add(name)
            asked = [Requirement(line) for line in distribution(name).requires or []]
            left += [each.name for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def link(names: set[str], packages: Path) -> None:
    """Make distributions that are installed here seen in another environment, and no others."""
    for name in closure(names):
        roots = {file.parts[0] for file in distribution(name).files or []}
        for root in roots - {"..", "__pycache__"}:
            source = Path(str(distribution(name).locate_file(root)))
            if source.exists() and not (packages / root).exists():
                (packages / root).symlink_to(source)


class Alone:
    """An environment that holds the wheel and the core, outside any checkout, and a user who has nothing yet."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.home, self.folder = folder / "home", folder / "elsewhere"
        self.home.mkdir()
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.python = folder / "env" / "bin" / "python"
        self.packages = next((folder / "env" / "lib").iterdir()) / "site-packages"
        link(CORE, self.packages)
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--quiet", "install", "--no-index", "--no-deps"]
        subprocess.run([*pip, wheel], check=True)

    def run(self, *command: object, **variables: str) -> subprocess.CompletedProcess:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "LINEARL"))}
        return subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            env={**kept, "HOME": str(self.home), "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def refused(self, *command: object, **variables: str) -> str:
        """The one line a command ends with, and exit code 1."""
        done = self.run(*command, **variables)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory, wheel) -> Alone:
    return Alone(tmp_path_factory.mktemp("alone"), wheel)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
import linearlens
from linearlens import credit, datasets, figures, instance, kann, koopman, layers, ledger, models, paths, snapshots

here = Path(linearlens.__file__).parent
assert here.parent.name == "site-packages", here
assert not paths.CHECKOUT
before = sorted(here.rglob("*")), sorted(Path(sys.prefix).iterdir())
home = Path.home()

figures.use_style()
ledger.record("some.claim", [1.0, 2.0])
rows = np.random.default_rng(0).normal(size=(4, 30, 3)) @ np.diag([0.9, 0.5, 0.1])
operator = koopman.Koopman().fit(rows)
assert len(operator.eigenvalues_) == 3
assert kann.projection_magnitude(operator, rows[0]).shape == (30, 3)

data = datasets.load_digits()
assert data.train_inputs.shape == (1297, 64)
inputs = torch.as_tensor(data.train_inputs, dtype=torch.float32)


def fill(network):
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.linspace(-1, 1, weights.numel()).reshape(weights.shape))


for _ in range(2):
    model = models.mlp([64, 8, 10])
    models.keep_trained(model, fill, settings={"seed": 0}, data=[data.train_inputs])
kept = [*(home / ".cache" / "linearlens" / "networks").iterdir()]
assert len(kept) == 1, "once, and in the user's cache folder"
assert paths.DOWNLOADS == home / ".cache" / "linearlens" / "data"

names = [name for name, _ in model.named_children()]
assert layers.fit_layer(model, None, names[0], data.train_inputs).error < 1e-2
affine = instance.linearize(model, inputs[:2])
torch.testing.assert_close(affine(inputs[:2]), model(inputs[:2]))
assert credit.credits(model, data, methods=["weight_gain"]).shape[1] == 1

for name, load in (("mnist", datasets.load_mnist), ("ecg5000", datasets.load_ecg5000), ("imdb", datasets.load_imdb)):
    try:
        load()
    except datasets.DataError as error:
        assert "has a wrong checksum" in str(error), error
    else:
        raise AssertionError("nothing was wrong with", name)
assert before == (sorted(here.rglob("*")), sorted(Path(sys.prefix).iterdir())), "nothing is written beside the package"
"""


@pytest.mark.slow
def test_the_library_works_with_its_core_alone(alone, tmp_path):
    own = tmp_path / "own"
    for entry, name in (("mnist", "train-images-idx3-ubyte.gz"), ("ecg5000", "ECG5000_TRAIN.txt"), ("imdb", "aclImdb")):
        (own / entry).mkdir(parents=True)
        (own / entry / name).write_bytes(b"small")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = alone.run(alone.python, "-W", "error", "-B", tmp_path / "script.py", LINEARLENS_DATA=str(own))
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == "some.claim  1.5 (1 to 2, 2 values)\n", "nothing but what was recorded"


@pytest.mark.slow
def test_the_command_says_in_one_line_what_it_needs(alone):
    command = alone.python.with_name("linearlens")
    for start in ([command], [alone.python, "-m", "linearlens"]):
        for arguments in (["--help"], ["run"], ["data", "list"]):
            message = alone.refused(*start, *arguments)
            assert message.startswith("error: ")
            assert 'pip install "linearlens[book]"' in message
    link({"typer", "rich"}, alone.packages)
    for start in ([command], [alone.python, "-m", "linearlens"]):
        assert "Usage: linearlens" in alone.run(*start, "--help").stdout
    for arguments in COMMANDS:
        assert "needs a checkout of the book" in alone.refused(command, *arguments)
    listed = alone.run(command, "data", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    for needed in ("mnist", "ecg5000", "imdb", str(alone.home / ".cache" / "linearlens" / "data" / "mnist")):
        assert needed in listed.stdout
    assert "no data set named 'none'; there are: mnist, mnist-5k, ecg5000" in alone.refused(
        command, "data", "fetch", "none"
    )
    assert [*alone.folder.iterdir()] == []
