"""A film against the same device in three dimensions: own elements and assembly, straight from the
weak form (docs/theory, section 9).

    D k(n^a, w) + m(n^a, w)/tau + m(T_ad n^d, w) + G oint n^a w = alpha eps_iak int J_k d_i w,
    delta J = alpha' D curl n,   delta R = int delta J . grad u.

The bricks are the cells of the plane times lines in z, so that only the discretisation of z is left
to differ, once the local part of the film is formed from z x j projected on the plane's elements,
which is all that the bricks can hold of it.  Units: L_m = tau = D = 1, alpha = alpha' = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import skfem
from scipy.sparse import block_array, csr_array
from scipy.sparse.linalg import splu
from skfem.helpers import dot, grad

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.solver.film_regions import RegionalFaces
from ohmr_fem.solver.resistance import FourTerminal, Measurement
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.film import _starts, film_measures
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import ASSEMBLY, Row, order_row, relative, simple_material
from .independence import route

CASE = "film in three dimensions"
ROUTES = {
    "against the projected": (
        "exact local part",
        "package: projected local part",
        ASSEMBLY,
    ),
    "": ("film", "bricks in three dimensions"),
}
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
LENGTH, WIDTH = 4.0, 1.6
PAIRS = (("left", "right"), ("t1", "t2")), (("left", "right"), ("t1", "b1"))
FACES = {
    "reflecting": {},
    "unequal": {"bottom": 2.0, "top": 0.3},
    "full": {"bottom": [[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]], "top": "absorbing"},
}

#: The last odd mode of a film of two materials.
MODES = 81

EPSILON = np.zeros((3, 3, 3))
for _a, _b, _c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_a, _b, _c], EPSILON[_a, _c, _b] = 1.0, -1.0


@skfem.BilinearForm
def _stiffness(u: Any, v: Any, _: Any) -> Any:
    return dot(grad(u), grad(v))


@skfem.BilinearForm
def _mass(u: Any, v: Any, _: Any) -> Any:
    return u * v


@skfem.BilinearForm
def _weighted(u: Any, v: Any, w: Any) -> Any:
    return w.r * u * v


@skfem.LinearForm
def _spread(v: Any, w: Any) -> Any:
    return sum(w[f"q{i}"] * v.grad[i] for i in range(3))


@dataclass(frozen=True)
class Half:
    """What one half of the bar is made of, x below or above 0; D = sigma = 1."""

    rate: float = 1.0
    alpha: float = 1.0
    back: float = 1.0


SAME = Half(), Half()
HALVES = Half(1.0, 1.0, 0.8), Half(2.5, -0.6, 0.5)


class Brick:
    """A bar of second-order bricks; contacts reach through the whole thickness."""

    def __init__(
        self, lines: Sequence[np.ndarray], contacts: dict[str, Callable[[np.ndarray], np.ndarray]]
    ) -> None:
        mesh = skfem.MeshHex.init_tensor(*lines)
        self.basis = skfem.Basis(mesh, skfem.ElementHex2(), intorder=4)
        facets = mesh.boundary_facets()
        middle = mesh.p[:, mesh.facets[:, facets]].mean(axis=1)
        self.contacts = {
            name: self.basis.get_dofs(facets[on(middle)]).all() for name, on in contacts.items()
        }
        self.faces = {
            "bottom": facets[middle[2] < lines[2][0] + 1e-9],
            "top": facets[middle[2] > lines[2][-1] - 1e-9],
        }
        self.K = csr_array(_stiffness.assemble(self.basis))
        self.M = csr_array(_mass.assemble(self.basis))

    def potential(self, pair: tuple[str, str]) -> np.ndarray:
        """Potential of unit current from the first contact to the second, all others floating."""
        owner = np.arange(self.basis.N)
        for dofs in self.contacts.values():
            owner[dofs] = dofs[0]
        used, column = np.unique(owner, return_inverse=True)
        tie = csr_array((np.ones(owner.size), (np.arange(owner.size), column)))
        load = np.zeros(used.size)
        for name, sign in zip(pair, (1.0, -1.0), strict=True):
            load[column[self.contacts[name][0]]] += sign
        matrix = (tie.T @ self.K @ tie).tocsc()
        found = np.zeros(used.size)
        found[1:] = splu(matrix[1:, 1:]).solve(load[1:])
        return np.asarray(tie @ found)

    def delta_R(
        self,
        current: tuple[str, str],
        voltage: tuple[str, str],
        torque: np.ndarray,
        film: of.Film,
        halves: tuple[Half, Half] = SAME,
    ) -> float:
        """Change of V/I, in units of alpha alpha'/sigma with sigma the bulk conductivity."""
        basis = self.basis
        right = np.asarray(basis.global_coordinates())[0] > 0.0
        rate, alpha, back = (
            np.where(right, getattr(halves[1], name), getattr(halves[0], name))
            for name in ("rate", "alpha", "back")
        )
        relaxing = csr_array(_weighted.assemble(basis, r=rate))
        J = -alpha * np.asarray(basis.interpolate(self.potential(current)).grad)
        slope = np.asarray(basis.interpolate(self.potential(voltage)).grad)
        sources = []
        for component in range(3):
            q = np.einsum("ik,k...->i...", EPSILON[:, component, :], J)
            sources.append(_spread.assemble(basis, q0=q[0], q1=q[1], q2=q[2]))
        axes = range(3)
        blocks = [[self.M * torque[i, j] for j in axes] for i in axes]
        for i in axes:
            blocks[i][i] = blocks[i][i] + self.K + relaxing
        held = []
        for name, face in (("bottom", film.bottom), ("top", film.top)):
            if face.absorbing:
                held.append(basis.get_dofs(self.faces[name]).all())
                continue
            on = skfem.FacetBasis(basis.mesh, basis.elem, facets=self.faces[name], intorder=4)
            mass = csr_array(_mass.assemble(on))
            for i in axes:
                for j in axes:
                    blocks[i][j] = blocks[i][j] + face.matrix[i, j] * mass
        one = np.setdiff1d(np.arange(basis.N), np.concatenate([[], *held]).astype(int))
        free = np.concatenate([i * basis.N + one for i in axes])
        matrix = block_array(blocks).tocsc()
        n = np.zeros(3 * basis.N)
        n[free] = splu(matrix[free][:, free]).solve(np.concatenate(sources)[free])
        gradient = np.array([np.asarray(basis.interpolate(p).grad) for p in n.reshape(3, -1)])
        curl = np.einsum("ijk,kj...->i...", EPSILON, gradient)
        return float(np.sum(back * np.einsum("i...,i...->...", curl, slope) * basis.dx))


