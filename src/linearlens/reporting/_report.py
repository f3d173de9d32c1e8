"""The call, and what it gives."""

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

from linearlens.figures.style import style
from linearlens.reporting import _credit, _layers, _map, _spectrum
from linearlens.reporting._finding import Asked, Budget, BudgetError, Finding, NotApplicableError, count
from linearlens.reporting._html import page, section

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
    made_with : dict
        Versions, seed, number of samples, and the hash of the model's weights.
    """

    findings: dict[str, Finding]
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
        lines = []
        for one in self.findings.values():
            lines += [f"{one.title}: {one.verdict}", *(f"  warning: {said}" for said in one.warnings)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return "".join(section(one) for one in self.findings.values())

    def to_html(self, path: str | Path) -> Path:
        """Write one page that needs no other file and no network; it adapts to phones and to the dark.

        Returns
        -------
        Path
        """
        return _write(path, page(list(self.findings.values()), self.made_with))

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
        return _write(path, json.dumps({"made_with": self.made_with, "findings": findings}, indent=1) + "\n")


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
        Left as it was. It runs in eval mode.
    train, test : ndarray, Tensor, list of sequences, tuple of positional or mapping of named inputs
        Samples come first. Operators are fitted to training samples and judged on test samples.
    labels : tuple of two arrays of int, optional
        Classes of training and test samples. Without, replaced layers are judged by whether the model's own decisions
        stand, and the lens on credit does not apply.
    lenses : sequence of str
        Of `LENSES`.
    module : str, optional
        Name of the recurrent part, where it is not found by itself.
    between : sequence of (start, stop), optional
        Names of modules between which layers are replaced; found by themselves otherwise.
    outputs : sequence of int, optional
        Which outputs are linearized; those that win by default.
    classes, features : sequence of str, optional
        Names of the outputs, and of the features or steps of an input.
    budget : float
        CPU seconds. What they do not reach is left out, and the report says so.
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
        If there is no such lens, there are fewer than 20 samples of either kind, or labels do not fit.

    Notes
    -----
    An interrupt (Ctrl-C, or stop in a notebook) ends the lens that is at work; what is done is given back.
    """
    asked = _checked(model, train, test, labels, module, between, outputs, classes, features, seed)
    if unknown := [lens for lens in lenses if lens not in LENSES]:
        raise ValueError(f"no lens {unknown}; there are {', '.join(LENSES)}")
    findings: dict[str, Finding] = {}
    stopped = None
    clock = Budget(budget, _teller(len(lenses), findings, progress))
    for lens in [lens for lens in LENSES if lens in lenses]:
        start = time.process_time()
        try:
            if stopped:
                raise BudgetError
            with mpl.rc_context(style()):
                found = LENSES[lens](asked, clock)
        except NotApplicableError as error:
            found = Finding(lens, TITLES[lens], applies=False, verdict=f"This lens does not apply: {error}")
        except BudgetError:
            reason = stopped or f"the budget of {budget:g} CPU seconds was spent"
            found = Finding(lens, TITLES[lens], applies=False, verdict=f"Left out: {reason}.")
        except KeyboardInterrupt:
            stopped = "it was interrupted"
            found = Finding(lens, TITLES[lens], applies=False, verdict=f"Left out: {stopped}.")
        except Exception as error:  # of a model that nobody here has seen; the other lenses go on
            said = f"This lens could not look at the model: {type(error).__name__}: {error}"
            found = Finding(lens, TITLES[lens], applies=False, verdict=said)
        findings[lens] = replace(found, seconds=round(time.process_time() - start, 2))
        for figure in found.figures.values():
            plt.close(figure)  # so that a notebook shows it once, in the report
    return Report(findings, _made_with(asked, budget))


def _teller(n_lenses: int, findings: Mapping[str, Finding], progress: bool) -> Callable[[str], None]:
    def say(what: str) -> None:
        if progress:
            done = len(findings)
            bar = "#" * done + "-" * (n_lenses - done)
            print(f"[{bar}] {what}", file=sys.stderr, flush=True)

    return say


def _checked(model: nn.Module, train: Any, test: Any, labels: tuple[Any, Any] | None, *options: Any) -> Asked:
    """The question, once it makes sense."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"the model must be a torch.nn.Module, got {type(model).__name__}")
    sizes = {name: count(inputs) for name, inputs in (("train", train), ("test", test))}
    if few := {name: size for name, size in sizes.items() if size < 20}:
        raise ValueError(f"need 20 samples or more for training and for testing, got {few}")
    given = (None, None) if labels is None else tuple(np.asarray(one) for one in labels)
    for (name, size), one in zip(sizes.items(), given, strict=True):
        if one is not None and one.shape != (size,):
            raise ValueError(f"need one label for each of {size} {name} samples, got shape {one.shape}")
    return Asked(model, train, test, *given, *options)


def _made_with(asked: Asked, budget: float) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name, tensor in sorted(asked.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(str(tensor.dtype).encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return {
        "model": type(asked.model).__name__,
        "weights_sha256": digest.hexdigest(),
        "samples": {"train": count(asked.train), "test": count(asked.test)},
        "seed": asked.seed,
        "budget": budget,
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
