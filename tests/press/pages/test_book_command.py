"""`linearlens book`: what it builds again and why, and what it never shows."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from conftest import environment_of

from linearlens.press.pages import book, pdf


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def builds(monkeypatch):
    """How often pages were built; instead of building them."""
    times = []
    monkeypatch.setattr(book, "_build", times.append)
    return times


def test_an_edit_in_src_reaches_the_page_and_a_fault_stops_the_book(built, command):
    """As a reader would: changed number, broken function, mended function, nothing to do."""
    (built / ".venv").mkdir()
    for part in ("bin", "lib"):
        (built / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    (built / ".venv" / ".ready").touch()
    os.utime(built / ".venv" / ".ready", (2**31, 2**31))
    page = built / "_build" / "html" / "notebooks" / "01_small.html"
    source = built / "src" / "linearlens" / "small.py"
    good = source.read_text()
    assert "16.0</span>" in page.read_text()

    edit(source, "values.sum()", "values.sum() * 10")
    made = subprocess.run(["make", "book"], cwd=built, env=environment_of(built), capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "_build/html/index.html" in made.stdout
    assert "151.0</span>" in page.read_text()

    edit(source, "return", "raise RuntimeError('planted')\n    return")
    broken = command("book")
    assert broken.returncode == 1
    assert "notebooks/01_small.ipynb, cell 2" in broken.stderr
    assert "RuntimeError: planted" in broken.stderr
    assert "151.0</span>" in page.read_text(), "the last good book stays"

    source.write_text(good)
    assert command("book").returncode == 0
    assert "16.0</span>" in page.read_text()

    page_time = page.stat().st_mtime_ns
    assert "nothing changed" in command("book").stderr
    assert page.stat().st_mtime_ns == page_time


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("src/linearlens/small.py", "The sum.", "All of it."),  # docstrings reach the pages
        ("src/linearlens/press/pages/staging.py", "import shutil", "import shutil  # a comment"),
        ("book/index.md", "# Small", "# Smaller"),
        ("book/_static/book.css", "\n", "\n\n"),
        ("data/claims.yml", "A sum is", "The sum is"),
        ("notebooks/01_small.ipynb", "A small chapter", "A changed chapter"),
        ("requirements.lock", "numpy==", "numpy==1"),
    ],
)
def test_what_changes_pages_but_no_number_builds_them_and_runs_nothing(built, command, builds, name, old, new):
    edit(built / name, old, new)
    done = command("book")
    assert done.returncode == 0
    assert "1 chapter is fresh" in done.stderr
    assert "pages: building, takes about 20 s: what they are made of has changed" in done.stderr
    assert len(builds) == 1


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def change(path):
    edit(path, "16.0", "17.0")


DAMAGES = [
    ("notebooks/01_small.html", Path.unlink),
    ("notebooks/01_small.html", change),
    ("index.html", cut),
    ("more.html", Path.touch),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_page_that_is_not_as_it_was_built_is_named(built, command, builds, name, damage):
    page = built / "_build" / "html" / name
    damage(page)
    done = command("book")
    assert f"pages: building, takes about 20 s: {page} is not as it was built" in done.stderr
    assert len(builds) == 1


def test_a_damaged_list_of_pages_is_named(built, command, builds):
    listed = built / "_build" / "html" / ".pages.json"
    cut(listed)
    assert f"{listed} is damaged" in command("book").stderr
    listed.unlink()
    assert "there are none" in command("book").stderr
    assert len(builds) == 2


def test_damaged_pages_are_built_again(built, command):
    html = built / "_build" / "html"
    change(html / "notebooks" / "01_small.html")
    (html / "index.html").unlink()
    done = command("book")
    assert done.returncode == 0, done.stderr
    assert "16.0</span>" in (html / "notebooks" / "01_small.html").read_text()
    assert (html / "index.html").is_file()
    assert "nothing changed" in command("book").stderr


def test_nothing_is_printed_that_is_not_of_today(built, command, builds, monkeypatch):
    printed = []
    monkeypatch.setattr(pdf, "chromium", lambda: printed.append(1) or nullcontext())
    edit(built / "src" / "linearlens" / "small.py", "values.sum()", "values.sum() * 10")
    done = command("pdf")
    assert "01_small: done" in done.stderr, "what is stale runs first"
    assert len(builds) == 1, "then the pages are built"
    assert "the built pages will not do: what they are made of has changed" in done.stderr, "here nothing was"
    assert not printed


@pytest.mark.parametrize(
    ("code", "says"), [(-9, "ended by SIGKILL; if nobody did, memory was short"), (1, "is not content with the pages")]
)
def test_a_build_that_fails_says_why_and_leaves_the_last_pages(built, command, monkeypatch, code, says):
    edit(built / "book" / "index.md", "# Small", "# Smaller")
    before = (built / "_build" / "html" / "index.html").read_bytes()
    real = subprocess.run

    def run(arguments, **options):
        if "build" in arguments:
            return subprocess.CompletedProcess(arguments, code, "", "WARNING: of it")
        return real(arguments, **options)

    monkeypatch.setattr(book.subprocess, "run", run)
    done = command("book")
    assert done.returncode == 1
    assert says in done.stderr
    assert (built / "_build" / "html" / "index.html").read_bytes() == before
    assert [path.name for path in (built / "_build").glob(".*")] == []
