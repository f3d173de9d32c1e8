"""A page that is executed but no chapter: what its code gives stands below it, and it runs again only when it must."""

import pytest

from linearlens.press.chapter.errors import PressError
from linearlens.press.pages import worked

PAGE = """---
file_format: mystnb
---

# A page

Before.

```{code-cell}
:tags: [remove-stderr]
import os

print(os.getpid())
```

After.
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(worked, "BUILD", tmp_path / "build")
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def printed(page):
    return "".join(one.text for cell in page.cells for one in cell.get("outputs", []) if one.get("name") == "stdout")


def test_it_runs_once_for_the_same_code_and_takes_the_prose_of_today(page, monkeypatch):
    first = worked.executed_page(page)
    assert [cell.cell_type for cell in first.cells] == ["markdown", "code", "markdown"]
    assert first.cells[1].metadata.tags == ["remove-stderr"]
    assert printed(first).strip().isdigit()
    page.write_text(PAGE.replace("After", "Afterwards"), encoding="utf-8")
    again = worked.executed_page(page)
    assert "Afterwards." in again.cells[-1].source
    assert printed(again) == printed(first), "it was not run again"
    page.write_text(PAGE.replace("os.getpid()", "os.getpid(), 1"), encoding="utf-8")
    assert printed(worked.executed_page(page)).endswith(" 1\n")


def test_a_cell_that_fails_is_named_and_nothing_is_kept(page):
    page.write_text(PAGE.replace("os.getpid()", "1 / 0"), encoding="utf-8")
    with pytest.raises(PressError, match=r"book/page\.md, In \[1\]: ZeroDivisionError"):
        worked.executed_page(page)
    assert not [*page.parent.glob("build/**/*.ipynb")]
