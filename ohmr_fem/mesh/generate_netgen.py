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
from ..geometry.outline import Geometry, Segment
from .cells import build_mesh, find_facets
from .device_mesh import DeviceMesh
from .grading import CellSizes, singular_points

# As for gmsh: the geometry kernel has absolute tolerances, circles have at least this many cells.
SIZE = 1e3
AROUND = 40


def load_netgen() -> Any:
    """Import netgen's geometry kernel, or say what to install."""
    return require_extra("netgen.occ", "netgen", "this way of meshing (backend='netgen')")


def netgen_mesh(geometry: Geometry, sizes: CellSizes) -> DeviceMesh:
    """Triangles graded by distance from edges and singular points; second-order ones if an edge is
    an arc.
    """
    occ = load_netgen()
    from netgen.meshing import MeshingParameters

    scale = SIZE / geometry.size
    try:
        shape = _draw(occ, geometry, scale)
        curves = _named_curves(geometry, shape, scale)
        parameters = MeshingParameters(maxh=scale * sizes.largest, grading=math.log(sizes.growth))
        _restrict(parameters, geometry, sizes, curves, scale)
        mesh = occ.OCCGeometry(shape, dim=2).GenerateMesh(parameters)
    except MeshError:
        raise
    except Exception as exc:  # netgen raises several unrelated types
        raise MeshError(
            f"netgen failed on {geometry!r}: {exc}; simplify the outline, or use gmsh"
        ) from exc
    return _extract(mesh, geometry, curves, scale)


def _draw(occ: Any, geometry: Geometry, scale: float) -> Any:
    """The device cut along its regions, each face with the name of its region."""

    def point(p: np.ndarray) -> Any:
        return occ.Pnt(scale * float(p[0]), scale * float(p[1]), 0.0)

    def face(segments: list[Segment]) -> Any:
        edges = []
        for s in segments:
            middle = polygons.arc_point(s.start, s.stop, s.bulge, np.array([0.5]))[0]
            edges.append(
                occ.ArcOfCircle(point(s.start), point(middle), point(s.stop))
                if s.bulge
                else occ.Segment(point(s.start), point(s.stop))
            )
        return occ.Face(occ.Wire(edges))

    segments = list(geometry.boundary())
    device = face([s for s in segments if s.loop == 0])
    for k in range(1, len(geometry.loops)):
        device = device - face([s for s in segments if s.loop == k])
    drawn = {name: loop for name, loop in geometry.regions.items() if loop is not None}
    parts = []
    for name, loop in drawn.items():
        tool = face([Segment(*loop.edge(i), None, -1) for i in range(len(loop.points))])
        part, device = device * tool, device - tool
        part.faces.name = name
        parts.append(part)
    if not drawn or len(drawn) < len(geometry.regions):
        device.faces.name = next((k for k, r in geometry.regions.items() if r is None), "bulk")
        parts.append(device)
    return occ.Glue(parts) if len(parts) > 1 else parts[0]


def _named_curves(geometry: Geometry, shape: Any, scale: float) -> list[Segment]:
    """Name every edge of the shape by its number in the list that is returned: the piece of
    boundary or of region it is on.
    """
    outside = list(geometry.boundary())
    regions = [r for r in geometry.regions.values() if r is not None]
    inside = [Segment(*loop.edge(i), None, -1) for loop in regions for i in range(len(loop.points))]
    found: list[Segment] = []
    for edge in shape.edges:
        low, high = edge.parameter_interval
        p = edge.Value((low + high) / 2)
        middle = np.array([p.x, p.y]) / scale
        gap, _, segment = min(
            (
                round(
                    polygons.along_edge(middle, s.start, s.stop, s.bulge)[0]
                    / (1e-6 * geometry.size)
                ),
                i,
                s,
            )
            for i, s in enumerate([*outside, *inside])
        )
        if gap > 1:
            raise MeshError(
                f"netgen moved an edge of {geometry!r}; simplify the outline", value=gap
            )
        edge.name = f"curve{len(found)}"
        found.append(segment)
    return found


def _restrict(
    parameters: Any, geometry: Geometry, sizes: CellSizes, curves: list[Segment], scale: float
) -> None:
    """Sizes along edges and at singular points; netgen lets them grow with the distance."""
    for s in curves:
        size = sizes.largest if s.name in geometry.contacts else sizes.edge
        if s.bulge:
            size = min(
                size,
                2 * math.pi * float(np.linalg.norm(s.start - polygons.arc_centre(*s[:3]))) / AROUND,
            )
        if size >= sizes.largest:
            continue
        n = math.ceil(2 * polygons.arc_length(s.start, s.stop, s.bulge) / size)
        for x, y in scale * polygons.arc_point(s.start, s.stop, s.bulge, np.linspace(0, 1, n + 1)):
            parameters.RestrictH(x, y, 0.0, scale * size)
    ends = [p for s in curves if s.loop < 0 for p in (s.start, s.stop)]
    for point in [*singular_points(geometry), *ends]:
        parameters.RestrictH(
            scale * float(point[0]), scale * float(point[1]), 0.0, scale * sizes.corner
        )


def _extract(mesh: Any, geometry: Geometry, curves: list[Segment], scale: float) -> DeviceMesh:
    points = np.array(mesh.Coordinates())[:, :2].T / scale
    faces, lines = mesh.Elements2D().NumPy(), mesh.Elements1D().NumPy()
    cells = faces["nodes"][:, :3].T.astype(np.int64) - 1
    ends = lines["nodes"][:, :2].T.astype(np.int64) - 1
    owner = np.array([int(mesh.GetBCName(int(i) - 1)[5:]) for i in lines["index"]])
    nodes = points[:, cells]
    if geometry.curved:
        nodes = np.concatenate(
            [nodes, _middles(points, cells, ends, [curves[i] for i in owner])], axis=1
        )
    built, used = build_mesh(skfem.MeshTri2 if geometry.curved else skfem.MeshTri1, cells, nodes)
    facets = find_facets(built, np.searchsorted(used, ends))
    named = np.array([curves[i].name or "" for i in owner])
    materials = np.array(
        [mesh.GetMaterial(int(i)) for i in range(1, int(faces["index"].max()) + 1)]
    )[faces["index"] - 1]
    regions = list(geometry.regions) or ["bulk"]
    return DeviceMesh(
        built,
        ("x", "y"),
        {name: facets[named == name] for name in geometry.named},
        {name: np.flatnonzero(materials == name) for name in regions},
        repr(geometry),
    )


def _middles(
    points: np.ndarray, cells: np.ndarray, ends: np.ndarray, arcs: list[Segment]
) -> np.ndarray:
    """Middles of the sides (01, 12, 20) of every cell, shape (2, 3, n), on the arc where the side
    belongs to one.
    """
    middles = np.stack(
        [(points[:, cells[i]] + points[:, cells[j]]) / 2 for i, j in ((0, 1), (1, 2), (2, 0))],
        axis=1,
    )
    place = {}
    for (a, b), arc in zip(ends.T, arcs, strict=True):
        if arc.bulge:
            s = [
                polygons.along_edge(points[:, p], arc.start, arc.stop, arc.bulge)[1] for p in (a, b)
            ]
            place[min(a, b), max(a, b)] = polygons.arc_point(
                arc.start, arc.stop, arc.bulge, np.array([sum(s) / 2])
            )[0]
    for side, (i, j) in enumerate(((0, 1), (1, 2), (2, 0))):
        low, high = np.minimum(cells[i], cells[j]), np.maximum(cells[i], cells[j])
        for cell, key in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            if key in place:
                middles[:, side, cell] = place[key]
    return middles
