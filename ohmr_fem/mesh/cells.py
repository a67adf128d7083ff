"""Cells of device meshes: scikit-fem's, with a trace on facets that is exact, and how to assemble
them.

scikit-fem finds the reference points of a facet of a quadrilateral or curved cell by a Newton
iteration to a fixed 1e-12, which round-off does not allow once cells are 1e-3 of the device
or thinner than the bulge of their edges. Here they are written down: the facet is an edge of the
reference cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
from scipy.sparse.csgraph import connected_components
from skfem.assembly import Dofs
from skfem.mapping import MappingIsoparametric

# A point this far outside its cell, in reference coordinates, is no longer followed.
LOST = 20.0


class _EdgeMapping(MappingIsoparametric):
    """The isoparametric map, which remembers what facets it was last asked for."""

    def G(
        self,
        X: np.ndarray,
        find: Any = None,
    ) -> np.ndarray:
        x = super().G(X, find=find)
        self._traced = (x, X, find)
        return x

    def invF(  # noqa: N802
        self,
        x: np.ndarray,
        tind: Any = None,
        newton_max_iters: int = 50,
        **_: Any,
    ) -> Any:
        traced: Any = getattr(self, "_traced", (None, None, None))
        points, reference, facets = traced
        # The same array, not an equal one: only that is known to come from G.
        if x is points and facets is not None and tind is not None:
            return self._on_facets(reference, np.asarray(facets), np.asarray(tind))
        return self._newton(x, tind, newton_max_iters)

    def _on_facets(
        self,
        X: np.ndarray,
        facets: np.ndarray,
        cells: np.ndarray,
    ) -> np.ndarray:
        """Reference points (2, n_facets, n_points) of points X (1, n_points) of the facets of the
        cells.
        """
        mesh = self.mesh
        ends = np.array(mesh.refdom.facets).T  # (2, facets per cell): local vertices
        same = mesh.t2f[:, cells] == facets
        local = ends[:, np.argmax(same, axis=0)]
        first = mesh.t[local[0], cells]
        forward = first == mesh.facets[0, facets]
        vertices = np.where(forward, local, local[::-1])
        start, stop = mesh.refdom.p[:, vertices].transpose(1, 0, 2)
        along = (stop - start)[:, :, None]
        return np.asarray(start[:, :, None] + along * X[0])

    def _newton(
        self,
        x: np.ndarray,
        tind: Any,
        iterations: int,
    ) -> np.ndarray:
        """Damped Newton iteration for every point, down to the round-off of the coordinates; NaN
        where it is lost.

        A step is halved until the step that would follow it is shorter (natural monotonicity test).
        A point far outside its cell may have no reference point at all.
        """
        X = np.full(x.shape, 0.4)
        step = self._step(X, X, x, tind)
        for _ in range(iterations):
            size = np.abs(step).max(axis=0)
            followed = np.abs(X).max(axis=0) < LOST
            active = (size > 1e-13) & followed
            if not active.any():
                break
            damping = self._damping(X, step, active, x, tind)
            X = X + damping * step
            step = self._step(X, X, x, tind)
            round_off = np.where(size < 1e-8, 1e-8, 1e-13)
            next_size = np.abs(step).max(axis=0)
            moving = next_size > round_off
            if not np.any(active & moving):
                break  # what is left is round-off
        found = np.abs(step).max(axis=0) < 1e-7
        return np.where(found, X, np.nan)

    def _damping(
        self,
        X: np.ndarray,
        step: np.ndarray,
        active: np.ndarray,
        x: np.ndarray,
        tind: Any,
    ) -> np.ndarray:
        """Fraction of the step to take at each point, halved until the next step is shorter."""
        size = np.abs(step).max(axis=0)
        damping = active.astype(float)
        for _ in range(8):
            ahead = self._step(X, X + damping * step, x, tind)
            next_size = np.abs(ahead).max(axis=0)
            shorter = next_size <= (1 - damping / 4) * size  # false for NaN
            worse = ~shorter & (size > 1e-9) & active
            if not worse.any():
                break
            damping[worse] /= 2
        return damping

    def _step(
        self,
        at: np.ndarray,
        to: np.ndarray,
        x: np.ndarray,
        tind: Any,
    ) -> np.ndarray:
        """Newton step with the Jacobian of one point and the residual of another."""
        with np.errstate(all="ignore"):
            residual = x - self.F(to, tind)
            inverse = self.invDF(at, tind)
            step = np.einsum("ijkl,jkl->ikl", inverse, residual)
            return np.nan_to_num(step, posinf=1e9)


class _ExactTrace:
    def _mapping(self) -> Any:
        if not hasattr(self, "_cached_mapping"):
            mesh: Any = self
            self._cached_mapping = _EdgeMapping(mesh, mesh.elem(), mesh.bndelem)
        return self._cached_mapping


class Quadrilaterals(_ExactTrace, skfem.MeshQuad1):
    """Straight quadrilaterals."""


class CurvedTriangles(_ExactTrace, skfem.MeshTri2):
    """Quadratic triangles."""


class CurvedQuadrilaterals(_ExactTrace, skfem.MeshQuad2):
    """Quadratic quadrilaterals."""


# From scikit-fem's class to the one used here, and the words for it.
CELL_TYPES: dict[type, tuple[type, str]] = {
    skfem.MeshLine1: (skfem.MeshLine1, "intervals"),
    skfem.MeshTri1: (skfem.MeshTri1, "triangles"),
    skfem.MeshTri2: (CurvedTriangles, "curved triangles"),
    skfem.MeshQuad1: (Quadrilaterals, "quadrilaterals"),
    skfem.MeshQuad2: (CurvedQuadrilaterals, "curved quadrilaterals"),
}
STRAIGHT: dict[type, type] = {
    skfem.MeshTri2: skfem.MeshTri1,
    skfem.MeshQuad2: skfem.MeshQuad1,
}


def cell_kind(mesh: Any) -> type | None:
    """scikit-fem's class of a mesh; None if it is not one of the five supported here."""
    for kind, (own, _) in CELL_TYPES.items():
        if type(mesh) in (kind, own):
            return kind
    return None


