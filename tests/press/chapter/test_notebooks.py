"""Which chapters there are, and what is said of a notebook that is none."""

import json

import pytest

from linearlens.press.chapter import notebooks
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import (
    Edition,
    all_chapters,
    cells_of,
    check_parameters,
    choose,
    code_of,
    expected_seconds,
    read_source,
    title_of,
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a notebook of these cells of code; anything else than cells is written as it is."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)

    def write(*cells: str, name: str = "01_small", content: object = None, **metadata: object) -> None:
        markdown = {"cell_type": "markdown", "metadata": {}, "source": ["# A title\n", "\n", "Words."]}
        code = [{"cell_type": "code", "metadata": {}, "source": cell, "outputs": []} for cell in cells]
        whole = {"cells": [markdown, *code], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
        text = content if isinstance(content, str) else json.dumps(whole if content is None else content)
        (tmp_path / f"{name}.ipynb").write_text(text, encoding="utf-8")

    return write


def test_chapters_are_those_with_a_number(write):
    for name in ("11_kann", "01_primer", "Untitled", "01_primer-Copy1", "1_one"):
        write(name=name)
    assert all_chapters() == ["01_primer", "11_kann"]
    assert choose([]) == all_chapters()
    assert choose(["11", "notebooks/01_primer.ipynb"]) == ["11_kann", "01_primer"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("2", "no chapter is named '2'; there are: 11_a, 12_b"),
        ("1", "several chapters begin with '1'"),
        ("", "no chapter"),
    ],
)
def test_a_name_that_fits_none_or_several_is_refused(write, name, says):
    for chapter in ("11_a", "12_b"):
        write(name=chapter)
    with pytest.raises(PressError, match=says):
        choose([name])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "cannot be read: it is no JSON"),
        ("{", "cannot be read: it is no JSON"),
        ("[" * 100_000, "cannot be read: it is no JSON"),
        ([], "is no notebook"),
        ({}, "is no notebook"),
        ({"cells": 1}, "is no notebook"),
        ({"cells": [1]}, "is no notebook"),
        ({"cells": [{"cell_type": "code", "metadata": {}}]}, "is no notebook"),
        ({"cells": [{"cell_type": "code", "source": ""}]}, "is no notebook"),
        ({"cells": [{"metadata": {}, "source": ""}]}, "is no notebook"),
        ({"cells": [{"cell_type": "code", "metadata": {}, "source": [1]}]}, "is no notebook"),
        ({"cells": [{"cell_type": "code", "metadata": {"tags": 1}, "source": ""}]}, "is no notebook"),
    ],
)
def test_what_is_no_notebook_is_named(write, content, says):
    write(content=content)
    for read in (cells_of, code_of, read_source):
        with pytest.raises(PressError, match=rf"notebooks/01_small\.ipynb {says}"):
            read("01_small")
    assert title_of("01_small") == "01_small"
    assert expected_seconds("01_small", "quick") is None


def test_a_chapter_that_is_not_there_is_named(write):
    with pytest.raises(PressError, match=r"notebooks/09_none\.ipynb cannot be read: no such file"):
        cells_of("09_none")


@pytest.mark.parametrize(
    ("cell", "line", "shown"),
    [
        ("x = 1\nif x:\n", 2, "if x:"),
        ("x = 1\n%time", 2, "%time"),
        ("x = !ls", 1, "x = !ls"),
        ("x = 1\n\x0c# \u2028\ny = (", 3, "y = ("),
        ("<<<<<<< ours", 1, "<<<<<<< ours"),
        ("x = '\0'", 1, "x = '"),
        ("x" + "+x" * 20_000, 1, "x+x"),
    ],
)
def test_a_cell_that_python_cannot_read_is_named_with_its_line(write, cell, line, shown):
    write("x = 1", cell)
    with pytest.raises(PressError) as caught:
        code_of("01_small")
    assert f"notebooks/01_small.ipynb, cell 2, line {line}: " in str(caught.value)
    assert shown in str(caught.value).replace("\\x00", "\0")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["profile = 'quick'\nspeed, n = 0, 1"], "01_small has no parameter seed; it has: profile"),
        ([], "has no cells tagged 'parameters'"),
        (["profile = seed = 1"] * 2, "has 2 cells tagged 'parameters'"),
    ],
)
def test_parameters_that_a_chapter_does_not_set_are_refused(write, cells, says):
    code = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": cell} for cell in cells]
    write(content={"cells": code})
    with pytest.raises(PressError, match=says):
        check_parameters("01_small", Edition().parameters)


def test_what_a_chapter_says_of_itself(write):
    write("x = 1", linearlens={"seconds": {"quick": 3}})
    assert title_of("01_small") == "A title"
    assert expected_seconds("01_small", "quick") == 3
    assert expected_seconds("01_small", "full") is None
    write("x = 1", linearlens=None)
    assert expected_seconds("01_small", "quick") is None


@pytest.mark.parametrize(
    ("values", "says"), [({"profile": "slow"}, "there are: quick, full"), ({"seed": -1}, "0 or more")]
)
def test_an_edition_that_cannot_be_is_refused(values, says):
    with pytest.raises(PressError, match=says):
        Edition(**values)
