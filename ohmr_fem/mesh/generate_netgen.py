"""Triangles for any device, by netgen (loaded only here): pip brings all it needs, where gmsh wants
system libraries.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import skfem

from ..errors import MeshError, require_extra
from ..geometry import polygons
from ..geometry.outline import Geometry, Loop, Segment
from .cells import build_mesh, find_facets
from .device_mesh import DeviceMesh
from .grading import CellSizes, nearest_segment, singular_points, size_along

# As for gmsh: the geometry kernel has absolute tolerances, circles have at least this many cells.
SIZE = 1e3
AROUND = 40
# How fast cells may grow with the distance: beyond, netgen loses edges, and the sizes beside them.
STEEPEST = 0.6
# Gentler ones are tried where it leaves gaps.
ATTEMPTS = (1.0, 0.6, 0.35)
SIDES = ((0, 1), (1, 2), (2, 0))


def load_netgen() -> Any:
    """Import netgen's geometry kernel, or say what to install."""
    return require_extra("netgen.occ", "netgen", "this way of meshing (backend='netgen')")


def netgen_mesh(
    geometry: Geometry,
    sizes: CellSizes,
) -> DeviceMesh:
    """Triangles graded by distance from edges and singular points; second-order ones if an edge is
    an arc.
    """
    occ = load_netgen()
    from netgen.meshing import MeshingParameters

    scale = SIZE / geometry.size
    try:
        shape = _draw(occ, geometry, scale)
        curves = _named_curves(geometry, shape, scale)
        for gentler in ATTEMPTS:
            grading = gentler * min(math.log(sizes.growth), STEEPEST)
            parameters = MeshingParameters(maxh=scale * sizes.largest, grading=grading)
            _restrict(parameters, geometry, sizes, curves, scale)
            mesh = occ.OCCGeometry(shape, dim=2).GenerateMesh(parameters)
            if _is_whole(mesh):
                return _extract(mesh, geometry, curves, scale)
    except MeshError:
        raise
    except Exception as exc:  # netgen raises several unrelated types
        raise MeshError(
            f"netgen failed on {geometry!r}: {exc}; simplify the outline, or use gmsh"
        ) from exc
    raise MeshError(
        f"netgen left a part of {geometry!r} without cells; simplify the outline, or use gmsh"
    )


def _is_whole(mesh: Any) -> bool:
    """A side of one cell only is drawn. Otherwise netgen gave up and only printed so: it leaves
    gaps, or cells that lie upon each other.
    """
    corners = mesh.Elements2D().NumPy()["nodes"][:, :3]
    drawn = mesh.Elements1D().NumPy()["nodes"][:, :2]
    sides = np.sort(np.concatenate([corners[:, [i, j]] for i, j in SIDES]))
    sides, cells = np.unique(sides, axis=0, return_counts=True)
    rim = set(map(tuple, sides[cells == 1].tolist()))
    return cells.max() <= 2 and rim <= set(map(tuple, np.sort(drawn).tolist()))


def _draw(
    occ: Any,
    geometry: Geometry,
    scale: float,
) -> Any:
    """The device cut along its regions, each face with the name of its region."""
    segments = list(geometry.boundary())
    device = _face(occ, [s for s in segments if s.loop == 0], scale)
    for k in range(1, len(geometry.loops)):
        device = device - _face(occ, [s for s in segments if s.loop == k], scale)
    drawn = {name: loop for name, loop in geometry.regions.items() if loop is not None}
    parts = []
    for name, loop in drawn.items():
        tool = _face(occ, _region_segments(loop), scale)
        part = device * tool
        device = device - tool
        part.faces.name = name
        parts.append(part)
    if not drawn or len(drawn) < len(geometry.regions):
        rest = [name for name in geometry.regions if name not in drawn]
        device.faces.name = rest[0] if rest else "bulk"
        parts.append(device)
    return occ.Glue(parts) if len(parts) > 1 else parts[0]


def _face(
    occ: Any,
    segments: list[Segment],
    scale: float,
) -> Any:
    """The area inside a closed chain of segments."""

    def point(p: np.ndarray) -> Any:
        x, y = p
        return occ.Pnt(scale * float(x), scale * float(y), 0.0)

    edges = []
    for s in segments:
        start = point(s.start)
        stop = point(s.stop)
        if s.bulge:
            half = np.array([0.5])
            (middle,) = polygons.arc_point(s.start, s.stop, s.bulge, half)
            edges.append(occ.ArcOfCircle(start, point(middle), stop))
        else:
            edges.append(occ.Segment(start, stop))
    return occ.Face(occ.Wire(edges))


def _region_segments(loop: Loop) -> list[Segment]:
    return [Segment(*loop.edge(i), None, -1) for i in range(len(loop.points))]


