"""A chapter that needs downloads, on a machine without: its kept run is shown, marked, and never another code's."""

import json

import pytest
from conftest import working_on, write_registry

from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition

CHAPTER = "01_small"


@pytest.fixture
def needy(small, tmp_path, monkeypatch):
    """The small project, whose chapter needs a file; a function that puts it there, or away."""
    file = {"name": "big.txt", "url": "https://example.org/big.txt", "sha256": "", "bytes": 3_000_000}
    entry = {"title": "Big", "licence": "MIT", "citation": "None", "files": [file]}
    write_registry(small / "src" / "linearlens" / "datasets" / "registry.toml", {"big": entry})
    notebook = small / "notebooks" / f"{CHAPTER}.ipynb"
    content = json.loads(notebook.read_text())
    content["metadata"]["linearlens"] = {"needs": ["big"]}
    notebook.write_text(json.dumps(content))
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "downloads"))
    downloaded = tmp_path / "downloads" / "big" / "big.txt"

    def there(yes: bool) -> None:
        downloaded.parent.mkdir(parents=True, exist_ok=True)
        downloaded.write_text("big") if yes else downloaded.unlink()

    there(True)
    return small, there


def value_of(project):
    """What the executed chapter recorded, and whether that was lent."""
    run = json.loads((project / "_build" / "executed" / "quick-seed0" / f"{CHAPTER}.ipynb").read_text())
    stamp = run["metadata"]["linearlens_run"]
    return stamp["records"][0]["value"], stamp.get("lent", False)


def test_without_its_downloads_a_chapter_shows_its_kept_run(needy, command):
    project, there = needy
    assert command("run").returncode == 0
    assert value_of(project) == (16.0, False)
    (project / "_build" / "executed" / "quick-seed0" / f"{CHAPTER}.ipynb").unlink()
    there(False)
    done = command("run")
    assert done.returncode == 0
    assert "3 MB that it needs are not here" in done.stdout + done.stderr
    assert "linearlens data fetch wild" in done.stdout + done.stderr
    assert value_of(project) == (16.0, True)
    assert command("book").returncode == 0
    page = (project / "_build" / "html" / "notebooks" / f"{CHAPTER}.html").read_text()
    assert "Not run here" in page
    there(True)
    assert "what it needs is here now" in "".join([(again := command("run")).stdout, again.stderr])
    assert value_of(project) == (16.0, False)
    assert command("book").returncode == 0
    page = (project / "_build" / "html" / "notebooks" / f"{CHAPTER}.html").read_text()
    assert "Not run here" not in page


def test_a_kept_run_of_other_code_or_another_seed_is_not_lent(needy, command):
    project, there = needy
    assert command("run").returncode == 0
    there(False)
    module = project / "src" / "linearlens" / "small.py"
    module.write_text(module.read_text().replace("values.sum()", "values.sum() + 1"))
    assert command("run").returncode == 0  # this one would not have needed it
    assert value_of(project) == (17.0, False)
    kept = project / "data" / "results" / "lent" / f"{CHAPTER}.json"
    before = kept.read_text()
    assert command("run", "--seed", "1").returncode == 0
    assert kept.read_text() == before


def test_a_run_that_failed_leaves_what_was_there(needy, command):
    project, there = needy
    assert command("run").returncode == 0
    executed = project / "_build" / "executed" / "quick-seed0" / f"{CHAPTER}.ipynb"
    before = executed.read_text()
    there(False)
    notebook = project / "notebooks" / f"{CHAPTER}.ipynb"
    notebook.write_text(notebook.read_text().replace("+ 1 + seed", "+ 1 + seed + nothing"))
    assert command("run").returncode == 1
    assert executed.read_text() == before


def test_a_kept_run_is_judged_without_a_file_being_written(needy, command, monkeypatch):
    from linearlens.press.evidence import lent_runs

    project, there = needy
    assert command("run").returncode == 0
    executed = project / "_build" / "executed" / "quick-seed0" / f"{CHAPTER}.ipynb"
    executed.unlink()
    there(False)
    wrote = []
    monkeypatch.setattr(lent_runs, "write_text", lambda path, text: wrote.append(path))
    module = project / "src" / "linearlens" / "small.py"
    with working_on(project):
        assert lent_runs.lend([CHAPTER], Edition()) == {CHAPTER: 3_000_000}
        assert [path.name for path in wrote] == [executed.name]
        assert lent_runs.lend([CHAPTER], Edition(seed=1)) == {}
        module.write_text(module.read_text().replace("values.sum()", "values.sum() + 1"))
        assert lent_runs.lend([CHAPTER], Edition()) == {}
    assert len(wrote) == 1


def test_a_kept_run_that_was_edited_is_refused(needy, command):
    project, there = needy
    assert command("run").returncode == 0
    there(False)
    (project / "_build" / "executed" / "quick-seed0" / f"{CHAPTER}.ipynb").unlink()
    kept = project / "data" / "results" / "lent" / f"{CHAPTER}.json"
    kept.write_text(kept.read_text().replace("16.0", "61.0"))
    done = command("run")
    assert done.returncode == 1
    assert "was changed after it was written; get it back with git" in done.stdout + done.stderr


def test_a_need_that_is_no_data_set_is_named(needy, command):
    project, _ = needy
    notebook = project / "notebooks" / f"{CHAPTER}.ipynb"
    notebook.write_text(notebook.read_text().replace('["big"]', '["large"]'))
    done = command("run")
    assert done.returncode == 1
    assert "needs large, which the registry of data sets does not list" in done.stdout + done.stderr


def test_runs_are_kept_of_clean_commits_and_of_the_code_that_stands_here():
    from linearlens.press.evidence.lent_runs import FOLDER

    for path in FOLDER.glob("*.json"):
        stamp = json.loads(path.read_text(encoding="utf-8"))["metadata"]["linearlens_run"]
        assert stamp["lent"] is True
        assert stamp["dirty"] is False, path
        assert Executed(stamp["chapter"], Edition()).chapter == path.stem
