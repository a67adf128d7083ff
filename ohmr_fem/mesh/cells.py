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

    def G(self, X: np.ndarray, find: Any = None) -> np.ndarray:
        x = super().G(X, find=find)
        self._traced = (x, X, find)
        return x

    def invF(  # noqa: N802
        self, x: np.ndarray, tind: Any = None, newton_max_iters: int = 50, **_: Any
    ) -> Any:
        traced: Any = getattr(self, "_traced", (None, None, None))
        if x is traced[0] and traced[2] is not None and tind is not None:
            return self._on_facets(traced[1], np.asarray(traced[2]), np.asarray(tind))
        return self._newton(x, tind, newton_max_iters)

    def _on_facets(self, X: np.ndarray, facets: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Reference points (2, n_facets, n_points) of points X (1, n_points) of the facets of the
        cells.
        """
        mesh = self.mesh
        ends = np.array(mesh.refdom.facets).T  # (2, facets per cell): local vertices
        local = ends[:, np.argmax(mesh.t2f[:, cells] == facets, axis=0)]
        forward = mesh.t[local[0], cells] == mesh.facets[0, facets]
        start, stop = mesh.refdom.p[:, np.where(forward, local, local[::-1])].transpose(1, 0, 2)
        return np.asarray(start[:, :, None] + (stop - start)[:, :, None] * X[0])

    def _newton(self, x: np.ndarray, tind: Any, iterations: int) -> np.ndarray:
        """Damped Newton iteration for every point, down to the round-off of the coordinates; NaN
        where it is lost.

        A step is halved until the step that would follow it is shorter (natural monotonicity test).
        A point far outside its cell may have no reference point at all.
        """
        X = np.full(x.shape, 0.4)
        step = self._step(X, X, x, tind)
        for _ in range(iterations):
            size = np.abs(step).max(axis=0)
            active = (size > 1e-13) & (np.abs(X).max(axis=0) < LOST)
            if not active.any():
                break
            damping = active.astype(float)
            for _ in range(8):
                next_size = np.abs(self._step(X, X + damping * step, x, tind)).max(axis=0)
                worse = ~(next_size <= (1 - damping / 4) * size) & (size > 1e-9) & active
                if not worse.any():
                    break
                damping[worse] /= 2
            X = X + damping * step
            step = self._step(X, X, x, tind)
            if not np.any(active & (np.abs(step).max(axis=0) > np.where(size < 1e-8, 1e-8, 1e-13))):
                break  # what is left is round-off
        return np.where(np.abs(step).max(axis=0) < 1e-7, X, np.nan)

    def _step(self, at: np.ndarray, to: np.ndarray, x: np.ndarray, tind: Any) -> np.ndarray:
        """Newton step with the Jacobian of one point and the residual of another."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(
                np.einsum("ijkl,jkl->ikl", self.invDF(at, tind), x - self.F(to, tind)), posinf=1e9
            )


class _ExactTrace:
    def _mapping(self) -> Any:
        if not hasattr(self, "_cached_mapping"):
            self._cached_mapping = _EdgeMapping(self, self.elem(), self.bndelem)  # type: ignore[attr-defined]
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
STRAIGHT: dict[type, type] = {skfem.MeshTri2: skfem.MeshTri1, skfem.MeshQuad2: skfem.MeshQuad1}


def cell_kind(mesh: Any) -> type | None:
    """scikit-fem's class of a mesh; None if it is not one of the five supported here."""
    for kind, (own, _) in CELL_TYPES.items():
        if type(mesh) in (kind, own):
            return kind
    return None


def with_exact_trace(mesh: Any) -> Any:
    """The same mesh, of the class used here."""
    own = CELL_TYPES.get(type(mesh), (None, ""))[0]
    return mesh if own in (None, type(mesh)) else own(mesh.doflocs, mesh.t, validate=False)


# ---- building scikit-fem meshes -----------------------------------------------------------------


