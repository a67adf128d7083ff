"""Device meshes: a scikit-fem mesh in metres with named boundaries and regions.

Everything that makes or changes a mesh (reading, grids, refinement) returns a
:class:`DeviceMesh`; scikit-fem's own named boundaries are not used, because
its adaptive refinement drops them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import skfem
from skfem.assembly import Dofs

from .errors import MeshError
from .mesh_cells import CELL_TYPES, STRAIGHT, cell_kind, with_exact_trace
from .units import engineering, positive, to_si

Selector = Callable[[np.ndarray], np.ndarray] | np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class DeviceMesh:
    """A meshed device.

    Parameters
    ----------
    mesh : skfem.Mesh
        MeshLine1, MeshTri1, MeshTri2, MeshQuad1 or MeshQuad2; coordinates in metres.
    axes : tuple of str
        ("x", "y") device plane; ("y",) or ("z",) cross-section of a strip or film;
        ("y", "z") cross-section of a wire. The current flows along x in cross-sections.
    boundaries : mapping name -> facet indices
        Disjoint sets of boundary facets; a facet in none of them is an insulating reflecting edge.
    regions : mapping name -> cell indices
        Disjoint and covering; ``{"bulk": all cells}`` if empty.
    source : str
        File or generator, for provenance.
    """

    mesh: skfem.Mesh
    axes: tuple[str, ...]
    boundaries: Mapping[str, np.ndarray] = field(default_factory=dict)
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        regions = dict(self.regions) or {"bulk": np.arange(self.mesh.nelements)}
        put = object.__setattr__
        put(self, "mesh", with_exact_trace(self.mesh))
        put(self, "axes", tuple(self.axes))
        put(self, "boundaries", _frozen(self.boundaries))
        put(self, "regions", _frozen(regions))
        if self.mesh.dim() == len(self.axes) and self.axes not in {("x", "y"), ("y",), ("z",), ("y", "z")}:
            raise MeshError(f"axes must be ('x', 'y'), ('y',), ('z',) or ('y', 'z'), got {self.axes}", value=self.axes)

    # ---- what it is -------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Number of space dimensions, 1 or 2."""
        return int(self.mesh.dim())

    @property
    def n_cells(self) -> int:
        return int(self.mesh.nelements)

    @property
    def order_geometry(self) -> int:
        """1 for straight cells, 2 for curved (quadratic) cells."""
        return 2 if cell_kind(self.mesh) in STRAIGHT else 1

    @property
    def size(self) -> float:
        """Diagonal of the bounding box in metres."""
        return float(np.linalg.norm(self.extent))

    @property
    def extent(self) -> np.ndarray:
        """Side lengths of the bounding box in metres, shape (dim,)."""
        return np.asarray(np.ptp(self.mesh.p, axis=1))

    @property
    def cell_sizes(self) -> np.ndarray:
        """Longest straight edge of every cell in metres, shape (n_cells,)."""
        ends = self.mesh.p[:, self.mesh.t]
        pairs = [(0, 1)] if self.dim == 1 else self.mesh.refdom.facets
        return np.max([np.linalg.norm(ends[:, i] - ends[:, j], axis=0) for i, j in pairs], axis=0)

    @property
    def edge_sizes(self) -> np.ndarray:
        """Length of every facet (1D: of every cell) in metres."""
        if self.dim == 1:
            return self.cell_sizes
        ends = self.mesh.p[:, self.mesh.facets]
        return np.asarray(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0))

    def region_of_cells(self) -> np.ndarray:
        """Index into ``list(self.regions)`` for every cell, shape (n_cells,)."""
        index = np.full(self.n_cells, -1)
        for i, cells in enumerate(self.regions.values()):
            index[cells] = i
        return index

    def boundary_facets(self, name: str | None = None) -> np.ndarray:
        """Facets of a named boundary; with None, the boundary facets that carry no name."""
        if name is not None:
            return self.boundaries[name]
        named = np.concatenate([np.empty(0, int), *self.boundaries.values()])
        return np.setdiff1d(self.mesh.boundary_facets(), named)

    def __repr__(self) -> str:
        return "DeviceMesh(" + "; ".join(f"{k} {v}".strip() for k, v in self._summary()) + ")"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self._summary())
        return f"<table><caption>DeviceMesh</caption>{rows}</table>"

    def _summary(self) -> list[tuple[str, str]]:
        if self.n_cells == 0:
            return [("", "empty")]
        words = CELL_TYPES.get(cell_kind(self.mesh) or object, (None, type(self.mesh).__name__))[1]
        extent = " x ".join(engineering(float(v), "m") for v in self.extent)
        edges = self.edge_sizes
        return [
            ("", f"{extent} in ({', '.join(self.axes)})"),
            ("cells", f"{self.n_cells} {words}"),
            ("edges", f"{engineering(float(edges.min()), 'm')} to {engineering(float(edges.max()), 'm')}"),
            ("boundaries", ", ".join(f"{k} ({len(v)})" for k, v in self.boundaries.items()) or "none named"),
            ("regions", ", ".join(f"{k} ({len(v)})" for k, v in self.regions.items())),
            *([("source", self.source)] if self.source else []),
        ]

    # ---- moved, named, refined --------------------------------------------------------------

    def scaled(self, factor: float) -> DeviceMesh:
        """All coordinates multiplied by a positive factor."""
        return self._moved(positive(factor, "1", "factor") * self.mesh.doflocs)

    def rotated(self, angle: float) -> DeviceMesh:
        """Turned counter-clockwise about the origin by ``angle`` in radians (2D only)."""
        if self.dim != 2:
            raise MeshError("only a 2D mesh can be rotated", value=self.axes)
        c, s = math.cos(to_si(angle, "rad", "angle")), math.sin(to_si(angle, "rad", "angle"))
        return self._moved(np.array([[c, -s], [s, c]]) @ self.mesh.doflocs)

    def _moved(self, doflocs: np.ndarray) -> DeviceMesh:
        return dataclasses.replace(self, mesh=dataclasses.replace(self.mesh, doflocs=doflocs))

    def with_boundaries(self, boundaries: Mapping[str, Selector]) -> DeviceMesh:
        """Name boundary facets, replacing the old names.

        Each value is an array of facet indices, or a function of the facet midpoints
        (shape (dim, n), metres) that returns n booleans; only boundary facets are offered to it.

        Raises
        ------
        MeshError
            A name on no boundary facet, or overlapping names.
        """
        facets = self.mesh.boundary_facets()
        middle = self.mesh.p[:, self.mesh.facets[:, facets]].mean(axis=1)
        named = {k: _select(v, middle, facets) for k, v in boundaries.items()}
        device = dataclasses.replace(self, boundaries=named)
        _check()(device, geometry=False)
        return device

    def with_regions(self, regions: Mapping[str, Selector]) -> DeviceMesh:
        """Name regions, replacing the old names; cells in none of them become ``bulk``.

        Each value is an array of cell indices, or a function of the cell centres (shape (dim, n), metres).
        """
        middle = self.mesh.p[:, self.mesh.t].mean(axis=1)
        cells = np.arange(self.n_cells)
        named = {k: _select(v, middle, cells) for k, v in regions.items()}
        device = dataclasses.replace(self, regions=complete_regions(named, self.n_cells))
        _check()(device, geometry=False)
        return device

    def refined(self, times: int = 1) -> DeviceMesh:
        """Every cell halved in each direction, ``times`` times; names and curved edges are kept."""
        from .mesh_refine import split

        device = self
        for _ in range(times):
            device = split(device, np.ones(_n_splittable(device), dtype=bool))
        return device

    def refined_at(self, cells: np.ndarray) -> DeviceMesh:
        """Refine the given cells (indices or mask); names and curved edges are kept.

        Triangles are split red-green-blue, neighbours only as far as a conforming mesh needs it.
        Quadrilaterals are split in both directions and the new lines run on through
        opposite edges (on a tensor grid: one inserted line each way).
        """
        cells = np.flatnonzero(cells) if np.asarray(cells).dtype == bool else np.unique(np.asarray(cells, dtype=int))
        if self.dim == 1:
            return self.refined_along(cells)
        return self.refined_along(np.unique(self.mesh.t2f[:, cells]))

    def refined_along(self, facets: np.ndarray) -> DeviceMesh:
        """Halve the given facets (1D: cells), and whatever else a conforming mesh needs."""
        from .mesh_refine import split

        marked = np.zeros(_n_splittable(self), dtype=bool)
        facets = np.asarray(facets)
        if facets.size and facets.dtype != bool and (facets.min() < 0 or facets.max() >= marked.size):
            raise MeshError(f"cells to refine must be numbered 0 to {self.n_cells - 1}", value=facets)
        marked[facets] = True
        return split(self, marked)


