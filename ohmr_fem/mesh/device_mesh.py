"""Device meshes: a scikit-fem mesh in metres with named boundaries and regions.

Everything that makes or changes a mesh (reading, grids, refinement) returns a
:class:`DeviceMesh`; scikit-fem's own named boundaries are not used, because
its adaptive refinement drops them.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import skfem

from ..errors import InputError, MeshError, suggest
from ..errors.doors import door, door_of
from ..units import engineering, owned, positive, to_si, whole, whole_numbers
from .cells import CELL_TYPES, STRAIGHT, cell_kind, with_exact_trace
from .check import check_cells, check_mesh
from .refine import split

AXES = {
    ("x",),
    ("x", "y"),
    ("y",),
    ("z",),
    ("y", "z"),
}
Groups = Mapping[str, np.ndarray]
Selector = Callable[[np.ndarray], np.ndarray] | np.ndarray


@door_of
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
        ("x",) a channel along x, across which nothing varies; see :func:`ohmr_fem.channel`.
    boundaries : mapping name -> facet indices
        Disjoint sets of boundary facets; a facet in none of them is an insulating reflecting edge.
    regions : mapping name -> cell indices
        Disjoint and covering; ``{"bulk": all cells}`` if empty.
    source : str
        File or generator, for provenance.
    width : float, optional
        Of a channel, in m.

    Raises
    ------
    MeshError
        Axes that are none of these; a width without a channel, or a channel without one.
    InputError
        A width that is not positive, numbers of facets or cells that are not whole.
    """

    mesh: skfem.Mesh
    axes: tuple[str, ...]
    boundaries: Groups = field(default_factory=dict)
    regions: Groups = field(default_factory=dict)
    source: str = ""
    width: float | None = None

    def __post_init__(self) -> None:
        regions = dict(self.regions)
        if not regions:
            regions["bulk"] = np.arange(self.mesh.nelements)
        put = object.__setattr__
        put(self, "mesh", _own_mesh(self.mesh))
        put(self, "axes", tuple(self.axes))
        put(self, "boundaries", _frozen(self.boundaries))
        put(self, "regions", _frozen(regions))
        # check_mesh refuses axes that do not fit the dimension
        fits = self.mesh.dim() == len(self.axes)
        if fits and self.axes not in AXES:
            raise MeshError(
                f"axes must be ('x', 'y'), ('y',), ('z',), ('y', 'z') or ('x',), got {self.axes}",
                value=self.axes,
            )
        if (self.width is None) == self.is_channel:
            raise MeshError(
                "a channel, and nothing else, has a width: make it by of.channel(length, width)",
                value=self.width,
            )
        if self.width is not None:
            put(self, "width", positive(self.width, "m", "width"))

    def __reduce__(self) -> tuple[type[DeviceMesh], tuple[object, ...]]:
        """What other processes need: mapping proxies do not travel."""
        parts = (
            self.mesh,
            self.axes,
            dict(self.boundaries),
            dict(self.regions),
            self.source,
            self.width,
        )
        return DeviceMesh, parts

    # ---- what it is -------------------------------------------------------------------------

    @functools.cached_property
    def sound(self) -> bool:
        """True, looked at once; MeshError for cells that are flat, folded or not finite.

        Raises
        ------
        MeshError
            What is wrong with it.
        """
        check_cells(self)
        return True

    @property
    def dim(self) -> int:
        """Number of space dimensions, 1 or 2."""
        return int(self.mesh.dim())

    @property
    def is_channel(self) -> bool:
        """Whether this is a channel along x, with contacts at points of it."""
        return self.axes == ("x",)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
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
        pairs = [(0, 1)]
        if self.dim > 1:
            pairs = self.mesh.refdom.facets
        lengths = []
        for i, j in pairs:
            edges = ends[:, i] - ends[:, j]
            lengths.append(_lengths(edges))
        return np.max(lengths, axis=0)

    @property
    def edge_sizes(self) -> np.ndarray:
        """Length of every facet (1D: of every cell) in metres."""
        if self.dim == 1:
            return self.cell_sizes
        ends = self.mesh.p[:, self.mesh.facets]
        edges = ends[:, 1] - ends[:, 0]
        return _lengths(edges)

    def region_of_cells(self) -> np.ndarray:
        """The region of every cell.

        Returns
        -------
        (n_cells,) int
            Index into ``list(self.regions)``.
        """
        index = np.full(self.n_cells, -1)
        for i, cells in enumerate(self.regions.values()):
            index[cells] = i
        return index

    def boundary_facets(self, name: str | None = None) -> np.ndarray:
        """Facets of a boundary.

        Parameters
        ----------
        name : str or None
            With None, the boundary facets that carry no name.

        Returns
        -------
        (n,) int

        Raises
        ------
        InputError
            No boundary of this name.
        """
        if name is not None:
            return self._named(name, self.boundaries)
        outer = self.mesh.boundary_facets()
        return np.setdiff1d(outer, _members(self.boundaries))

    def rim(self, place: str) -> np.ndarray:
        """Facets of a named boundary, or around a named region.

        Parameters
        ----------
        place : str
            Name of a boundary or region.

        Returns
        -------
        (n,) int

        Raises
        ------
        InputError
            No boundary and no region of this name.
        """
        members = self._named(place, {**self.regions, **self.boundaries})
        if place in self.boundaries:
            return members
        inside = np.isin(np.arange(self.n_cells), members)
        first, second = self.mesh.f2t
        beyond = np.where(second >= 0, inside[second], False)
        return np.flatnonzero(inside[first] != beyond)

    def _named(self, name: str, places: Mapping[str, np.ndarray]) -> np.ndarray:
        if name not in places:
            raise InputError(
                f"no place of the mesh has this name; {suggest(name, places)}", value=name, key=name
            )
        return places[name]

    def __repr__(self) -> str:
        parts = []
        for label, text in self._summary():
            parts.append(f"{label} {text}".strip())
        return f"DeviceMesh({'; '.join(parts)})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = ""
        for label, text in self._summary():
            rows += f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>"
        return f"<table><caption>DeviceMesh</caption>{rows}</table>"

    def _summary(self) -> list[tuple[str, str]]:
        if self.n_cells == 0:
            return [("", "empty")]
        kind = cell_kind(self.mesh)
        words = type(self.mesh).__name__
        if kind is not None:
            _, words = CELL_TYPES[kind]
        extent = " x ".join(_metres(v) for v in self.extent)
        axes = ", ".join(self.axes)
        edges = self.edge_sizes
        shortest = _metres(edges.min())
        longest = _metres(edges.max())
        boundaries = _counted(self.boundaries) or "none named"
        out = [
            ("", f"{extent} in ({axes})"),
            ("cells", f"{self.n_cells} {words}"),
            ("edges", f"{shortest} to {longest}"),
            ("boundaries", boundaries),
            ("regions", _counted(self.regions)),
        ]
        if self.source:
            out.append(("source", self.source))
        return out

    # ---- moved, named, refined --------------------------------------------------------------

    def scaled(self, factor: float) -> DeviceMesh:
        """All coordinates multiplied by a positive factor.

        Parameters
        ----------
        factor : float
            Positive.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        InputError
            A factor that is not positive.
        """
        ratio = positive(factor, "1", "factor")
        width = None if self.width is None else ratio * self.width
        return dataclasses.replace(self._moved(ratio * self.mesh.doflocs), width=width)

    def rotated(self, angle: float) -> DeviceMesh:
        """The mesh turned counter-clockwise about the origin.

        Parameters
        ----------
        angle : float or quantity
            Radians, or "30 deg".

        Returns
        -------
        DeviceMesh

        Raises
        ------
        MeshError
            A mesh that is not 2D.
        InputError
            An angle of another dimension.
        """
        if self.dim != 2:
            raise MeshError("only a 2D mesh can be rotated", value=self.axes)
        radians = to_si(angle, "rad", "angle")
        c = math.cos(radians)
        s = math.sin(radians)
        turn = np.array([[c, -s], [s, c]])
        return self._moved(turn @ self.mesh.doflocs)

    def _moved(self, doflocs: np.ndarray) -> DeviceMesh:
        mesh = dataclasses.replace(self.mesh, doflocs=doflocs)
        return dataclasses.replace(self, mesh=mesh)

    @door
    def with_boundaries(self, boundaries: Mapping[str, Selector]) -> DeviceMesh:
        """Name boundary facets, replacing the old names.

        Parameters
        ----------
        boundaries : {name: facets}
            Each an array of facet indices, or a function of the facet midpoints (shape (dim, n),
            metres) that returns n booleans; only boundary facets are offered to it.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        MeshError
            A name on no boundary facet, or overlapping names.
        """
        facets = self.mesh.boundary_facets()
        ends = self.mesh.facets[:, facets]
        middle = self.mesh.p[:, ends].mean(axis=1)
        named = _select_all(boundaries, middle, facets)
        device = dataclasses.replace(self, boundaries=named)
        check_mesh(device, geometry=False)
        return device

    @door
    def with_regions(self, regions: Mapping[str, Selector]) -> DeviceMesh:
        """Name regions, replacing the old names; cells in none of them become ``bulk``.

        Parameters
        ----------
        regions : {name: cells}
            Each an array of cell indices, or a function of the cell centres (shape (dim, n),
            metres) that returns n booleans.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        MeshError
            A name on no cell, or regions that overlap.
        """
        middle = self.mesh.p[:, self.mesh.t].mean(axis=1)
        cells = np.arange(self.n_cells)
        named = _select_all(regions, middle, cells)
        complete = complete_regions(named, self.n_cells)
        device = dataclasses.replace(self, regions=complete)
        check_mesh(device, geometry=False)
        return device

    def refined(self, times: int = 1) -> DeviceMesh:
        """Every cell halved in each direction; names and curved edges are kept.

        Parameters
        ----------
        times : int
            How often.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        InputError
            ``times`` that is no whole number from 0.
        MeshError
            A kind of cell that cannot be split.
        """
        device = self
        for _ in range(whole(times, 0, "times")):
            everything = np.ones(_n_splittable(device), dtype=bool)
            device = split(device, everything)
        return device

    def refined_at(self, cells: np.ndarray) -> DeviceMesh:
        """Refine the given cells (indices or mask); names and curved edges are kept.

        Triangles are split red-green-blue, neighbours only as far as a conforming mesh needs it.
        Quadrilaterals are split in both directions and the new lines run on through
        opposite edges (on a tensor grid: one inserted line each way).

        Parameters
        ----------
        cells : (n,) int, or (n_cells,) bool
            Indices, or a mask.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        InputError
            Indices that are not whole, or of no cell; a mask of another length.
        MeshError
            A kind of cell that cannot be split.
        """
        cells = _numbers(cells, self.n_cells, "cells")
        if self.dim == 1:
            return self.refined_along(cells)
        facets = np.unique(self.mesh.t2f[:, cells])
        return self.refined_along(facets)

    def refined_along(self, facets: np.ndarray) -> DeviceMesh:
        """Halve some facets, and whatever else a conforming mesh needs.

        Parameters
        ----------
        facets : (n,) int, or bool for all
            Of cells in 1D.

        Returns
        -------
        DeviceMesh

        Raises
        ------
        InputError
            Indices that are not whole, or of no facet; a mask of another length.
        MeshError
            A kind of cell that cannot be split.
        """
        marked = np.zeros(_n_splittable(self), dtype=bool)
        marked[_numbers(facets, marked.size, "facets")] = True
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


