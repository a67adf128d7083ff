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
from ..model.problem import Problem
from ..solver.linear import SYMMETRIC, Solver
from ..solver.system import system_of
from ..units import fields_array, own_arrays, to_si
from .film import EDGES, FACES, FilmMeasure, _starts, film_measures


@dataclass(frozen=True, eq=False)
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
    """

    problem: Problem
    field: np.ndarray
    z: np.ndarray
    density: np.ndarray

    def __post_init__(self) -> None:
        own_arrays(self)

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
    """Moment density at both faces of a film, and at heights between them.

    Parameters
    ----------
    problem : Problem
        With a :class:`Film`.
    field : (3,) floats, T
    current : (into, out_of)
    amount : quantity, A
    layers : int
        Heights, evenly from the bottom to the top, both included; from 2.

    Raises
    ------
    InputError, SolveError
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
    measure = film_measures(problem, [pair], **options)[0]
    measure._check(B[None])
    turned = _turned(problem, pair, solver)
    z = np.linspace(-0.5, 0.5, layers) * measure.thickness
    scaled = np.array([_at(measure, B, height, turned) for height in z])
    material = measure.material
    # section 4: the potential of a current I is (I/sigma) v, hence the sign
    unit = -material.orbital_hall_angle / material.diffusion_constant / measure.thickness
    vertices = system_of(problem, plane_of_film=True).basis.nodal_dofs[0]
    density = unit * to_si(amount, "A", "amount") * scaled[:, :, vertices]
    return FilmMoment(problem, B, z, density)


def _turned(problem: Problem, pair: Any, solver: Solver) -> np.ndarray:
    """z x j of the current on the elements, (2, N)."""
    system = system_of(problem, plane_of_film=True)
    _, M, keep = system.pencil
    _, across, turns, *_ = _starts(problem, system, [pair], solver)
    count = across.shape[1]
    # the faces' columns of the current pair come third and fifth
    loads = across @ turns[0][-count:][:, [FACES[0][0], FACES[1][0]]]
    return np.asarray(keep @ solver.factorise(M).solve(keep.T @ loads)[0]).T


def _at(measure: FilmMeasure, B: np.ndarray, height: float, turned: np.ndarray) -> np.ndarray:
    """n at a height, (3, N), per alpha I/(D t)."""
    T, squared = measure.material.torque_of(B[None])
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
