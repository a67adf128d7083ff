"""The moment density inside a film, at its faces and between them.

On the poles of the plane n(z) is known (docs/theory, section 9).  As for the resistance the local
part, that of z x j as if it were uniform, is taken from the ohmic field itself, here its projection
on the elements, and only the difference from the poles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..model.film import Film
from ..model.material import Material, torque_of
from ..model.problem import Problem
from ..solver.linear import SYMMETRIC, Solver
from ..solver.system import System, system_of
from ..units import engineering, fields_array, own_arrays, to_si
from .film import EDGES, FACES, FilmMeasure, _starts, film_measures
from .matrix_film import MatrixFilmMeasure

#: Tolerance of the poles of a map where they are those of matrices.
MAP = 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class FilmMoment:
    """Moment density in a film for one field and current.

    Attributes
    ----------
    problem : Problem
    field : (3,) T
    z : (k,) m
        Heights from the middle, the first the bottom and the last the top.
    density : (k, 3, n) C/m^3
        n^a at the vertices of the mesh, in units of charge density.
    spin_density : (k, 3, n) C/m^3, or None
        The same of the spin.
    """

    problem: Problem
    field: np.ndarray
    z: np.ndarray
    density: np.ndarray
    spin_density: np.ndarray | None = None

    def __post_init__(self) -> None:
        own_arrays(self)

    def __repr__(self) -> str:
        x, y, z = self.field
        faces = []
        for name, n in (("bottom", self.bottom), ("top", self.top)):
            largest = [
                f"{a} {size:.4g}" for a, size in zip("xyz", np.abs(n).max(axis=1), strict=True)
            ]
            faces.append(f"{name} {', '.join(largest)}")
        return (
            f"FilmMoment(B = ({x:g}, {y:g}, {z:g}) T; {len(self.z)} heights of "
            f"{engineering(float(np.ptp(self.z)), 'm')}, {self.density.shape[2]} vertices; largest "
            f"|n| in C/m^3: {'; '.join(faces)})"
        )

    @property
    def bottom(self) -> np.ndarray:
        """(3, n) C/m^3."""
        return self.density[0]

    @property
    def top(self) -> np.ndarray:
        """(3, n) C/m^3."""
        return self.density[-1]


@door
def film_moment(
    problem: Problem,
    field: Any = (0.0, 0.0, 0.0),
    *,
    current: Any,
    amount: Any = 1.0,
    layers: int = 2,
    solver: Solver = SYMMETRIC,
) -> FilmMoment:
    """Moment density at both faces of a film, and at heights between them; docs/theory, section 9.

    Parameters
    ----------
    problem : Problem
        With a :class:`Film`.
    field : (3,) floats, T
    current : (into, out_of)
        Names of contacts.
    amount : quantity, A
        The current.
    layers : int
        Heights, evenly from the bottom to the top, both included; from 2.
    solver : Solver, optional
        For the real symmetric positive definite matrices.

    Returns
    -------
    FilmMoment

    Raises
    ------
    InputError
        A problem without a film, fewer than 2 layers, a field of another shape.
    SolveError
        No steady state at this field.
    """
    if not isinstance(problem.film, Film):
        raise InputError("film_moment: needs Problem(film=of.Film(...))", key="film")
    if isinstance(layers, bool) or not isinstance(layers, int) or layers < 2:
        raise InputError(
            f"expected a whole number from 2, got {layers!r}", value=layers, key="layers"
        )
    B = fields_array(field)
    if B.shape != (3,):
        raise InputError(f"film_moment takes one field (3,), got shape {B.shape}", key="field")
    pair = (current, current)
    options: dict[str, Any] = {"fields": B[None], "solver": solver, "with_vectors": True}
    if not problem.uniform:  # its bound is that of one reading, and stops early for a map
        options["tolerance"] = MAP
    measure = film_measures(problem, [pair], **options)[0]
    measure._check(B[None])
    turned = _turned(problem, pair, solver)
    z = np.linspace(-0.5, 0.5, layers) * measure.thickness
    if isinstance(measure, MatrixFilmMeasure):
        scaled = np.array([_of_matrices(measure, B, height, turned) for height in z])
    else:
        scaled = np.array([_at(measure, B, height, turned) for height in z])
    # section 4: the potential of a current I is (I/sigma) v, hence the sign
    unit = -_strength(measure.material) / measure.thickness
    vertices = _plane(problem).basis.nodal_dofs[0]
    density = unit * to_si(amount, "A", "amount") * scaled[:, :, vertices]
    spin = density[:, 3:] if problem.has_spin else None
    return FilmMoment(problem, B, z, density[:, :3], spin)


def _plane(problem: Problem) -> System:
    return system_of(problem, plane_of_film=True, with_spin=True)


def _strength(material: Material) -> float:
    """alpha/D, which with a spin is a matrix inside."""
    if material.spin is not None:
        return 1.0
    return float(material.orbital_hall_angle / material.diffusion_constant)


def _turned(problem: Problem, pair: Any, solver: Solver) -> np.ndarray:
    """z x j of the current on the elements, (2, N)."""
    system = _plane(problem)
    _, M, keep = system.pencil
    _, across, turns, *_ = _starts(problem, system, [pair], solver)
    count = across.shape[1]
    # the faces' columns of the current pair come third and fifth
    loads = across @ turns[0][-count:][:, [FACES[0][0], FACES[1][0]]]
    return np.asarray(keep @ solver.factorise(M).solve(keep.T @ loads)[0]).T


def _at(measure: FilmMeasure, B: np.ndarray, height: float, turned: np.ndarray) -> np.ndarray:
    """n at a height, (3, N), per alpha I/(D t)."""
    T, squared = torque_of(measure.material, B[None])
    rates = measure.projection.rates * measure.stretch + 1.0
    length = measure.material.diffusion_length
    faces = measure.faces
    of_poles = faces.profile(height / length, rates, T, squared)[0]  # (m, 3, 6)
    local = faces.profile(height / length, np.ones(1), T, squared)[0, 0]
    drives = np.array([measure._face_weights(FACES[c][0]) for c in range(2)])
    edges = measure.projection.weights[:, EDGES[0]] * measure.stretch
    short = float(np.sqrt(measure.stretch))  # z x j is per reference length, n' per L_m
    by_faces = short * np.einsum("kac,ck->ak", of_poles[..., :2] - local[:, :2], drives)
    by_edges = of_poles[..., 5].T * edges
    vectors = measure.projection.vectors
    assert vectors is not None
    return np.asarray((by_faces + by_edges) @ vectors.T + short * local[:, :2] @ turned)


def _of_matrices(
    measure: MatrixFilmMeasure, B: np.ndarray, height: float, turned: np.ndarray
) -> np.ndarray:
    """N at a height, (3, N) or (6, N): of a relaxation tensor per alpha I/(D t), of orbital and
    spin moment per I/t.
    """
    faces, A = measure.mixing_faces, measure._scaled(B[None], 1.0)
    at = height / measure.reference_length
    of_poles = faces.profile(at, measure.projection.rates, A)[0].real  # (m, q, 3)
    local = faces.profile(at, np.zeros(1), A)[0, 0, :, :2].real
    drives = np.array([measure._face_weights(FACES[c][0]) for c in range(2)])
    by_faces = np.einsum("kac,ck->ak", of_poles[..., :2] - local, drives)
    by_edges = of_poles[..., 2].T * measure.projection.weights[:, EDGES[0]]
    vectors = measure.projection.vectors
    assert vectors is not None
    return np.asarray((by_faces + by_edges) @ vectors.T + local @ turned)
