"""A film of several materials: the faces mode by mode, one plane problem for each.

With reflecting faces n = sum_m n_m cos(m pi (z + t/2)/t) in every region, and no mode mixes with
another (docs/theory, section 9).  m = 0 is the device plane.  For odd m, q = m pi/t,

    D k(n_m, w) + m(n_m, w)/tau + D q^2 m(n_m, w) + m(T n_m, w) = (4 alpha/t) int (z x J) . w,
    delta R_m = int (2 alpha' D/t) n_m . (z x grad u),

u the potential of unit current through the voltage pair, and the interface rule of the plane
between regions.  Of every mode only the difference from its local part, the same without D k, is
summed; all local parts together are h(1 + tau T) of each region with the ohmic fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..model.film import Film
from ..model.material import torque_of
from ..model.problem import Problem
from . import forms
from .film import Faces, detection_matrix
from .linear import GENERAL, SYMMETRIC, Solver
from .resistance import FourTerminal, UnitCurrent
from .stability import check_stability
from .system import System, system_of

#: The sum over modes stops where what is left is this part of the faces.
TOLERANCE = 1e-6
#: The last mode at most.
LAST = 121
#: With D k and without, on the kept unknowns.
Matrices = tuple[csr_array, csr_array]


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
    """

    system: System
    film: Film
    potentials: np.ndarray
    source: np.ndarray
    reader: np.ndarray
    across: csr_array

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
            source[a] = sign * (_slope(system, axis, generated) @ v)
            for d, weight in enumerate(system.reading(a)):
                reader[d] -= sign * (_slope(system, axis, detected * weight) @ u)
        both = np.column_stack([v, u])
        spread = system.coefficients.diffusion / system.scales.diffusion
        P = system.keep
        across = csr_array(P.T @ system.of_density(system._mass, spread) @ P)
        return cls(system, film, both, source.ravel(), reader.ravel(), across)

    def at(
        self,
        field: np.ndarray,
        solver: Solver | None = None,
    ) -> tuple[float, float]:
        """Part of the faces in delta_R, ohm, and an estimate of what is left of the sum."""
        check_stability(self.system, field)
        system, P = self.system, self.system.keep
        local = P.T @ (system.relaxing + system.torque(field)) @ P
        matrices = system.A(field), csr_array(local)
        total = self.local(field)
        left = float("inf")
        for mode in range(1, LAST + 1, 2):
            apart = self._of_mode(matrices, mode, solver or GENERAL)
            total += apart
            left = abs(apart) * mode / 4.0  # the terms fall as mode^-3 where fields jump
            if left <= TOLERANCE * abs(total):
                break
        return total, left

    def local(self, field: np.ndarray) -> float:
        """Exact, from the ohmic fields of each region, ohm."""
        system = self.system
        root = np.sqrt(system.basis.dx)
        v, u = (self._turned(potential) * root for potential in self.potentials.T)
        total = 0.0
        for cells, tensor in self.tensors(field):
            products = np.einsum("ckp,dkp->cd", u[:, cells], v[:, cells])
            total -= float(np.sum(tensor * products))
        return total

    def tensors(self, field: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Cells of each region, and alpha alpha' sigma_s h_cd (2, 2) there."""
        problem = self.system.problem
        for region, cells in problem.mesh.regions.items():
            material = problem.materials[region]
            T, squared = torque_of(material, field[None])
            h = detection_matrix(material, problem.detection) @ self._faces(material, T, squared)
            strength = material.orbital_hall_angle * material.inverse_orbital_hall_angle
            yield cells, float(strength) * float(material.sheet_conductivity) * h[:2, :2]

    def _faces(
        self,
        material: Any,
        T: np.ndarray,
        squared: np.ndarray,
    ) -> np.ndarray:
        return Faces.of(self.film, material).local(T, squared)[0]

    def _turned(self, potential: np.ndarray) -> np.ndarray:
        """z x grad at the quadrature points, (2, cells, points)."""
        slope = np.asarray(self.system.basis.interpolate(np.ascontiguousarray(potential)).grad)
        return np.array([-slope[1], slope[0]])

    def _of_mode(
        self,
        matrices: Matrices,
        mode: int,
        solver: Solver,
    ) -> float:
        """delta R of a mode less its local part, ohm."""
        system, P = self.system, self.system.keep
        thickness = self.film.thickness / system.scales.length
        lost = (mode * np.pi / thickness) ** 2 * self.across
        whole, alone = (csr_array(matrix + lost) for matrix in matrices)
        b = P.T @ self.source
        n = solver.factorise(whole).solve(b)[0] - solver.factorise(alone).solve(b)[0]
        scale = 8.0 / thickness**2 * system.scales.conductivity
        return float(scale * (self.reader @ (P @ n)))


def _slope(
    system: System,
    axis: int,
    coefficient: np.ndarray,
) -> Any:
    """int a (d_axis V) w, (N, N)."""
    zero = np.zeros_like(coefficient)
    given = {f"p{i}": coefficient if i == axis else zero for i in range(2)}
    return csr_array(forms.carried.assemble(system.basis, **given)).T
