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
        matrices = measure.matrices
        square = measure.reference_length**2
        poles = measure.projection
        count = len(poles.rates)
        # the last mode is uniform: the measure does not see it
        source = np.zeros((count + 1, 3 * matrices.count))
        reader = np.zeros_like(source)
        driven = {(c.generated, c.a, c.drive): c for c in measure.channels}
        for c in driven.values():
            made = measure._sources(c).sum(axis=0)
            weight = poles.weights[:, c.a] / square
            source[:count] += np.outer(weight, made)
        seen = {(c.detected, c.b, c.read): c for c in measure.channels}
        for c in seen.values():
            read = measure._readers(c).sum(axis=0)
            weight = poles.weights[:, c.b]
            reader[:count] += np.outer(weight, read)
        kappa = np.append(poles.rates, 0.0) / square
        spread = kappa[:, None, None] * matrices.spread
        rates = np.append(measure.rates, 0.0)
        rates = rates + 1.0 / measure.material.mean_time
        return cls(
            measure,
            rates,
            source,
            reader,
            loss=spread + matrices.relaxation,
        )

    @property
    def time(self) -> float:
        return self.measure.material.mean_time

    def torque(self, field: np.ndarray) -> np.ndarray:
        assert isinstance(self.measure, MatrixMeasure)
        return self.measure.matrices.torque(field)

    def matrix(self, field: np.ndarray) -> np.ndarray:
        return self.loss + self.torque(field)

    def lost(self, n: np.ndarray) -> np.ndarray:
        lost = self.loss @ n[..., None]
        return np.asarray(lost[..., 0])

    def jacobian(self, field: np.ndarray) -> np.ndarray:
        blocks = self.matrix(field)
        return np.asarray(block_diag(*blocks))

    def free(
        self,
        c: np.ndarray,
        field: np.ndarray,
        times: np.ndarray,
    ) -> np.ndarray:
        """What is left of c after the times, (n, m, q)."""
        later = times[:, None, None, None]
        every = expm(-later * self.matrix(field))
        left = every @ c[..., None]
        return np.asarray(left[..., 0])
