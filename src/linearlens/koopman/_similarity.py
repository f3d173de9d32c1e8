"""How like two systems are: by their operators, up to a rotation of the states, or by the geometry of their states."""

import numpy as np
import torch

STEP = 0.2  # largest step of the search; Adam with one cycle of it found turned copies of ten dimensions


def rotation_distance(
    first: np.ndarray, second: np.ndarray, *, n_starts: int = 16, n_steps: int = 250, seed: int = 0
) -> np.ndarray:
    """Least ``‖K₁ − Q K₂ Qᵀ‖`` that a search over orthogonal Q finds, for each pair of two stacks of operators.

    Parameters
    ----------
    first, second : ndarray of shape (n_pairs, n_observables, n_observables)
    n_starts : int
        Searches for each pair, two or more; half of them begin in either half of the orthogonal group.
    n_steps : int
        Steps of each.
    seed : int
        Seeds the starts; torch's global generator is left as it was.

    Returns
    -------
    ndarray of shape (n_pairs,)
        An upper bound: a search may get stuck. Turned copies, which are 0 apart, tell whether it does.

    Raises
    ------
    ValueError
        If the stacks are no square operators of one shape and finite numbers, or there are fewer than two starts.

    Notes
    -----
    Dynamical similarity analysis, Ostrow et al. (2023), without its delays: Q is a start times the Cayley transform of
    a skew matrix, which Adam moves in single precision.

    Examples
    --------
    >>> turn, half = np.array([[0.0, 1.0], [-1.0, 0.0]]), -np.eye(2)
    >>> rotation_distance(turn[None], half[None]).round(3)
    array([2.])
    """
    stacks = [np.asarray(stack, dtype=float) for stack in (first, second)]
    shapes = [stack.shape for stack in stacks]
    if shapes[0] != shapes[1] or len(shapes[0]) != 3 or shapes[0][1] != shapes[0][2] or n_starts < 2:
        raise ValueError(
            "need two stacks of shape (n_pairs, n_observables, n_observables) and two starts or more, got shapes "
            f"{shapes[0]} and {shapes[1]} and n_starts={n_starts}; one pair is operator[None]"
        )
    if not all(np.isfinite(stack).all() for stack in stacks):
        raise ValueError("an operator holds NaN or infinity; leave its system out")
    a, b = (torch.tensor(stack, dtype=torch.float32).repeat(n_starts, 1, 1) for stack in stacks)
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(a.shape, generator=generator))[0]
    half = torch.arange(n_starts).repeat_interleave(len(stacks[0])) % 2
    turn[:, :, 0] *= (torch.det(turn).sign() * (1 - 2 * half))[:, None]
    gaps = _search(a, b, turn, n_steps).view(n_starts, -1).amin(dim=0)
    return gaps.sqrt().double().numpy()


def _search(a: torch.Tensor, b: torch.Tensor, turn: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Squared distances at the end of each search."""
    free = torch.zeros_like(a, requires_grad=True)
    eye = torch.eye(a.shape[1])
    optimizer = torch.optim.Adam([free], lr=STEP)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, STEP, n_steps)
    for _ in range(n_steps):
        skew = free - free.mT
        q = torch.linalg.solve(eye - skew, eye + skew) @ turn
        gaps = (a - q @ b @ q.mT).square().sum(dim=(1, 2))
        optimizer.zero_grad()
        gaps.sum().backward()
        optimizer.step()
        plan.step()
    return gaps.detach()


def procrustes_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Least ``‖X − Y Q‖`` over orthogonal Q, which is known in closed form.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows, n_columns)
        States of the same samples in two systems, or what inputs do to states: see `controllability`. The narrower one
        is widened by zeros.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If they have not equally many rows.

    Notes
    -----
    Schönemann (1966).

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> procrustes_distance(x, x[:, ::-1])
    0.0
    """
    x, y = _matched(first, second)
    squared = (x**2).sum() + (y**2).sum() - 2 * np.linalg.svd(x.T @ y, compute_uv=False).sum()
    return float(np.sqrt(max(squared, 0.0)))


def controllability(operator: np.ndarray, input_map: np.ndarray) -> np.ndarray:
    """What an input is worth after 0, 1, 2, … steps, forward and back: ``B``, ``B K``, ``B Kᵀ``, ``B K²``, … stacked.

    Two driven systems that are turned copies of each other differ in it by a rotation alone, so that
    `procrustes_distance` compares operators and input maps at once, without a search.

    Parameters
    ----------
    operator : ndarray of shape (n_observables, n_observables)
        K, acting from the right, as ``ControlledKoopman.operator_``.
    input_map : ndarray of shape (n_inputs, n_observables)
        B, as ``ControlledKoopman.input_map_``.

    Returns
    -------
    ndarray of shape (n_inputs * (2 * n_observables - 1), n_observables)

    Raises
    ------
    ValueError
        If the two do not fit each other.

    Notes
    -----
    Huang et al. (2025), InputDSA.

    Examples
    --------
    >>> controllability(np.diag([0.5, 2.0]), np.array([[1.0, 1.0]]))
    array([[1. , 1. ],
           [0.5, 2. ],
           [0.5, 2. ]])
    """
    k, b = np.asarray(operator, dtype=float), np.asarray(input_map, dtype=float)
    if k.ndim != 2 or b.ndim != 2 or k.shape != (b.shape[1],) * 2:
        raise ValueError(
            "need an operator of shape (n_observables, n_observables) and an input map of shape (n_inputs, "
            f"n_observables), got shapes {k.shape} and {b.shape}"
        )
    ahead, back, parts = b, b, [b]
    for _ in range(1, len(k)):
        ahead, back = ahead @ k, back @ k.T
        parts += [ahead, back]
    return np.vstack(parts)


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centred kernel alignment of the states of the same samples in two systems.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples, n_features)
        The number of features may differ.

    Returns
    -------
    float
        1 for states that are equal up to a rotation, a shift and one scale; 0 for states that share no direction.

    Raises
    ------
    ValueError
        If they have not equally many rows, or the states of one do not vary.

    Notes
    -----
    Kornblith et al. (2019).

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0]])
    >>> round(linear_cka(x, 5 * x[:, ::-1] + 1), 6)
    1.0
    """
    x, y = (part - part.mean(axis=0) for part in _matched(first, second))
    sizes = np.linalg.norm(x.T @ x), np.linalg.norm(y.T @ y)
    if 0 in sizes:
        raise ValueError("the states of one system do not vary; there is nothing to align")
    return float((x.T @ y).ravel() @ (x.T @ y).ravel() / (sizes[0] * sizes[1]))


def _matched(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In double precision, the narrower widened by zeros."""
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(
            f"need two arrays of shape (n_samples, n_features) with the same samples, got shapes {x.shape}, {y.shape}"
        )
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in (x, y))
    return x, y