def _check() -> Callable[..., None]:
    from .mesh_check import check_mesh

    return check_mesh


def _n_splittable(device: DeviceMesh) -> int:
    return int(device.n_cells if device.dim == 1 else device.mesh.nfacets)


def _frozen(groups: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    out = {}
    for name, members in groups.items():
        out[str(name)] = np.unique(np.asarray(members, dtype=np.int64))
        out[str(name)].flags.writeable = False
    return MappingProxyType(out)


def _select(selector: Selector, middle: np.ndarray, ids: np.ndarray) -> np.ndarray:
    if callable(selector):
        return np.asarray(ids[np.broadcast_to(np.asarray(selector(middle), dtype=bool), ids.shape)])
    return np.asarray(selector)


def complete_regions(named: Mapping[str, np.ndarray], n_cells: int) -> dict[str, np.ndarray]:
    """Add the cells that belong to no region to ``bulk``."""
    out = {k: np.asarray(v, dtype=int) for k, v in named.items()}
    free = np.setdiff1d(np.arange(n_cells), np.concatenate([np.empty(0, int), *out.values()]))
    if free.size:
        out["bulk"] = np.concatenate([out.get("bulk", np.empty(0, int)), free])
    return out


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
    mesh, labels : labels[i] is the label of vertex i of the mesh. Labels that no cell uses leave no trace.

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
    return np.asarray(np.take_along_axis(start, _parallel(np.take_along_axis(t, start, axis=0)), axis=0))


def _parallel(t: np.ndarray) -> np.ndarray:
    """Rotate each quadrilateral so that opposite edges point the same way across the whole mesh.

    Every facet gets a direction; two opposite facets of a cell share theirs. The graph of
    (facet, direction) pairs falls apart into mirror pairs of components, one of each is chosen.
    """
    import scipy.sparse as sp
    from scipy.sparse.csgraph import connected_components

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
    _, comp = connected_components(sp.coo_matrix((np.ones(rows.size), (rows, cols)), shape=(2 * n, 2 * n)), False)
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