def _numbers(given: Any, count: int, name: str) -> np.ndarray:
    """Indices below ``count``, from a list of them or from a mask."""
    if np.asarray(given).dtype == bool:
        if np.shape(given) != (count,):
            raise InputError(
                f"expected a mask of shape ({count},), got {np.shape(given)}", value=given, key=name
            )
        return np.flatnonzero(given)
    numbers = np.unique(whole_numbers(given, name))
    wrong = numbers[(numbers < 0) | (numbers >= count)]
    if wrong.size:
        raise InputError(
            f"expected numbers from 0 to {count - 1}, got {wrong[0]}", value=given, key=name
        )
    return numbers


def _n_splittable(device: DeviceMesh) -> int:
    if device.dim == 1:
        return device.n_cells
    return int(device.mesh.nfacets)


def _lengths(edges: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(edges, axis=0))


def _metres(value: float) -> str:
    return engineering(float(value), "m")


def _counted(groups: Groups) -> str:
    parts = []
    for name, members in groups.items():
        parts.append(f"{name} ({len(members)})")
    return ", ".join(parts)


def _members(groups: Groups) -> np.ndarray:
    """Members of all groups; an empty array of integers if there are none."""
    nothing = np.empty(0, int)
    return np.concatenate([nothing, *groups.values()])


