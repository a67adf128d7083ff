"""The discretisation error of a film: what one order more changes, and where in the plane.

The value and the estimate are those of the whole film, edges, faces and what passes between them.
Where the error comes from is told by three parts of it, each a sum over cells: the device plane
(adapt_error.py), the first odd mode through the thickness, and the local part, by the products of
the errors of both ohmic fields.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import InputError
from ..model.film import Film
from ..model.problem import Problem
from .adapt_error import CellErrors, Fields, Pair, localise, solve_fields
from .film_regions import RegionalFaces
from .film_solid import RegionalSolid
from .linear import GENERAL
from .space import element_for


@dataclass(frozen=True, eq=False)
class FilmFields(Fields):
    """Potentials and moments of the plane, with delta_R of the film; ``first`` has the moment of
    the first odd mode and its dual.
    """

    first: Fields
    faces: RegionalFaces


def check_film(problem: Problem) -> None:
    """InputError for a film whose error cannot be estimated."""
    film = problem.film
    drives = isinstance(film, Film) and (film.drives or bool(problem.edge_sources))
    plain = all(m.uniform for m in problem.materials.values())
    if not isinstance(film, Film) or drives or not plain or problem.has_spin:
        raise InputError(
            "solve_to: a film has an error bar with one relaxation_time in each region, one moment "
            "and faces and edges without sources; of others, and of a Stack, compare two meshes "
            "with hanle_curve()",
            key="film",
            owner="Problem",
        )


def film_fields(
    problem: Problem,
    field: np.ndarray,
    current: Pair,
    voltage: Pair,
) -> FilmFields:
    film = problem.film
    assert isinstance(film, Film)
    plane = solve_fields(problem, field, current, voltage)
    if film.reflecting:
        faces = RegionalFaces.of(problem, current, voltage)
        of_faces, left = faces.at(field)
        whole = plane.delta_R + of_faces
    else:
        solid = RegionalSolid.of(problem, current, voltage)
        faces = solid.faces
        edges, of_faces, cross, _ = solid.at(field)
        whole, left = edges + of_faces + cross, solid.error(field)
    dual = plane.delta_R_dual + whole - plane.delta_R
    changed = {"delta_R": whole, "delta_R_dual": dual, "roundoff": plane.roundoff + left}
    first = _first_mode(faces, field, plane)
    return FilmFields(**(vars(plane) | changed), first=first, faces=faces)


def _first_mode(faces: RegionalFaces, field: np.ndarray, plane: Fields) -> Fields:
    """n and z of m = 1, without potentials."""
    s = faces.system
    P, thickness = s.keep, faces.film.thickness / s.scales.length
    whole = csr_array(s.A(field) + (np.pi / thickness) ** 2 * faces.across)
    factors = GENERAL.factorise(whole)
    n = P @ factors.solve(P.T @ faces.source)[0]
    z = P @ factors.solve(P.T @ faces.reader, transposed=True)[0]
    scale, nothing = 8.0 / thickness**2 * s.moment_unit, np.zeros_like(plane.V)
    still: dict[str, Any] = dict.fromkeys(("V", "V_1", "u", "u_1"), nothing)
    return replace(plane, n=scale * n.reshape(3, -1), z=z.reshape(3, -1), **still)


def localise_film(
    low: FilmFields,
    high: FilmFields,
    field: np.ndarray,
) -> CellErrors:
    """As :func:`~ohmr_fem.solver.adapt_error.localise`; signed is no exact sum here."""
    plane, mode = localise(low, high, field), localise(low.first, high.first, field)
    local = _local_part(low, high, field)
    shared = np.abs(local) * np.ones_like(plane.size) / len(plane.size)
    return CellErrors(plane.signed + mode.signed + local, plane.size + mode.size + shared)


def _local_part(low: FilmFields, high: FilmFields, field: np.ndarray) -> np.ndarray:
    """h_cd int (z x e_u)_c (z x e_v)_d of the errors of both potentials, (cells,) ohm."""
    s = high.system
    coarse = s.basis.with_element(element_for(s.basis.mesh, low.system.problem.order))

    def error(name: str) -> Any:
        fine, rough = getattr(high, name), getattr(low, name)
        e = s.basis.interpolate(fine).grad - coarse.interpolate(rough).grad
        return np.array([-e[1], e[0]])

    products = np.einsum("ckp,dkp,kp->kcd", error("u"), error("V"), s.basis.dx)
    out = np.zeros(len(products))
    for cells, tensor in high.faces.tensors(field):
        out[cells] = -np.einsum("kcd,cd->k", products[cells], tensor)
    return out
