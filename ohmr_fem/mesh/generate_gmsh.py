"""Triangles for any device, by gmsh (loaded only here)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import skfem

from ..errors import MeshError, MissingExtraError
from ..geometry import polygons
from ..geometry.outline import Geometry, Loop, Segment
from .cells import build_mesh, find_facets
from .device_mesh import DeviceMesh
from .grading import CellSizes, nearest_segment, singular_points, size_along
from .layers import Strip, strips

# The device is meshed at this size: the geometry kernel has absolute tolerances of about 1e-7.
SIZE = 1e3
# Cells around a full circle, at least.
AROUND = 40
OPTIONS = {
    "General.Verbosity": 0,
    "General.Terminal": 0,
    "Mesh.Algorithm": 6,
    "Mesh.MeshSizeExtendFromBoundary": 0,
    "Mesh.MeshSizeFromPoints": 0,
    "Mesh.MeshSizeFromCurvature": 0,
    "Mesh.MeshSizeMax": 1e22,
    "Mesh.SecondOrderLinear": 0,
}


def load_gmsh() -> Any:
    """Import gmsh, or say what to install."""
    try:
        import gmsh
    except (ImportError, OSError) as exc:
        raise MissingExtraError(
            f"this device needs the mesh generator gmsh, which cannot be loaded ({exc}); "
            "pip install 'ohmr-fem[mesh]' (package gmsh; in a checkout '.[mesh]') and, on a "
            "machine without display, "
            "apt install libglu1-mesa libgl1 libxft2 libxinerama1 libxcursor1 libgomp1; instead of "
            "gmsh: "
            "pip install 'ohmr-fem[netgen]' (package netgen-mesher), which needs pip only; "
            "devices with parallel edges or concentric circles mesh with backend='tensor'; "
            "read_mesh reads a .msh file made elsewhere",
            value="gmsh",
        ) from exc
    return gmsh


@contextlib.contextmanager
def _session(gmsh: Any) -> Iterator[None]:
    """A model of our own; a session that is already open is left as it was."""
    running = gmsh.isInitialized()
    if not running:
        gmsh.initialize(interruptible=False)
    before = gmsh.model.getCurrent() if running else None
    kept = {name: gmsh.option.getNumber(name) for name in OPTIONS}
    try:
        for name, value in OPTIONS.items():
            gmsh.option.setNumber(name, value)
        gmsh.model.add("ohmr_fem device")
        yield
    finally:
        for name, value in kept.items():
            gmsh.option.setNumber(name, value)
        if running:
            gmsh.model.remove()
            gmsh.model.setCurrent(before)
        else:
            gmsh.finalize()


def gmsh_mesh(geometry: Geometry, sizes: CellSizes) -> DeviceMesh:
    """Triangles graded by distance from edges and singular points, thin along long edges;
    second-order if an edge is an arc.
    """
    gmsh = load_gmsh()
    scale = SIZE / geometry.size
    with _session(gmsh):
        try:
            layers = strips(geometry, sizes)
            pieces, laid = _draw(gmsh, geometry, scale, layers)
            curves = _named_curves(gmsh, geometry, pieces, scale)
            _size_field(gmsh, geometry, sizes, curves, pieces, laid, scale)
            gmsh.model.mesh.generate(2)
            gmsh.model.mesh.setOrder(2 if geometry.curved else 1)
        except Exception as exc:  # gmsh raises bare Exception
            if isinstance(exc, MeshError):
                raise
            raise MeshError(
                f"gmsh failed on {geometry!r}: {exc}; simplify the outline, or mesh it elsewhere"
            ) from exc
        return _extract(gmsh, geometry, pieces, curves, scale)


class _Layers(NamedTuple):
    """What was drawn of the strips: all their curves, and the inner ones with the length of cells
    along them.
    """

    curves: set[int]
    inner: list[tuple[int, float]]


def _draw(
    gmsh: Any, geometry: Geometry, scale: float, layers: dict[int, Strip]
) -> tuple[dict[int, str], _Layers]:
    """Draw the device cut along its regions and strips; region name of each surface."""
    numbered = list(enumerate(geometry.boundary()))
    loops = [
        [(layers.get(i), s) for i, s in numbered if s.loop == k] for k in range(len(geometry.loops))
    ]
    # holes counter-clockwise as well: the kernel takes a clockwise hole for added area when it cuts
    loops[1:] = [
        [
            (_turned(strip), Segment(s.stop, s.start, -s.bulge, s.name, s.loop))
            for strip, s in reversed(loop)
        ]
        for loop in loops[1:]
    ]
    laid = _Layers(set(), [])
    beside: list[int] = []
    device = gmsh.model.occ.addPlaneSurface(
        [_draw_loop(gmsh, loop, scale, laid, beside) for loop in loops]
    )
    drawn = {k: r for k, r in geometry.regions.items() if r is not None}
    rest = next((k for k, r in geometry.regions.items() if r is None), "bulk")
    owner = {device: rest, **dict.fromkeys(beside, rest)}
    if drawn:
        tools = [
            gmsh.model.occ.addPlaneSurface([_draw_loop(gmsh, _as_segments(r), scale, laid, [])])
            for r in drawn.values()
        ]
        _, parts = gmsh.model.occ.fragment([(2, device)], [(2, t) for t in tools])
        owner = {tag: rest for _, tag in parts[0]}
        for name, part in zip(drawn, parts[1:], strict=True):
            owner |= {tag: name for _, tag in part if tag in owner}
        outside = {tag for part in parts[1:] for _, tag in part} - set(owner)
        gmsh.model.occ.remove([(2, tag) for tag in outside], recursive=True)
    gmsh.model.occ.synchronize()
    for surface in beside:
        gmsh.model.mesh.setTransfiniteSurface(surface)
    return owner, laid


def _turned(strip: Strip | None) -> Strip | None:
    """The strip of a segment that is drawn the other way."""
    return None if strip is None else strip._replace(a=strip.b, b=strip.a, c=strip.d, d=strip.c)


def _as_segments(loop: Loop) -> list[tuple[Strip | None, Segment]]:
    return [(None, Segment(*loop.edge(i), None, -1)) for i in range(len(loop.points))]


def _draw_loop(
    gmsh: Any,
    segments: list[tuple[Strip | None, Segment]],
    scale: float,
    laid: _Layers,
    beside: list[int],
) -> int:
    """A closed curve around what the strips leave; their surfaces are added to ``beside``."""
    occ = gmsh.model.occ
    corners = [occ.addPoint(*(scale * s.start), 0) for _, s in segments]
    lines = []
    for (strip, segment), a, b in zip(segments, corners, corners[1:] + corners[:1], strict=True):
        if segment.bulge:
            centre = occ.addPoint(
                *(scale * polygons.arc_centre(segment.start, segment.stop, segment.bulge)), 0
            )
            lines.append(occ.addCircleArc(a, centre, b))
            occ.remove([(0, centre)])
        elif strip is not None:
            lines += _draw_strip(gmsh, strip, a, b, scale, laid, beside)
        else:
            lines.append(occ.addLine(a, b))
    return int(occ.addCurveLoop(lines))


def _draw_strip(
    gmsh: Any, strip: Strip, start: int, stop: int, scale: float, laid: _Layers, beside: list[int]
) -> list[int]:
    """A strip of structured cells beside the way around it, from start to stop."""
    occ = gmsh.model.occ
    a, b, c, d = (occ.addPoint(*(scale * p), 0) for p in strip[:4])
    edge, up, inner, down = (
        occ.addLine(a, b),
        occ.addLine(a, d),
        occ.addLine(d, c),
        occ.addLine(c, b),
    )
    beside.append(occ.addPlaneSurface([occ.addCurveLoop([edge, -down, -inner, -up])]))
    occ.synchronize()
    for curve in (edge, inner):
        gmsh.model.mesh.setTransfiniteCurve(curve, strip.along + 1)
    gmsh.model.mesh.setTransfiniteCurve(up, strip.across + 1, "Progression", strip.ratio)
    gmsh.model.mesh.setTransfiniteCurve(down, strip.across + 1, "Progression", 1 / strip.ratio)
    laid.curves.update((edge, up, inner, down))
    laid.inner.append((inner, scale * strip.length))
    return [occ.addLine(start, a), up, inner, down, occ.addLine(b, stop)]


def _named_curves(
    gmsh: Any, geometry: Geometry, pieces: dict[int, str], scale: float
) -> dict[int, Segment]:
    """The piece of boundary that each outer curve is, or is part of."""
    outer = gmsh.model.getBoundary([(2, tag) for tag in pieces], combined=True, oriented=False)
    segments = list(geometry.boundary())
    grain = 1e-6 * geometry.size
    found = {}
    for _, curve in outer:
        (low,), (high,) = gmsh.model.getParametrizationBounds(1, curve)
        x, y, _ = gmsh.model.getValue(1, curve, [(low + high) / 2])
        middle = np.array([x, y]) / scale
        gap, i = nearest_segment(middle, segments, grain)
        if gap > grain:
            raise MeshError(
                f"gmsh moved an edge of {geometry!r} by {gap:g} m; simplify the outline", value=gap
            )
        found[curve] = segments[i]
    return found


def _size_field(
    gmsh: Any,
    geometry: Geometry,
    sizes: CellSizes,
    curves: dict[int, Segment],
    pieces: dict[int, str],
    laid: _Layers,
    scale: float,
) -> None:
    """Cell size = min over edges and singular points of (size there + log(growth) x distance)."""
    field = gmsh.model.mesh.field
    surfaces = [(2, tag) for tag in pieces]
    sides = gmsh.model.getBoundary(surfaces, combined=False, oriented=False)
    inner = {curve for _, curve in sides} - set(curves) - laid.curves
    near: dict[float, list[int]] = {scale * sizes.edge: sorted(inner)}
    for curve, size in laid.inner:
        near.setdefault(size, []).append(curve)
    for curve, segment in curves.items():
        if curve not in laid.curves:
            size = size_along(segment, geometry, sizes, AROUND)
            near.setdefault(scale * size, []).append(curve)
    near.pop(scale * sizes.largest, None)
    corners = [scale * p for p in singular_points(geometry)]
    tags = [_point_at(gmsh, p) for p in corners]
    tags += _ends(gmsh, inner)
    groups = [(size, "CurvesList", members) for size, members in near.items()]
    groups.append((scale * sizes.corner, "PointsList", tags))
    fields = []
    for size, kind, members in groups:
        if members:
            largest = max(scale * sizes.largest, size)
            fields.append(_growing(gmsh, size, largest, kind, members, math.log(sizes.growth)))
    gmsh.option.setNumber("Mesh.MeshSizeMax", scale * sizes.largest)
    if not fields:
        return
    smallest = field.add("Min")
    field.setNumbers(smallest, "FieldsList", fields)
    field.setAsBackgroundMesh(smallest)


def _growing(
    gmsh: Any, size: float, largest: float, kind: str, members: list[int], slope: float
) -> int:
    """A field that is ``size`` on the members and grows linearly to ``largest``."""
    field = gmsh.model.mesh.field
    distance = field.add("Distance")
    field.setNumbers(distance, kind, members)
    if kind == "CurvesList":
        # gmsh measures the distance from sampled points, by default too few of them
        longest = max(gmsh.model.occ.getMass(1, curve) for curve in members)
        samples = math.ceil(longest / size) + 2
        field.setNumber(distance, "Sampling", min(200_000, samples))
    grown = field.add("Threshold")
    field.setNumber(grown, "InField", distance)
    field.setNumber(grown, "SizeMin", size)
    field.setNumber(grown, "SizeMax", largest)
    field.setNumber(grown, "DistMin", 0)
    field.setNumber(grown, "DistMax", (largest - size) / slope or 1e-30)
    return int(grown)


def _point_at(gmsh: Any, place: np.ndarray) -> int:
    points = [tag for _, tag in gmsh.model.getEntities(0)]
    gaps = []
    for tag in points:
        x, y, _ = gmsh.model.getValue(0, tag, [])
        gaps.append(float(np.hypot(x - place[0], y - place[1])))
    return points[int(np.argmin(gaps))]


def _ends(gmsh: Any, curves: set[int]) -> list[int]:
    """Points where interfaces between regions end or turn."""
    found = {p for c in curves for _, p in gmsh.model.getBoundary([(1, c)], oriented=False)}
    return sorted(found)


def _extract(
    gmsh: Any, geometry: Geometry, pieces: dict[int, str], curves: dict[int, Segment], scale: float
) -> DeviceMesh:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    order = np.argsort(tags)
    tags, points = np.asarray(tags)[order], np.reshape(coordinates, (-1, 3))[order, :2].T / scale
    kind, element, n_nodes = (skfem.MeshTri2, 9, 6) if geometry.curved else (skfem.MeshTri1, 2, 3)
    blocks, count = [], 0
    regions: dict[str, list[np.ndarray]] = {}
    for surface, name in sorted(pieces.items()):
        cells = np.reshape(gmsh.model.mesh.getElementsByType(element, surface)[1], (-1, n_nodes))
        blocks.append(np.searchsorted(tags, cells).T)
        regions.setdefault(name, []).append(np.arange(count, count + len(cells)))
        count += len(cells)
    cells = np.hstack(blocks)
    mesh, used = build_mesh(kind, cells[:3], points[:, cells])
    boundaries: dict[str, list[np.ndarray]] = {}
    line, n_line = (8, 3) if geometry.curved else (1, 2)
    for curve, segment in curves.items():
        if segment.name is not None:
            ends = np.reshape(gmsh.model.mesh.getElementsByType(line, curve)[1], (-1, n_line))[
                :, :2
            ].T
            facets = find_facets(mesh, np.searchsorted(used, np.searchsorted(tags, ends)))
            boundaries.setdefault(segment.name, []).append(facets)
    return DeviceMesh(
        mesh,
        ("x", "y"),
        {name: np.concatenate(boundaries[name]) for name in geometry.named if name in boundaries},
        {
            name: np.concatenate(regions[name])
            for name in geometry.regions or ("bulk",)
            if name in regions
        },
        repr(geometry),
    )
