"""The scalar finite-element space: elements by order, boundary bases, point location, evaluation as
sparse rows.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import skfem
from scipy.sparse import csr_array, diags_array
from scipy.spatial import cKDTree
from skfem.assembly.basis import AbstractBasis
from skfem.quadrature import get_quadrature

from ..errors import InputError

#: How far outside its cell, in reference coordinates, a point may lie and still count as inside.
TOLERANCE = 1e-8
#: Elements by shape of the cell: those of order 1, 2, ..., and what makes those of higher order.
ELEMENTS: dict[Any, tuple[tuple[Any, ...], Any]] = {
    skfem.refdom.RefLine: (
        (skfem.ElementLineP1, skfem.ElementLineP2),
        skfem.ElementLinePp,
    ),
    skfem.refdom.RefTri: (
        (skfem.ElementTriP1, skfem.ElementTriP2, skfem.ElementTriP3, skfem.ElementTriP4),
        None,
    ),
    skfem.refdom.RefQuad: (
        (skfem.ElementQuad1, skfem.ElementQuad2),
        skfem.ElementQuadP,
    ),
}
#: Points that are tried against their candidate cells at a time, which bounds the memory.
AT_ONCE = 200_000


def element_for(
    mesh: skfem.Mesh,
    order: int,
) -> skfem.Element:
    """A fresh element of the given order; fresh because hierarchical elements cache their last
    points.
    """
    fixed, any_order = ELEMENTS[mesh.refdom]
    if order <= len(fixed):
        return fixed[order - 1]()
    return any_order(order)


def is_hierarchical(basis: Any) -> bool:
    """True where only the vertex functions sum to one (line and quadrilateral elements above order
    2).
    """
    return isinstance(basis.elem, (skfem.ElementLinePp, skfem.ElementQuadP))


def scaled(
    mesh: skfem.Mesh,
    factor: float,
) -> skfem.Mesh:
    """The mesh in other units; its edges, which skfem would number anew, are those of the mesh."""
    out = mesh.scaled(factor)
    for name in ("_facets", "_t2f", "_f2t"):
        if hasattr(mesh, name):
            setattr(out, name, getattr(mesh, name))
    return out


class CellBasis(skfem.CellBasis):  # type: ignore[misc]
    """scikit-fem's space on all cells, whose functions at the points are made when asked for.

    They are three times as large as a matrix, and the assembly here takes them in parts.
    """

    def __init__(self, mesh: skfem.Mesh, element: skfem.Element, exactness: int) -> None:
        # all that the parent does, but for the functions and the measure
        AbstractBasis.__init__(self, mesh, element, None, exactness, None, mesh.refdom)
        self.nelems = mesh.nelements

    def with_element(self, elem: skfem.Element) -> skfem.CellBasis:
        """scikit-fem's own space of another element, at the same points."""
        points = self.X, self.W
        return skfem.Basis(self.mesh, elem, mapping=self.mapping, quadrature=points)

    @functools.cached_property
    def basis(self) -> list[Any]:
        """Each function at all points."""
        return [self._function(i) for i in range(self.Nbfun)]

    @functools.cached_property
    def dx(self) -> np.ndarray:
        """Weights of the points, (cells, points)."""
        return self.measure_on(range(self.nelems))

    def functions_on(self, cells: range) -> list[Any]:
        """Each function at the points of some cells."""
        if len(cells) == self.nelems:
            return [function for (function,) in self.basis]
        numbers = np.arange(cells.start, cells.stop)
        return [self._function(i, numbers)[0] for i in range(self.Nbfun)]

    def measure_on(self, cells: range) -> np.ndarray:
        """Weights of the points of some cells."""
        numbers = np.arange(cells.start, cells.stop)
        return np.asarray(np.abs(self.mapping.detDF(self.X, tind=numbers)) * self.W)

    def _function(self, number: int, cells: np.ndarray | None = None) -> Any:
        return self.elem.gbasis(self.mapping, self.X, number, tind=cells)


