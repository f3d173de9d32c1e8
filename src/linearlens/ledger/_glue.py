"""What stands for myst-nb's glue in notebooks that leave the book, so that they need not install it."""

from typing import Any


def glue(name: str, figure: Any, *, display: bool = True) -> None:
    """Show a figure where it is drawn.

    On the pages the figure of this name stands elsewhere; a downloaded notebook shows here that of its own run.

    Parameters
    ----------
    name : str
    figure : matplotlib Figure or anything else that Jupyter can display
    display : bool
        As myst-nb takes it. Shown it is in any case.
    """
    from IPython.display import display as show

    show(figure)
