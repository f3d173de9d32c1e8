"""Gram matrices of torch tensors, formed on the device where they are."""

from typing import Any

from linearlens.koopman._gram import PairGrams
from linearlens.koopman._pairs import FEWEST_ROWS, Pairs
from linearlens.koopman._trajectories import Features, each_checked

DEVICE_ROWS = 2**15  # states taken at a time: enough to keep a GPU busy, few enough for its memory


def is_elsewhere(tensor: Any) -> bool:
    """Whether a tensor is on another device than the processor."""
    return tensor.device.type != "cpu"


def is_small(tensor: Any, *, delays: int) -> bool:
    """Whether there are so few states, beside observables, that they are better kept as rows than summed."""
    if tensor.ndim != 3:
        return False
    n_trajectories, n_steps, n_features = tensor.shape
    return n_trajectories * n_steps <= max(FEWEST_ROWS, 2 * n_features * (delays + 1))


def sum_on_device(tensor: Any, *, delays: int, like: Features | None = None) -> Pairs:
    """The sums over the pairs of all trajectories of a tensor; only the sums leave its device.

    Parameters
    ----------
    tensor : Tensor of shape (n_trajectories, n_steps, n_features)
        Whole trajectories are taken at a time, in float64 whatever they come in.
    delays : int
    like : Features, optional
        As in `each_checked`.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        As `check_trajectories`.
    """
    z = tensor.detach()
    if z.ndim != 3 or not len(z):
        raise ValueError(f"need a tensor (n_trajectories, n_steps, n_features), got one of shape {tuple(z.shape)}")
    # One trajectory speaks for all: they have one shape and dtype. If one is not finite, it is that one.
    broken = int((~z.isfinite().flatten(1).all(dim=1)).double().argmax())
    list(each_checked([z[broken]], min_steps=delays + 2, first=broken, like=like))

    def embed(part: Any) -> Any:
        return part.double().unfold(1, delays + 1, 1).flip(-1).transpose(2, 3).flatten(2)

    shift = embed(z[:1, : delays + 1])[0, 0]
    at_a_time = max(1, DEVICE_ROWS // z.shape[1])
    xx, xy = (z.new_zeros((len(shift), len(shift)), dtype=shift.dtype) for _ in range(2))
    sum_x, sum_y = (z.new_zeros(len(shift), dtype=shift.dtype) for _ in range(2))
    for start in range(0, len(z), at_a_time):
        rows = embed(z[start : start + at_a_time]) - shift
        x, y = rows[:, :-1].flatten(0, 1), rows[:, 1:].flatten(0, 1)
        xx.addmm_(x.T, x)
        xy.addmm_(x.T, y)
        sum_x += x.sum(dim=0)
        sum_y += y.sum(dim=0)
    shift, sum_x, sum_y, xx, xy = (item.cpu().numpy() for item in (shift, sum_x, sum_y, xx, xy))
    pairs = Pairs(len(shift), len(shift), single=z.dtype.is_floating_point and z.dtype.itemsize <= 4)
    pairs.grams = PairGrams.of_products(len(z) * (z.shape[1] - delays - 1), shift, (sum_x, sum_y), xx, xy)
    return pairs
