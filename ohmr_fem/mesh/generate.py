"""Meshes for devices: tensor grids where edges are parallel or circles concentric, gmsh or netgen
elsewhere.

Cells start at ``resolve / cells_per_length`` on insulating edges and interfaces, smaller at
singular points (re-entrant corners, ends of contacts), and grow with the distance from them. Along
long straight edges gmsh's triangles are as thin as on grids but longer (mesh_layers), except where
regions meet. Cells stay below a quarter of the local width, because nonlocal signals are
exponentially small tails.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError, PhysicsWarning, warn
from ..errors.doors import door
from ..geometry import polygons
from ..geometry.outline import Geometry, Loop, Segment
from ..units import engineering
from .check import check_mesh
from .device_mesh import DeviceMesh
from .grading import CellSizes, cell_sizes, singular_points
from .grids import annulus_mesh, lines_between, tensor_grid

#: Triangles that a generator makes within a minute, and that a solver can still hold.
SOON, MOST_TRIANGLES = 4e5, 5e6
BACKENDS = ("auto", "tensor", "gmsh", "netgen")
# Relative to the size of the device.
TOLERANCE = 1e-9


@door
def mesh_device(
    geometry: Geometry,
    resolve: Any = None,
    *,
    cells_per_length: float = 2.0,
    corner: float = 2e-3,
    growth: float = 1.6,
    backend: str = "auto",
) -> DeviceMesh:
    """Mesh a device.

    Parameters
    ----------
    geometry : Geometry
    resolve : length, m, optional
        Decay length of the moment density to resolve at edges: L_m, or less in strong fields.
        Default half the narrowest width.
    cells_per_length : float
        Cells per ``resolve`` at the edges.
    corner : float
        Smallest cell, at singular points, as a fraction of the narrowest width or contact; at least
        1e-3.
    growth : float
        Ratio of neighbouring cells, above 1 (1.6: on tensor grids; triangles grow by log(growth) x
        distance).
    backend : str
        "tensor": quadrilaterals on graded lines (all edges parallel to two directions) or on a
        polar grid (two concentric circles); "gmsh", "netgen": triangles, curved at arcs, by the
        optional package of that name; "auto": tensor where possible, else gmsh, else netgen where
        gmsh cannot be loaded.

    Returns
    -------
    DeviceMesh with every contact and edge of ``geometry`` as boundary, and its regions.

    Raises
    ------
    InputError
        A wrong argument, or a device that is not rectilinear with ``backend="tensor"``.
    MissingExtraError
        A mesh generator is needed and none can be loaded; the message names what to install.
    """
    if not isinstance(geometry, Geometry):
        raise InputError(
            f"expected a device from ohmr_fem.geometry, got {geometry!r}",
            value=geometry,
            key="mesh_device",
        )
    if backend not in BACKENDS:
        raise InputError(
            f"expected one of {', '.join(BACKENDS)}, got {backend!r}", value=backend, key="backend"
        )
    sizes = cell_sizes(geometry, resolve, cells_per_length, corner, growth)
    device = None
    if backend in ("auto", "tensor"):
        device = _polar(geometry, sizes) or _tensor(geometry, sizes)
        if device is None and backend == "tensor":
            raise InputError(
                "backend 'tensor' needs all edges parallel to two perpendicular directions, or two "
                "concentric circles; "
                "use backend='auto'",
                value=geometry,
            )
    if device is None:
        device = _triangles(geometry, sizes, backend)
    check_mesh(device)
    return device


def _triangles(
    geometry: Geometry,
    sizes: CellSizes,
    backend: str,
) -> DeviceMesh:
    from .generate_gmsh import gmsh_mesh
    from .generate_netgen import load_netgen, netgen_mesh

    _check_number(geometry, sizes)
    if backend == "netgen":
        return netgen_mesh(geometry, sizes)
    try:
        return gmsh_mesh(geometry, sizes)
    except MissingExtraError:
        if backend == "gmsh":
            raise
        try:
            load_netgen()
        except MissingExtraError:
            pass
        else:
            return netgen_mesh(geometry, sizes)
        raise


def _check_number(
    geometry: Geometry,
    sizes: CellSizes,
) -> None:
    """A word before a generator is silent for minutes; InputError before it is for hours."""
    rim = 0.0
    for loop in geometry.loops:
        chords = loop.polygon - np.roll(loop.polygon, 1, axis=0)
        rim += float(np.linalg.norm(chords, axis=1).sum())
    # two to a square of side h, which grows by log(growth) x distance from the edge
    number = 2.3 * rim / (math.log(sizes.growth) * sizes.edge)
    text = (
        f"cells of {engineering(sizes.edge, 'm')} along {engineering(rim, 'm')} of edges may be "
        f"{number:.1e} triangles"
    )
    remedy = "check the unit of the device and the diffusion length, or resolve a larger length"
    if number > MOST_TRIANGLES:
        raise InputError(
            f"{text}, at most {MOST_TRIANGLES:g}; {remedy}", value=geometry, key="resolve"
        )
    if number > SOON:
        warn(PhysicsWarning(f"{text}, which take minutes; {remedy}", key="resolve"))


# ---- tensor grids -------------------------------------------------------------------------------


def _tensor(
    geometry: Geometry,
    sizes: CellSizes,
) -> DeviceMesh | None:
    """Quadrilaterals on lines through every corner; None if the device is not rectilinear."""
    angle = _direction(geometry)
    upright = _snapped(geometry.rotated(-angle)) if angle else _snapped(geometry)
    if upright is None:
        return None
    segments = list(upright.boundary())
    x = _axis_lines(upright, segments, 0, sizes)
    y = _axis_lines(upright, segments, 1, sizes)
    grid = tensor_grid(x, y, keep=lambda p: upright.contains(p.T), source=repr(geometry))
    centres = grid.mesh.p[:, grid.mesh.t].mean(axis=1)
    cells = _regions_at(upright, centres.T)
    facets = _boundaries(grid, segments)
    boundaries = {name: facets[name] for name in geometry.named if name in facets}
    regions = {name: cells[name] for name in geometry.regions}
    device = dataclasses.replace(grid, boundaries=boundaries, regions=regions)
    return device.rotated(angle) if angle else device


def _direction(geometry: Geometry) -> float:
    """Angle of the longest edge, modulo a right angle."""
    loop = geometry.outline
    chords = [b - a for a, b, _ in map(loop.edge, range(len(loop.points)))]
    longest = max(chords, key=lambda v: float(v @ v))
    angle = math.atan2(longest[1], longest[0]) % (math.pi / 2)
    return 0.0 if min(angle, math.pi / 2 - angle) < TOLERANCE else angle


def _snapped(geometry: Geometry) -> Geometry | None:
    """Coordinates that agree to round-off made equal; None unless all edges follow the axes."""
    region_loops = _region_loops(geometry)
    drawn = [*geometry.loops, *region_loops.values()]
    if any(b != 0 for loop in drawn for b in loop.bulges):
        return None
    points = np.vstack([loop.points for loop in drawn])
    tolerance = TOLERANCE * 10 * geometry.size
    new = np.column_stack([_snap(points[:, i], tolerance) for i in (0, 1)])
    start = 0
    loops = []
    for loop in drawn:
        corners = new[start : start + len(loop.points)]
        oblique = np.all(corners != np.roll(corners, -1, axis=0), axis=1)
        if np.any(oblique):
            return None
        places = tuple((float(x), float(y)) for x, y in corners)
        loops.append(Loop(places, loop.bulges))
        start += len(loop.points)
    n = len(geometry.loops)
    regions = dict(geometry.regions) | dict(zip(region_loops, loops[n:], strict=True))
    return dataclasses.replace(geometry, outline=loops[0], holes=tuple(loops[1:n]), regions=regions)


def _region_loops(geometry: Geometry) -> dict[str, Loop]:
    """Outlines of the regions that have one."""
    return {name: loop for name, loop in geometry.regions.items() if loop is not None}


def _snap(
    values: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    order = np.argsort(values)
    group = np.concatenate([[0], np.cumsum(np.diff(values[order]) > tolerance)])
    mean = np.bincount(group, values[order]) / np.bincount(group)
    out = np.empty_like(values)
    out[order] = mean[group]
    return out


def _axis_lines(
    geometry: Geometry,
    segments: list[Segment],
    axis: int,
    sizes: CellSizes,
) -> np.ndarray:
    """Grid lines along one axis: through every corner, graded to edges and singular points."""
    size_at = _sizes_along(geometry, segments, axis, sizes)
    outline = [p[axis] for p in geometry.outline.points]
    places = sorted(v for v in size_at if min(outline) <= v <= max(outline))
    lines = [np.array(places[:1])]
    for a, b in itertools.pairwise(places):
        extent = _extent(geometry, axis, (a + b) / 2)
        largest = max(extent / 4, sizes.corner)
        between = lines_between(a, b, size_at[a], size_at[b], largest, sizes.growth)
        lines.append(between[1:])
    return np.concatenate(lines)


def _sizes_along(
    geometry: Geometry,
    segments: list[Segment],
    axis: int,
    sizes: CellSizes,
) -> dict[float, float]:
    """Coordinates along one axis that a grid line must have, and the cell size there."""
    size_at: dict[float, float] = {}
    tolerance = TOLERANCE * geometry.size

    def at(
        value: float,
        size: float,
    ) -> None:
        known = next((v for v in size_at if abs(v - value) <= tolerance), value)
        size_at[known] = min(size, size_at.get(known, math.inf))

    for loop in (*geometry.loops, *_region_loops(geometry).values()):
        size = math.inf if loop in geometry.loops else sizes.edge
        for corner in loop.points:
            at(corner[axis], size)
    for segment in segments:
        across = segment.start[axis] == segment.stop[axis]
        insulating = segment.name not in geometry.contacts
        size = sizes.edge if across and insulating else math.inf
        at(float(segment.start[axis]), size)
        at(float(segment.stop[axis]), size)
    for point in singular_points(geometry):
        at(float(point[axis]), sizes.corner)
    return size_at


def _extent(
    geometry: Geometry,
    axis: int,
    at: float,
) -> float:
    """Shortest piece of the line x_axis = at inside the device."""
    crossings = []
    for loop in geometry.loops:
        corners = np.array(loop.points)
        after = np.roll(corners, -1, axis=0)
        hit = (corners[:, axis] > at) != (after[:, axis] > at)
        crossings += corners[hit, 1 - axis].tolist()
    ends = np.sort(crossings)
    return float((ends[1::2] - ends[::2]).min())


def _boundaries(
    device: DeviceMesh,
    segments: list[Segment],
) -> dict[str, np.ndarray]:
    """Facets of the named segments, straight ones."""
    named = [s for s in segments if s.name is not None]
    if not named:
        return {}
    facets = device.mesh.boundary_facets()
    middle = device.mesh.p[:, device.mesh.facets[:, facets]].mean(axis=1)
    start = np.array([s.start for s in named])
    stop = np.array([s.stop for s in named])
    distance = polygons.point_segment_distance(middle.T, start, stop)
    on = distance.min(axis=1) < TOLERANCE * device.size
    owner = np.where(on, distance.argmin(axis=1), -1)
    out: dict[str, list[np.ndarray]] = {}
    for i, segment in enumerate(named):
        parts = out.setdefault(str(segment.name), [])
        parts.append(facets[owner == i])
    return {name: np.concatenate(parts) for name, parts in out.items()}


def _regions_at(
    geometry: Geometry,
    centres: np.ndarray,
) -> dict[str, np.ndarray]:
    """Cells of each region, from their centres (n, 2)."""
    left = np.ones(len(centres), dtype=bool)
    out = {}
    for name, loop in geometry.regions.items():
        if loop is not None:
            member = polygons.inside(centres, loop.polygon)
            left &= ~member
            out[name] = np.flatnonzero(member)
    rest = next((k for k, r in geometry.regions.items() if r is None), None)
    if rest is not None:
        out[rest] = np.flatnonzero(left)
    return out


# ---- polar grids --------------------------------------------------------------------------------


def _polar(
    geometry: Geometry,
    sizes: CellSizes,
) -> DeviceMesh | None:
    """A ring between two concentric circles, each with one name or none; None for any other
    device.
    """
    circles = [_circle(loop) for loop in geometry.loops]
    if len(circles) != 2 or None in circles or geometry.regions:
        return None
    (centre, r2), (other, r1) = circles  # type: ignore[misc]
    names = [_names_of_loop(geometry, k) for k in (0, 1)]
    if np.linalg.norm(centre - other) > TOLERANCE * r2 or any(len(n) > 1 for n in names):
        return None
    outer, inner = (next(iter(n)) for n in names)
    size_outer = sizes.largest if outer in geometry.contacts else sizes.edge
    size_inner = sizes.largest if inner in geometry.contacts else sizes.edge
    gap = r2 - r1
    radii = lines_between(r1, r2, size_inner, size_outer, gap / 4, sizes.growth)
    # The spacing along the outer circle is at most half the gap.
    around = max(48, 8 * math.ceil(math.pi / 4 * r2 / (gap / 2)))
    grid = annulus_mesh(r1, r2, around=around, radii=radii)
    named = {}
    for name, circle in ((outer, "outer"), (inner, "inner")):
        if name:
            named[name] = grid.boundaries[circle]
    device = dataclasses.replace(grid, boundaries=named, source=repr(geometry))
    return device._moved(device.mesh.doflocs + centre[:, None])


def _names_of_loop(
    geometry: Geometry,
    loop: int,
) -> set[str | None]:
    return {s.name for s in geometry.boundary() if s.loop == loop}


def _circle(loop: Loop) -> tuple[np.ndarray, float] | None:
    """Centre and radius, if all edges are arcs of one full circle."""
    if not all(loop.bulges):
        return None
    arcs = [loop.edge(i) for i in range(len(loop.points))]
    centres = np.array([polygons.arc_centre(*arc) for arc in arcs])
    arms = [arc[0] - centre for arc, centre in zip(arcs, centres, strict=True)]
    radii = np.array([np.linalg.norm(arm) for arm in arms])
    tolerance = TOLERANCE * radii[0]
    same_centre = np.ptp(centres, axis=0).max() <= tolerance
    same_radius = np.ptp(radii) <= tolerance
    if not (same_centre and same_radius):
        return None
    return centres.mean(axis=0), float(radii.mean())
