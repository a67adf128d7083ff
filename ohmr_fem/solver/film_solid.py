"""A film of several materials whose faces absorb: modes of z, tied together at the faces.

With polynomials phi_m of z (film_depth.py) and one G/D for all regions every mode is a problem of
the plane by itself, in the notation of film_regions.py

    (A + q_m^2 D m) n_m = (phi_m(-t/2) - phi_m(t/2)) (z x J) + (int phi_m) (edges),
    delta R t = sum_m (phi_m(-t/2) - phi_m(t/2)) (faces) . n_m + (int phi_m) (edges) . n_m

(docs/theory, section 9).  Where G/D differs from region to region or from component to component,
what is left of G n at a face ties the modes, and the modes by themselves precondition the whole.
What faces drive and read is summed as its difference from the local part, where n does not diffuse
in the plane: that is known exactly in each region (film_local.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, gmres

from ..errors import SolveError
from ..model.film import Face, Film
from ..model.material import Material
from ..model.problem import Problem
from .film_depth import COARSE, DEGREE, Depth
from .film_regions import RegionalFaces
from .linear import GENERAL, Solver
from .solve import moment_source
from .stability import check_stability
from .system import System

#: Residual that the iteration aims at where G/D varies, and what is accepted.
TOLERANCE, ACCEPTED = 1e-12, 1e-9
#: Steps before it starts again, which bounds the memory, and how often.
STEPS, STARTS = 30, 6
#: What is left of G/D, relative to D, below which it is one number.
ONE_NUMBER = 1e-12


class Answer(NamedTuple):
    """Parts of delta_R in ohm, and the residual of the planes."""

    edges: float
    faces: float
    cross: float
    residual: float


class Tie(NamedTuple):
    """What G/D of a face leaves over from one number, in 1/m: ``matrix`` on the kept unknowns."""

    side: str
    number: float
    matrix: csr_array

    def left_over(self, film: Film, material: Material) -> np.ndarray:
        """Of a material, (3, 3) 1/m."""
        law = _law(getattr(film, self.side), film, material)
        return law / float(material.diffusion_constant) - self.number * np.eye(3)


@dataclass(frozen=True, eq=False)
class RegionalSolid:
    """What edges and faces of a film of several materials add to one measurement.

    Attributes
    ----------
    faces : RegionalFaces, what the faces drive and read, and the local part
    depth, coarse : Depth
        The second judges the first.
    ties : what G of a face leaves over from one number
    driven, read : (m,) of the edges, on the kept unknowns
    """

    faces: RegionalFaces
    depth: Depth
    coarse: Depth
    ties: tuple[Tie, ...]
    driven: np.ndarray
    read: np.ndarray

    @classmethod
    def of(
        cls,
        problem: Problem,
        current: Any,
        voltage: Any,
        solver: Solver | None = None,
    ) -> RegionalSolid:
        faces = RegionalFaces.of(problem, current, voltage, solver)
        system, film = faces.system, faces.film
        numbers: list[float | None] = []
        ties = []
        for side, face in zip(("bottom", "top"), film.faces, strict=True):
            number, rest = _absorption(system, film, face)
            numbers.append(number)
            if number is not None and rest is not None:
                ties.append(Tie(side, number / system.scales.length, rest))
        thickness = film.thickness / system.scales.length
        below, above = numbers
        fine, coarse = (
            Depth.of(thickness, 1.0, below, above, degree) for degree in (DEGREE, COARSE)
        )
        v, u = faces.potentials.T
        P = system.keep
        driven, read = P.T @ moment_source(system, v), -(P.T @ (system.C.T @ u))
        return cls(faces, fine, coarse, tuple(ties), driven, read)

    def at(
        self,
        field: np.ndarray,
        solver: Solver | None = None,
    ) -> Answer:
        check_stability(self.faces.system, field)
        edges, by_faces, cross, residual = self._parts(field, self.depth, solver or GENERAL)
        return Answer(edges, by_faces + self.faces.local(field), cross, residual)

    def error(
        self,
        field: np.ndarray,
        solver: Solver | None = None,
    ) -> float:
        """What fewer polynomials in z change at a field, ohm: an estimate of their error."""
        both = (self._parts(field, depth, solver or GENERAL) for depth in (self.depth, self.coarse))
        fine, coarse = (np.array(parts[:3]) for parts in both)
        return float(np.abs(fine - coarse).sum())

    def _parts(
        self, field: np.ndarray, depth: Depth, solver: Solver
    ) -> tuple[float, float, float, float]:
        """Edges, faces less their local part, what passes between them, and the residual."""
        faces, system = self.faces, self.faces.system
        P = system.keep
        loads = (P.T @ faces.source, depth.odd), (self.driven, depth.integral)
        readers = (P.T @ faces.reader, depth.odd), (self.read, depth.integral)
        (of_faces, of_edges), residual = self._solved(system.A(field), depth, loads, solver)
        scale = system.scales.conductivity / depth.thickness

        def value(n: np.ndarray, reader: tuple[np.ndarray, np.ndarray]) -> float:
            along, amplitudes = reader
            return float(scale * (amplitudes @ (n @ along)))

        cross = value(of_faces, readers[1]) + value(of_edges, readers[0])
        # without diffusion in the plane: as the elements hold it, for the local part is exact
        alone = faces.local_part.held(field, functools.partial(self._alone, depth))
        return value(of_edges, readers[1]), value(of_faces, readers[0]) - alone, cross, residual

    def _alone(self, depth: Depth, material: Material, T: np.ndarray) -> np.ndarray:
        """h of these modes where they do not diffuse in the plane, (3, 3)."""
        scale = self.faces.system.scales.length
        square = (material.diffusion_length / scale) ** 2
        one, count = np.eye(3), len(depth.squares)
        relaxing = [one + T + q_squared * square * one for q_squared in depth.squares]
        matrix = block_diag(*relaxing)
        for tie in self.ties:
            values = getattr(depth, tie.side)
            left = tie.left_over(self.faces.film, material) * scale * square
            matrix += np.kron(np.outer(values, values), left)
        drives = np.kron(depth.odd[:, None], one)
        found = np.linalg.solve(matrix, drives).reshape(count, 3, 3)
        return square / depth.thickness * np.einsum("m,mcd->cd", depth.odd, found)

    def _solved(
        self,
        matrix: csr_array,
        depth: Depth,
        loads: tuple[tuple[np.ndarray, np.ndarray], ...],
        solver: Solver,
    ) -> tuple[list[np.ndarray], float]:
        """n by modes, (modes, m) for each load, and the largest residual."""
        across = self.faces.across

        def factors(mode: int) -> Any:
            return solver.factorise(csr_array(matrix + depth.squares[mode] * across))

        modes = range(len(depth.squares))
        if self.ties:  # every mode is needed at once, so all factors are kept
            known = [factors(mode) for mode in modes]
            answers = [self._tied(known, depth, np.outer(a, b)) for b, a in loads]
            return [n for n, _ in answers], max(error for _, error in answers)
        out, residual = np.zeros((len(loads), len(modes), len(loads[0][0]))), 0.0
        for mode in modes:
            columns = np.column_stack([a[mode] * b for b, a in loads])
            found, error = factors(mode).solve(columns)
            out[:, mode] = found.T
            residual = max(residual, error)
        return list(out), residual

    def _tied(self, known: list[Any], depth: Depth, load: np.ndarray) -> tuple[np.ndarray, float]:
        """The whole with what the modes leave over, preconditioned by the modes."""

        def of_modes(right: np.ndarray) -> np.ndarray:
            pairs = zip(known, right, strict=True)
            return np.array([factors.solve(b)[0] for factors, b in pairs])

        def at_faces(n: np.ndarray) -> np.ndarray:
            out = np.zeros_like(n)
            for side, _, rest in self.ties:
                value = getattr(depth, side)
                out += np.outer(value, rest @ (value @ n))
            return out

        def apply(flat: np.ndarray) -> np.ndarray:
            n = flat.reshape(load.shape)
            return np.asarray((n + of_modes(at_faces(n))).ravel())

        return _iterated(apply, of_modes(load))


def _iterated(
    apply: Callable[[np.ndarray], np.ndarray], right: np.ndarray
) -> tuple[np.ndarray, float]:
    """GMRES, and the part of the right-hand side that it leaves."""
    flat = right.ravel()
    size = float(np.linalg.norm(flat))
    if size == 0.0:
        return right, 0.0
    operator: Any = LinearOperator((flat.size, flat.size), matvec=apply, dtype=float)
    found, _ = gmres(operator, flat, rtol=TOLERANCE, restart=STEPS, maxiter=STARTS)
    left = float(np.linalg.norm(apply(found) - flat)) / size
    if left > ACCEPTED:
        raise SolveError(
            f"a film of several materials: {STEPS * STARTS} iterations leave {left:.2g} of the "
            "moments unsolved; make G/D of the faces more alike between regions",
            value=left,
        )
    return np.asarray(found.reshape(right.shape)), left


def _absorption(system: System, film: Film, face: Face) -> tuple[float | None, csr_array | None]:
    """One number g = G/D of a face in scaled lengths (None: n = 0), and the matrix of what is
    left of G, None where nothing is.
    """
    if face.absorbing:
        return None, None
    c = system.coefficients
    D = c.diffusion / system.scales.diffusion
    G = np.zeros((3, 3, *c.sigma.shape))
    problem = system.problem
    for region, cells in problem.mesh.regions.items():
        material = problem.materials[region]
        G[:, :, cells] = _law(face, film, material)[:, :, None, None]
    G = G * system.scales.length / system.scales.diffusion
    number = float(np.mean(np.trace(G) / (3.0 * D)))
    rest = G - number * D * np.eye(3)[:, :, None, None]
    if np.abs(rest).max() <= ONE_NUMBER * number * D.max():
        return number, None
    P = system.keep
    return number, csr_array(P.T @ system.mixed(rest) @ P)


def _law(face: Face, film: Film, material: Material) -> np.ndarray:
    """G of a face that does not absorb perfectly, (3, 3) m/s."""
    conductivity = float(material.sheet_conductivity) / film.thickness
    return np.asarray(face.absorption(conductivity, float(material.diffusion_constant)))