def cell_basis(
    mesh: skfem.Mesh,
    order: int,
) -> CellBasis:
    """The space of the given order, with quadrature exact for constant coefficients on straight
    cells.
    """
    return CellBasis(mesh, element_for(mesh, order), _exactness(mesh, order))


def cell_points(
    mesh: skfem.Mesh,
    order: int,
) -> np.ndarray:
    """The quadrature points of :func:`cell_basis`, (dim, cells, points a cell)."""
    points, _ = get_quadrature(mesh.refdom, _exactness(mesh, order))
    return np.asarray(mesh.mapping().F(points))


def _exactness(
    mesh: skfem.Mesh,
    order: int,
) -> int:
    # on curved and bilinear cells the Jacobian is no polynomial: four orders more
    return 2 * order if mesh.affine else 2 * order + 4


def vertex_functions(
    basis: Any,
    tie: csr_array,
) -> csr_array | None:
    """The functions of first order in terms of the unknowns that ``tie`` (N, m) of zeros and ones
    leaves, (m, k); None unless the order is 2 on triangles.
    """
    if not isinstance(basis.elem, skfem.ElementTriP2):
        return None
    nodal, middle = basis.nodal_dofs[0], basis.facet_dofs[0]
    numbers = np.arange(len(nodal))
    rows = np.concatenate([nodal, middle, middle])
    columns = np.concatenate([numbers, *basis.mesh.facets])
    values = np.concatenate([np.ones(len(nodal)), np.full(2 * len(middle), 0.5)])
    onto = csr_array((values, (rows, columns)), shape=(basis.N, len(nodal)))
    tied = csr_array(tie[nodal])  # vertices that share one unknown stay one
    used = np.flatnonzero(np.bincount(tied.indices, minlength=tie.shape[1]))
    mean = 1.0 / np.asarray(tie.sum(axis=0)).ravel()
    return csr_array(diags_array(mean) @ (tie.T @ onto @ tied[:, used]))


def count_unknowns(
    mesh: skfem.Mesh,
    order: int,
) -> int:
    """Number of unknowns of one field."""
    return int(skfem.assembly.Dofs(mesh, element_for(mesh, order)).N)


def facet_basis(
    mesh: skfem.Mesh,
    order: int,
    facets: np.ndarray,
) -> Any:
    """The same space on boundary facets, with a quadrature that also serves smooth current
    profiles.
    """
    element = element_for(mesh, order)
    return skfem.FacetBasis(mesh, element, facets=facets, intorder=2 * order + 8)


def region_basis(
    mesh: skfem.Mesh,
    order: int,
    cells: np.ndarray,
) -> Any:
    """The same space on some cells, with a quadrature that also serves smooth profiles."""
    element = element_for(mesh, order)
    return skfem.Basis(mesh, element, elements=cells, intorder=2 * order + 8)


