"""A small project with two chapters and three pages: built once with everything fresh, copied for each trial.

The first chapter adds and draws a figure, the second trains a network; each gives one number. That number stands in
its source, and a trial that changes it knows what every place must show from then on, and what none may show.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from faults.processes import MARK, end_all

LIMIT = 180  # seconds a command may take; the slowest takes 30 on a busy machine
SUM, NET = "01_sum", "02_net"
VALUES = {SUM: "sum.value", NET: "net.value"}
FIRST = {SUM: 400100, NET: 500100}  # what the chapters give in the template
FIGURE = "fig-sum-line"
SEEDS = (0, 1)  # those that the template has swept

CELLS = {
    SUM: {
        "imports": "import matplotlib.pyplot as plt\nimport numpy as np\n"
        "from linearlens.figures import use_style\nfrom linearlens.ledger import record\n\nuse_style()",
        "number": "total = {}",
        "record": 'record("sum.value", int(np.array([total, seed]).sum()))',
        "draw": 'fig, ax = plt.subplots()\nax.plot([1, 2], [total, total + 1], label="line")\nplt.show()',
    },
    NET: {
        "imports": "import torch\nfrom linearlens.ledger import record\n"
        "from linearlens.models import keep_trained, mlp",
        "number": "shift = {}",
        "loss": "def loss(network):\n    return (network.linear1.bias - 1000).square().sum()",
        "train": "def learn(network):\n    loss(network).backward()\n    with torch.no_grad():\n"
        "        network.linear1.bias -= network.linear1.bias.grad / 2",
        "record": "network = mlp([1, 1], seed=seed)\n"
        'keep_trained(network, learn, settings={{"seed": seed}}, data=[])\n'
        'record("net.value", round(network.linear1.bias.item()) - 1000 + shift + seed)',
    },
}
GOAL = 1000  # where the training of the second chapter leads
DRAWN = {"figure": {"name": FIGURE, "caption": "A line."}, "image": {"alt": "A line that rises."}}

CLAIM = """- id: {name}.value
  chapter: {chapter}
  paper: this book
  where: ""
  says: A number is what it is.
  kind: identity
  set: before
  bound: value >= 0
  why: All terms are positive.
"""
EDITABLE = ("_config.yml", "requirements.lock", "Makefile", "pyproject.toml", ".gitignore")
BUILDING = (
    ("run",),
    ("run", "--profile", "full"),
    ("sweep", "--seeds", "0:2"),
    ("figure", FIGURE, "-o", "out/line.svg", "--data", "out/line.csv"),
    ("book",),
    ("pdf",),
)


@dataclass
class Done:
    """What a command left behind."""

    code: int | None  # None: it did not end within the limit
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        """Both streams."""
        return f"{self.out}\n{self.err}"


@dataclass
class Project:
    """One copy, and what is true in it: the number each chapter gives at seed 0, None if none can be right."""

    root: Path
    name: str
    module: str
    truth: dict[str, int | None] = field(default_factory=lambda: dict(FIRST))
    false: set[int] = field(default_factory=set)  # numbers that nothing may show as fresh
    environment: dict[str, str | None] = field(default_factory=dict)  # beside that of this process; None: not set
    complaints: list[tuple[str, str]] = field(default_factory=list)  # kind and text, of what a trial itself has seen

    def __truediv__(self, path: str) -> Path:
        return self.root / path

    def notebook(self, chapter: str) -> Path:
        """The source of a chapter."""
        return self.root / "notebooks" / f"{chapter}.ipynb"

    def executed(self, chapter: str, edition: str = "quick-seed0") -> Path:
        """The chapter as it was executed."""
        return self.root / "_build" / "executed" / edition / f"{chapter}.ipynb"

    def page(self, chapter: str) -> Path:
        """Its built page."""
        return self.root / "_build" / "html" / "notebooks" / f"{chapter}.html"

    def edit(self, path: Path | str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        path = self.root / path
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def edit_cell(self, chapter: str, old: str, new: str) -> None:
        """The same in the code of a chapter, as an author would."""
        notebook = nbformat.read(self.notebook(chapter), as_version=4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and old in cell.source]
        assert cells, f"{chapter} does not hold {old!r}"
        for cell in cells:
            cell.source = cell.source.replace(old, new)
        nbformat.write(notebook, self.notebook(chapter))

    def new_number(self, chapter: str) -> int:
        """A number this project has never seen: the old one, of all seeds, is false from now on."""
        if (old := self.truth[chapter]) is not None:
            self.false |= {old + seed for seed in (*SEEDS, 2, 3)}
        number = FIRST[chapter] + 20 + int(hashlib.sha256(f"{self.name} {old}".encode()).hexdigest(), 16) % 9000 * 10
        self.truth[chapter] = number
        return number

    def restore(self, chapter: str) -> None:
        """The author takes a chapter out of the last commit."""
        self.checkout(f"notebooks/{chapter}.ipynb")
        self.truth[chapter] = FIRST[chapter]
        self.false -= {FIRST[chapter] + seed for seed in (*SEEDS, 2, 3)}

    def mark_impossible(self, chapter: str) -> None:
        """No number of a chapter can be right: it does not run to its end."""
        if (old := self.truth[chapter]) is not None:
            self.false |= {old + seed for seed in (*SEEDS, 2, 3)}
        self.truth[chapter] = None

    def change(self, *chapters: str) -> None:
        """An author writes new numbers into the cells of chapters (all for none)."""
        for chapter in chapters or VALUES:
            old = self.truth[chapter]
            self.edit_cell(chapter, str(old), str(self.new_number(chapter)))

    def checkout(self, *paths: str) -> None:
        """The author takes files out of the last commit."""
        subprocess.run(["git", "checkout", "--quiet", "HEAD", "--", *paths], cwd=self.root, check=True)

    def command(self, *arguments: str) -> list[str]:
        """The ``linearlens`` command of this copy."""
        return [sys.executable, "-m", self.module, *arguments]

    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {"PYTHONPATH": str(self.root / "src"), "COLUMNS": "200", "TERM": "xterm", MARK: str(self.root)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINEARLENS", "PYTEST"))}
        return {name: value for name, value in {**kept, **own, **self.environment}.items() if value is not None}

    def run(self, *arguments: str, limit: float = LIMIT) -> Done:
        """Run the ``linearlens`` command to its end."""
        return self.execute(self.command(*arguments), limit=limit)

    def execute(
        self,
        command: Sequence[str],
        *,
        meanwhile: Callable[[subprocess.Popen], None] = lambda process: None,
        limit: float = LIMIT,
        **options,
    ) -> Done:
        """Run any command in this copy to its end, or to the limit; into files, since pipes outlive their writers."""
        started = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "cwd": self.root, **options}
            process = subprocess.Popen(command, env=self.variables(), start_new_session=True, **options)
            meanwhile(process)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                end_all(self.root)
                process.wait()
                code = None
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode("utf-8", errors="replace"))
        return Done(code, *texts, time.monotonic() - started)


def write_chapter(path: Path, title: str, value: str, cells: Mapping[str, str]) -> None:
    """A chapter of code cells; the text shows its value."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\nIt measured {{glue:text}}`{value}`.", id="title")]
    tags = {"tags": ["parameters"]}
    notebook.cells.append(nbformat.v4.new_code_cell('profile = "quick"\nseed = 0', metadata=tags, id="parameters"))
    for name, code in cells.items():
        metadata = {"mystnb": DRAWN} if name == "draw" else {}
        notebook.cells.append(nbformat.v4.new_code_cell(code, metadata=metadata, id=name))
    nbformat.write(notebook, path)


