"""The scalar finite-element space: elements by order, boundary bases, point location, evaluation as
sparse rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import skfem
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from ..errors import InputError

#: Per kind of cell: nodal elements of order 1, 2, ..., and the hierarchical one of any order above.
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
#: Point and cell pairs that are looked at together, which bounds the memory.
CHUNK = 200_000
#: How far outside its cell, in reference coordinates, a point may lie and still count as inside.
TOLERANCE = 1e-8


def element_for(mesh: skfem.Mesh, order: int) -> skfem.Element:
    """A fresh element of the given order; fresh because hierarchical elements cache their last
    points.
    """
    nodal, hierarchical = ELEMENTS[mesh.refdom]
    if order <= len(nodal):
        return nodal[order - 1]()
    assert hierarchical is not None  # a Problem refuses such an order on triangles
    return hierarchical(order)


def is_hierarchical(basis: Any) -> bool:
    """True where only the vertex functions sum to one (line and quadrilateral elements above order
    2).
    """
    return isinstance(basis.elem, (skfem.ElementLinePp, skfem.ElementQuadP))


def cell_basis(mesh: skfem.Mesh, order: int) -> Any:
    """The space of the given order, with quadrature exact for constant coefficients on straight
    cells.
    """
    curved = 0 if mesh.affine else 4
    return skfem.Basis(mesh, element_for(mesh, order), intorder=2 * order + curved)


def facet_basis(mesh: skfem.Mesh, order: int, facets: np.ndarray) -> Any:
    """The same space on boundary facets, with a quadrature that also serves smooth current
    profiles.
    """
    return skfem.FacetBasis(mesh, element_for(mesh, order), facets=facets, intorder=2 * order + 8)


def locate(
    mesh: skfem.Mesh, points: np.ndarray, unit: float = 1.0, what: str = "a point"
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
        near = tree.query(points[:, todo].T, reach)[1].reshape(todo.size, reach)
        step = max(1, CHUNK // reach)
        for start in range(0, todo.size, step):
            rows = todo[start : start + step]
            candidates = near[start : start + step]
            outside = _outside(mesh, mapping, points[:, rows], candidates)
            best = outside.argmin(axis=1)
            pick = np.arange(best.size)
            found[rows] = candidates[pick, best]
            worst[rows] = outside[pick, best]
        if np.all(worst <= TOLERANCE):
            return found
        if reach == mesh.nelements:
            raise _lost(mesh, points[:, int(np.argmax(worst))], unit, what)
        reach *= 8


def _lost(mesh: skfem.Mesh, point: np.ndarray, unit: float, what: str) -> InputError:
    def metres(values: np.ndarray, digits: int) -> tuple[float, ...]:
        return tuple(float(f"{v * unit:.{digits}g}") for v in values)

    place = metres(point, 12)
    low = metres(mesh.p.min(axis=1), 6)
    high = metres(mesh.p.max(axis=1), 6)
    return InputError(
        f"{what} lies outside the device: {place} m; its cells lie between {low} and {high} m",
        value=place,
    )


def _outside(mesh: skfem.Mesh, mapping: Any, points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """How far each point is outside each candidate cell, in reference coordinates; <= 0 inside."""
    corners = mesh.p[:, mesh.t[:, cells]]  # (dim, corners, n, k)
    low = corners.min(axis=1)
    high = corners.max(axis=1)
    # room for curved edges; beyond it no Newton iteration is worth its time
    margin = (high - low).max(axis=0)
    place = points[:, :, None]
    inside_box = (place >= low - margin) & (place <= high + margin)
    row, column = np.nonzero(np.all(inside_box, axis=0))
    X = _inverted(mapping, points[:, row], cells[row, column])
    below = np.max(-X, axis=0)
    triangles = mesh.refdom is skfem.refdom.RefTri
    above = X.sum(axis=0) - 1.0 if triangles else np.max(X, axis=0) - 1.0
    beyond = np.maximum(below, above)
    out = np.full(cells.shape, np.inf)
    out[row, column] = np.where(np.isfinite(beyond), beyond, np.inf)
    return out


def _inverted(mapping: Any, points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Reference points (dim, n) of points in cells; NaN where the map of a curved cell cannot be
    inverted.
    """
    with np.errstate(all="ignore"):
        try:
            return np.asarray(mapping.invF(points[:, :, None], tind=cells)[:, :, 0])
        except Exception:  # a vanishing Jacobian on the way: one of these points is not in its cell
            if cells.size == 1:
                return np.full(points.shape, np.nan)
            one_by_one = []
            for i in range(cells.size):
                one = slice(i, i + 1)
                one_by_one.append(_inverted(mapping, points[:, one], cells[one]))
            return np.hstack(one_by_one)


def point_rows(
    basis: Any, order: int, points: np.ndarray, cells: np.ndarray
) -> tuple[csr_array, list[csr_array]]:
    """Sparse rows (n, N) for the value and for each derivative at points (dim, n) inside the given
    cells.
    """
    return reference_rows(basis, order, basis.mapping.invF(points[:, :, None], tind=cells), cells)


def reference_rows(
    basis: Any, order: int, X: np.ndarray, cells: np.ndarray
) -> tuple[csr_array, list[csr_array]]:
    """As :func:`point_rows`, at reference coordinates X (dim, n, points per cell) of each cell."""
    dim, n_cells, per_cell = X.shape
    count = n_cells * per_cell
    elem = element_for(basis.mesh, order)
    fields = [elem.gbasis(basis.mapping, X, i, tind=cells)[0] for i in range(basis.Nbfun)]
    columns = np.repeat(basis.element_dofs[:, cells], per_cell, axis=1)
    rows = np.tile(np.arange(count), basis.Nbfun)

    def matrix(entries: list[np.ndarray]) -> csr_array:
        spread = [np.broadcast_to(e, (n_cells, per_cell)).ravel() for e in entries]
        data = np.concatenate(spread)
        return csr_array((data, (rows, columns.ravel())), shape=(count, basis.N))

    value = matrix([np.asarray(f) for f in fields])
    slopes = [matrix([f.grad[i] for f in fields]) for i in range(dim)]
    return value, slopes
