"""Refinement that keeps names and curved edges.

Each child cell is a template in the reference cell of its parent. Straight
and curved meshes go the same way: the parent's own map carries the child's nodes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import skfem
from scipy.sparse.csgraph import connected_components

from ..errors import MeshError
from .cells import build_mesh, cell_kind, find_facets

if TYPE_CHECKING:
    from .device_mesh import DeviceMesh

_VERTEX_ELEMENT = {
    2: skfem.ElementLineP1(),
    3: skfem.ElementTriP1(),
    4: skfem.ElementQuad1(),
}

# Points of a parent: its vertices, then the midpoints of its facets, then (quadrilaterals) its
# centre.
_UNCUT_LINE = [(0, 1)]
_HALVES = [(0, 2), (2, 1)]
# Triangles, with vertices renumbered so that facet 2, from 0 to 2, is the longest.
_UNCUT_TRIANGLE = [(0, 1, 2)]
_RED = [
    (0, 3, 5),
    (3, 1, 4),
    (5, 4, 2),
    (3, 4, 5),  # the middle one
]
_BLUE_12 = [(0, 1, 5), (1, 4, 5), (5, 4, 2)]
_BLUE_01 = [(0, 3, 5), (3, 1, 5), (5, 1, 2)]
_GREEN = [(0, 1, 5), (5, 1, 2)]
# Quadrilaterals: facets 0 and 2 halved, facets 1 and 3 halved, both.
_UNCUT_QUAD = [(0, 1, 2, 3)]
_QUAD_X = [(0, 4, 6, 3), (4, 1, 2, 6)]
_QUAD_Y = [(0, 1, 5, 7), (7, 5, 2, 3)]
_QUAD_XY = [
    (0, 4, 8, 7),
    (4, 1, 5, 8),
    (8, 5, 2, 6),
    (7, 8, 6, 3),
]
_QUAD_POINTS = np.array(
    [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
        [0.5, 0],
        [1, 0.5],
        [0.5, 1],
        [0, 0.5],
        [0.5, 0.5],
    ]
).T

Pattern = tuple[np.ndarray, Sequence[tuple[int, ...]]]


class _Templates(NamedTuple):
    """How the parents are cut: labels (k, n) and reference coordinates (dim, k, n) of their
    points, and which parents (n,) have which children.
    """

    labels: np.ndarray
    reference: np.ndarray
    patterns: list[Pattern]
    marked: np.ndarray


class _Children(NamedTuple):
    """Parent (n,), labels of the vertices (k, n) and reference corners (dim, k, n) of each."""

    parent: np.ndarray
    vertices: np.ndarray
    corners: np.ndarray


def split(
    device: DeviceMesh,
    marked: np.ndarray,
) -> DeviceMesh:
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
    cut = {2: _line, 3: _triangle, 4: _quadrilateral}[mesh.t.shape[0]]
    templates = cut(mesh, marked)
    children = _children(templates)
    nodes = _carry(mesh, children.corners, children.parent)
    new, used = build_mesh(kind, children.vertices, nodes)
    boundaries = {}
    for name, facets in device.boundaries.items():
        boundaries[name] = _new_facets(device, new, used, facets, templates.marked)
    of_parent = device.region_of_cells()[children.parent]
    regions = {}
    for i, name in enumerate(device.regions):
        regions[name] = np.flatnonzero(of_parent == i)
    return dataclasses.replace(device, mesh=new, boundaries=boundaries, regions=regions)


def _children(templates: _Templates) -> _Children:
    parents = []
    vertices = []
    corners = []
    for members, children in templates.patterns:
        cells = np.flatnonzero(members)
        for child in children:
            points = list(child)
            parents.append(cells)
            vertices.append(templates.labels[points][:, members])
            corners.append(templates.reference[:, points][:, :, members])
    return _Children(
        parent=np.concatenate(parents),
        vertices=np.hstack(vertices),
        corners=np.concatenate(corners, axis=2),
    )


def _line(
    mesh: Any,
    marked: np.ndarray,
) -> _Templates:
    count = mesh.t.shape[1]
    middles = mesh.nvertices + np.arange(count)
    labels = np.vstack([mesh.t, middles])
    points = np.array([[0.0, 1.0, 0.5]])
    reference = np.tile(points[:, :, None], count)
    patterns: list[Pattern] = [(~marked, _UNCUT_LINE), (marked, _HALVES)]
    return _Templates(labels, reference, patterns, marked)


def _triangle(
    mesh: Any,
    marked: np.ndarray,
) -> _Templates:
    order = _longest_last(mesh)
    facets = np.take_along_axis(mesh.t2f, _local_facets(order), axis=0)
    marked = _with_longest(marked, facets)
    a, b, c = marked[facets]
    patterns: list[Pattern] = [
        (~c, _UNCUT_TRIANGLE),
        (a & b & c, _RED),
        (~a & b & c, _BLUE_12),
        (a & ~b & c, _BLUE_01),
        (~a & ~b & c, _GREEN),
    ]
    vertices = np.take_along_axis(mesh.t, order, axis=0)
    labels = np.vstack([vertices, mesh.nvertices + facets])
    return _Templates(labels, _triangle_points(order), patterns, marked)


def _longest_last(mesh: Any) -> np.ndarray:
    """Local vertices (3, n) in the order that puts the longest facet between first and last."""
    lengths = []
    for i, j in mesh.refdom.facets:
        start = mesh.p[:, mesh.t[i]]
        stop = mesh.p[:, mesh.t[j]]
        lengths.append(np.linalg.norm(start - stop, axis=0))
    longest = np.argmax(np.array(lengths), axis=0)
    orders = np.array([[0, 2, 1], [1, 0, 2], [0, 1, 2]])
    return orders.T[:, longest]


def _local_facets(order: np.ndarray) -> np.ndarray:
    """Local facets 01, 12 and 02 (3, n) of triangles with reordered vertices."""
    first, second, third = order
    between = np.array([[-1, 0, 2], [0, -1, 1], [2, 1, -1]])
    f01 = between[first, second]
    f12 = between[second, third]
    f02 = between[first, third]
    return np.stack([f01, f12, f02])


def _with_longest(
    marked: np.ndarray,
    facets: np.ndarray,
) -> np.ndarray:
    """The mark, closed so that a cell with any halved facet halves its longest one."""
    marked = marked.copy()
    longest = facets[2]
    while True:
        lacking = marked[facets].any(axis=0) & ~marked[longest]
        if not lacking.any():
            return marked
        marked[longest[lacking]] = True


def _triangle_points(order: np.ndarray) -> np.ndarray:
    """Reference corners and midpoints (2, 6, n) of triangles with reordered vertices."""
    reference = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    corners = reference[:, order]
    m01 = corners[:, [0, 1]].mean(1)
    m12 = corners[:, [1, 2]].mean(1)
    m02 = corners[:, [0, 2]].mean(1)
    middles = np.stack([m01, m12, m02], axis=1)
    return np.concatenate([corners, middles], axis=1)


def _quadrilateral(
    mesh: Any,
    marked: np.ndarray,
) -> _Templates:
    facets = mesh.t2f
    marked = _with_opposite(mesh, marked)
    x = marked[facets[0]]
    y = marked[facets[1]]
    patterns: list[Pattern] = [
        (~x & ~y, _UNCUT_QUAD),
        (x & ~y, _QUAD_X),
        (~x & y, _QUAD_Y),
        (x & y, _QUAD_XY),
    ]
    count = mesh.t.shape[1]
    sides = mesh.nvertices + facets
    centres = mesh.nvertices + mesh.nfacets + np.arange(count)
    labels = np.vstack([mesh.t, sides, centres])
    reference = np.tile(_QUAD_POINTS[:, :, None], count)
    return _Templates(labels, reference, patterns, marked)


def _with_opposite(
    mesh: Any,
    marked: np.ndarray,
) -> np.ndarray:
    """The mark, closed so that opposite facets are halved together: whole chains of them."""
    one = mesh.t2f[:2].ravel()
    opposite = mesh.t2f[2:].ravel()
    links = np.ones(one.size)
    shape = (mesh.nfacets, mesh.nfacets)
    graph = sp.coo_matrix((links, (one, opposite)), shape=shape)
    _, chain = connected_components(graph, directed=False)
    return np.isin(chain, chain[marked])


def _shapes(
    element: Any,
    points: np.ndarray,
) -> np.ndarray:
    """Values of the shape functions of ``element`` at reference points (dim, ...), stacked
    first.
    """
    count = element.doflocs.shape[0]
    values = [element.lbasis(points, i)[0] for i in range(count)]
    return np.stack(values)


def _carry(
    mesh: Any,
    corners: np.ndarray,
    parent: np.ndarray,
) -> np.ndarray:
    """Nodes of the children: reference corners (dim, k, n) through the map of each parent."""
    element = mesh.elem()
    straight = _VERTEX_ELEMENT[corners.shape[1]]
    weights = _shapes(straight, element.doflocs.T)  # (k, nodes per cell)
    inside = np.einsum("dkn,kj->djn", corners, weights)
    values = _shapes(element, inside)  # (nodes per parent, nodes per child, n)
    old = mesh.dofs.element_dofs[:, parent]
    return np.einsum("ijn,din->djn", values, mesh.doflocs[:, old])


def _new_facets(
    device: DeviceMesh,
    new: Any,
    used: np.ndarray,
    facets: np.ndarray,
    marked: np.ndarray,
) -> np.ndarray:
    """Facets of the new mesh that make up old facets."""
    ends = device.mesh.facets[:, facets].astype(np.int64)
    if device.dim == 2:
        halved = marked[facets]
        whole = ends[:, ~halved]
        start, stop = ends[:, halved]
        middle = device.mesh.nvertices + facets[halved]
        first = np.vstack([start, middle])
        second = np.vstack([middle, stop])
        ends = np.hstack([whole, first, second])
    return find_facets(new, np.searchsorted(used, ends))
