"""Device meshes: a scikit-fem mesh in metres with named boundaries and regions.

Everything that makes or changes a mesh (reading, grids, refinement) returns a
:class:`DeviceMesh`; scikit-fem's own named boundaries are not used, because
its adaptive refinement drops them.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import skfem

from ..errors import MeshError
from ..units import engineering, owned, positive, to_si
from .cells import CELL_TYPES, STRAIGHT, cell_kind, with_exact_trace
from .check import check_mesh
from .refine import split

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
        put(self, "mesh", _own_mesh(self.mesh))
        put(self, "axes", tuple(self.axes))
        put(self, "boundaries", _frozen(self.boundaries))
        put(self, "regions", _frozen(regions))
        if self.mesh.dim() == len(self.axes) and self.axes not in {
            ("x", "y"),
            ("y",),
            ("z",),
            ("y", "z"),
        }:
            raise MeshError(
                f"axes must be ('x', 'y'), ('y',), ('z',) or ('y', 'z'), got {self.axes}",
                value=self.axes,
            )

    def __reduce__(self) -> tuple[type[DeviceMesh], tuple[object, ...]]:
        """What other processes need: mapping proxies do not travel."""
        return DeviceMesh, (
            self.mesh,
            self.axes,
            dict(self.boundaries),
            dict(self.regions),
            self.source,
        )

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

        rows = "".join(
            f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self._summary()
        )
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
            (
                "edges",
                f"{engineering(float(edges.min()), 'm')} to {engineering(float(edges.max()), 'm')}",
            ),
            (
                "boundaries",
                ", ".join(f"{k} ({len(v)})" for k, v in self.boundaries.items()) or "none named",
            ),
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
        check_mesh(device, geometry=False)
        return device

    def with_regions(self, regions: Mapping[str, Selector]) -> DeviceMesh:
        """Name regions, replacing the old names; cells in none of them become ``bulk``.

        Each value is an array of cell indices, or a function of the cell centres (shape (dim, n),
        metres).
        """
        middle = self.mesh.p[:, self.mesh.t].mean(axis=1)
        cells = np.arange(self.n_cells)
        named = {k: _select(v, middle, cells) for k, v in regions.items()}
        device = dataclasses.replace(self, regions=complete_regions(named, self.n_cells))
        check_mesh(device, geometry=False)
        return device

    def refined(self, times: int = 1) -> DeviceMesh:
        """Every cell halved in each direction, ``times`` times; names and curved edges are kept."""
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
        cells = (
            np.flatnonzero(cells)
            if np.asarray(cells).dtype == bool
            else np.unique(np.asarray(cells, dtype=int))
        )
        if self.dim == 1:
            return self.refined_along(cells)
        return self.refined_along(np.unique(self.mesh.t2f[:, cells]))

    def refined_along(self, facets: np.ndarray) -> DeviceMesh:
        """Halve the given facets (1D: cells), and whatever else a conforming mesh needs."""
        marked = np.zeros(_n_splittable(self), dtype=bool)
        facets = np.asarray(facets)
        if (
            facets.size
            and facets.dtype != bool
            and (facets.min() < 0 or facets.max() >= marked.size)
        ):
            raise MeshError(
                f"cells to refine must be numbered 0 to {self.n_cells - 1}", value=facets
            )
        marked[facets] = True
        return split(self, marked)


def _own_mesh(mesh: skfem.Mesh) -> skfem.Mesh:
    """A mesh whose points and cells nobody can write to, of the class used here."""
    mesh = with_exact_trace(mesh)
    points, cells = owned(mesh.doflocs), owned(mesh.t)
    if points is mesh.doflocs and cells is mesh.t:
        return mesh
    mesh = copy.copy(mesh)
    object.__setattr__(mesh, "doflocs", points)
    object.__setattr__(mesh, "t", cells)
    return mesh


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
