"""``python -m linearlens.press`` is the ``linearlens`` command."""

from linearlens.press.cli import app

app(prog_name="linearlens")