def locate(
    mesh: skfem.Mesh,
    points: np.ndarray,
    unit: float = 1.0,
    what: str = "a point",
) -> np.ndarray:
    """Cell index of each point (dim, n), in the units of the mesh; ``unit`` in m and ``what`` serve
    the message.

    scikit-fem's own finder tests the five nearest centroids and misses points of graded meshes;
    this one widens the search until the point is found.

    Raises
    ------
    InputError
        A point outside the mesh, named in the message.
    """
    mapping = mesh.mapping()
    tree = cKDTree(mesh.p[:, mesh.t].mean(axis=1).T)
    found = np.full(points.shape[1], -1)
    worst = np.full(points.shape[1], np.inf)
    reach = 8
    while True:
        todo = np.flatnonzero(worst > TOLERANCE)
        reach = min(reach, mesh.nelements)
        _, near = tree.query(points[:, todo].T, reach)
        near = near.reshape(todo.size, reach)
        share = max(1, AT_ONCE // reach)
        for start in range(0, todo.size, share):
            some = todo[start : start + share]
            cells = near[start : start + share]
            outside = _outside(mesh, mapping, points[:, some], cells)
            best = outside.argmin(axis=1)
            pick = np.arange(best.size)
            found[some] = cells[pick, best]
            worst[some] = outside[pick, best]
        if np.all(worst <= TOLERANCE):
            return found
        if reach == mesh.nelements:
            farthest = int(np.argmax(worst))
            raise _lost(mesh, points[:, farthest], unit, what)
        reach *= 8


def _lost(
    mesh: skfem.Mesh,
    point: np.ndarray,
    unit: float,
    what: str,
) -> InputError:
    place = tuple(float(f"{v * unit:.12g}") for v in point)
    corners = mesh.p.min(axis=1), mesh.p.max(axis=1)
    shown = [tuple(float(f"{v * unit:.6g}") for v in corner) for corner in corners]
    ends = " and ".join(str(corner) for corner in shown)
    return InputError(
        f"{what} lies outside the device: {place} m; its cells lie between {ends} m",
        value=place,
    )


def _outside(
    mesh: skfem.Mesh,
    mapping: Any,
    points: np.ndarray,
    cells: np.ndarray,
) -> np.ndarray:
    """How far each point is outside each candidate cell, in reference coordinates; <= 0 inside."""
    corners = mesh.p[:, mesh.t[:, cells]]  # (dim, corners, n, k)
    low = corners.min(axis=1)
    high = corners.max(axis=1)
    # room for curved edges; beyond it no Newton iteration is worth its time
    margin = (high - low).max(axis=0)
    place = points[:, :, None]
    close = (place >= low - margin) & (place <= high + margin)
    row, column = np.nonzero(np.all(close, axis=0))
    out = np.full(cells.shape, np.inf)
    X = _inverted(mapping, points[:, row], cells[row, column])
    sides = [-x for x in X]
    if mesh.refdom is skfem.refdom.RefTri:
        sides.append(X.sum(axis=0) - 1.0)
    else:
        sides += [x - 1.0 for x in X]
    beyond = np.max(sides, axis=0)
    known = np.isfinite(beyond)
    out[row, column] = np.where(known, beyond, np.inf)
    return out


def _inverted(
    mapping: Any,
    points: np.ndarray,
    cells: np.ndarray,
) -> np.ndarray:
    """Reference points (dim, n) of points in cells; NaN where the map of a curved cell cannot be
    inverted.
    """
    with np.errstate(all="ignore"):
        try:
            X = mapping.invF(points[:, :, None], tind=cells)
            return np.asarray(X[:, :, 0])
        except Exception:  # a vanishing Jacobian on the way: one of these points is not in its cell
            if cells.size == 1:
                return np.full(points.shape, np.nan)
            out = []
            for i in range(cells.size):
                one = slice(i, i + 1)
                out.append(_inverted(mapping, points[:, one], cells[one]))
            return np.hstack(out)


def point_rows(
    basis: Any,
    order: int,
    points: np.ndarray,
    cells: np.ndarray,
) -> tuple[csr_array, list[csr_array]]:
    """Sparse rows (n, N) for the value and for each derivative at points (dim, n) inside the given
    cells.
    """
    X = basis.mapping.invF(points[:, :, None], tind=cells)
    return reference_rows(basis, order, X, cells)


def reference_rows(
    basis: Any,
    order: int,
    X: np.ndarray,
    cells: np.ndarray,
) -> tuple[csr_array, list[csr_array]]:
    """As :func:`point_rows`, at reference coordinates X (dim, n, points per cell) of each cell."""
    count = X.shape[1] * X.shape[2]
    elem = element_for(basis.mesh, order)
    functions = range(basis.Nbfun)
    fields = [elem.gbasis(basis.mapping, X, i, tind=cells)[0] for i in functions]
    each = X.shape[2]
    columns = np.repeat(basis.element_dofs[:, cells], each, axis=1)
    rows = np.tile(np.arange(count), basis.Nbfun)

    def matrix(entries: list[np.ndarray]) -> csr_array:
        shape = X.shape[1:]
        full = [np.broadcast_to(e, shape).ravel() for e in entries]
        data = np.concatenate(full)
        places = rows, columns.ravel()
        return csr_array((data, places), shape=(count, basis.N))

    value = matrix([np.asarray(f) for f in fields])
    gradients = zip(*(f.grad for f in fields), strict=True)
    return value, [matrix(list(components)) for components in gradients]
