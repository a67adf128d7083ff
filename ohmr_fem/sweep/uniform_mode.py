"""The uniform moment density: where all edges reflect, K 1 = 0, it neither diffuses nor decays
faster than 1/tau, and its pole w = 0 is known without a solve.

The factorised A0 = K + s0 M does not know it: in a device much smaller than L_m the entries of K
exceed those of M by (L_m/h)^2, and rounding leaves u.K u of either sign.  It is taken out of the
Krylov space, and put back where something drives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

from ..solver.linear import Factorisation
from ..solver.narrow import rounding_of, totals
from ..solver.system import System

#: Part of the shift that rounding in K may take; beyond, the shift is raised.
ACCEPTED = 1e-6
#: The raised shift times the square of the diagonal: a tenth of the lowest rate of a convex device,
#: for what a weak field changes is a derivative of F near 0.
RAISED = 1.0
#: A device of fewer unknowns has its lowest rate from dense matrices.
FEW = 20


@dataclass(frozen=True, eq=False)
class UniformMode:
    """u = const with u . M u = 1.

    Attributes
    ----------
    vector : (N,) u
    load : (N,) M u
    lost : float
        Rate that rounding may give it, in units of the rates of the pencil.
    """

    vector: np.ndarray
    load: np.ndarray
    lost: float

    @classmethod
    def of(cls, system: System, K: Any, M: Any) -> UniformMode | None:
        """None where an edge absorbs, or where K does not leave the constants alone."""
        laws = system.problem.moment_conditions().values()
        if any(law.absorbs for law in laws):
            return None
        load = M @ system.one
        size = float(np.sqrt(system.one @ load))
        vector = system.one / size
        lost = rounding_of(K, vector)
        rate = float(vector @ (K @ vector))
        # a rate beyond round-off is no round-off: the poles must show it
        return cls(vector, load / size, lost) if abs(rate) <= lost else None

    def totals(self, loads: np.ndarray) -> np.ndarray:
        """u . a of loads (N, p), exactly 0 where that is round-off, (p,)."""
        return totals(self.vector, loads)

    def out_of(self, moments: np.ndarray) -> np.ndarray:
        """Moments (N, p) without their mean."""
        return np.asarray(moments - np.outer(self.vector, self.load @ moments))

    def out_of_loads(self, loads: np.ndarray) -> np.ndarray:
        """Loads (N, p) that do not drive it."""
        return np.asarray(loads - np.outer(self.load, self.vector @ loads))

    def raised(self, shift: float, diagonal: float) -> float:
        """A shift that rounding in K leaves alone, for a device of this diagonal."""
        if self.lost <= ACCEPTED * shift:
            return shift
        return max(shift, RAISED / diagonal**2)

    def gap(self, K: Any, M: Any, factors: Factorisation, shift: float) -> float:
        """The lowest rate above 0, from the factorised K + shift M."""
        size = K.shape[0]
        if size < FEW:
            dense = eigh(K.toarray(), M.toarray(), eigvals_only=True)
            return float(dense[1])

        def inverse(b: np.ndarray) -> np.ndarray:
            load = self.out_of_loads(np.reshape(b, (size, 1)))
            return self.out_of(factors.solve(load)[0])[:, 0]

        # a fixed start without its mean: ARPACK would draw one, and no two runs agree
        start = np.random.default_rng(0).standard_normal((size, 1))
        found = eigsh(
            K,
            k=1,
            M=M,
            sigma=-shift,
            OPinv=LinearOperator(K.shape, matvec=inverse),
            v0=self.out_of(start)[:, 0],
            return_eigenvectors=False,
            tol=1e-10,
        )
        return (1.0 - 1e-9) * float(found[0])
