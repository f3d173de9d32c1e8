"""The foot of each page: which edition it is of, and when it last changed."""

import json
import subprocess

import pytest

from linearlens.press.pages import history


@pytest.fixture
def committed(here, monkeypatch):
    """The small project as a repository with two commits."""
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Someone")
        monkeypatch.setenv(f"{name}_EMAIL", "someone@example.org")
        monkeypatch.setenv(f"{name}_DATE", "2026-02-03T12:00:00")

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=here, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "book", "notebooks")
    git("commit", "--quiet", "-m", "Begin")
    (here / "book" / "index.md").write_text("# Small\n\nMore.\n\n```{include} _generated/ledger.md\n```\n")
    git("commit", "--quiet", "-a", "-m", "Say <more>")
    return here


def test_a_page_knows_its_changes(committed):
    told = history.history()
    assert told["date"] == "2026-02-03"
    assert not told["dirty"]
    assert [subject for _, _, subject in told["pages"]["index"]] == ["Say <more>", "Begin"]
    assert [subject for _, _, subject in told["pages"]["notebooks/01_small"]] == ["Begin"]
    assert history.edition_of(told) == f"Version {told['version']}, 2026-02-03, commit {told['commit']}."
    (committed / "book" / "index.md").write_text("# Changed\n")
    assert ", with changes." in history.edition_of(history.history())


def test_outside_git_the_version_stands_alone(here):
    assert history.edition_of(history.history()) == f"Version {history.package_version()}."


def test_each_page_is_signed(ran, command):
    page = ran / "_build" / "html" / "index.html"
    assert command("book").returncode == 0
    assert f"Version {history.package_version()}." in page.read_text()
    assert "last changed" not in page.read_text()


def test_what_a_page_says_of_its_changes_is_text(monkeypatch, tmp_path):
    told = {"version": "1.0", "pages": {"a": [["abc", "2026-01-02", "Say <b>"]]}}
    (tmp_path / "_generated").mkdir()
    (tmp_path / history.HISTORY).write_text(json.dumps(told))
    context = {"theme_extra_footer": "Text."}
    app = type("App", (), {"srcdir": tmp_path})
    history.sign(app, "a", "", context, None)
    assert context["theme_extra_footer"].startswith("Text.\n")
    assert "This page last changed on 2026-01-02, in abc." in context["theme_extra_footer"]
    assert "<li>2026-01-02, abc: Say &lt;b&gt;</li>" in context["theme_extra_footer"]
