"""What stands at the foot of each page: the version, the commit it was built from, and when the page last changed."""

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from linearlens.press.chapter.provenance import commit_of_checkout, git
from linearlens.press.pages.install import package_version

HISTORY = "_generated/history.json"
LAST = 8  # changes of a page that are told
HASH = 8  # letters of a commit
MARK, BETWEEN = "\x01", "\x02"
FORMAT = f"{MARK}%h{BETWEEN}%ad{BETWEEN}%s"


def history() -> dict[str, Any]:
    """Version, commit with its date, and by page its last changes, newest first; outside git the version alone."""
    state = commit_of_checkout()
    if not state["commit"]:
        return {"version": package_version(), "pages": {}}
    log = git("log", "--no-merges", "--date=short", f"--abbrev={HASH}", f"--format={FORMAT}", "--name-only") or ""
    pages: dict[str, list[list[str]]] = {}
    for entry in log.split(MARK)[1:]:
        head, *files = entry.strip().splitlines()
        for page in filter(None, map(_page_of, files)):
            pages.setdefault(page, []).append(head.split(BETWEEN))
    return {
        "version": package_version(),
        "commit": str(state["commit"])[:HASH],
        "dirty": state["dirty"],
        "date": git("log", "-1", "--date=short", "--format=%ad"),
        "pages": {page: changes[:LAST] for page, changes in pages.items()},
    }


def _page_of(file: str) -> str | None:
    """The page that a file of the repository is the text of."""
    path = Path(file)
    if path.suffix == ".ipynb" and path.parent.as_posix() == "notebooks":
        return f"notebooks/{path.stem}"
    if path.suffix == ".md" and path.parent.as_posix() == "book":
        return path.stem
    if path.suffix == ".py" and path.parent.as_posix() == "book/assignments":
        return f"assignments/{path.stem}"
    return "changelog" if file == "CHANGELOG.md" else None


def edition_of(history: dict[str, Any]) -> str:
    """The edition in words."""
    if "commit" not in history:
        return f"Version {history['version']}."
    changed = ", with changes" if history["dirty"] else ""
    return f"Version {history['version']}, {history['date']}, commit {history['commit']}{changed}."


@cache
def _read(source: str) -> dict[str, Any]:
    path = Path(source) / HISTORY
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def sign(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Put the edition at the foot of a page, and its last changes, folded."""
    if told := _read(str(app.srcdir)):
        parts = [context.get("theme_extra_footer", ""), *_signed(told, page)]
        context["theme_extra_footer"] = "\n".join(parts)


def _signed(told: dict[str, Any], page: str) -> Iterator[str]:
    yield f'<span class="edition-printed">{escape(edition_of(told))}</span>'
    if changes := told["pages"].get(page):
        rows = "".join(f"<li>{date}, {commit}: {escape(subject)}</li>" for commit, date, subject in changes)
        last = f"This page last changed on {changes[0][1]}, in {changes[0][0]}."
        yield f'<details class="changes"><summary>{last}</summary><ul>{rows}</ul></details>'