def write_project(root: Path, source: Path) -> None:
    """The small project with the package of a checkout, nothing run yet."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(source / "src", root / "src", ignore=ignore)
    for name in EDITABLE:
        shutil.copy(source / name, root / name)
    for folder in ("notebooks", "book/_static", "data", "out"):
        (root / folder).mkdir(parents=True)
    for name in ("favicon.svg", "book.css"):
        shutil.copy(source / "book" / "_static" / name, root / "book" / "_static")
    if (source / "data" / "registry.yml").is_file():
        shutil.copy(source / "data" / "registry.yml", root / "data")
    files = "".join(f"- file: notebooks/{chapter}\n" for chapter in VALUES)
    texts = {
        "book/references.bib": "",
        "book/index.md": "# Small\n\n```{include} _generated/ledger.md\n```\n",
        "book/_toc.yml": f"format: jb-book\nroot: index\nchapters:\n{files}",
        "data/claims.yml": "".join(CLAIM.format(name=chapter[3:], chapter=chapter) for chapter in VALUES),
        "data/figures.yml": f'{FIGURE}: {{answers: "", claims: [sum.value]}}\n',
        "CITATION.cff": "cff-version: 1.2.0\ntitle: Small\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    for chapter, title in ((SUM, "A sum"), (NET, "A network")):
        cells = {name: code.format(FIRST[chapter]) for name, code in CELLS[chapter].items()}
        write_chapter(root / "notebooks" / f"{chapter}.ipynb", title, VALUES[chapter], cells)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "Small"]):
        subprocess.run([*git, *arguments], cwd=root, check=True, capture_output=True)


def build_template(folder: Path, source: Path, module: str) -> Path:
    """The small project with everything made and fresh; made once for each state of the source."""
    root = folder / f"template-{digest_of(source / 'src', Path(__file__))}"
    times = root / "out" / "times.json"
    if times.is_file():
        return root
    shutil.rmtree(root, ignore_errors=True)
    write_project(root, source)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(root / "src")], check=True)
    project, seconds = Project(root, "template", module), {}
    for arguments in BUILDING:
        done = project.run(*arguments, limit=900)
        if done.code:
            raise SystemExit(f"the small project itself fails: {' '.join(arguments)}\n{done.said}")
        seconds[arguments[0]] = round(done.seconds, 1)
    times.write_text(json.dumps(seconds))
    return root


def copy_template(template: Path, root: Path, name: str, module: str) -> Project:
    """A copy of its own for a trial."""
    shutil.copytree(template, root, symlinks=True)
    return Project(root, name, module)


def digest_of(*places: Path) -> str:
    """Hash of all Python below some places."""
    whole = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()[:10]
