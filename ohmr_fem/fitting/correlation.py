"""Noise whose neighbours in time follow each other: its correlation, and its size.

A fit takes more out of slow noise than out of white noise, so the residuals look whiter and smaller
than the noise is.  With residuals e = (1 - P) noise, P = Q Q^T, and a noise of correlation
r^|i - j|, the expected sums of e_i^2 and e_i e_(i+1) are known, and r is the one that makes the
ratio of the sums found.
"""

from __future__ import annotations

import numpy as np

from .smooth import Joint

#: Largest correlation that is looked for.
MOST = 0.95


def correlation(found: Joint) -> tuple[float, float]:
    """Correlation of neighbours in time, and the variance of a row of weight 1 with it."""
    from scipy.optimize import brentq

    keep = found.weight > 0
    u = np.where(keep, found.residual * found.weight, 0.0)
    whole = float(u @ u)
    follows = float(u[1:] @ u[:-1])
    if whole <= 0.0:
        return 0.0, found.variance
    basis = np.where(keep[:, None], found.basis, 0.0)
    # unknowns that were spent without a column here, such as those of the steps
    further = found.spent - basis.shape[1]

    def off(r: float) -> float:
        alone, together = _expected(basis, keep, r)
        return together / alone - follows / whole

    if off(-MOST) > 0.0:
        return -MOST, found.variance
    if off(MOST) < 0.0:
        return MOST, found.variance
    r = float(brentq(off, -MOST, MOST, xtol=1e-10))
    alone, _ = _expected(basis, keep, r)
    slow = (1.0 + r) / (1.0 - r)
    degrees = alone - further * slow
    return r, whole / max(degrees, 1.0)


def _expected(
    basis: np.ndarray,
    keep: np.ndarray,
    r: float,
) -> tuple[float, float]:
    """Sums of e_i^2 and e_i e_(i+1) for a noise of unit variance."""
    through = _filtered(basis, r)
    square = basis.T @ through
    alone = float(keep.sum()) - float(np.trace(square))
    pairs = keep[1:] & keep[:-1]
    before, after = basis[:-1], basis[1:]
    # (1 - P) C (1 - P) = C - P C - C P + P C P, next to its diagonal
    once = np.sum(before * through[1:] + through[:-1] * after, axis=1)
    twice = np.sum((before @ square) * after, axis=1)
    together = np.sum((r - once + twice)[pairs])
    return alone, float(together)


def _filtered(
    columns: np.ndarray,
    r: float,
) -> np.ndarray:
    """The matrix r^|i - j| times columns, (n, p)."""
    from scipy.signal import lfilter

    forward = lfilter([1.0], [1.0, -r], columns, axis=0)
    backward = lfilter([1.0], [1.0, -r], columns[::-1], axis=0)[::-1]
    return np.asarray(forward + backward - columns)
