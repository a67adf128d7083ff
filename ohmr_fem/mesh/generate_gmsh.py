"""Triangles for any device, by gmsh (loaded only here)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import skfem

from ..base import signals
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
# Mesh class; number in gmsh and nodes of a triangle, and of a line.
FIRST_ORDER = (skfem.MeshTri1, (2, 3), (1, 2))
SECOND_ORDER = (skfem.MeshTri2, (9, 6), (8, 3))
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
            f"gmsh cannot be loaded ({str(exc)[:40]}); pip install 'ohmr-fem[mesh]' and, without a "
            "display, apt install libglu1-mesa libgl1 libxft2 libxinerama1 libxcursor1 libgomp1; "
            "or pip install 'ohmr-fem[netgen]'; or backend='tensor' (parallel edges, circles); or "
            "read_mesh",
            value="gmsh",
        ) from exc
    return gmsh


@contextlib.contextmanager
def _session(gmsh: Any) -> Iterator[None]:
    """A model of our own; a session that is already open is left as it was."""
    running = gmsh.isInitialized()
    if not running:
        with signals.kept("SIGPIPE"):
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


def gmsh_mesh(
    geometry: Geometry,
    sizes: CellSizes,
) -> DeviceMesh:
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


Sides = list[tuple[Strip | None, Segment]]


class _Layers(NamedTuple):
    """What was drawn of the strips: all their curves, and the inner ones with the length of cells
    along them.
    """

    curves: set[int]
    inner: list[tuple[int, float]]


def _draw(
    gmsh: Any,
    geometry: Geometry,
    scale: float,
    layers: dict[int, Strip],
) -> tuple[dict[int, str], _Layers]:
    """Draw the device cut along its regions and strips; region name of each surface."""
    occ = gmsh.model.occ
    laid = _Layers(set(), [])
    beside: list[int] = []
    curves = []
    for loop in _sides(geometry, layers):
        curves.append(_draw_loop(gmsh, loop, scale, laid, beside))
    device = occ.addPlaneSurface(curves)
    drawn = {}
    rest = "bulk"
    for name, region in geometry.regions.items():
        if region is None:
            rest = name
        else:
            around = _draw_loop(gmsh, _as_sides(region), scale, laid, [])
            drawn[name] = occ.addPlaneSurface([around])
    owner = dict.fromkeys([device, *beside], rest)
    if drawn:
        owner = _cut_out(occ, device, drawn, rest)
    occ.synchronize()
    for surface in beside:
        gmsh.model.mesh.setTransfiniteSurface(surface)
    return owner, laid


def _cut_out(
    occ: Any,
    device: int,
    drawn: dict[str, int],
    rest: str,
) -> dict[int, str]:
    """Cut the device along the drawn regions; the region that each of its parts lies in."""
    tools = [(2, surface) for surface in drawn.values()]
    _, (parts, *of_regions) = occ.fragment([(2, device)], tools)
    owner = {tag: rest for _, tag in parts}
    outside = []
    for name, region in zip(drawn, of_regions, strict=True):
        for surface in region:
            _, tag = surface
            if tag in owner:
                owner[tag] = name
            else:
                outside.append(surface)
    occ.remove(sorted(set(outside)), recursive=True)
    return owner


def _sides(
    geometry: Geometry,
    layers: dict[int, Strip],
) -> list[Sides]:
    """The segments of each loop with their strips, all loops counter-clockwise: the kernel takes a
    clockwise hole for added area when it cuts.
    """
    loops: list[Sides] = [[] for _ in geometry.loops]
    for i, segment in enumerate(geometry.boundary()):
        strip = layers.get(i)
        sides = loops[segment.loop]
        if segment.loop == 0:
            sides.append((strip, segment))
        else:
            sides.insert(0, _turned(strip, segment))
    return loops


def _turned(
    strip: Strip | None,
    s: Segment,
) -> tuple[Strip | None, Segment]:
    """A segment and its strip, drawn the other way."""
    segment = s._replace(
        start=s.stop,
        stop=s.start,
        bulge=-s.bulge,
    )
    if strip is not None:
        strip = strip._replace(
            a=strip.b,
            b=strip.a,
            c=strip.d,
            d=strip.c,
        )
    return strip, segment


def _as_sides(loop: Loop) -> Sides:
    sides: Sides = []
    for i in range(len(loop.points)):
        a, b, bulge = loop.edge(i)
        segment = Segment(a, b, bulge, name=None, loop=-1)
        sides.append((None, segment))
    return sides


def _draw_loop(
    gmsh: Any,
    segments: Sides,
    scale: float,
    laid: _Layers,
    beside: list[int],
) -> int:
    """A closed curve around what the strips leave; their surfaces are added to ``beside``."""
    occ = gmsh.model.occ
    corners = [_add_point(occ, scale, s.start) for _, s in segments]
    lines = []
    for i, (strip, segment) in enumerate(segments):
        a = corners[i]
        b = corners[(i + 1) % len(corners)]
        if segment.bulge:
            middle = polygons.arc_centre(segment.start, segment.stop, segment.bulge)
            centre = _add_point(occ, scale, middle)
            lines.append(occ.addCircleArc(a, centre, b))
            occ.remove([(0, centre)])
        elif strip is not None:
            lines += _draw_strip(gmsh, strip, a, b, scale, laid, beside)
        else:
            lines.append(occ.addLine(a, b))
    return int(occ.addCurveLoop(lines))


def _draw_strip(
    gmsh: Any,
    strip: Strip,
    start: int,
    stop: int,
    scale: float,
    laid: _Layers,
    beside: list[int],
) -> list[int]:
    """A strip of structured cells beside the way around it, from start to stop."""
    occ = gmsh.model.occ
    a, b, c, d = (_add_point(occ, scale, p) for p in strip[:4])
    edge = occ.addLine(a, b)
    up = occ.addLine(a, d)
    inner = occ.addLine(d, c)
    down = occ.addLine(c, b)
    around = occ.addCurveLoop([edge, -down, -inner, -up])
    beside.append(occ.addPlaneSurface([around]))
    occ.synchronize()
    divide = gmsh.model.mesh.setTransfiniteCurve
    for curve in (edge, inner):
        divide(curve, strip.along + 1)
    across = strip.across + 1
    divide(up, across, "Progression", strip.ratio)
    divide(down, across, "Progression", 1 / strip.ratio)
    laid.curves.update((edge, up, inner, down))
    laid.inner.append((inner, scale * strip.length))
    before = occ.addLine(start, a)
    after = occ.addLine(b, stop)
    return [before, up, inner, down, after]


def _add_point(
    occ: Any,
    scale: float,
    place: np.ndarray,
) -> int:
    x, y = scale * place
    return int(occ.addPoint(x, y, 0))


def _named_curves(
    gmsh: Any,
    geometry: Geometry,
    pieces: dict[int, str],
    scale: float,
) -> dict[int, Segment]:
    """The piece of boundary that each outer curve is, or is part of."""
    surfaces = [(2, tag) for tag in pieces]
    outer = gmsh.model.getBoundary(surfaces, combined=True, oriented=False)
    segments = list(geometry.boundary())
    grain = 1e-6 * geometry.size
    found = {}
    for _, curve in outer:
        (low,), (high,) = gmsh.model.getParametrizationBounds(1, curve)
        half_way = (low + high) / 2
        x, y, _ = gmsh.model.getValue(1, curve, [half_way])
        middle = np.array([x, y]) / scale
        gap, i = nearest_segment(middle, segments, grain)
        if gap > grain:
            raise MeshError(
                f"gmsh moved an edge of {geometry!r} by {gap:g} m; simplify the outline",
                value=gap,
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
    slope = math.log(sizes.growth)
    fields = []
    for size, kind, members in groups:
        if members:
            largest = max(scale * sizes.largest, size)
            grown = _growing(gmsh, size, largest, kind, members, slope)
            fields.append(grown)
    gmsh.option.setNumber("Mesh.MeshSizeMax", scale * sizes.largest)
    if not fields:
        return
    smallest = field.add("Min")
    field.setNumbers(smallest, "FieldsList", fields)
    field.setAsBackgroundMesh(smallest)


def _growing(
    gmsh: Any,
    size: float,
    largest: float,
    kind: str,
    members: list[int],
    slope: float,
) -> int:
    """A field that is ``size`` on the members and grows linearly to ``largest``."""
    field = gmsh.model.mesh.field
    distance = field.add("Distance")
    field.setNumbers(distance, kind, members)
    if kind == "CurvesList":
        # gmsh measures the distance from sampled points, by default too few of them
        lengths = [gmsh.model.occ.getMass(1, curve) for curve in members]
        samples = math.ceil(max(lengths) / size) + 2
        field.setNumber(distance, "Sampling", min(200_000, samples))
    grown = field.add("Threshold")
    field.setNumber(grown, "InField", distance)
    field.setNumber(grown, "SizeMin", size)
    field.setNumber(grown, "SizeMax", largest)
    field.setNumber(grown, "DistMin", 0)
    reach = (largest - size) / slope
    field.setNumber(grown, "DistMax", reach or 1e-30)
    return int(grown)


def _point_at(
    gmsh: Any,
    place: np.ndarray,
) -> int:
    points = [tag for _, tag in gmsh.model.getEntities(0)]
    gaps = []
    for tag in points:
        x, y, _ = gmsh.model.getValue(0, tag, [])
        dx = x - place[0]
        dy = y - place[1]
        gap = np.hypot(dx, dy)
        gaps.append(float(gap))
    nearest = int(np.argmin(gaps))
    return points[nearest]


def _ends(
    gmsh: Any,
    curves: set[int],
) -> list[int]:
    """Points where interfaces between regions end or turn."""
    found = set()
    for curve in curves:
        ends = gmsh.model.getBoundary([(1, curve)], oriented=False)
        found |= {point for _, point in ends}
    return sorted(found)


def _extract(
    gmsh: Any,
    geometry: Geometry,
    pieces: dict[int, str],
    curves: dict[int, Segment],
    scale: float,
) -> DeviceMesh:
    kind, cell, line = SECOND_ORDER if geometry.curved else FIRST_ORDER
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    order = np.argsort(tags)
    tags = np.asarray(tags)[order]
    places = np.reshape(coordinates, (-1, 3))[order]
    points = places[:, :2].T / scale
    blocks = []
    count = 0
    regions: dict[str, list[np.ndarray]] = {}
    for surface, name in sorted(pieces.items()):
        cells = _elements(gmsh, cell, surface)
        blocks.append(np.searchsorted(tags, cells).T)
        stop = count + len(cells)
        numbers = np.arange(count, stop)
        regions.setdefault(name, []).append(numbers)
        count = stop
    nodes = np.hstack(blocks)
    mesh, used = build_mesh(kind, nodes[:3], points[:, nodes])
    boundaries: dict[str, list[np.ndarray]] = {}
    for curve, segment in curves.items():
        if segment.name is not None:
            lines = _elements(gmsh, line, curve)
            ends = np.searchsorted(tags, lines[:, :2].T)
            facets = find_facets(mesh, np.searchsorted(used, ends))
            boundaries.setdefault(segment.name, []).append(facets)
    return DeviceMesh(
        mesh,
        ("x", "y"),
        _joined(boundaries, geometry.named),
        _joined(regions, geometry.regions or ("bulk",)),
        repr(geometry),
    )


def _elements(
    gmsh: Any,
    element: tuple[int, int],
    tag: int,
) -> np.ndarray:
    """Nodes of the elements of one curve or surface, a row each."""
    number, n_nodes = element
    _, nodes = gmsh.model.mesh.getElementsByType(number, tag)
    return np.reshape(nodes, (-1, n_nodes))


def _joined(
    parts: dict[str, list[np.ndarray]],
    names: Iterable[str],
) -> dict[str, np.ndarray]:
    """One array a name, in the order of ``names``; names without any part are left out."""
    out = {}
    for name in names:
        if name in parts:
            out[name] = np.concatenate(parts[name])
    return out