def _frozen(groups: Groups) -> Groups:
    out = {}
    for name, members in groups.items():
        numbers = np.unique(whole_numbers(members, str(name)))
        numbers.flags.writeable = False
        out[str(name)] = numbers
    return MappingProxyType(out)


def members_of(
    given: Any,
    count: int,
    ids: np.ndarray,
) -> np.ndarray:
    """Numbers of cells or facets, or a mask of all that are offered."""
    array = np.asarray(given)
    if array.dtype != bool:
        return whole_numbers(given, "cells or facets")
    if array.shape != (count,):
        raise InputError(f"a mask needs {count} entries, got shape {array.shape}", value=given)
    return np.asarray(ids[array])


def _select_all(
    selectors: Mapping[str, Selector],
    middle: np.ndarray,
    ids: np.ndarray,
) -> dict[str, np.ndarray]:
    out = {}
    for name, selector in selectors.items():
        out[name] = _select(selector, middle, ids)
    return out


def _select(
    selector: Selector,
    middle: np.ndarray,
    ids: np.ndarray,
) -> np.ndarray:
    if not callable(selector):
        return members_of(selector, ids.size, ids)
    chosen = np.asarray(selector(middle), dtype=bool)
    # one answer for all of them is allowed
    chosen = np.broadcast_to(chosen, ids.shape)
    return np.asarray(ids[chosen])


def complete_regions(
    named: Groups,
    n_cells: int,
) -> dict[str, np.ndarray]:
    """Add the cells that belong to no region to ``bulk``."""
    out = {}
    for name, cells in named.items():
        out[name] = np.asarray(cells, dtype=int)
    every = np.arange(n_cells)
    free = np.setdiff1d(every, _members(out))
    if not free.size:
        return out
    if "bulk" in out:
        free = np.concatenate([out["bulk"], free])
    out["bulk"] = free
    return out