def with_exact_trace(mesh: Any) -> Any:
    """The same mesh, of the class used here."""
    own, _ = CELL_TYPES.get(type(mesh), (None, ""))
    if own in (None, type(mesh)):
        return mesh
    return own(mesh.doflocs, mesh.t, validate=False)  # type: ignore[misc]


# ---- building scikit-fem meshes -----------------------------------------------------------------


def build_mesh(
    kind: type,
    vertices: np.ndarray,
    nodes: np.ndarray,
) -> tuple[Any, np.ndarray]:
    """Assemble a scikit-fem mesh from cells given one by one.

    Parameters
    ----------
    kind : skfem.MeshTri1, MeshTri2, MeshQuad1 or MeshQuad2
    vertices : (n_vertices_per_cell, n) any integer labels; cells are joined where labels agree
    nodes : (dim, n_nodes_per_cell, n) coordinates in the node order of ``kind.elem``

    Returns
    -------
    mesh, labels : labels[i] is the label of vertex i of the mesh. Labels that no cell uses leave no
    trace.

    Triangles get ascending vertices and quadrilaterals counter-clockwise vertices with parallel
    opposite edges, which makes edge unknowns of any order agree between neighbours.
    """
    labels, t = np.unique(vertices, return_inverse=True)
    t = t.reshape(vertices.shape).astype(np.int64)
    order = _vertex_order(kind, t, nodes)
    t = np.take_along_axis(t, order, axis=0)
    node_order = _node_order(kind, order, nodes.shape[1])
    nodes = np.take_along_axis(nodes, node_order[None], axis=1)
    n_corners = t.shape[0]
    points = np.zeros((nodes.shape[0], labels.size))
    points[:, t] = nodes[:, :n_corners]
    straight_cells, _ = CELL_TYPES[STRAIGHT.get(kind, kind)]
    straight = straight_cells(points, t)
    if kind not in STRAIGHT:
        return straight, labels
    dofs = Dofs(straight, kind.elem())  # type: ignore[attr-defined]
    doflocs = np.zeros((nodes.shape[0], dofs.N))
    doflocs[:, dofs.element_dofs] = nodes
    curved_cells, _ = CELL_TYPES[kind]
    return curved_cells(doflocs, t), labels


