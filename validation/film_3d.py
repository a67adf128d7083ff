"""A film against the same device as a solid, validation/extruded.py (docs/theory, section 9).

The solid has the cells of the plane and polynomials in z, so that only the discretisation of z is
left to differ, once the local part of the film is formed from z x j projected on the plane's
elements, which is all that the solid can hold of it.  Near a face that absorbs n falls off within
the size of a plane cell: the solid has thin elements there.  Units: L_m = tau = D = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse.linalg import splu

import ohmr_fem as of
from ohmr_fem.solver.film_solid import RegionalSolid
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.film import _starts, film_measures
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row, simple_material
from .extruded import Extruded, Matter

CASE = "film in three dimensions"
ROUTES = {
    "": ("film", "solid with polynomials in z"),
}
TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
#: Three fields, beta = (g e tau/2 m_e) B.
BETAS = np.array([BETA, [0.3, 1.5, -0.4], [-2.0, 1.0, 3.0]])
LENGTH, WIDTH = 4.0, 1.6
#: Of the plane along x and y, and of the quick level.
CELLS, FEW = (10, 6), (6, 4)
PAIRS = (("left", "right"), ("t1", "t2")), (("left", "right"), ("t1", "b1"))
FACES: dict[str, dict[str, Any]] = {
    "reflecting": {},
    "absorbing": {"bottom": "absorbing", "top": "absorbing"},
    "unequal": {"bottom": 2.0, "top": 0.3},
    "full": {"bottom": [[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]], "top": "absorbing"},
}
#: Degrees of the solid in z on the way to that of the rows.
DEGREES = (2, 3, 4, 6)
#: A value smaller than this part of the largest counts as none: the Hall pair with n = 0 at the
#: faces, which the edges of a straight bar do not reach.
NONE = 1e-9
#: Another shape of X than :data:`X`.
OTHER = np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]])
#: What the tail of the cosines may differ from the modes that coarse cells hold.
UNRESOLVED = 2e-3
#: Films of two regions, x below and above 0.
REGIONS = {
    "one shape of X": (Matter(X, back=0.8), Matter(X, rate=2.5, alpha=-0.6, back=0.5)),
    "two shapes of X, two sigma and D": (
        Matter(X),
        Matter(OTHER, sigma=0.5, D=1.7, rate=2.5, alpha=-0.6, back=-0.6),
    ),
}


def contacts() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Both ends, and probes on the long sides, away from any symmetry."""
    on = {
        "left": lambda p: p[0] < -LENGTH / 2 + 1e-9,
        "right": lambda p: p[0] > LENGTH / 2 - 1e-9,
    }
    for name, side, at in (("t1", 1, -1.0), ("t2", 1, 0.6), ("b1", -1, -1.0), ("b2", -1, 0.6)):
        on[name] = lambda p, side=side, at=at: (
            (side * p[1] > WIDTH / 2 - 1e-9) & (abs(p[0] - at) < 0.3)
        )
    return on


def lines(along: int = CELLS[0], across: int = CELLS[1]) -> tuple[np.ndarray, np.ndarray]:
    """Of the plane: coarse, since both sides share them."""
    x = np.linspace(-LENGTH / 2, LENGTH / 2, along + 1)
    return x, np.linspace(-WIDTH / 2, WIDTH / 2, across + 1)


def bar(cells: tuple[int, int] = CELLS) -> of.DeviceMesh:
    return of.tensor_grid(*lines(*cells)).with_boundaries(contacts())


def lines_of(mesh: of.DeviceMesh) -> tuple[np.ndarray, np.ndarray]:
    x, y = mesh.mesh.p
    return np.unique(x), np.unique(y)


def film_of(thickness: float, kind: str, cells: tuple[int, int] = CELLS) -> of.Problem:
    mesh = bar(cells)
    film = of.Film(thickness, **FACES[kind])
    material = simple_material(sheet_conductivity=thickness, orbital_hall_angle=1.0, inverse_mass=X)
    return of.Problem(mesh, material, list(contacts()), order=2, film=film)


