"""A report as HTML: one page that asks for nothing else."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from linearlens.figures.style import style
from linearlens.reporting._finding import Finding

MOST_ROWS = 20
PAGE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --muted: #5a5a66; --line: #d8d8de; --note: #8a4b00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --paper: #17171a; --muted: #a8a8b3; --line: #3a3a42; --note: #ffb86b; }
}
body { margin: 0 auto; padding: 1rem; max-width: 60rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
"""
SECTION = """
.lens { margin: 1.5rem 0; }
.lens .verdict { font-weight: 600; }
.lens .warning { color: var(--note, #8a4b00); margin: .2rem 0; }
.lens img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.lens .table { overflow-x: auto; }
.lens table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
.lens :is(th, td) { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line, #ddd); }
.lens .small { color: var(--muted, #666); font-size: .85rem; }
"""


def page(findings: Sequence[Finding], warnings: Sequence[str], made_with: dict[str, Any]) -> str:
    """The whole page."""
    title = f"{made_with['model']} through linear lenses"
    versions = ", ".join(f"{name} {number}" for name, number in made_with["versions"].items())
    samples = made_with["samples"]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{PAGE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{sections(findings, warnings)}"
        f'<p class="small">{samples["train"]} training and {samples["test"]} test samples, seed {made_with["seed"]}; '
        f"weights {made_with['weights_sha256'][:12]}; Python {made_with['python']}, {escape(versions)}.</p>"
        "</body></html>\n"
    )


def sections(findings: Sequence[Finding], warnings: Sequence[str]) -> str:
    """What all lenses found, under what is true of all."""
    return f'<style>{SECTION}</style><div class="lens">{_warned(warnings)}</div>{"".join(map(section, findings))}'


def _warned(warnings: Sequence[str]) -> str:
    return "".join(f'<p class="warning">Warning: {escape(said)}.</p>' for said in warnings)


def section(one: Finding) -> str:
    """What one lens found."""
    drawn = "".join(f"<p>{image(figure, f'{one.title}: {name}')}</p>" for name, figure in one.figures.items())
    tables = "".join(
        f"<details><summary>{escape(name)}</summary>{_table(table)}</details>" for name, table in one.tables.items()
    )
    return (
        f'<section class="lens"><h2>{escape(one.title)}</h2>'
        f'<p class="verdict">{escape(one.verdict)}</p>{_warned(one.warnings)}{drawn}{tables}'
        f'<p class="small">{one.seconds:.0f} CPU seconds</p></section>'
    )


def image(figure: Figure, alt: str) -> str:
    """The figure in the page itself."""
    buffer = io.BytesIO()
    with mpl.rc_context(style()):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _table(table: pd.DataFrame) -> str:
    shown = table.head(MOST_ROWS).to_html(float_format="{:.3g}".format, border=0)
    more = f'<p class="small">{len(table) - MOST_ROWS} more rows</p>' if len(table) > MOST_ROWS else ""
    return f'<div class="table">{shown}{more}</div>'
