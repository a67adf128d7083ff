"""Adaptive integration over the Brillouin zone for low temperatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .hamiltonian import LayeredModel
from .symmetry import Operation


def sums(
    model: LayeredModel, mu: np.ndarray, temperature: float, orders: Sequence[int], tolerance: float,
    operations: tuple[Operation, ...],
) -> tuple[np.ndarray, np.ndarray]:
    raise NotImplementedError
