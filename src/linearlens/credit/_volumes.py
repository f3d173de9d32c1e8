"""Determinants of operators, and the volumes that add up over a network."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import linalg

ROUNDING = 1e-12  # singular values below this share of the largest are rounding


class Pod(NamedTuple):
    """Proper orthogonal decomposition ``X − mean ≈ left · diag(strengths) · directionsᵀ``."""

    mean: np.ndarray
    left: np.ndarray
    strengths: np.ndarray
    directions: np.ndarray

    def keep(self, energy: float = 1.0, rank: int | None = None) -> "Pod":
        """The principal directions that hold a share of the variance, and no more than `rank` of them."""
        if not 0 < energy <= 1:
            raise ValueError(f"energy must be a share of the variance, above 0 and at most 1, got {energy}")
        if rank is not None and rank < 1:
            raise ValueError(f"rank must be 1 or more, got {rank}")
        kept = len(self.strengths)
        if energy < 1 and kept:
            shares = np.cumsum(self.strengths**2) / (self.strengths**2).sum()
            kept = min(kept, 1 + int((shares < energy).sum()))
        kept = kept if rank is None else min(kept, rank)
        return Pod(self.mean, self.left[:, :kept], self.strengths[:kept], self.directions[:, :kept])


def pod(states: np.ndarray) -> Pod:
    """All principal directions but those of rounding."""
    mean = states.mean(axis=0)
    left, strengths, directions = np.linalg.svd(states - mean, full_matrices=False)
    kept = int((strengths > strengths[:1] * max(states.shape) * np.finfo(float).eps).sum())
    return Pod(mean, left[:, :kept], strengths[:kept], directions[:kept].T)


def log_determinant(operator: np.ndarray) -> float:
    """``log |det K|`` after zeros were put behind the shorter side: −inf wherever a direction is lost.

    Parameters
    ----------
    operator : ndarray of shape (n_inputs, n_outputs)

    Returns
    -------
    float
        −inf unless the operator is square and of full rank; a singular value of 1e-12 of the largest is rounding.

    Examples
    --------
    >>> log_determinant(np.eye(3)), log_determinant(np.eye(3, 2))
    (0.0, -inf)
    """
    strengths = _singular_values(operator)
    lost = operator.shape[0] != operator.shape[1] or strengths[-1] <= ROUNDING * strengths[0]
    return -np.inf if lost else float(np.log(strengths).sum())


def log_pseudo_determinant(operator: np.ndarray, *, tolerance: float = 1e-6, eigenvalues: bool = False) -> float:
    """Sum of the logarithms of the nonzero singular values.

    Parameters
    ----------
    operator : ndarray of shape (n_inputs, n_outputs)
    tolerance : float
        Values at or below this share of the largest count as 0. It has to be said: on real data the smallest values
        above it make most of the sum.
    eigenvalues : bool
        Take moduli of eigenvalues in place of singular values, as for an operator of delays; it must be square.

    Returns
    -------
    float
        −inf for an operator of zeros.

    Notes
    -----
    An isometric alignment leaves it as it was. Any other auxiliary layer A of full rank adds
    ``½ log det(A Aᵀ)``. Over a chain these do not add up; `backward_volumes` do.
    """
    values = np.abs(np.linalg.eigvals(_matrix(operator))) if eigenvalues else _singular_values(operator)
    values = values[values > tolerance * values.max()]
    return float(np.log(values).sum()) if len(values) else -np.inf


def contrasts(n_outputs: int) -> np.ndarray:
    """Orthonormal basis of what a softmax sees: the outputs up to a common shift.

    Parameters
    ----------
    n_outputs : int

    Returns
    -------
    ndarray of shape (n_outputs, n_outputs - 1)
        Helmert's contrasts, orthogonal to the vector of ones; for a single output ``[[1]]``.

    Examples
    --------
    >>> contrasts(2).round(3)
    array([[ 0.707],
           [-0.707]])
    """
    return np.eye(1) if n_outputs == 1 else linalg.helmert(n_outputs).T


def backward_volumes(operators: Sequence[np.ndarray], contrast: np.ndarray | None = None) -> np.ndarray:
    """Share of each operator in the log-volume of the whole chain, by QR from the output back to the input.

    Parameters
    ----------
    operators : sequence of ndarray
        ``K_1, …, K_L`` of shapes (n_0, n_1), (n_1, n_2), …; states are rows.
    contrast : ndarray of shape (n_L, r), optional
        V, orthonormal columns; `contrasts` by default.

    Returns
    -------
    ndarray of shape (L,)
        They add up to the log-volume of ``K_1 ⋯ K_L V``. −inf where a component loses a direction: it goes no
        further, and components before it are judged on those that are left; NaN if none is.

    Raises
    ------
    ValueError
        If there is no operator, or shapes do not follow on each other.

    Notes
    -----
    ``Q_L = V``, ``Q_{i−1} R_i = qr(K_i Q_i)``, volume of i = ``Σ_j log |R_i,jj|``. The factors R multiply, and the
    determinant of a triangular matrix is the product of its diagonal. This is reverse mode: only products of
    operators with r columns are needed, and all widths of r or more will do. It is the discrete QR method for
    Lyapunov exponents over a finite depth.
    """
    matrices, basis = _chain(operators, contrast)
    volumes = np.empty(len(matrices))
    for place in reversed(range(len(matrices))):
        volumes[place], basis = volume_step(matrices[place] @ basis)
    return volumes


def forward_volumes(operators: Sequence[np.ndarray], contrast: np.ndarray | None = None) -> np.ndarray:
    """Share of each operator in the log-volume of the whole chain, by QR from the input on to the output.

    Parameters
    ----------
    operators : sequence of ndarray
        ``K_1, …, K_L`` of shapes (n_0, n_1), (n_1, n_2), …; states are rows.
    contrast : ndarray of shape (n_L, r), optional
        V, orthonormal columns; `contrasts` by default.

    Returns
    -------
    ndarray of shape (L,)
        Their sum is that of `backward_volumes`, but not each of them: the first i together are never less.

    Raises
    ------
    ValueError
        If there is no operator, or shapes do not follow on each other; if the chain loses a direction of the contrast,
        so that there is no volume to share out.

    Notes
    -----
    ``P_0`` spans the inputs that the outputs depend on, the columns of ``K_1 ⋯ K_L V``. ``P_i R_i = qr(K_iᵀ P_{i−1})``,
    with ``K_L V`` in place of the last operator, and the volume of i is ``Σ_j log |R_i,jj|``. What is carried on to
    i, the span of ``P_i``, is not what is read there, the span of ``Q_i`` in `backward_volumes`: the first i volumes
    are larger in sum by ``−Σ log cos θ`` over the angles between the two.

    Examples
    --------
    >>> chain = [np.diag([1.0, 3.0]), np.array([[3.0], [1.0]])]
    >>> np.exp(forward_volumes(chain)).round(2), np.exp(backward_volumes(chain)).round(2)
    (array([2.24, 1.9 ]), array([1.34, 3.16]))
    """
    matrices, basis = _chain(operators, contrast)
    read, width = basis, basis.shape[1]
    for matrix in reversed(matrices):
        _, read = volume_step(matrix @ read)
    if read.shape[1] < width:
        raise ValueError(
            f"the chain keeps {read.shape[1]} of the {width} directions of the contrast, so there is no volume to "
            "share out; give a contrast of fewer directions, or look for the −inf in backward_volumes"
        )
    volumes = np.empty(len(matrices))
    for place, matrix in enumerate([*matrices[:-1], matrices[-1] @ basis]):
        volumes[place], read = volume_step(matrix.T @ read)
    return volumes


def _chain(operators: Sequence[np.ndarray], contrast: np.ndarray | None) -> tuple[list[np.ndarray], np.ndarray]:
    """Operators as matrices, and the contrast at their end."""
    matrices = [_matrix(operator) for operator in operators]
    if not matrices:
        raise ValueError("need one operator or more, got none")
    basis = contrasts(matrices[-1].shape[1]) if contrast is None else _matrix(contrast)
    shapes = [item.shape for item in (*matrices, basis)]
    if any(one[1] != two[0] for one, two in pairwise(shapes)):
        raise ValueError(f"shapes must follow on each other, (n_0, n_1), (n_1, n_2), …, (n_L, r); got {shapes}")
    return matrices, basis


def volume_step(pulled: np.ndarray) -> tuple[float, np.ndarray]:
    """Log-volume of columns that were pulled back, and an orthonormal basis of what they span."""
    if not pulled.shape[1]:
        return np.nan, pulled
    # Pivots change the order of the columns, not the volume, and put those that vanish last.
    basis, triangle, _ = linalg.qr(pulled, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    kept = int((diagonal > ROUNDING * diagonal[0]).sum())
    volume = -np.inf if kept < pulled.shape[1] else float(np.log(diagonal).sum())
    return volume, basis[:, :kept]


def canonical_correlations(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Singular values of the whitened operator: what is left of it that no rescaling of states can move.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_inputs)
    outputs : ndarray of shape (n_samples, n_outputs)

    Returns
    -------
    ndarray of shape (n,)
        From 1 to 0, falling, as many as the smaller of the two ranks. ``−½ Σ log(1 − ρ²)`` is the mutual
        information of Gaussian states with these moments.

    Raises
    ------
    ValueError
        If the arrays are no states of the same samples.

    Notes
    -----
    ``C_x^{½} K C_y^{−½}``, with K the least-squares operator of centred states, is ``C_x^{−½} C_xy C_y^{−½}``.
    """
    x, y = _matrix(inputs), _matrix(outputs)
    if len(x) != len(y):
        raise ValueError(f"need inputs and outputs of the same samples, got shapes {x.shape} and {y.shape}")
    return np.linalg.svd(pod(x).left.T @ pod(y).left, compute_uv=False).clip(0, 1)


def _singular_values(operator: np.ndarray) -> np.ndarray:
    return np.linalg.svd(_matrix(operator), compute_uv=False)


def _matrix(operator: np.ndarray) -> np.ndarray:
    operator = np.asarray(operator, dtype=np.float64)
    if operator.ndim != 2 or not operator.size or not np.isfinite(operator).all():
        raise ValueError(f"need a matrix of finite numbers, got shape {operator.shape}")
    return operator