bricks = route("bricks in three dimensions")(Brick.delta_R)


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


def lines() -> tuple[np.ndarray, np.ndarray]:
    """Of the plane: coarse, since both sides share them."""
    return np.linspace(-LENGTH / 2, LENGTH / 2, 11), np.linspace(-WIDTH / 2, WIDTH / 2, 7)


def film_of(thickness: float, kind: str) -> of.Problem:
    mesh = of.tensor_grid(*lines()).with_boundaries(contacts())
    film = of.Film(thickness, **FACES[kind])
    material = simple_material(sheet_conductivity=thickness, orbital_hall_angle=1.0, inverse_mass=X)
    return of.Problem(mesh, material, list(contacts()), order=2, film=film)


def projected(problem: of.Problem, pair: tuple[tuple[str, str], tuple[str, str]]) -> Any:
    """The film's measure with the local part of z x j as the plane's elements hold it."""
    field = BETA[None] * 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
    measure = film_measures(problem, [pair], fields=field, tolerance=1e-8)[0]
    system = system_of(problem, plane_of_film=True)
    _, across, turns, *_ = _starts(problem, system, [pair], of.SuperLU())
    loads = across @ turns[0][len(turns[0]) // 3 :, 2:]  # x and y, the current pair first
    spread = splu(system.pencil[1].tocsc()).solve(loads)
    both = loads.T @ spread
    products = both[np.ix_([1, 3], [0, 2])]
    value = replace(measure, products=products).delta_R(field)[0]
    return float(value), float(measure.delta_R(field)[0])


def difference(thickness: float, kind: str, pair: Any, cells: int) -> tuple[float, float, float]:
    """The film, the bricks, and the film with the exact local part."""
    problem = film_of(thickness, kind)
    ours, exact = projected(problem, pair)
    z = -0.5 * thickness * np.cos(np.pi * np.arange(cells + 1) / cells)  # finer at the faces
    brick = Brick([*lines(), z], contacts())
    torque = analytic.torque_matrix(BETA, X)
    return ours, bricks(brick, *pair, torque, problem.film), exact


def halves_film(thickness: float, pair: Any) -> float:
    """A film of two materials: edges and every odd mode, as the plane's elements hold them."""
    mesh = of.tensor_grid(*lines()).with_boundaries(contacts())
    beyond = mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 0.0
    regions = {"one": np.flatnonzero(~beyond), "two": np.flatnonzero(beyond)}
    given = {}
    for name, half in zip(regions, HALVES, strict=True):
        given[name] = simple_material(
            sheet_conductivity=thickness,
            orbital_hall_angle=half.alpha,
            inverse_orbital_hall_angle=half.back,
            relaxation_time=1.0 / half.rate,
            diffusion_length=None,
            diffusion_constant=1.0,
            inverse_mass=X,
        )
    options: dict[str, Any] = {"order": 2, "film": of.Film(thickness)}
    mesh = replace(mesh, regions=regions)
    problem = of.Problem(mesh, given, list(contacts()), **options)
    field = BETA * 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
    faces = RegionalFaces.of(problem, *pair)
    edges, *_ = next(
        Measurement.on(faces.system, FourTerminal.of(problem, *pair), None).sweep(field[None])
    )
    scaled = thickness / faces.system.scales.length
    scale = 8.0 / scaled**2 * faces.system.scales.conductivity
    A = faces.system.A(field)
    total = term = 0.0
    for mode in range(1, MODES + 1, 2):
        whole = (A + (mode * np.pi / scaled) ** 2 * faces.across).tocsc()
        term = scale * float(faces.reader @ splu(whole).solve(faces.source))
        total += term
    # sigma_s delta R = sigma t delta R; the modes left out fall as 1/m^2
    return thickness * (float(edges) + total + term * MODES / 2.0)


def of_halves(thickness: float, pair: Any, cells: int) -> tuple[float, float]:
    z = -0.5 * thickness * np.cos(np.pi * np.arange(cells + 1) / cells)
    brick = Brick([*lines(), z], contacts())
    torque = analytic.torque_matrix(BETA, X)
    theirs = bricks(brick, *pair, torque, of.Film(thickness), HALVES)
    return halves_film(thickness, pair), theirs


def run(level: str = "quick") -> list[Row]:
    rows = []
    # fourth order in the cells through the thickness, the last one being an absorbing face
    cells, tolerance = (4, 1e-3) if level == "quick" else (10, 3e-4)
    thicknesses = (1.0,) if level == "quick" else (0.4, 1.0, 3.0)
    for thickness in thicknesses:
        for kind in FACES:
            for pair in PAIRS:
                ours, other, _ = difference(thickness, kind, pair, cells)
                rows.append(
                    Row(
                        CASE,
                        "film",
                        f"delta_R {pair[1]}, t = {thickness:g} L_m, {kind} faces",
                        ours,
                        other,
                        relative(ours, other),
                        tolerance,
                    )
                )
    for pair in PAIRS:
        ours, other = of_halves(1.0, pair, cells)
        what = f"delta_R {pair[1]}, two materials"
        rows.append(Row(CASE, "film", what, ours, other, relative(ours, other), tolerance))
    return [*rows, *fine()] if level == "full" else rows


def fine() -> list[Row]:
    """How the bricks approach the film as their cells in z shrink, and what the projection of z x j
    on coarse plane elements costs them for good.
    """

    def apart(kind: str, cells: int) -> float:
        ours, other, _ = difference(1.0, kind, PAIRS[0], cells)
        return relative(ours, other)

    what = "bricks with their cells through the thickness"
    rows = [
        order_row(CASE, "film", what, lambda n: apart("reflecting", n), (4, 8, 16), 4.0, 0.3),
    ]
    for kind in ("reflecting", "unequal"):
        ours, other, exact = difference(1.0, kind, PAIRS[0], 16)
        error = relative(ours, other)
        rows.append(Row(CASE, "film", f"16 cells, {kind}", ours, other, error, 1e-6))
        what = f"16 cells, {kind}, exact local part against the projected one"
        rows.append(Row(CASE, "film", what, exact, other, relative(exact, other), 6e-3))
    return rows
