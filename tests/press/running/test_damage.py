"""What was executed and is whole no longer is named, made again, and never shown."""

import json
import shutil

import pytest
from conftest import write_chapter

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.pages.book import refuse_stale
from linearlens.press.pages.browser import reading_order

DAMAGES = {
    "it is no JSON": lambda text: text[: len(text) // 2],
    "it is no JSON (": lambda text: "",
    "it has no seal": lambda text: "{}",
    "it was changed after it was written": lambda text: text.replace('"value": 16.0', '"value": 17.0'),
}


@pytest.mark.parametrize("says", DAMAGES)
def test_a_damaged_notebook_is_named_and_not_used(ran, here, says):
    executed = Executed("01_small", Edition())
    whole = executed.path.read_text()
    assert executed.trouble() is None
    damaged = DAMAGES[says](whole)
    assert damaged != whole
    executed.path.write_text(damaged)
    assert executed.trouble().startswith(f"{executed.path} is damaged: {says}")
    assert executed.stamp() is None
    assert executed.read() is None
    with pytest.raises(PressError, match=r"01_small\.ipynb is not fit for the book: .* is damaged: .*; run: "):
        refuse_stale(["01_small"])


def test_letters_a_folder_and_another_chapter_are_damages_too(ran, here):
    executed = Executed("01_small", Edition())
    whole = executed.path.read_bytes()
    write_chapter(here / "notebooks" / "02_other.ipynb", "x = 1")
    other = Executed("02_other", Edition())
    other.path.write_bytes(whole)
    assert other.trouble().endswith("is damaged: it is the run of another chapter, profile or seed")
    executed.path.write_bytes(b"\xff\xfe\x00")
    assert executed.trouble().endswith("is damaged: it is no text")
    executed.path.unlink()
    executed.path.mkdir()
    assert executed.trouble().endswith("is damaged: is a directory")
    shutil.rmtree(executed.path)
    assert executed.trouble() == "never executed"


def test_the_next_run_makes_it_again(ran, command):
    path = ran / "_build" / "executed" / "quick-seed0" / "01_small.ipynb"
    path.unlink()
    path.mkdir()
    (path / "notes").touch()
    said = command("claims")
    assert said.returncode == 1
    assert "not measured: 01_small" in said.stderr
    done = command("run")
    assert done.returncode == 0, done.stderr
    assert f"01_small: {path} is damaged: is a directory" in done.stderr
    assert json.loads(path.read_text())["metadata"]["linearlens_run"]["records"][0]["value"] == 16.0


def test_what_was_recorded_and_is_not_in_the_ledger_is_said(ran, command):
    ledger = ran / "data" / "claims.yml"
    ledger.write_text(ledger.read_text().replace("id: small.value", "id: small.other"))
    done = command("claims")
    assert done.returncode == 1
    assert "01_small records small.value, which is not in data/claims.yml" in done.stderr
    done = command("book")
    assert done.returncode == 1
    assert "01_small records small.value, which is not in data/claims.yml" in done.stderr


@pytest.mark.parametrize("text", ["", "[]", "root: index\nparts: 3\n", "{"])
def test_a_table_of_contents_that_is_none_is_named(here, text):
    (here / "book" / "_toc.yml").write_text(text)
    with pytest.raises(PressError, match=r"_toc\.yml is no table of contents"):
        reading_order()
