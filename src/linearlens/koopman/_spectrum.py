"""What an eigendecomposition says: order, groups, modes, projectors, memory."""

from collections.abc import Sequence

import numpy as np


def eigenvalue_order(eigenvalues: np.ndarray) -> np.ndarray:
    """The order in which eigenvalues are told: by falling modulus, a conjugate pair together.

    Of one modulus the larger real part comes first; what is equal in both stays in the order it came in. Of a pair
    the eigenvalue with positive imaginary part comes first.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,)
        Of a real matrix, as LAPACK writes them: right after each with positive imaginary part its conjugate.

    Returns
    -------
    ndarray of shape (n_eigenvalues,), int
        Indices, for the eigenvectors too: ``eigenvalues[order]``, ``eigenvectors[:, order]``.

    Raises
    ------
    ValueError
        If a complex eigenvalue does not stand beside its conjugate.

    Examples
    --------
    >>> eigenvalue_order(np.array([0.1, 0.3 + 0.4j, 0.3 - 0.4j, -0.5, 0.9]))
    array([4, 1, 2, 3, 0])
    """
    real, imag = eigenvalues.real, eigenvalues.imag
    first = np.flatnonzero(imag >= 0)
    first = first[np.lexsort((-real[first], -np.abs(eigenvalues[first])))]  # stable; the last key counts most
    pairs = np.flatnonzero(imag[first] > 0)
    seconds = first[pairs] + 1
    beside = np.array_equal(np.sort(seconds), np.flatnonzero(imag < 0))
    if not beside or (eigenvalues[seconds] != eigenvalues[first[pairs]].conj()).any():
        raise ValueError("a complex eigenvalue has no conjugate after it; are these as LAPACK gave them?")
    return np.insert(first, pairs + 1, seconds)


def conjugate_groups(eigenvalues: np.ndarray) -> list[np.ndarray]:
    """Indices of each real eigenvalue and of each conjugate pair, found by value, not by position.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,), complex
        Of a real matrix, in any order.

    Returns
    -------
    list of ndarray of shape (1,) or (2,)
        In the order in which their first members stand; of a pair the one with positive imaginary part first.

    Raises
    ------
    ValueError
        If a complex eigenvalue has no conjugate.

    Examples
    --------
    >>> conjugate_groups(np.array([0.9, 0.5 + 0.2j, 0.1, 0.5 - 0.2j]))
    [array([0]), array([1, 3]), array([2])]
    """
    free = set(range(len(eigenvalues)))
    groups = []
    for index, value in enumerate(eigenvalues):
        if index not in free:
            continue
        free.discard(index)
        if value.imag == 0:
            groups.append(np.array([index]))
            continue
        gaps = {other: abs(eigenvalues[other] - value.conjugate()) for other in free}
        partner = min(gaps, key=gaps.__getitem__, default=None)
        if partner is None or gaps[partner] > 1e-8 * max(1.0, abs(value)):
            raise ValueError(f"eigenvalue {index}, {value:.6g}, has no conjugate; are these those of a real matrix?")
        free.discard(partner)
        groups.append(np.array([index, partner] if value.imag > 0 else [partner, index]))
    return groups


