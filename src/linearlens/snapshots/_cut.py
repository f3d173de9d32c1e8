"""A model cut between two of its modules, whatever its `forward` does."""

from typing import Any

import torch
from torch import nn

from linearlens.snapshots.chain import find_chain
from linearlens.snapshots.rerun import driver_of, ends_of, few_of, rerun, states_in_order, trace, why_not
from linearlens.snapshots.running import check_names, like_model


class Cut(nn.Module):
    """The part of a model between the outputs of two modules, as a function of states.

    The model is run with the output of `start` put in its place, and left where `stop` is done. What happens in
    between need not be known. Whether `stop` follows from `start` alone is tested: other samples enter the model,
    and with the output of `start` as it was, that of `stop` must be what it was.

    Parameters
    ----------
    model : nn.Module
        Not copied, and left as it was. It runs in eval mode.
    start : str or None
        Name of the module whose output is the state; None for the inputs of the model.
    stop : str
        Name of the module whose output is wanted; ``""`` for that of the model.
    inputs : ndarray, Tensor, tuple of positional or mapping of named inputs
        Samples as rows, two or more that differ; five of them are used for the test, and to run what stands
        before `start`. Arrays become tensors, those of floats in the dtype of the model.

    Attributes
    ----------
    shape, out_shape : tuple of int
        Of the state of one sample, and of what is wanted of it.
    example : Tensor of shape ``(n, *shape)``
        States of a few samples, in the dtype and on the device of those that `start` gives.

    Raises
    ------
    ValueError
        If a name does not exist, is reached never or more than once (``"name#2"`` is the second run of it), `stop`
        does not come after `start` or is the same for all samples, their outputs are no tensors with a row for each
        sample, samples depend on each other, or something passes by `start` on the way to `stop`, such as a skip
        connection; the message says what follows from `start` alone.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> cut = Cut(mlp([4, 3, 2]), "act1", "linear2", torch.eye(4).numpy())
    >>> cut(torch.zeros(5, 3)).shape, cut.shape
    (torch.Size([5, 2]), (3,))
    """

    def __init__(self, model: nn.Module, start: str | None, stop: str, inputs: Any) -> None:
        super().__init__()
        self.model, self.start, self.stop = model, start, stop
        few = few_of(model, inputs)
        before, after = ends_of(model, start, stop, few)
        found = driver_of(model, start, stop, few, before, after)
        if found is None:
            raise ValueError(why_not(model, start, stop, few, before, after))
        self._driver = found
        self._alone = few.alone
        self.shape, self.out_shape = tuple(before.shape[1:]), tuple(after.shape[1:])
        self.example = before

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """From states ``(n_samples, *shape)`` to ``(n_samples, *out_shape)``.

        Raises
        ------
        ValueError
            If the shape is another, or the model has further inputs with a row for each sample.
        """
        if tuple(states.shape[1:]) != self.shape:
            raise ValueError(
                f"need states of shape (n_samples, {', '.join(map(str, self.shape))}) at {self.start!r}, got shape "
                f"{tuple(states.shape)}"
            )
        if not self._alone:
            raise ValueError("the model has further inputs with a row for each sample, so states alone do not run it")
        driver = self._driver.to(like_model(self.model))  # it may have been moved since
        if len(driver.first) > 1:
            driver = driver.take(torch.arange(len(states), device=driver.first.device) % len(driver.first))
        return rerun(self.model, self.start, self.stop, driver, states)


def between(model: nn.Module, start: str | None, stop: str, inputs: Any = None) -> nn.Module:
    """The part of a model between the outputs of two modules, as a module that takes states.

    Parameters
    ----------
    model : nn.Module
        Not copied.
    start, stop, inputs
        As in `Cut`. Inputs are not needed where both are children of a plain nn.Sequential.

    Returns
    -------
    nn.Module
        An nn.Sequential of the modules after `start` up to `stop` where the model is one; of any other a `Cut`.

    Raises
    ------
    ValueError
        As `Cut`; if inputs are needed and none come.
    """
    check_names(model, [stop] if start is None else [start, stop])
    chain = find_chain(model)
    if chain is not None and stop in chain.ends and (start is None or start in chain.ends):
        return chain.between(start, stop)
    if inputs is None:
        raise ValueError(
            f"{start!r} and {stop!r} are no children of a plain nn.Sequential, so whether one leads to the other must "
            "be tried; give inputs=…, a few samples of what the model takes"
        )
    return Cut(model, start, stop, inputs)


@torch.no_grad()
def cut_points(model: nn.Module, inputs: Any) -> list[str]:
    """Names of the modules at which a model can be cut: its output follows from theirs alone.

    Parameters
    ----------
    model : nn.Module
        Run in eval mode, once or twice for each module; left as it was.
    inputs : ndarray, Tensor, tuple of positional or mapping of named inputs
        As in `Cut`.

    Returns
    -------
    list of str
        In the order in which they are done. Between any two of them, a `Cut` can be made. Inside a residual block
        there are none, since the path around its layers passes by.

    Raises
    ------
    ValueError
        If the model gives no tensor with a row for each sample, or samples depend on each other.
    """
    few = few_of(model, inputs)
    whole = ends_of(model, None, "", few)[1]
    if driver_of(model, None, "", few, few.first, whole) is None:
        raise ValueError(why_not(model, None, "", few, few.first, whole))
    states = states_in_order(trace(model, few), few)
    return [name for name, state in states.items() if driver_of(model, name, "", few, state, whole) is not None]
