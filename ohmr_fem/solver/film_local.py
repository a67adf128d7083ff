"""The local part of a film of several materials: exact, and as the elements of a mode hold it.

Where n does not diffuse in the plane it is proportional to z x J, point by point, and jumps where
J, alpha, tau or X do (docs/theory, sections 9 and 12).  The sum over modes of [mode - its local
part] needs that local part as the elements hold it, which takes their other errors away; but on
elements of each material alone.  Across an interface they are continuous, smear the jump over a
cell, and every mode would add an error of the cell's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ..model.alike import differences, distinct
from ..model.film import Film
from ..model.material import Material, torque_of
from . import forms
from .film import Faces, detection_matrix
from .linear import SYMMETRIC, Solver
from .system import System

#: What a face reads of n over what it drives, (3, 3), from the material and tau T(B) (3, 3).
Response = Callable[[Material, np.ndarray], np.ndarray]


class Part(NamedTuple):
    """Cells of one material.

    ``exact`` and ``held`` are int (z x grad u)_c (z x grad v)_d, (2, 2) each: of the ohmic fields
    themselves, and of their projections on the elements of these cells.
    """

    cells: np.ndarray
    material: Material
    exact: np.ndarray
    held: np.ndarray


@dataclass(frozen=True, eq=False)
class LocalPart:
    """Local part of what the faces of a film add to one measurement."""

    film: Film
    detection: str
    parts: tuple[Part, ...]

    @classmethod
    def of(
        cls,
        system: System,
        potentials: np.ndarray,
        solver: Solver | None = None,
    ) -> LocalPart:
        """``potentials`` (N, 2) of the current pair and of the voltage pair."""
        problem, film = system.problem, system.problem.film
        assert isinstance(film, Film)
        products = _products(system, potentials)
        parts = []
        for material, cells in _materials(system):
            exact = products[:, :, cells].sum(axis=2)
            held = _held(system, potentials, cells, solver or SYMMETRIC)
            parts.append(Part(cells, material, exact, held))
        return cls(film, problem.detection, tuple(parts))

    def exact(self, field: np.ndarray) -> float:
        """Of all modes, from the ohmic fields of each material, ohm."""
        pairs = zip(self.tensors(field), self.parts, strict=True)
        return -sum(float(np.sum(tensor * part.exact)) for (_, tensor), part in pairs)

    def held(self, field: np.ndarray, response: Response) -> float:
        """Of some modes, as the elements hold it, ohm."""
        pairs = zip(self.tensors(field, response), self.parts, strict=True)
        return -sum(float(np.sum(tensor * part.held)) for (_, tensor), part in pairs)

    def tensors(
        self, field: np.ndarray, response: Response | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Cells of each material, and alpha alpha' sigma_s h_cd (2, 2) there."""
        for part in self.parts:
            material = part.material
            T, squared = torque_of(material, field[None])
            if response is None:
                h = Faces.of(self.film, material).local(T, squared)[0]
            else:
                h = response(material, T[0])
            h = detection_matrix(material, self.detection) @ h
            strength = material.orbital_hall_angle * material.inverse_orbital_hall_angle
            yield part.cells, float(strength) * float(material.sheet_conductivity) * h[:2, :2]


def _materials(system: System) -> Iterator[tuple[Material, np.ndarray]]:
    """Each material with its cells; regions whose values are the same are one."""
    problem = system.problem
    for material in distinct(problem.materials.values()):
        together = [
            cells
            for region, cells in problem.mesh.regions.items()
            if not differences(material, problem.materials[region])
        ]
        yield material, np.unique(np.concatenate(together))


def _products(system: System, potentials: np.ndarray) -> np.ndarray:
    """int (z x grad u)_c (z x grad v)_d of each cell, (2, 2, cells)."""
    v, u = (_turned(system, potential) for potential in potentials.T)
    return np.asarray(np.einsum("ckp,dkp,kp->cdk", u, v, system.basis.dx))


def _turned(system: System, potential: np.ndarray) -> np.ndarray:
    """z x grad at the quadrature points, (2, cells, points)."""
    slope = np.asarray(system.basis.interpolate(np.ascontiguousarray(potential)).grad)
    return np.array([-slope[1], slope[0]])


def _held(system: System, potentials: np.ndarray, cells: np.ndarray, solver: Solver) -> np.ndarray:
    """The products of the projections on the elements of these cells, (2, 2)."""
    inside = np.zeros_like(system.coefficients.sigma)
    inside[cells] = 1.0
    own = np.unique(system.basis.dofs.element_dofs[:, cells])
    mass = csr_array(forms.mass.assemble(system.basis, a=inside))[own][:, own]
    loads = [sign * (slope(system, axis, inside) @ potentials)[own] for axis, sign in TURNED]
    drives = np.column_stack([load[:, 0] for load in loads])
    reads = np.column_stack([load[:, 1] for load in loads])
    return np.asarray(reads.T @ solver.factorise(csr_array(mass)).solve(drives)[0])


#: z x grad = (- d_y, d_x): axis and sign of each component.
TURNED = (1, -1.0), (0, 1.0)


def slope(
    system: System,
    axis: int,
    coefficient: np.ndarray,
) -> Any:
    """int a (d_axis V) w, (N, N)."""
    zero = np.zeros_like(coefficient)
    given = {f"p{i}": coefficient if i == axis else zero for i in range(2)}
    return csr_array(forms.carried.assemble(system.basis, **given)).T
