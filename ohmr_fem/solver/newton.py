"""Newton's method for the drift equations, with the potential eliminated exactly at every step.

The drift terms (Eq. (S1)) are bilinear in V and n.  At given n the charge equation is linear in V,
so V follows from n and contact currents are conserved at every step as in linear response; Newton's
method with line search acts on what is left, G(n) = A(B) n + S V(n) + drift - injection = 0, with
the derivative from one block factorisation.  With coupling="linear" the moments drift in the ohmic
field and G is linear: first order in alpha alpha'.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import NewtonError, SolveError
from .drift_terms import charge_from_moment, drift_of_charge, drift_of_moment, moment_from_charge
from .linear import GENERAL, Factorisation, Solver
from .system import System

#: Line search: smallest damping, and the decrease of |G| that a damping lambda must bring, 1 -
#: SUFFICIENT lambda.
SMALLEST_DAMPING, SUFFICIENT = 2.0**-10, 0.1


@dataclass(frozen=True)
class NewtonStep:
    """One iterate.

    Attributes
    ----------
    residual : float
        |G| relative to its source.
    correction : float
        Size of the last correction relative to n.
    damping : float
        Part of the full step that was taken.
    current_defect : float
        Largest deviation of a contact current from its given value, relative to the largest
        current.
    """

    residual: float
    correction: float
    damping: float
    current_defect: float


@dataclass(frozen=True, eq=False)
class DriftEquations:
    """G(n) = 0 at one field for a given ohmic potential (N,) V; ``injected`` (3N,) is the source
    that does not depend on V.
    """

    system: System
    field: np.ndarray
    held: tuple[str, ...]
    ohmic: np.ndarray
    injected: np.ndarray
    solver: Solver | None = None

    @property
    def full(self) -> bool:
        return self.system.problem.coupling == "full"

    @functools.cached_property
    def A(self) -> csr_array:
        return self.system.A(self.field)

    @functools.cached_property
    def tie(self) -> csr_array:
        return self.system.free_tie(self.held)

    @functools.cached_property
    def weight(self) -> np.ndarray:
        """1/diagonal of A: makes |G| comparable with the source on graded meshes."""
        return np.asarray(1.0 / np.abs(self.A.diagonal()))

    @functools.cached_property
    def source(self) -> float:
        """Size of what drives G."""
        s = self.system
        return self.size(s.keep.T @ (self.injected - s.S @ self.ohmic)) or 1.0

    def size(self, G: np.ndarray) -> float:
        return float(np.sqrt(np.sum(self.weight * G**2)))

    def orbital(self, n: np.ndarray) -> np.ndarray:
        """V_1 (N,): the charge equation solved at kept moments n."""
        s, T = self.system, self.tie
        moments = s.keep @ n
        # first order in alpha': the drift term reads the ohmic field, of all orders it reads V
        N = drift_of_charge(s, moments)
        load = -(T.T @ (s.C @ moments + N @ self.ohmic))
        if self.full:
            factors = self.factorise(T.T @ (s.K + N) @ T)
        else:
            factors = s.potential_solver(self.held, self.solver)[1]
        return np.asarray(T @ factors.solve(load)[0])

    def factorise(self, matrix: Any) -> Factorisation:
        return (self.solver or GENERAL).factorise(csr_array(matrix))

    def defect(self, n: np.ndarray, orbital: np.ndarray) -> np.ndarray:
        """G on the kept moments."""
        s = self.system
        V = self.ohmic + orbital if self.full else self.ohmic
        carried = drift_of_moment(s, V) @ (s.keep @ n)
        return np.asarray(self.A @ n + s.keep.T @ (s.S @ V + carried - self.injected))

    def correction(self, n: np.ndarray, orbital: np.ndarray, G: np.ndarray) -> np.ndarray:
        """Newton's step in n; the block solve eliminates V to the same order."""
        s, T, P = self.system, self.tie, self.system.keep
        V = self.ohmic + orbital if self.full else self.ohmic
        carried = drift_of_moment(s, V)
        A = self.A + P.T @ carried @ P
        if not self.full:  # V does not depend on n: G is linear
            return -self.factorise(A).solve(G)[0]
        moments = P @ n
        K = s.K + drift_of_charge(s, moments)
        C = s.C + charge_from_moment(s, V)
        S = s.S + moment_from_charge(s, moments)
        factors = self.factorise(s.coupled(T, A, K, C, S))
        x, _ = factors.solve(np.append(np.zeros(T.shape[1]), -G))
        return np.asarray(x[T.shape[1] :])

    def current_defect(
        self, n: np.ndarray, orbital: np.ndarray, currents: Mapping[str, float]
    ) -> float:
        """Largest deviation of a contact current from the given one (0 if floating), relative to
        the largest current.
        """
        s = self.system
        moments = s.keep @ n
        V = self.ohmic + orbital
        drives = V if self.full else self.ohmic
        flow = s.K @ V + s.C @ moments + drift_of_charge(s, moments) @ drives
        found = {}
        for name, terminal in s.terminals.items():
            free = name not in self.held
            if free and s.problem.contacts[name].carries_current:
                # the weak residual is the conservative current: no derivative of V is taken
                found[name] = s.scales.conductivity * float(terminal.indicator @ flow)
        largest = max((abs(i) for i in (*currents.values(), *found.values())), default=0.0)
        defects = [abs(i - currents.get(name, 0.0)) for name, i in found.items()]
        return max(defects, default=0.0) / (largest or 1.0)


def newton(
    equations: DriftEquations,
    n: np.ndarray,
    currents: Mapping[str, float],
    tolerance: float,
    most: int,
) -> tuple[np.ndarray, np.ndarray, list[NewtonStep]]:
    """Kept moments, orbital potential (N,) and history from a start n; NewtonError if it does not
    converge.
    """
    V = equations.orbital(n)
    G = equations.defect(n, V)
    history = [
        NewtonStep(
            equations.size(G) / equations.source,
            np.nan,
            np.nan,
            equations.current_defect(n, V, currents),
        )
    ]
    for _ in range(most):
        if history[-1].residual <= tolerance:
            return n, V, history
        step = equations.correction(n, V, G)
        damping = 1.0
        while True:
            trial = n + damping * step
            try:
                V_next = equations.orbital(trial)
                defect = equations.defect(trial, V_next)
                size = equations.size(defect) / equations.source
            except SolveError:  # the charge equation is singular there
                size = np.inf
            # Armijo's rule; below the tolerance round-off may make the residual rise again
            if size <= max((1.0 - SUFFICIENT * damping) * history[-1].residual, tolerance):
                break
            damping *= 0.5
            if damping < SMALLEST_DAMPING:
                raise _failed("the line search finds no smaller residual", history)
        relative = damping * float(np.linalg.norm(step)) / (float(np.linalg.norm(trial)) or 1.0)
        n, V, G = trial, V_next, defect
        history.append(
            NewtonStep(size, relative, damping, equations.current_defect(n, V, currents))
        )
    if history[-1].residual <= tolerance:
        return n, V, history
    raise _failed(f"no convergence in {most} steps", history)


def _failed(why: str, history: list[NewtonStep]) -> NewtonError:
    shown = ", ".join(f"{h.residual:.1e}" for h in history[-6:])
    return NewtonError(
        f"Newton's method failed: {why}; residuals {shown} of the source; raise the current in "
        "smaller steps "
        "(drift_curve) or refine the mesh where the field is large",
        history,
    )