def _named_curves(
    geometry: Geometry,
    shape: Any,
    scale: float,
) -> list[Segment]:
    """Name every edge of the shape by its number in the list that is returned: the piece of
    boundary or of region it is on.
    """
    segments = list(geometry.boundary())
    for loop in geometry.regions.values():
        if loop is not None:
            segments += _region_segments(loop)
    grain = 1e-6 * geometry.size
    found: list[Segment] = []
    for edge in shape.edges:
        low, high = edge.parameter_interval
        p = edge.Value((low + high) / 2)
        middle = np.array([p.x, p.y]) / scale
        # Of a boundary and the side of a region along it the boundary, which comes first.
        gap, i = nearest_segment(middle, segments, grain)
        steps = round(gap / grain)
        if steps > 1:
            raise MeshError(
                f"netgen moved an edge of {geometry!r}; simplify the outline", value=steps
            )
        edge.name = f"curve{len(found)}"
        found.append(segments[i])
    return found


def _restrict(
    parameters: Any,
    geometry: Geometry,
    sizes: CellSizes,
    curves: list[Segment],
    scale: float,
) -> None:
    """Sizes along edges and at singular points; netgen lets them grow with the distance."""
    for s in curves:
        size = size_along(s, geometry, sizes, AROUND)
        if size >= sizes.largest:
            continue
        n = math.ceil(2 * polygons.arc_length(s.start, s.stop, s.bulge) / size)
        fractions = np.linspace(0, 1, n + 1)
        points = polygons.arc_point(s.start, s.stop, s.bulge, fractions)
        # A cell away too: else a side of this size may carry a cell twice as high.
        along = np.gradient(points, axis=0)
        inward = np.column_stack([-along[:, 1], along[:, 0]])
        inward *= size / np.linalg.norm(along, axis=1, keepdims=True)
        within = [points + inward]
        if s.loop < 0:  # regions have cells on either side
            within.append(points - inward)
        for x, y in scale * np.concatenate([points, *within]):
            parameters.RestrictH(x, y, 0.0, scale * size)
    ends = [p for s in curves if s.loop < 0 for p in (s.start, s.stop)]
    for point in [*singular_points(geometry), *ends]:
        x = scale * float(point[0])
        y = scale * float(point[1])
        parameters.RestrictH(x, y, 0.0, scale * sizes.corner)


def _extract(
    mesh: Any,
    geometry: Geometry,
    curves: list[Segment],
    scale: float,
) -> DeviceMesh:
    coordinates = np.array(mesh.Coordinates())
    points = coordinates[:, :2].T / scale
    faces = mesh.Elements2D().NumPy()
    lines = mesh.Elements1D().NumPy()
    # netgen counts from 1
    cells = faces["nodes"][:, :3].T.astype(np.int64) - 1
    ends = lines["nodes"][:, :2].T.astype(np.int64) - 1
    owner = [_curve_number(mesh, int(i)) for i in lines["index"]]
    nodes = points[:, cells]
    kind = skfem.MeshTri1
    if geometry.curved:
        kind = skfem.MeshTri2
        pieces = [curves[i] for i in owner]
        middles = _middles(points, cells, ends, pieces)
        nodes = np.concatenate([nodes, middles], axis=1)
    built, used = build_mesh(kind, cells, nodes)
    facets = find_facets(built, np.searchsorted(used, ends))
    named = np.array([curves[i].name or "" for i in owner])
    count = int(faces["index"].max())
    names = np.array([mesh.GetMaterial(i) for i in range(1, count + 1)])
    materials = names[faces["index"] - 1]
    regions = list(geometry.regions) or ["bulk"]
    boundaries = {name: facets[named == name] for name in geometry.named}
    members = {name: np.flatnonzero(materials == name) for name in regions}
    return DeviceMesh(built, ("x", "y"), boundaries, members, repr(geometry))


def _curve_number(
    mesh: Any,
    index: int,
) -> int:
    """Number of the curve of an edge, from its name such as "curve12"."""
    return int(mesh.GetBCName(index - 1).removeprefix("curve"))


def _middles(
    points: np.ndarray,
    cells: np.ndarray,
    ends: np.ndarray,
    arcs: list[Segment],
) -> np.ndarray:
    """Middles of the sides (01, 12, 20) of every cell, shape (2, 3, n), on the arc where the side
    belongs to one.
    """
    straight = []
    for i, j in SIDES:
        ends_sum = points[:, cells[i]] + points[:, cells[j]]
        straight.append(ends_sum / 2)
    middles = np.stack(straight, axis=1)
    place = {}
    for (a, b), arc in zip(ends.T, arcs, strict=True):
        if arc.bulge:
            side_key = (min(a, b), max(a, b))
            place[side_key] = _arc_middle(points[:, a], points[:, b], arc)
    for side, (i, j) in enumerate(SIDES):
        low = np.minimum(cells[i], cells[j]).tolist()
        high = np.maximum(cells[i], cells[j]).tolist()
        for cell, key in enumerate(zip(low, high, strict=True)):
            if key in place:
                middles[:, side, cell] = place[key]
    return middles


def _arc_middle(
    p: np.ndarray,
    q: np.ndarray,
    arc: Segment,
) -> np.ndarray:
    """Point of an arc half way between two of its points."""
    _, first = polygons.along_edge(p, arc.start, arc.stop, arc.bulge)
    _, last = polygons.along_edge(q, arc.start, arc.stop, arc.bulge)
    half = np.array([(first + last) / 2])
    return np.asarray(polygons.arc_point(arc.start, arc.stop, arc.bulge, half)[0])
