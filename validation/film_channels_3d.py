"""Films of a relaxation tensor, or of orbital and spin moment, with faces that absorb, against all
components in three dimensions at once.

The plane's elements times polynomials through the thickness hold the whole device, with the torque,
the conversion and the absorption of each face as matrices (docs/theory, sections 9 and 11),

    DD k(N, w) + m((Gamma + T) N, w) + oint w.G N = eps_iak int alpha J_k d_i w^a,
    delta J = curl(alpha'^T DD N),   delta R = int delta J . grad u.

The film's local part is formed from z x j projected on the plane's elements, which is all that
three dimensions can hold of it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import skfem
from numpy.polynomial import Legendre
from scipy.sparse import csc_array, csr_array, kron
from scipy.sparse.linalg import splu

import ohmr_fem as of
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.film import _starts, film_measures

from .case import Row, relative
from .film_3d import PAIRS, _mass, _stiffness, contacts
from .independence import route
from .two_channels import ANGLES, BETA, GAMMA, INVERSE, TESLA, XT, M, cross, two

CASE = "films of several rates"
ROUTES = {
    "": ("poles and functions of a matrix", "all components in three dimensions"),
}
SPREAD = np.array([[1.0, 0.1], [0.3, 2.0]])
THICKNESS = 0.9
FULL = np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]])
#: What the faces absorb of each moment: bottom and top, G in m/s or None for n = 0.
Faces = tuple[tuple[Any, Any], tuple[Any, Any]]
FACES: dict[str, Faces] = {
    "unequal": ((0.7, 0.7), (2.0, 2.0)),
    "a full matrix, and n = 0": ((FULL, FULL), (None, None)),
    "unlike for both moments": ((0.0, 1.3), (None, FULL)),
}


def material(kind: str) -> of.Material:
    whole = two(SPREAD)
    if kind == "spin":
        return whole
    changes = {"relaxation_time": None, "relaxation_rate": GAMMA, "diffusion_length": None}
    return replace(whole, spin=None, **changes)


def matrices(kind: str, beta: np.ndarray) -> tuple[np.ndarray, ...]:
    """DD x 1, Gamma + T, alpha and alpha'^T DD, put together here."""
    torque = cross(beta) @ XT
    if kind == "tensor":
        return np.eye(3), GAMMA + torque, ANGLES[:1], INVERSE[:1]
    local = np.kron(M, np.eye(3))
    local[:3, :3] += torque
    local[3:, 3:] += 2.0 * cross(beta)
    return np.kron(SPREAD, np.eye(3)), local, ANGLES, INVERSE @ SPREAD


def film_of(faces: Faces) -> of.Film:
    def law(value: Any) -> Any:
        return "absorbing" if value is None else value

    sides = []
    for orbital, spin in faces:
        alike = orbital is spin or np.array_equal(orbital, spin)
        own = law(orbital)
        sides.append(own if alike else {"orbital": own, "spin": law(spin)})
    return of.Film(THICKNESS, *sides)


def bulk(given: of.Material) -> of.Material:
    return replace(given, sheet_conductivity=None, resistivity=1.0, diffusion_length=None)


def plane(step: float) -> Any:
    x = np.linspace(-2.0, 2.0, round(4.0 / step) + 1)
    y = np.linspace(-0.8, 0.8, round(1.6 / step) + 1)
    return of.tensor_grid(x, y).with_boundaries(contacts())


@dataclass(frozen=True, eq=False)
class Heights:
    """Polynomials through the thickness, 1 at one of the nodes: the first and last are faces."""

    mass: np.ndarray
    stiffness: np.ndarray
    slope: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, degree: int) -> Heights:
        inner = Legendre.basis(degree).deriv().roots()
        nodes = np.concatenate([[-1.0], np.sort(inner.real), [1.0]])
        at, weights = np.polynomial.legendre.leggauss(degree + 1)
        table = np.linalg.inv(np.polynomial.legendre.legvander(nodes, degree)).T
        basis = [Legendre(row) for row in table]
        values = np.array([b(at) for b in basis])
        slopes = np.array([b.deriv()(at) for b in basis]) * 2.0 / THICKNESS
        weights = weights * THICKNESS / 2.0
        mass, stiffness = (values * weights) @ values.T, (slopes * weights) @ slopes.T
        return cls(mass, stiffness, slopes @ weights, values @ weights)