def both(problem: of.Problem, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """delta_R (pairs, fields) of the film: with the local part of z x j as the plane's elements
    hold it, and with the exact one.
    """
    fields = betas * TESLA
    measures = film_measures(problem, PAIRS, fields=fields, tolerance=1e-8)
    held = projected(problem)
    found = [replace(m, products=own) for m, own in zip(measures, held, strict=True)]
    values = [np.array([m.delta_R(fields) for m in some]) for some in (found, measures)]
    return values[0], values[1]


def projected(problem: of.Problem) -> list[np.ndarray]:
    """int (z x e)_c P (z x j)_d for each pair, with P the projection on the plane's elements."""
    system = system_of(problem, plane_of_film=True)
    _, across, turns, *_ = _starts(problem, system, PAIRS, of.SuperLU())
    mass, out = splu(system.pencil[1].tocsc()), []
    for turn in turns:
        loads = across @ turn[len(turn) // 3 :, 2:]  # x and y, the current pair first
        products = loads.T @ mass.solve(loads)
        out.append(products[np.ix_([1, 3], [0, 2])])
    return out


def solid(problem: of.Problem, betas: np.ndarray, degree: int) -> np.ndarray:
    assert isinstance(problem.film, of.Film)
    film = Extruded(lines_of(problem.mesh), contacts(), problem.film, degree, [Matter(X)])
    return film.delta_R(PAIRS, betas)


def apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Relative to each value, or to the largest where there is none."""
    size = np.abs(theirs)
    size = np.where(size < NONE * size.max(), size.max(), size)
    return np.asarray(np.abs(ours - theirs) / size)


def worst(what: str, ours: np.ndarray, theirs: np.ndarray, most: float) -> Row:
    error = apart(ours, theirs)
    at = np.unravel_index(int(np.argmax(error)), error.shape)
    return Row(CASE, "film", what, float(ours[at]), float(theirs[at]), float(error[at]), most)


def halves(film: of.Film, matter: Sequence[Matter], cells: tuple[int, int]) -> of.Problem:
    """The bar with another material beyond its middle."""
    mesh = bar(cells)
    beyond = mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 0.0
    regions = {"one": np.flatnonzero(~beyond), "two": np.flatnonzero(beyond)}
    given = {name: material_of(m) for name, m in zip(regions, matter, strict=True)}
    mesh = replace(mesh, regions=regions)
    return of.Problem(mesh, given, list(contacts()), order=2, film=film)


def material_of(matter: Matter) -> of.Material:
    return of.Material(
        resistivity=1.0 / matter.sigma,
        orbital_hall_angle=matter.alpha,
        inverse_orbital_hall_angle=matter.back,
        relaxation_time=1.0 / matter.rate,
        diffusion_constant=matter.D,
        inverse_mass=matter.X,
    )


@dataclass(frozen=True)
class Level:
    """How much is asked, and how closely."""

    cells: tuple[int, int]
    betas: np.ndarray
    degree: int
    tolerance: float
    thicknesses: tuple[float, ...]
    of_local: float  # what the plane's elements may hold too little of the local part


QUICK = Level(FEW, BETAS[:1], 3, 1e-4, (1.0,), 2e-2)
FULL = Level(CELLS, BETAS, 6, 1e-6, (0.4, 1.0, 3.0), 6e-3)


def rows_of(thickness: float, kind: str, level: Level) -> list[Row]:
    problem = film_of(thickness, kind, level.cells)
    ours, exact = both(problem, level.betas)
    theirs = solid(problem, level.betas, level.degree)
    what = f"delta_R, t = {thickness:g} L_m, {kind} faces, worst of {theirs.size}"
    return [
        worst(what, ours, theirs, level.tolerance),
        worst(f"{what}, exact local part against the projected one", exact, theirs, level.of_local),
    ]


def rows_of_regions(kind: str, which: str, level: Level) -> list[Row]:
    """The exact local part of the film gives way to that of the solid without diffusion in the
    plane, region by region.  Polynomials in z hold what the solid holds; the cosines of reflecting
    faces leave the modes that the cells do not resolve to their tail, and agree within that.
    """
    film, matter, betas = of.Film(1.0, **FACES[kind]), REGIONS[which], level.betas
    problem = halves(film, matter, level.cells)
    other = Extruded(lines_of(problem.mesh), contacts(), film, level.degree, matter)
    theirs = other.delta_R(PAIRS, betas)
    held = other.local(PAIRS, betas)
    by_modes, by_curve = [], []
    for pair in PAIRS:
        curve = of.hanle_curve(problem, betas * TESLA, current=pair[0], voltage=pair[1])
        by_curve.append(curve.delta_R - curve.delta_R_local)
        if film.reflecting:
            modes = RegionalSolid.of(problem, *pair)
            by_modes.append([sum(modes.at(B)[:3]) - modes.faces.local(B) for B in betas * TESLA])
    what = f"delta_R, two regions, {which}, {kind} faces, worst of {theirs.size}"
    if not film.reflecting:
        return [worst(what, np.array(by_curve) + held, theirs, level.tolerance)]
    return [
        worst(what, np.array(by_modes) + held, theirs, level.tolerance),
        worst(f"{what}, by cosines", np.array(by_curve) + held, theirs, UNRESOLVED),
    ]


def falling(kind: str) -> Row:
    """The error of the solid falls with its degree in z."""
    problem = film_of(1.0, kind)
    ours, _ = both(problem, BETAS[:1])
    errors = [float(apart(ours, solid(problem, BETAS[:1], n)).max()) for n in DEGREES]
    what = f"delta_R by the degree in z, {kind} faces, worst step from one to the next"
    step = max(later / before for before, later in pairwise(errors))
    series = tuple(zip(map(float, DEGREES), errors, strict=True))
    return Row(CASE, "film", what, errors[-1], 0.0, step, 0.5, series)


def run(level: str = "quick") -> list[Row]:
    full = level == "full"
    asked = FULL if full else QUICK
    rows = []
    for thickness in asked.thicknesses:
        for kind in FACES:
            rows += rows_of(thickness, kind, asked)
    some = [(kind, which) for kind in FACES for which in REGIONS]
    one_field = replace(asked, betas=BETAS[:1])
    for kind, which in some if full else (some[0], some[-1]):
        rows.extend(rows_of_regions(kind, which, one_field))
    return [*rows, *map(falling, FACES)] if full else rows
