"""Refinement that keeps names and curved edges.

Each child cell is a template in the reference cell of its parent. Straight
and curved meshes go the same way: the parent's own map carries the child's nodes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import skfem
from scipy.sparse.csgraph import connected_components

from ..errors import MeshError
from .cells import build_mesh, cell_kind, find_facets

if TYPE_CHECKING:
    from .device_mesh import DeviceMesh

_VERTEX_ELEMENT = {2: skfem.ElementLineP1(), 3: skfem.ElementTriP1(), 4: skfem.ElementQuad1()}

# Points of a parent: its vertices, then the midpoints of its facets, then (quadrilaterals) its
# centre.
# Triangles, with vertices renumbered so that facet 2, from 0 to 2, is the longest.
_RED = [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)]
_BLUE_12 = [(0, 1, 5), (1, 4, 5), (5, 4, 2)]
_BLUE_01 = [(0, 3, 5), (3, 1, 5), (5, 1, 2)]
_GREEN = [(0, 1, 5), (5, 1, 2)]
# Quadrilaterals: facets 0 and 2 halved, facets 1 and 3 halved, both.
_QUAD_X = [(0, 4, 6, 3), (4, 1, 2, 6)]
_QUAD_Y = [(0, 1, 5, 7), (7, 5, 2, 3)]
_QUAD_XY = [(0, 4, 8, 7), (4, 1, 5, 8), (8, 5, 2, 6), (7, 8, 6, 3)]

Pattern = tuple[np.ndarray, Sequence[tuple[int, ...]]]


def split(device: DeviceMesh, marked: np.ndarray) -> DeviceMesh:
    """Halve the marked facets (1D: cells), closing the mark to a conforming mesh.

    Parameters
    ----------
    device : DeviceMesh
    marked : (n_facets,) bool; in 1D (n_cells,) bool

    Returns
    -------
    DeviceMesh of the same cell type, with the same names.
    """
    mesh = device.mesh
    kind = cell_kind(mesh)
    if kind is None:
        raise MeshError(f"cells of {type(mesh).__name__} cannot be refined", value=type(mesh))
    shape = {2: _line, 3: _triangle, 4: _quadrilateral}[mesh.t.shape[0]]
    labels, reference, patterns, marked = shape(mesh, marked)
    parent = np.concatenate([np.tile(np.flatnonzero(m), len(ch)) for m, ch in patterns])
    vertices = np.hstack([labels[list(c)][:, m] for m, ch in patterns for c in ch])
    corners = np.concatenate(
        [reference[:, list(c)][:, :, m] for m, ch in patterns for c in ch], axis=2
    )
    new, used = build_mesh(kind, vertices, _carry(mesh, corners, parent))
    boundaries = {
        k: _new_facets(device, new, used, f, marked) for k, f in device.boundaries.items()
    }
    of_parent = device.region_of_cells()[parent]
    regions = {k: np.flatnonzero(of_parent == i) for i, k in enumerate(device.regions)}
    return dataclasses.replace(device, mesh=new, boundaries=boundaries, regions=regions)


def _line(mesh: Any, marked: np.ndarray) -> tuple:
    t, n = mesh.t, mesh.nvertices
    labels = np.vstack([t, n + np.arange(t.shape[1])])
    reference = np.tile(np.array([[0.0, 1.0, 0.5]])[:, :, None], t.shape[1])
    return labels, reference, [(~marked, [(0, 1)]), (marked, [(0, 2), (2, 1)])], marked


def _triangle(mesh: Any, marked: np.ndarray) -> tuple:
    t, t2f, p = mesh.t, mesh.t2f, mesh.p
    lengths = np.array(
        [np.linalg.norm(p[:, t[i]] - p[:, t[j]], axis=0) for i, j in ((0, 1), (1, 2), (0, 2))]
    )
    longest = np.argmax(lengths, axis=0)
    # local vertices in the order that puts the longest facet between the first and the last
    q = np.array([[0, 2, 1], [1, 0, 2], [0, 1, 2]]).T[:, longest]
    facet_of = np.array([[-1, 0, 2], [0, -1, 1], [2, 1, -1]])
    facets = np.stack([facet_of[q[0], q[1]], facet_of[q[1], q[2]], facet_of[q[0], q[2]]])
    f = np.take_along_axis(t2f, facets, axis=0)
    marked = marked.copy()
    while True:  # a cell with any halved facet halves its longest one
        more = f[2, marked[f].any(axis=0) & ~marked[f[2]]]
        if more.size == 0:
            break
        marked[more] = True
    a, b, c = marked[f]
    patterns: list[Pattern] = [
        (~c, [(0, 1, 2)]),
        (a & b & c, _RED),
        (~a & b & c, _BLUE_12),
        (a & ~b & c, _BLUE_01),
        (~a & ~b & c, _GREEN),
    ]
    v = np.take_along_axis(t, q, axis=0)
    corner = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])[:, q]
    middle = np.stack(
        [corner[:, [0, 1]].mean(1), corner[:, [1, 2]].mean(1), corner[:, [0, 2]].mean(1)], axis=1
    )
    labels = np.vstack([v, mesh.nvertices + f])
    return labels, np.concatenate([corner, middle], axis=1), patterns, marked


def _quadrilateral(mesh: Any, marked: np.ndarray) -> tuple:
    t, f = mesh.t, mesh.t2f
    # opposite facets are halved together: mark whole chains of them
    rows, cols = f[:2].ravel(), f[2:].ravel()
    graph = sp.coo_matrix((np.ones(rows.size), (rows, cols)), shape=(mesh.nfacets, mesh.nfacets))
    _, chain = connected_components(graph, directed=False)
    marked = np.isin(chain, chain[marked])
    x, y = marked[f[0]], marked[f[1]]
    patterns: list[Pattern] = [
        (~x & ~y, [(0, 1, 2, 3)]),
        (x & ~y, _QUAD_X),
        (~x & y, _QUAD_Y),
        (x & y, _QUAD_XY),
    ]
    n_vertices, n_facets = mesh.nvertices, mesh.nfacets
    labels = np.vstack([t, n_vertices + f, n_vertices + n_facets + np.arange(t.shape[1])])
    points = np.array([[0, 1, 1, 0, 0.5, 1, 0.5, 0, 0.5], [0, 0, 1, 1, 0, 0.5, 1, 0.5, 0.5]])
    return labels, np.tile(points[:, :, None], t.shape[1]), patterns, marked


def _shapes(element: Any, points: np.ndarray) -> np.ndarray:
    """Values of the shape functions of ``element`` at reference points (dim, ...), stacked
    first.
    """
    count = element.doflocs.shape[0]
    return np.stack([element.lbasis(points, i)[0] for i in range(count)])


def _carry(mesh: Any, corners: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Nodes of the children: reference corners (dim, k, n) through the map of each parent."""
    element = mesh.elem()
    straight = _VERTEX_ELEMENT[corners.shape[1]]
    weights = _shapes(straight, element.doflocs.T)  # (k, nodes per cell)
    inside = np.einsum("dkn,kj->djn", corners, weights)
    values = _shapes(element, inside)  # (nodes per parent, nodes per child, n)
    old = mesh.dofs.element_dofs[:, parent]
    return np.einsum("ijn,din->djn", values, mesh.doflocs[:, old])


def _new_facets(
    device: DeviceMesh, new: Any, used: np.ndarray, facets: np.ndarray, marked: np.ndarray
) -> np.ndarray:
    """Facets of the new mesh that make up old facets."""
    ends = device.mesh.facets[:, facets].astype(np.int64)
    if device.dim == 2:
        halved = marked[facets]
        whole, cut = ends[:, ~halved], ends[:, halved]
        middle = device.mesh.nvertices + facets[halved]
        ends = np.hstack([whole, np.vstack([cut[0], middle]), np.vstack([middle, cut[1]])])
    return find_facets(new, np.searchsorted(used, ends))
