"""Modes in time of a relaxation tensor, or of orbital and spin moment together (docs/theory,
section 11).

On the poles kappa_k of the plane each mode has its own matrix,

    dc_k/dt = - [kappa_k DD x 1 + Gamma + T(B)] c_k + drive(t) s_k,

so that nothing but this small matrix, 3 x 3 or 6 x 6, is in the exponential.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag, expm

from ..sweep.matrix_measure import MatrixMeasure
from .modes import Modes


@dataclass(frozen=True, eq=False)
class MatrixModes(Modes):
    """As :class:`Modes`; ``loss`` (m, q, q) is kappa_k DD x 1 + Gamma in 1/s, and ``rates`` only
    their scale.
    """

    loss: np.ndarray

    @classmethod
    def of_matrices(cls, measure: MatrixMeasure) -> MatrixModes:
        matrices, square = measure.matrices, measure.reference_length**2
        weights, count = measure.projection.weights, len(measure.projection.rates)
        size = 3 * matrices.count
        source, reader = np.zeros((count + 1, size)), np.zeros((count + 1, size))
        for c in {(c.generated, c.a, c.drive): c for c in measure.channels}.values():
            made = measure._sources(c).sum(axis=0)
            source[:count] += np.outer(weights[:, c.a], made) / square
        for c in {(c.detected, c.b, c.read): c for c in measure.channels}.values():
            reader[:count] += np.outer(weights[:, c.b], measure._readers(c).sum(axis=0))
        kappa = np.append(measure.projection.rates, 0.0) / square
        loss = kappa[:, None, None] * matrices.spread + matrices.relaxation
        rates = np.append(measure.rates, 0.0) + 1.0 / measure.material.mean_time
        return cls(measure, rates, source, reader, loss)

    @property
    def time(self) -> float:
        return self.measure.material.mean_time

    def torque(self, field: np.ndarray) -> np.ndarray:
        assert isinstance(self.measure, MatrixMeasure)
        return self.measure.matrices.torque(field)

    def matrix(self, field: np.ndarray) -> np.ndarray:
        return self.loss + self.torque(field)

    def lost(self, n: np.ndarray) -> np.ndarray:
        return np.asarray((self.loss @ n[..., None])[..., 0])

    def jacobian(self, field: np.ndarray) -> np.ndarray:
        return np.asarray(block_diag(*self.matrix(field)))

    def free(self, c: np.ndarray, field: np.ndarray, times: np.ndarray) -> np.ndarray:
        """What is left of c after the times, (n, m, q)."""
        every = expm(-self.matrix(field) * times[:, None, None, None])
        return np.asarray((every @ c[..., None])[..., 0])