def _vertex_order(
    kind: type,
    t: np.ndarray,
    nodes: np.ndarray,
) -> np.ndarray:
    """Local order of the vertices of each cell, (n_vertices_per_cell, n)."""
    n_corners = t.shape[0]
    if n_corners == 3:
        return np.argsort(t, axis=0, kind="stable")
    if n_corners < 3:
        same = np.arange(n_corners)[:, None]
        return np.tile(same, t.shape[1])
    one = nodes[:, 2] - nodes[:, 0]  # the diagonals
    two = nodes[:, 3] - nodes[:, 1]
    clockwise = one[0] * two[1] < one[1] * two[0]
    as_given = np.arange(4)[:, None]
    backwards = -as_given % 4
    start = np.where(clockwise, backwards, as_given)
    turned = _parallel(np.take_along_axis(t, start, axis=0))
    return np.asarray(np.take_along_axis(start, turned, axis=0))


def _parallel(t: np.ndarray) -> np.ndarray:
    """Rotate each quadrilateral so that opposite edges point the same way across the whole mesh.

    Every facet gets a direction; two opposite facets of a cell share theirs. The graph of
    (facet, direction) pairs falls apart into mirror pairs of components, one of each is chosen.
    """
    after = np.roll(t, -1, axis=0)  # facet i runs from vertex i to i+1
    ends = np.stack([t, after])
    up = t < after
    pairs = np.sort(ends, axis=0).reshape(2, -1)
    _, facet = np.unique(pairs, axis=1, return_inverse=True)
    facet = facet.reshape(t.shape)
    component = _directions(facet, up)
    n = int(np.max(facet)) + 1
    chosen = component[:n] < component[n:]
    forward = chosen[facet] == up  # facet i points from vertex i to i+1
    # vertex k is the common tail when facet k leaves it and facet k-1 leaves it too
    tail = forward & ~np.roll(forward, 1, axis=0)
    first = np.argmax(tail, axis=0)
    return (np.arange(4)[:, None] + first) % 4


def _directions(
    facet: np.ndarray,
    up: np.ndarray,
) -> np.ndarray:
    """Component of each (facet, direction) in the graph of opposite facets: facets 0..n-1 one
    way, then the same the other way.
    """
    n = int(np.max(facet)) + 1
    # facets i and i+2 run in opposite senses around the cell, so parallel means up differs
    twist = (up[:2] == up[2:]).ravel()
    left = facet[:2].ravel()
    right = facet[2:].ravel()
    rows = np.concatenate([left, left + n])
    cols = np.concatenate([right + n * twist, right + n * ~twist])
    links = np.ones(rows.size)
    shape = (2 * n, 2 * n)
    graph = sp.coo_matrix((links, (rows, cols)), shape=shape)
    _, component = connected_components(graph, directed=False)
    return np.asarray(component)


def _node_order(
    kind: type,
    order: np.ndarray,
    n_nodes: int,
) -> np.ndarray:
    """Local order of all nodes, given that of the vertices."""
    n_corners, n = order.shape
    if n_nodes == n_corners:
        return order
    facets = kind.elem.refdom.facets  # type: ignore[attr-defined]
    table = np.zeros((n_corners, n_corners), dtype=int)
    for k, (i, j) in enumerate(facets):
        table[i, j] = n_corners + k
        table[j, i] = n_corners + k
    rows = [order]
    for i, j in facets:
        rows.append(table[order[i], order[j]])
    for k in range(n_corners + len(facets), n_nodes):
        rows.append(np.full(n, k))
    return np.vstack(rows)


def find_facets(
    mesh: Any,
    ends: np.ndarray,
) -> np.ndarray:
    """Facet index for each pair of vertices (2, n) (1D: vertex (1, n)); -1 where there is none."""
    facets = np.sort(mesh.facets.astype(np.int64), axis=0)
    wanted = np.sort(ends.astype(np.int64), axis=0)
    base = np.array([[1]])
    if facets.shape[0] == 2:
        count = int(mesh.t.max()) + 1
        base = np.array([[count], [1]])
    codes = (facets * base).sum(axis=0)
    keys = (wanted * base).sum(axis=0)
    unused = (facets < 0).any(axis=0)
    codes = np.where(unused, -2, codes)
    order = np.argsort(codes)
    place = np.searchsorted(codes, keys, sorter=order)
    found = order[np.minimum(place, codes.size - 1)]
    valid = (wanted >= 0).all(axis=0)
    known = (codes[found] == keys) & valid
    return np.where(known, found, -1)