def build_mesh(kind: type, vertices: np.ndarray, nodes: np.ndarray) -> tuple[Any, np.ndarray]:
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
    nodes = np.take_along_axis(nodes, _node_order(kind, order, nodes.shape[1])[None], axis=1)
    n_corners = t.shape[0]
    points = np.zeros((nodes.shape[0], labels.size))
    points[:, t] = nodes[:, :n_corners]
    straight = CELL_TYPES[STRAIGHT.get(kind, kind)][0](points, t)
    if kind not in STRAIGHT:
        return straight, labels
    dofs = Dofs(straight, kind.elem())  # type: ignore[attr-defined]
    doflocs = np.zeros((nodes.shape[0], dofs.N))
    doflocs[:, dofs.element_dofs] = nodes
    return CELL_TYPES[kind][0](doflocs, t), labels


def _vertex_order(kind: type, t: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Local order of the vertices of each cell, (n_vertices_per_cell, n)."""
    if t.shape[0] < 4:
        same = np.tile(np.arange(t.shape[0])[:, None], t.shape[1])
        return np.argsort(t, axis=0, kind="stable") if t.shape[0] == 3 else same
    one, two = nodes[:, 2] - nodes[:, 0], nodes[:, 3] - nodes[:, 1]  # the diagonals
    clockwise = one[0] * two[1] < one[1] * two[0]
    start = np.where(clockwise, np.array([[0], [3], [2], [1]]), np.array([[0], [1], [2], [3]]))
    return np.asarray(
        np.take_along_axis(start, _parallel(np.take_along_axis(t, start, axis=0)), axis=0)
    )


def _parallel(t: np.ndarray) -> np.ndarray:
    """Rotate each quadrilateral so that opposite edges point the same way across the whole mesh.

    Every facet gets a direction; two opposite facets of a cell share theirs. The graph of
    (facet, direction) pairs falls apart into mirror pairs of components, one of each is chosen.
    """
    ends = np.stack([t, np.roll(t, -1, axis=0)])  # facet i runs from vertex i to i+1
    up = ends[0] < ends[1]
    _, f = np.unique(np.sort(ends, axis=0).reshape(2, -1), axis=1, return_inverse=True)
    f = f.reshape(t.shape)
    n = int(f.max()) + 1
    # facets i and i+2 run in opposite senses around the cell, so parallel means up differs
    twist = np.stack([up[i] == up[i + 2] for i in (0, 1)]).ravel()
    left, right = f[:2].ravel(), f[2:].ravel()
    rows = np.concatenate([left, left + n])
    cols = np.concatenate([right + n * twist, right + n * ~twist])
    _, comp = connected_components(
        sp.coo_matrix((np.ones(rows.size), (rows, cols)), shape=(2 * n, 2 * n)), False
    )
    forward = (comp[:n] < comp[n:])[f] == up  # facet i points from vertex i to i+1
    # vertex k is the common tail when facet k leaves it and facet k-1 leaves it too
    first = np.argmax(forward & ~np.roll(forward, 1, axis=0), axis=0)
    return (np.arange(4)[:, None] + first) % 4


def _node_order(kind: type, order: np.ndarray, n_nodes: int) -> np.ndarray:
    """Local order of all nodes, given that of the vertices."""
    n_corners = order.shape[0]
    if n_nodes == n_corners:
        return order
    facets = kind.elem.refdom.facets  # type: ignore[attr-defined]
    table = np.zeros((n_corners, n_corners), dtype=int)
    for k, (i, j) in enumerate(facets):
        table[i, j] = table[j, i] = n_corners + k
    edges = [table[order[i], order[j]] for i, j in facets]
    rest = [np.full(order.shape[1], k) for k in range(n_corners + len(facets), n_nodes)]
    return np.vstack([order, *edges, *rest])


def find_facets(mesh: Any, ends: np.ndarray) -> np.ndarray:
    """Facet index for each pair of vertices (2, n) (1D: vertex (1, n)); -1 where there is none."""
    facets = np.sort(mesh.facets.astype(np.int64), axis=0)
    wanted = np.sort(ends.astype(np.int64), axis=0)
    base = np.array([[int(mesh.t.max()) + 1], [1]]) if facets.shape[0] == 2 else np.array([[1]])
    codes, keys = (facets * base).sum(axis=0), (wanted * base).sum(axis=0)
    codes = np.where((facets < 0).any(axis=0), -2, codes)
    order = np.argsort(codes)
    at = np.minimum(np.searchsorted(codes, keys, sorter=order), codes.size - 1)
    found = order[at]
    return np.where((codes[found] == keys) & (wanted >= 0).all(axis=0), found, -1)
