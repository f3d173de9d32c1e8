"""Neural networks seen through Koopman operators.

The package behind the book *Linear Lenses*. Each room imports only from rooms above it in this list, and of the four
lenses none knows another:

- ``paths``: where things lie;
- ``datasets``: inputs with labels, made, bundled or downloaded;
- ``models``: the small networks of the chapters, how they are trained and kept;
- ``snapshots``: the states inside a network;
- ``koopman``: operators from trajectories, their spectra, and what they have to beat;
- ``kann``: the first lens, sequence models;
- ``layers``: the second, layers and what may take their place;
- ``instance``: the third, single inputs;
- ``credit``: the fourth, components;
- ``figures``: results drawn;
- ``reporting``: a model of your own through all four, ``linearlens.report(model, train, test)``;
- ``exercises``: what the checks of the chapters read answers with;
- ``ledger``: numbers recorded, and what is claimed of them;
- ``grading``: what hidden tests of assignments use;
- ``press``: what makes the book.
"""

from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import what takes seconds when it is asked for."""
    if name == "report":
        from linearlens.reporting import report

        return report
    raise AttributeError(f"module 'linearlens' has no attribute {name!r}")
