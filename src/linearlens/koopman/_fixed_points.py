"""Fixed points of a network's step, and the linear map about each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares

from linearlens.koopman._nulls import LinearMap
from linearlens.koopman._trajectories import as_array, in_double

Step = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A point that a step of the network leaves where it is.

    Parameters
    ----------
    map : LinearMap
        With the Jacobian there; ``map.point`` is the point.
    speed : float
        ``‖F(z) − z‖`` there.
    n_starts : int
        From how many starts it was reached.
    """

    map: LinearMap
    speed: float
    n_starts: int

    @property
    def radius(self) -> float:
        """The largest modulus of an eigenvalue of the Jacobian."""
        return float(np.abs(np.linalg.eigvals(self.map.operator)).max())

    @property
    def is_stable(self) -> bool:
        """Whether states near it come nearer still: all eigenvalues lie inside the unit circle."""
        return self.radius < 1


def linearize_at_fixed_point(step: Step, start: np.ndarray) -> tuple[LinearMap, float]:
    """Find the slowest point near `start` and linearise there, as Maheswaranathan et al. (2019) do.

    Parameters
    ----------
    step : callable
        One step of the network under a constant input: a Tensor of shape (n_features,) to another, with a
        gradient. It is given what the network computes in, float32 or float64, found by trying.
    start : ndarray or Tensor of shape (n_features,)
        Where the search begins, for instance the mean state. That may lie near a saddle: `fixed_points` tries many.
        A tensor on another device is handed over there.

    Returns
    -------
    map : LinearMap
        With the Jacobian at that point.
    speed : float
        ``‖F(z) − z‖`` there: about 0 at a true fixed point.

    Raises
    ------
    ValueError
        If the start or what the step returns has another shape, the step gives two results for one state, or
        its gradient is not that of what it computes, as under ``torch.no_grad()`` or after ``.detach()``.
    """
    run = _Numeric.of(step, start)
    first = as_array(start, "the start").astype(float)
    found = least_squares(run.drift, first, lambda z: run.jacobian(z) - np.eye(len(z)), method="trf")
    run.check_gradient(found.x)
    shift = run.drift(found.x)
    return LinearMap(run.jacobian(found.x).T, found.x, shift), float(np.linalg.norm(shift))


