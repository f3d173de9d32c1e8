"""Small Sphinx extension of the book: quoted numbers are marked as such, and no page asks the network.

Two roles mark numbers in prose that are not results of ours, so that the lint can tell them from typed-in
results: ``{paper}`97.3 %` `` for a value quoted from a paper, ``{given}`0.9` `` for one we chose or defined.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

REMOTE = ("https://", "http://", "//")
ROLES = ("paper", "given")


def _role(name: str):
    def role(_role, _rawtext, text, _lineno, _inliner, options=None, content=None):
        return [nodes.inline("", text, classes=[name])], []

    return role


def _keep_local(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Drop scripts from other hosts, and thebe, whatever theme or extension asked for them."""
    scripts = context.get("script_files", [])
    context["script_files"] = [script for script in scripts if not _unwanted(getattr(script, "filename", script))]


def _unwanted(filename: Any) -> bool:
    return str(filename or "").startswith(REMOTE) or "thebe" in str(filename or "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register roles and hook."""
    for name in ROLES:
        app.add_role(name, _role(name))
    app.connect("html-page-context", _keep_local, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
