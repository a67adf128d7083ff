"""A film of several materials: the faces mode by mode, one plane problem for each.

With reflecting faces n = sum_m n_m cos(m pi (z + t/2)/t) in every region, and no mode mixes with
another (docs/theory, section 9).  m = 0 is the device plane.  For odd m, q = m pi/t,

    D k(n_m, w) + m(n_m, w)/tau + D q^2 m(n_m, w) + m(T n_m, w) = (4 alpha/t) int (z x J) . w,
    delta R_m = int (2 alpha' D/t) n_m . (z x grad u),

u the potential of unit current through the voltage pair, and the interface rule of the plane
between regions.  Of every mode only the difference from its local part, the same without D k, is
summed; all local parts together are h(1 + tau T) of each region with the ohmic fields
(film_local.py).  Beyond the last mode taken the differences fall as 1/m^3, which is summed too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from .film_local import LocalPart, slope
from .interface_cells import interface_cells
from .linear import GENERAL, SYMMETRIC, Solver
from .resistance import FourTerminal, UnitCurrent
from .stability import check_stability
from .system import System, system_of

#: The sum over modes stops where what is left is this part of the faces.
TOLERANCE = 1e-6
#: The last mode at most.
LAST = 121
#: A mode that decays over less than its cells at an interface over this and the order is one of
#: the mesh, not of the film: the sum does not take it; measured.
HELD = 1.5


@dataclass(frozen=True, eq=False)
class RegionalFaces:
    """What the faces of a film of several materials add to one measurement.

    Attributes
    ----------
    system : System of the plane
    film : Film
    potentials : (N, 2) V/A, of the current pair and of the voltage pair
    source, reader : (3N,)
        Of every mode but for the factor 8/t'^2, t' the thickness in scaled lengths.
    across : (m, m)
        D m(n, w) on the kept unknowns, which q^2 multiplies.
    local_part : LocalPart
    """

    system: System
    film: Film
    potentials: np.ndarray
    source: np.ndarray
    reader: np.ndarray
    across: csr_array
    local_part: LocalPart

    @classmethod
    def of(
        cls,
        problem: Problem,
        current: Any,
        voltage: Any,
        solver: Solver | None = None,
    ) -> RegionalFaces:
        film = problem.film
        assert isinstance(film, Film)
        system = system_of(problem, plane_of_film=True)
        names = FourTerminal.of(problem, current, voltage)
        assert names is not None
        pairs = names.current, names.voltage
        v, u = (UnitCurrent.of(system, pair, solver or SYMMETRIC).potential for pair in pairs)
        source, reader = np.zeros((3, system.N)), np.zeros((3, system.N))
        # z x J = sigma (d_y v, - d_x v); z x grad u = (- d_y u, d_x u)
        generated, detected = system._generated, system._detected
        for a, (axis, sign) in enumerate(((1, 1.0), (0, -1.0))):
            source[a] = sign * (slope(system, axis, generated) @ v)
            for d, weight in enumerate(system.reading(a)):
                reader[d] -= sign * (slope(system, axis, detected * weight) @ u)
        both = np.column_stack([v, u])
        spread = system.coefficients.diffusion / system.scales.diffusion
        P = system.keep
        across = csr_array(P.T @ system.of_density(system._mass, spread) @ P)
        local = LocalPart.of(system, both, solver)
        return cls(system, film, both, source.ravel(), reader.ravel(), across, local)

    def at(
        self,
        field: np.ndarray,
        solver: Solver | None = None,
    ) -> tuple[float, float]:
        """Part of the faces in delta_R, ohm, and an estimate of what is left of the sum."""
        check_stability(self.system, field)
        matrix, solver = self.system.A(field), solver or GENERAL
        total = self.local(field)
        before = left = float("inf")
        for mode in range(1, LAST + 1, 2):
            apart = self._of_mode(matrix, mode, solver)
            apart -= self.local_part.held(field, functools.partial(self._alone, mode))
            total += apart
            whole = total + apart * _beyond(mode)
            left = abs(whole - before) * mode / 4.0
            before = whole
            if left <= TOLERANCE * abs(whole) or (mode > 1 and mode >= self._last):
                break
        return before, left

    @functools.cached_property
    def _last(self) -> float:
        """The first mode that the cells at interfaces do not resolve."""
        height, _ = interface_cells(self.system)
        if height.size == 0:
            return LAST
        finest = HELD * self.system.problem.order / float(np.median(height))
        return finest * self.film.thickness / np.pi

    def local(self, field: np.ndarray) -> float:
        """Exact, from the ohmic fields of each region, ohm."""
        return self.local_part.exact(field)

    def tensors(self, field: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Cells of each material, and alpha alpha' sigma_s h_cd (2, 2) there."""
        return self.local_part.tensors(field)

    def _alone(self, mode: int, material: Material, T: np.ndarray) -> np.ndarray:
        """h of a mode that does not diffuse in the plane."""
        thickness = self.film.thickness / material.diffusion_length
        lost = 1.0 + (mode * np.pi / thickness) ** 2
        return 8.0 / thickness**2 * np.linalg.inv(lost * np.eye(3) + T)

    def _of_mode(
        self,
        matrix: csr_array,
        mode: int,
        solver: Solver,
    ) -> float:
        """delta R of a mode, ohm."""
        system, P = self.system, self.system.keep
        thickness = self.film.thickness / system.scales.length
        lost = (mode * np.pi / thickness) ** 2 * self.across
        n = solver.factorise(csr_array(matrix + lost)).solve(P.T @ self.source)[0]
        scale = 8.0 / thickness**2 * system.scales.conductivity
        return float(scale * (self.reader @ (P @ n)))


def _beyond(mode: int) -> float:
    """The odd modes after this one over it, where they fall as mode^-3, as where fields jump."""
    return mode**3 / (4.0 * (mode + 1) ** 2)