def fixed_points(step: Step, starts: np.ndarray, *, speed: float = 1e-4, apart: float = 1e-2) -> list[FixedPoint]:
    """The distinct fixed points that are reached from many starts, and whether they are stable.

    Parameters
    ----------
    step : callable
        As in `linearize_at_fixed_point`.
    starts : ndarray of shape (n_starts, n_features)
        For instance states of many sequences. A state that no search reaches from here is not found.
    speed : float
        A point is fixed if a step moves it by no more.
    apart : float
        Points that lie closer together than that are one.

    Returns
    -------
    list of FixedPoint
        Those reached from most starts first; the slowest one speaks for those that are one with it.

    Raises
    ------
    ValueError
        As in `linearize_at_fixed_point`, and if there is no start.

    Examples
    --------
    >>> found = fixed_points(lambda z: torch.tanh(3 * z), np.array([[-1.0], [0.01], [0.8], [1.0]]))
    >>> [(point.map.point.round(3).item(), point.is_stable, point.n_starts) for point in found]
    [(0.995, True, 2), (-0.995, True, 1), (0.0, False, 1)]
    """
    if np.ndim(starts) != 2 or not len(starts):
        raise ValueError(f"need starts of shape (n_starts, n_features), one or more, got shape {np.shape(starts)}")
    reached = sorted((linearize_at_fixed_point(step, start) for start in starts), key=lambda one: one[1])
    groups: list[list[tuple[LinearMap, float]]] = []
    for one in (one for one in reached if one[1] <= speed):
        near = (group for group in groups if np.linalg.norm(group[0][0].point - one[0].point) < apart)
        group = next(near, None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    points = [FixedPoint(*group[0], len(group)) for group in groups]
    return sorted(points, key=lambda point: -point.n_starts)


@dataclass(frozen=True, eq=False)
class NearestLinearization:
    """A network's step, linearised at several points: each state is moved by the map of the point nearest to it.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    speeds : ndarray of shape (n_points,)
        ``‖F(z) − z‖`` at each.
    maps : list of LinearMap
        One for each point.
    """

    points: np.ndarray
    speeds: np.ndarray
    maps: list[LinearMap]
    delays: int = field(init=False, default=0)

    def nearest(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each state, the number of the point nearest to it, and how far away that is."""
        states = in_double(states, "the array of states")
        apart = np.stack([np.linalg.norm(states - point, axis=1) for point in self.points], axis=1)
        return apart.argmin(axis=1), apart.min(axis=1)

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """The states, of shape (n_states, n_features), after so many steps, each by the point that is nearest then."""
        states = in_double(states, "the array of states")
        for _ in range(steps):
            chosen, _apart = self.nearest(states)
            moved = np.empty_like(states)
            for number in np.unique(chosen):
                moved[chosen == number] = self.maps[number].predict(states[chosen == number])
            states = moved
        return states

    def rollout(self, states: np.ndarray, *, steps: int) -> np.ndarray:
        """All states up to `steps` ahead, of shape (n_states, steps, n_features)."""
        path = []
        for _ in range(steps):
            states = self.predict(states)
            path.append(states)
        return np.stack(path, axis=1)


def slow_points(
    step: Step, starts: np.ndarray, *, n_steps: int = 500, learning_rate: float = 0.05
) -> NearestLinearization:
    """Descend from many visited states to where the network moves slowly, and linearise at each point reached.

    ``½ ‖F(z) − z‖²`` is minimised by gradient descent (Adam) from all starts at once, as Sussillo and Barak (2013) and
    Maheswaranathan et al. (2019) do. It is quicker than `linearize_at_fixed_point` from each start and less exact:
    look at the speeds before you call a point fixed.

    Parameters
    ----------
    step : callable
        As in `linearize_at_fixed_point`.
    starts : ndarray of shape (n_starts, n_features)
        For instance states of many sequences.
    n_steps : int
    learning_rate : float
        Falls to 0 over the steps; about a hundredth of the size of a number of a state, or less.

    Returns
    -------
    NearestLinearization

    Raises
    ------
    ValueError
        As in `linearize_at_fixed_point`, and if there is no start.

    Examples
    --------
    >>> found = slow_points(lambda z: 0.5 * z + 1, np.array([[0.0], [5.0]]))
    >>> found.points.round(2).ravel().tolist(), bool(found.speeds.max() < 1e-2)
    ([2.0, 2.0], True)
    """
    if np.ndim(starts) != 2 or not len(starts):
        raise ValueError(f"need starts of shape (n_starts, n_features), one or more, got shape {np.shape(starts)}")
    run = _Numeric.of(step, np.asarray(starts)[0])
    points = run.tensor(np.asarray(starts, dtype=float)).clone().requires_grad_()
    optimizer = torch.optim.Adam([points], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=n_steps)
    along = torch.func.vmap(step)
    for _ in range(n_steps):
        optimizer.zero_grad()
        (along(points) - points).square().sum().mul(0.5).backward()
        optimizer.step()
        schedule.step()
    reached = points.detach().cpu().numpy().astype(float)
    drifts = np.stack([run.drift(point) for point in reached])
    maps = [LinearMap(run.jacobian(z).T, z, drift) for z, drift in zip(reached, drifts, strict=True)]
    return NearestLinearization(reached, np.linalg.norm(drifts, axis=1), maps)


@dataclass(frozen=True)
class _Numeric:
    """A step of a network as a function of NumPy arrays."""

    step: Step
    dtype: torch.dtype
    device: Any

    @classmethod
    def of(cls, step: Step, start: Any) -> "_Numeric":
        if np.ndim(start) != 1:
            raise ValueError(f"need one start of shape (n_features,), got {np.shape(start)}; fixed_points takes many")
        device = start.device if isinstance(start, torch.Tensor) else None
        default = torch.get_default_dtype()
        refused = None
        for dtype in (default, torch.float64 if default == torch.float32 else torch.float32):
            z = torch.as_tensor(as_array(start, "the start"), dtype=dtype, device=device)
            try:
                with torch.no_grad():
                    twice = [step(z) for _ in range(2)]
            except RuntimeError as error:  # a network in another precision refuses the numbers
                refused = refused or error
                continue
            for given in twice:
                if not isinstance(given, torch.Tensor) or given.shape != z.shape:
                    shape = tuple(given.shape) if isinstance(given, torch.Tensor) else type(given).__name__
                    raise ValueError(
                        f"step must return a tensor of shape {tuple(z.shape)}, as it was given; got {shape}"
                    )
            if not torch.allclose(twice[0], twice[1], equal_nan=True):
                raise ValueError("step gives two results for one state; call eval() on the network: dropout is random")
            return cls(step, dtype, device)
        raise ValueError(
            f"step refuses a state of shape {np.shape(start)} in float32 and float64: {refused}"
        ) from refused

    def tensor(self, z: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(z, dtype=self.dtype, device=self.device)

    def after(self, z: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.step(self.tensor(z)).cpu().numpy().astype(float)

    def drift(self, z: np.ndarray) -> np.ndarray:
        """``F(z) − z``, with z as rounded for the network."""
        return self.after(z) - self.tensor(z).cpu().numpy().astype(float)

    def jacobian(self, z: np.ndarray) -> np.ndarray:
        return torch.func.jacrev(self.step)(self.tensor(z)).detach().cpu().numpy().astype(float)

    def check_gradient(self, z: np.ndarray) -> None:
        """Raise a ValueError if the Jacobian is far from differences of results.

        They are taken beside the point, which may lie where a step has no gradient, and over two widths: only if
        these agree with each other is it the Jacobian that is wrong, and not the step that has corners.
        """
        rng, size = np.random.default_rng(0), 1 + np.linalg.norm(z)
        beside, direction = (part / np.linalg.norm(part) for part in rng.standard_normal((2, len(z))))
        near = z + 3e-2 * size * beside
        wide, narrow = (
            (self.after(near + width * direction) - self.after(near - width * direction)) / (2 * width)
            for width in (1e-3 * size, 3e-4 * size)
        )
        slope = self.jacobian(near) @ direction

        def differ(one: np.ndarray, other: np.ndarray) -> bool:
            return bool(np.linalg.norm(one - other) > 0.1 * max(np.linalg.norm(one), np.linalg.norm(other)) + 1e-3)

        if differ(wide, slope) and differ(narrow, slope) and not differ(wide, narrow):
            raise ValueError(
                f"the gradient of step is not that of what it computes: {np.linalg.norm(slope):.2g} along a direction "
                f"in which its results change by {np.linalg.norm(narrow):.2g}; leave out no_grad() and detach()"
            )
