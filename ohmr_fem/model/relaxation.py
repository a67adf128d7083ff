"""Relaxation as a rate: one number, one by component, or a symmetric tensor (docs/theory, section
11).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..units import array_si, owned, shown


def read_rate(value: Any) -> tuple[Any, np.ndarray | None]:
    """(relaxation time, None) of a rate without off-diagonals, else (None, Gamma (3, 3) in 1/s).

    One number is one time, three numbers or a diagonal tensor one by component.

    Raises
    ------
    InputError
        Wrong shape or dimension, not symmetric to 1e-9, not positive definite.
    """
    rate = array_si(value, "1/s", "relaxation_rate")
    if rate.ndim == 0:
        _require_positive(rate.reshape(1), value)
        return 1.0 / float(rate), None
    if rate.shape == (3,):
        rate = np.diag(rate)
    if rate.shape != (3, 3):
        raise InputError(
            f"expected one number, three, or a symmetric 3 x 3 array in 1/s, got shape "
            f"{rate.shape}",
            value=value,
            key="relaxation_rate",
        )
    _require_symmetric(rate, value)
    rate = 0.5 * (rate + rate.T)
    _require_positive(np.linalg.eigvalsh(rate), value)
    diagonal = np.diag(rate)
    if np.array_equal(rate, np.diag(diagonal)):
        return tuple(float(1.0 / r) for r in diagonal), None
    return None, owned(rate)


def _require_symmetric(rate: np.ndarray, value: Any) -> None:
    worst = float(np.abs(rate - rate.T).max())
    if worst > 1e-9 * float(np.abs(rate).max()):
        raise InputError(
            f"must be symmetric, but Gamma and its transpose differ by {worst:g} 1/s; give "
            "(Gamma + Gamma.T)/2 if that is what is meant",
            value=value,
            key="relaxation_rate",
        )


def _require_positive(eigenvalues: np.ndarray, value: Any) -> None:
    lowest = float(eigenvalues.min())
    if not lowest > 0.0:
        raise InputError(
            f"must be positive definite, or a moment would grow without a field; its lowest "
            f"eigenvalue is {lowest:g} 1/s, got {shown(value)}",
            value=value,
            key="relaxation_rate",
        )