def memory_horizon(eigenvalues: np.ndarray, *, threshold: float = 1e-2) -> np.ndarray:
    """Steps until an eigenfunction has shrunk to `threshold`: ``log(threshold) / log|λ|``.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,), complex
    threshold : float
        Between 0 and 1.

    Returns
    -------
    ndarray of shape (n_eigenvalues,)
        Infinity, to be read "unbounded", where ``|λ| ≥ 1``: it never shrinks. 0 where ``λ = 0``, NaN where λ is.

    Raises
    ------
    ValueError
        If the threshold is not between 0 and 1.

    Notes
    -----
    Eq. 9 of Naiman and Azencot (2023), whose formula turns negative for ``|λ| > 1``.

    Examples
    --------
    >>> memory_horizon(np.array([0.1, 0.99, 1.01])).round(1)
    array([  2. , 458.2,   inf])
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must be between 0 and 1, got {threshold}")
    size = np.abs(eigenvalues)
    horizon = np.zeros(len(size))
    inside = (size > 0) & (size < 1)
    horizon[inside] = np.log(threshold) / np.log(size[inside])
    horizon[size >= 1] = np.inf
    horizon[np.isnan(size)] = np.nan
    return horizon


def half_life(eigenvalues: np.ndarray) -> np.ndarray:
    """Steps until an eigenfunction has shrunk to half: `memory_horizon` with a threshold of 1/2."""
    return memory_horizon(eigenvalues, threshold=0.5)


def modes(eigenvectors: np.ndarray) -> np.ndarray:
    """Directions in which the eigenfunctions move the observables: rows U with ``psi = phi U``.

    Parameters
    ----------
    eigenvectors : ndarray of shape (n_observables, n_eigenvalues), complex
        As ``Koopman.eigenvectors_``.

    Returns
    -------
    ndarray of shape (n_eigenvalues, n_observables), complex
        The pseudo-inverse; with all eigenvalues kept, the inverse. Its rows are what Naiman and Azencot call
        the Koopman eigenvectors.
    """
    return np.linalg.pinv(eigenvectors)


def spectral_projector(eigenvectors: np.ndarray, group: Sequence[int] | np.ndarray) -> np.ndarray:
    """The oblique projector on a group's modes along all other modes, ``V_g U_g``; it commutes with the operator.

    Parameters
    ----------
    eigenvectors : ndarray of shape (n_observables, n_eigenvalues), complex
    group : sequence of int
        Indices of whole groups as `conjugate_groups` gives them.

    Returns
    -------
    ndarray of shape (n_observables, n_observables)
        Real; acts from the right: ``psi @ projector``.

    Raises
    ------
    ValueError
        If an index is out of range or the group splits a conjugate pair.
    """
    group = check_group(eigenvectors, group)
    projector = eigenvectors[:, group] @ modes(eigenvectors)[group]
    size = np.abs(projector).max()
    if np.abs(projector.imag).max() > 1e-6 * size:
        raise ValueError(f"group {group.tolist()} splits a conjugate pair; take groups from conjugate_groups")
    return projector.real


def span_projector(eigenvectors: np.ndarray, group: Sequence[int] | np.ndarray) -> np.ndarray:
    """The orthogonal projector on the span of a group's modes, real and imaginary parts.

    Unlike the spectral projector it never makes a state longer, however close to parallel the modes are.
    Parameters, return value and errors are those of `spectral_projector`; a split pair is taken as whole.
    """
    rows = modes(eigenvectors)[check_group(eigenvectors, group)]
    spanning = np.vstack([rows.real, rows.imag])
    _, sizes, directions = np.linalg.svd(spanning, full_matrices=False)
    basis = directions[sizes > 1e-10 * sizes[0]]
    return basis.T @ basis


def eigenvalue_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Largest distance from an eigenvalue of either set to the nearest of the other.

    Parameters
    ----------
    first, second : ndarray of shape (n_eigenvalues,), complex
        In any order.

    Raises
    ------
    ValueError
        If there are more of one than of the other, or none.

    Examples
    --------
    >>> eigenvalue_distance(np.array([1.0, 0.5]), np.array([0.5, 0.9]))
    0.09999999999999998
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} eigenvalues cannot be matched with {len(second)}")
    if len(first) == 0:
        raise ValueError("need at least one eigenvalue in each set, got none")
    gaps = np.abs(np.subtract.outer(first, second))
    return float(max(gaps.min(axis=0).max(), gaps.min(axis=1).max()))


def eigenvector_condition(eigenvectors: np.ndarray) -> float:
    """Condition number of the eigenvectors scaled to length 1: 1 for a normal operator, large for a fragile one."""
    return float(np.linalg.cond(eigenvectors / np.linalg.norm(eigenvectors, axis=0)))


def check_group(eigenvectors: np.ndarray, group: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the indices of eigenvalues as an array, or say what is wrong with them.

    Parameters
    ----------
    eigenvectors : ndarray of shape (n_observables, n_eigenvalues), complex
    group : sequence of int

    Returns
    -------
    ndarray of shape (n_indices,)

    Raises
    ------
    ValueError
        If there is no index, one is no whole number, or there is no eigenvalue of that number.

    Examples
    --------
    >>> check_group(np.eye(3), [0, 2])
    array([0, 2])
    """
    indices = np.atleast_1d(np.asarray(group))
    n_eigenvalues = eigenvectors.shape[1]
    if indices.size == 0 or not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"a group is one or more indices of eigenvalues, got {group!r}")
    if indices.min() < 0 or indices.max() >= n_eigenvalues:
        raise ValueError(f"group {indices.tolist()} is out of range: there are eigenvalues 0 to {n_eigenvalues - 1}")
    return indices
