"""The call, and what it gives."""

import hashlib
import json
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import nn

from linearlens.figures.style import style
from linearlens.reporting import _credit, _layers, _map, _spectrum
from linearlens.reporting._check import checked, remarks
from linearlens.reporting._finding import Asked, Budget, BudgetError, Finding, NotApplicableError, count
from linearlens.reporting._html import page, sections

LENSES: dict[str, Callable[[Asked, Budget], Finding]] = {
    "spectrum": _spectrum.look,
    "layers": _layers.look,
    "map": _map.look,
    "credit": _credit.look,
}
TITLES = {"spectrum": _spectrum.TITLE, "layers": _layers.TITLE, "map": _map.TITLE, "credit": _credit.TITLE}
COMPUTES = ("linearlens", "numpy", "scipy", "scikit-learn", "torch")


@dataclass(frozen=True)
class Report:
    """What the lenses found in a model, a `Finding` each; in a notebook it shows itself.

    Attributes
    ----------
    findings : dict of str to Finding
        By lens, in the order of `LENSES`; also those that do not apply, with the reason as their verdict.
    warnings : list of str
        What is true of all that follows, such as test samples that stand among the training samples.
    made_with : dict
        Versions, seed, number of samples, and the hash of the model's weights.
    """

    findings: dict[str, Finding]
    warnings: list[str]
    made_with: dict[str, Any]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables, by ``lens.name``."""
        return {f"{lens}.{name}": table for lens, one in self.findings.items() for name, table in one.tables.items()}

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures, by ``lens.name``."""
        return {f"{lens}.{name}": figure for lens, one in self.findings.items() for name, figure in one.figures.items()}

    def __str__(self) -> str:
        lines = [f"warning: {said}" for said in self.warnings]
        for one in self.findings.values():
            lines += [f"{one.title}: {one.verdict}", *(f"  warning: {said}" for said in one.warnings)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return sections(list(self.findings.values()), self.warnings)

    def to_html(self, path: str | Path) -> Path:
        """Write one page that needs no other file and no network; it adapts to phones and to the dark.

        Returns
        -------
        Path
        """
        return _write(path, page(list(self.findings.values()), self.warnings, self.made_with))

    def to_json(self, path: str | Path) -> Path:
        """Write verdicts, warnings and tables, with versions, seed and the hash of the weights.

        Returns
        -------
        Path
        """
        findings = {
            lens: {
                "applies": one.applies,
                "verdict": one.verdict,
                "warnings": one.warnings,
                "seconds": one.seconds,
                "tables": {
                    name: json.loads(_readable(table).to_json(orient="split")) for name, table in one.tables.items()
                },
            }
            for lens, one in self.findings.items()
        }
        whole = {"made_with": self.made_with, "warnings": self.warnings, "findings": findings}
        return _write(path, json.dumps(whole, indent=1) + "\n")


def report(
    model: nn.Module,
    train: Any,
    test: Any,
    *,
    labels: tuple[Any, Any] | None = None,
    lenses: Sequence[str] = tuple(LENSES),
    module: str | None = None,
    between: Sequence[tuple[str | None, str]] | None = None,
    outputs: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    budget: float = 180.0,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Put a trained model under all lenses that apply to it.

    Parameters
    ----------
    model : nn.Module
        Left as it was: a copy runs, in eval mode.
    train, test : ndarray, Tensor, list of sequences, tuple of positional or mapping of named inputs
        Samples come first. Operators are fitted to training samples and judged on test samples.
    labels : tuple of two arrays of int, optional
        Classes of training and test samples, from 0, as its outputs are; of a single output, 0 and 1. Without, replaced
        layers are judged by whether the model's own decisions stand (which output is largest), and the lens on credit
        does not apply.
    lenses : sequence of str
        Of `LENSES`.
    module : str, optional
        Name of the recurrent part, where it is not found by itself.
    between : sequence of (start, stop), optional
        Names of modules between which layers are replaced; found by themselves otherwise.
    outputs : sequence of int, optional
        Which outputs are linearized; those that win by default.
    classes, features : sequence of str, optional
        Names of the outputs, and of the features or steps of an input; where it consists of tokens, the vocabulary.
    budget : float
        CPU seconds. Before a long step the report estimates what it takes, from the speed of the model and of this
        machine; what does not fit is left out, and the report says so. A lens gets half of what is left, the last all.
    seed : int
        Draws samples, lifts and controls.
    progress : bool
        Say on the error stream what is done.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If there is no such lens, there are fewer than 20 samples of either kind, the model does not run on them or
        gives numbers that are not finite, or labels are not the places of its outputs.

    Notes
    -----
    An interrupt (Ctrl-C, or stop in a notebook) ends the lens that is at work; what is done is given back, of the lens
    on layers also those that are done. Estimates are rough: a step that has begun is ended, even if it overruns.
    """
    if unknown := [lens for lens in lenses if lens not in LENSES]:
        raise ValueError(f"no lens {unknown}; there are {', '.join(LENSES)}")
    findings: dict[str, Finding] = {}
    clock = Budget(budget, _teller(len(lenses), findings, progress))
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        asked = checked(model, train, test, labels, module, between, outputs, classes, features, seed)
        warnings = list(remarks(asked))
        wanted = [lens for lens in LENSES if lens in lenses]
        for lens in wanted:
            start = time.process_time()
            clock.begin(last=lens == wanted[-1])
            found = _found(lens, asked, clock)
            findings[lens] = replace(found, seconds=round(time.process_time() - start, 2))
            for figure in found.figures.values():
                plt.close(figure)  # so that a notebook shows it once, in the report
    return Report(findings, warnings, _made_with(asked, budget))


def _found(lens: str, asked: Asked, clock: Budget) -> Finding:
    """What the lens finds, or why it finds nothing."""
    try:
        if clock.over:
            raise BudgetError(clock.over)
        with mpl.rc_context(style()):
            found = LENSES[lens](asked, clock)
            for figure in found.figures.values():
                _settle(figure)
            return found
    except NotApplicableError as error:
        said = f"This lens does not apply: {error}"
    except BudgetError as error:
        said = f"Left out: {error}."
    except KeyboardInterrupt:
        clock.interrupted = True
        said = f"Left out: {clock.over}."
    except Exception as error:  # of a model that nobody here has seen; the other lenses go on
        said = f"This lens could not look at the model: {type(error).__name__}: {error}"
    return Finding(lens, TITLES[lens], applies=False, verdict=said)


def _settle(figure: Figure) -> None:
    """Let lines keep their colours where it is drawn later, in another style."""
    for line in figure.findobj(Line2D):
        assert isinstance(line, Line2D)
        line.set(
            color=to_rgba(line.get_color()),
            markeredgecolor=to_rgba(line.get_markeredgecolor()),
            markerfacecolor=to_rgba(line.get_markerfacecolor()),
        )


def _teller(n_lenses: int, findings: Mapping[str, Finding], progress: bool) -> Callable[[str], None]:
    def say(what: str) -> None:
        if progress:
            done = len(findings)
            bar = "#" * done + "-" * (n_lenses - done)
            print(f"[{bar}] {what}", file=sys.stderr, flush=True)

    return say


def _made_with(asked: Asked, budget: float) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name, tensor in sorted(asked.model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):  # and no extra state
            content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + content)
    return {
        "model": type(asked.model).__name__,
        "weights_sha256": digest.hexdigest(),
        "samples": {"train": count(asked.train), "test": count(asked.test)},
        "seed": asked.seed,
        "budget": budget if math.isfinite(budget) else None,  # JSON has no infinity
        "python": platform.python_version(),
        "versions": {name: version(name) for name in COMPUTES},
    }


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """With complex numbers as text, which JSON does not have."""
    return table.map(lambda value: str(value) if isinstance(value, complex) else value)


def _write(path: str | Path, text: str) -> Path:
    """Whole, or not at all."""
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {target.parent}; make it first")
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)
    return target
