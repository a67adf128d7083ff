"""A film as a solid: the elements of the plane times Legendre polynomials in z, own assembly.

Straight from the weak form (docs/theory, sections 9 and 12) in the accumulation h, n = chi W^-1 h
with chi = sigma/D and W = X/X_0, X_0 = (X_xx + X_yy)/2, region by region,

    D k(n^a, w) + m(n^a, w)/tau + chi X_0 m([B]_x h, w) + oint G n^a w
        = alpha eps_iak int J_k d_i w,
    delta J = alpha' D curl n,   delta R = int delta J . grad u.

Nothing is expanded in modes of z, and no pole of the plane is known: one sparse matrix of the whole
solid for each field.  Units: m_e/e = 1/2 in the torque, beta = (g e/2 m_e) B.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import skfem
from scipy.sparse import block_array, csc_array, csr_array, kron
from scipy.sparse.linalg import SuperLU, splu

import ohmr_fem as of

from .independence import route

EPSILON = np.zeros((3, 3, 3))
for _a, _b, _c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON[_a, _b, _c], EPSILON[_a, _c, _b] = 1.0, -1.0
AXES = range(3)
#: Two plane elements of z in the middle, and a thinner one at each face, over half the thickness.
LINES = np.array([-1.0, -0.8, 0.0, 0.8, 1.0])
Where = Callable[[np.ndarray], np.ndarray]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Matter:
    """What a region is made of."""

    X: np.ndarray = field(default_factory=lambda: np.eye(3))
    sigma: float = 1.0
    D: float = 1.0
    rate: float = 1.0
    alpha: float = 1.0
    back: float = 1.0

    @property
    def normaliser(self) -> float:
        return 0.5 * float(self.X[0, 0] + self.X[1, 1])

    @property
    def density(self) -> np.ndarray:
        """chi W^-1."""
        inverse = self.normaliser * np.linalg.inv(self.X)
        return np.asarray(self.sigma / self.D * inverse)


def _slope(basis: Any, row: int | None, column: int | None, weight: np.ndarray) -> csr_array:
    """int a (d_column u)(d_row v) of a basis; None for the function itself."""

    @skfem.BilinearForm
    def form(u: Any, v: Any, w: Any) -> Any:
        trial = u if column is None else u.grad[column]
        test = v if row is None else v.grad[row]
        return w.a * trial * test

    return csr_array(form.assemble(basis, a=weight))


def _symmetric(matrix: Any) -> SuperLU:
    """LU of a matrix of symmetric pattern and positive definite symmetric part: no pivoting."""
    return splu(
        csc_array(matrix),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


class Extruded:
    """A bar of one or two regions, x below and above 0, under one film.

    Parameters
    ----------
    lines : of the plane, along x and y
    contacts : where on the sides, through the whole thickness
    film : thickness and faces
    degree : of the polynomials in z
    matter : of the whole, or of both halves
    """

    def __init__(
        self,
        lines: tuple[np.ndarray, np.ndarray],
        contacts: dict[str, Where],
        film: of.Film,
        degree: int,
        matter: Sequence[Matter],
    ) -> None:
        mesh = skfem.MeshQuad.init_tensor(*lines)
        self.plane = skfem.Basis(mesh, skfem.ElementQuad2(), intorder=4)
        upright = skfem.MeshLine(0.5 * film.thickness * LINES)
        self.depth = skfem.Basis(upright, skfem.ElementLinePp(degree), intorder=2 * degree)
        self.film, self.matter = film, matter
        self.layers = self.depth.N
        self.N = self.plane.N * self.layers
        self.shares = self._shares()
        self.only: int | None = None
        facets = mesh.boundary_facets()
        middle = mesh.p[:, mesh.facets[:, facets]].mean(axis=1)
        self.contacts = {
            name: self.plane.get_dofs(facets[on(middle)]).all() for name, on in contacts.items()
        }

    def _shares(self) -> list[np.ndarray]:
        """Where each region is, at the points of the plane."""
        right = np.asarray(self.plane.global_coordinates())[0] > 0.0
        if len(self.matter) == 1:
            return [np.ones(right.shape)]
        return [np.where(right, 0.0, 1.0), np.where(right, 1.0, 0.0)]

    def matrix(self, row: int | None, column: int | None, values: Sequence[float]) -> csr_array:
        """int a (d_column u)(d_row v) over the solid, a one value a region."""
        flat = tuple(None if i == 2 else i for i in (row, column))
        high = tuple(0 if i == 2 else None for i in (row, column))
        along = sum(a * self._of_plane(*flat, share) for share, a in self._counted(values))
        if isinstance(along, int):
            return csr_array((self.N, self.N))
        return csr_array(kron(along, self._of_depth(*high)))

    def _counted(self, values: Sequence[float]) -> list[tuple[int, float]]:
        """Regions that count, and their values."""
        found = enumerate(values)
        return [(i, a) for i, a in found if a != 0.0 and self.only in (None, i)]

    @functools.cache  # noqa: B019
    def _of_plane(self, row: int | None, column: int | None, share: int) -> csr_array:
        return _slope(self.plane, row, column, self.shares[share])

    @functools.cache  # noqa: B019
    def _of_depth(self, row: int | None, column: int | None) -> csr_array:
        return _slope(self.depth, row, column, np.ones(self.depth.dx.shape))

    @property
    def ends(self) -> dict[str, int]:
        """The function of z that is 1 at a face."""
        vertices, z = self.depth.nodal_dofs[0], self.depth.mesh.p[0]
        return {"bottom": int(vertices[np.argmin(z)]), "top": int(vertices[np.argmax(z)])}

    def stiffness(self, values: Sequence[float]) -> csr_array:
        return csr_array(sum(self.matrix(i, i, values) for i in AXES))

    @functools.cache  # noqa: B019
    def potential(self, pair: Pair) -> np.ndarray:
        """Of unit current from the first contact to the second, the others floating, (N,)."""
        vertices = self.depth.nodal_dofs[0]
        owner = np.arange(self.N).reshape(-1, self.layers)
        bubbles = np.setdiff1d(np.arange(self.layers), vertices)
        gone = []
        for dofs in self.contacts.values():
            owner[np.ix_(dofs, vertices)] = owner[dofs[0], vertices[0]]
            gone.append(owner[np.ix_(dofs, bubbles)].ravel())
        used, column = np.unique(owner, return_inverse=True)
        tie = csr_array((np.ones(self.N), (np.arange(self.N), column.ravel())))
        load = np.zeros(used.size)
        for name, sign in zip(pair, (1.0, -1.0), strict=True):
            load[np.searchsorted(used, owner[self.contacts[name][0], vertices[0]])] = sign
        free = np.setdiff1d(np.arange(1, used.size), np.searchsorted(used, np.concatenate(gone)))
        matrix = csr_array(tie.T @ self.stiffness([m.sigma for m in self.matter]) @ tie)
        found = np.zeros(used.size)
        found[free] = _symmetric(matrix[free][:, free]).solve(load[free])
        return np.asarray(tie @ found)

    # -- the moment

    def whole(self, beta: np.ndarray, *, flat: bool = False) -> csr_array:
        """Of h, (3N, 3N); ``flat`` without diffusion in the plane."""
        cross = np.einsum("abc,b->ac", EPSILON, beta)
        blocks: list[list[Any]] = [[None] * 3 for _ in AXES]
        for a in AXES:
            for d in AXES:
                blocks[a][d] = self._entry(a, d, cross[a, d], flat)
        for name, end in self.ends.items():
            face = getattr(self.film, name)
            if not face.absorbing:
                self._absorb(blocks, face.matrix, end)
        return csr_array(block_array(blocks))

    def _entry(self, a: int, d: int, turning: float, flat: bool) -> csr_array:
        spreading = [m.D * float(m.density[a, d]) for m in self.matter]
        upright = self.matrix(2, 2, spreading)
        spread = upright if flat else self.stiffness(spreading)
        relaxing = [
            m.rate * float(m.density[a, d]) + m.sigma / m.D * m.normaliser * turning
            for m in self.matter
        ]
        return csr_array(spread + self.matrix(None, None, relaxing))

    def _absorb(self, blocks: list[list[Any]], G: np.ndarray, end: int) -> None:
        at = csr_array(([1.0], ([end], [end])), shape=(self.layers, self.layers))
        for a in AXES:
            for d in AXES:
                values = [float(G[a] @ m.density[:, d]) for m in self.matter]
                if any(values):
                    counted = self._counted(values)
                    mass = sum(v * self._of_plane(None, None, i) for i, v in counted)
                    blocks[a][d] = blocks[a][d] + kron(mass, at)

    def kept(self) -> np.ndarray:
        """Unknowns of h that are not held at 0, component by component for each function."""
        held = [end for name, end in self.ends.items() if getattr(self.film, name).absorbing]
        high = np.setdiff1d(np.arange(self.layers), held)
        inside = self.shares[self.only or 0].any(axis=1) | (self.only is None)
        along = np.unique(self.plane.element_dofs[:, inside])
        scalar = (self.layers * along[:, None] + high).ravel()
        return np.asarray((scalar[:, None] + self.N * np.arange(3)).ravel())

    def turned(
        self, potential: np.ndarray, a: int, values: Sequence[float], rows: Sequence[int]
    ) -> np.ndarray:
        """eps_iak int value (d_k V) d_i w over the i of ``rows``, (N,)."""
        signs = ((i, k, EPSILON[i, a, k]) for i in rows for k in AXES)
        terms = [s * (self.matrix(i, k, values) @ potential) for i, k, s in signs if s]
        return np.asarray(sum(terms, np.zeros(self.N)))

    def source(self, pair: Pair, rows: Sequence[int] = AXES) -> np.ndarray:
        """alpha eps_iak int J_k d_i w, (3N,)."""
        v, values = self.potential(pair), [-m.alpha * m.sigma for m in self.matter]
        return np.concatenate([self.turned(v, a, values, rows) for a in AXES])

    def reader(self, pair: Pair, rows: Sequence[int] = AXES) -> np.ndarray:
        """int alpha' D curl n . grad u of h, (3N,)."""
        u, out = self.potential(pair), np.zeros((3, self.N))
        for d in AXES:
            for k in AXES:
                values = [m.back * m.D * float(m.density[k, d]) for m in self.matter]
                if any(values):
                    out[d] += self.turned(u, k, values, rows)
        return out.ravel()

    @route("solid with polynomials in z")
    def delta_R(self, pairs: Sequence[tuple[Pair, Pair]], betas: np.ndarray) -> np.ndarray:
        """Change of V/I, (pairs, fields)."""
        return self._solved(pairs, betas, flat=False)

    def local(self, pairs: Sequence[tuple[Pair, Pair]], betas: np.ndarray) -> np.ndarray:
        """What faces alone drive and read where n does not diffuse in the plane, (pairs, fields):
        the local part as the elements of each region hold it, which is free to jump.
        """
        for pair in {name for both in pairs for name in both}:
            self.potential(pair)  # of all regions, and kept
        total = np.zeros((len(pairs), len(betas)))
        for region in range(len(self.matter)):
            self.only = region
            total += self._solved(pairs, betas, flat=True)
        self.only = None
        return total

    def _solved(
        self, pairs: Sequence[tuple[Pair, Pair]], betas: np.ndarray, *, flat: bool
    ) -> np.ndarray:
        kept = self.kept()
        rows = [2] if flat else AXES
        loads = np.column_stack([self.source(current, rows)[kept] for current, _ in pairs])
        readers = np.array([self.reader(voltage, rows)[kept] for _, voltage in pairs])
        columns = []
        for beta in betas:
            A = self.whole(beta, flat=flat)[kept][:, kept]
            factors = _symmetric(A)
            h = factors.solve(loads)
            h += factors.solve(loads - A @ h)
            columns.append(np.einsum("pn,np->p", readers, h))
        return np.array(columns).T