class Brick:
    """Plane elements of second order times polynomials; contacts through the whole thickness."""

    def __init__(self, step: float, degree: int) -> None:
        device = plane(step)
        self.basis = skfem.Basis(device.mesh, skfem.ElementQuad2(), intorder=4)
        self.device, self.heights = device, Heights.of(degree)
        self.K = csr_array(_stiffness.assemble(self.basis))
        self.M = csr_array(_mass.assemble(self.basis))

    def potential(self, pair: tuple[str, str]) -> np.ndarray:
        """Of unit current and sigma_s = THICKNESS."""
        owner = np.arange(self.basis.N)
        for name in contacts():
            dofs = self.basis.get_dofs(self.device.boundaries[name]).all()
            owner[dofs] = dofs[0]
        used, column = np.unique(owner, return_inverse=True)
        tie = csr_array((np.ones(owner.size), (np.arange(owner.size), column)))
        load = np.zeros(used.size)
        for name, sign in zip(pair, (1.0, -1.0), strict=True):
            first = self.basis.get_dofs(self.device.boundaries[name]).all()[0]
            load[column[first]] += sign
        matrix = (tie.T @ self.K @ tie).tocsc()
        found = np.zeros(used.size)
        found[1:] = splu(matrix[1:, 1:]).solve(load[1:]) / THICKNESS
        return np.asarray(tie @ found)

    def loads(self, pair: tuple[str, str]) -> np.ndarray:
        """eps_iak int J_k d_i w^a of J = -grad V for the components a, (3, heights, N)."""
        slope = np.asarray(self.basis.interpolate(self.potential(pair)).grad)
        J = -slope
        along, total = self.heights.slope, self.heights.total
        by = [_against.assemble(self.basis, q=J[k]) for k in range(2)]
        turned = _across.assemble(self.basis, q0=-J[1], q1=J[0])
        return np.array([np.outer(along, by[1]), -np.outer(along, by[0]), np.outer(total, turned)])

    @route("all components in three dimensions")
    def delta_R(self, kind: str, faces: Faces, beta: np.ndarray) -> list[float]:
        """For each of PAIRS, sigma = 1."""
        spread, local, made, read = matrices(kind, beta)
        h, size = self.heights, len(spread)
        diffusing = kron(csr_array(h.mass), self.K) + kron(csr_array(h.stiffness), self.M)
        matrix = kron(csr_array(spread), diffusing)
        matrix = matrix + kron(csr_array(local), kron(csr_array(h.mass), self.M))
        kept = np.ones((size, len(h.total), self.basis.N), dtype=bool)
        for end, face in zip((0, -1), faces, strict=True):
            G = np.zeros((size, size))
            for c, law in enumerate(face[: len(made)]):
                place = slice(3 * c, 3 * c + 3)
                if law is None:
                    kept[place, end] = False
                else:
                    G[place, place] = np.eye(3) * law if np.ndim(law) == 0 else law
            at_face = np.zeros(h.mass.shape)
            at_face[end, end] = 1.0
            matrix = matrix + kron(csr_array(G), kron(csr_array(at_face), self.M))
        free = np.flatnonzero(kept)
        factors = splu(csc_array(matrix)[free][:, free])
        out = []
        for current, voltage in PAIRS:
            drive = np.kron(made, self.loads(current).reshape(3, -1).T).T.ravel()
            reader = np.kron(read, self.loads(voltage).reshape(3, -1).T).T.ravel()
            n = np.zeros(kept.size)
            n[free] = factors.solve(drive[free])
            # curl N . grad u = - eps_iak u_k d_i N^a, and loads have J = - grad
            out.append(-float(reader @ n))
        return out


@skfem.LinearForm
def _against(v: Any, w: Any) -> Any:
    return w.q * v


@skfem.LinearForm
def _across(v: Any, w: Any) -> Any:
    return w.q0 * v.grad[0] + w.q1 * v.grad[1]


def of_film(step: float, kind: str, faces: Faces, beta: np.ndarray, pair: Any) -> float:
    """delta_R of the film, its local part from z x j as the plane's elements hold it."""
    film = film_of(faces)
    problem = of.Problem(plane(step), bulk(material(kind)), list(contacts()), order=2, film=film)
    fields = beta[None] * TESLA
    measure = film_measures(problem, [pair], fields=fields, tolerance=1e-9)[0]
    system = system_of(problem, plane_of_film=True, with_spin=True)
    _, across, turns, *_ = _starts(problem, system, [pair], of.SuperLU())
    loads = across @ turns[0][len(turns[0]) // 3 :, 2:]  # x and y, the current pair first
    both = loads.T @ splu(system.pencil[1].tocsc()).solve(loads)
    products = both[np.ix_([1, 3], [0, 2])]
    return float(replace(measure, products=products).delta_R(fields)[0])


def bricks(degree: int, kinds: dict[str, tuple[str, ...]], tolerance: float) -> Iterator[Row]:
    step = 0.4
    brick = Brick(step, degree)
    for kind, names in kinds.items():
        for name in names:
            faces = FACES[name]
            theirs = brick.delta_R(kind, faces, BETA)
            for pair, other in zip(PAIRS, theirs, strict=True):
                ours = of_film(step, kind, faces, BETA, pair)
                what = f"{kind}, {name}, delta_R {pair[1]} in three dimensions"
                error = relative(ours, other)
                yield Row(CASE, "sections 9, 11", what, ours, other, error, tolerance)


def run(level: str = "quick") -> list[Row]:
    first, second, third = FACES
    if level == "full":
        kinds = {"tensor": (first, second), "spin": (first, second, third)}
        return list(bricks(14, kinds, 1e-10))
    return list(bricks(8, {"tensor": (second,), "spin": (third,)}, 1e-5))
