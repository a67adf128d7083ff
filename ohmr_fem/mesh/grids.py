"""Meshes that need no mesh generator: cross-sections, tensor grids, annuli and discs.

Lengths are metres or quantities such as ``"20 nm"``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import skfem

from ..errors import InputError
from ..errors.doors import door
from ..units import array_si, positive, shown, to_si
from .cells import build_mesh
from .check import check_mesh
from .device_mesh import DeviceMesh

Ends = Literal["both", "left", "right", "none"]
Cells = Literal["quad", "triangle"]

# With fourth-order elements these two resolve the strip of Sun and Vignale, Eq. (7), to better
# than 1e-9 for L_m down to 1e-3 width and fields up to Omega tau = 1000 (decay length 4.5e-5
# width).
FINEST = 1e-5
GROWTH = 1.3
CELLS_PER_DECAY = 4.5


@door
def graded_lines(
    start: Any,
    stop: Any,
    h_min: Any,
    growth: float = GROWTH,
    ends: Ends = "both",
    h_max: Any = None,
) -> np.ndarray:
    """Points from ``start`` to ``stop`` whose spacing grows geometrically away from the graded
    ends.

    Parameters
    ----------
    start, stop : lengths, m
    h_min : length, m
        First spacing at a graded end (with ``ends="none"``: every spacing); met or undercut by at
        most ``growth``.
    growth : float
        Ratio of neighbouring spacings, above 1.
    ends : "both", "left", "right" or "none"
        Which ends are graded.
    h_max : length, m, optional
        Largest spacing.

    Returns
    -------
    (n,) increasing float array in metres, first ``start``, last ``stop`` exactly.

    Raises
    ------
    InputError
        Not start < stop, spacings that are not positive, a growth not above 1, other ends.
    """
    a, b = to_si(start, "m", "start"), to_si(stop, "m", "stop")
    length = positive(b - a, "m", "stop - start")
    first = positive(h_min, "m", "h_min")
    if ends not in ("both", "left", "right", "none"):
        raise InputError(
            f"expected 'both', 'left', 'right' or 'none', got {ends!r}", value=ends, key="ends"
        )
    if ends == "none":
        return np.linspace(a, b, max(1, math.ceil(length / first * (1 - 1e-12))) + 1)
    ratio = to_si(growth, "1", "growth")
    if not ratio > 1:
        raise InputError(f"must be above 1, got {shown(growth)}", value=growth, key="growth")
    last = math.inf if h_max is None else positive(h_max, "m", "h_max")
    at_end = first * math.log(ratio) / (ratio - 1)  # makes the first spacing h_min
    left, right = (at_end if ends in ("both", side) else math.inf for side in ("left", "right"))
    lines = lines_between(a, b, left, right, last, ratio)
    if ends == "both":  # exactly symmetric
        lines = (a + b) / 2 + (lines - lines[::-1]) / 2
        lines[[0, -1]] = a, b
    return lines


def lines_between(
    a: float,
    b: float,
    size_a: float,
    size_b: float,
    largest: float,
    growth: float,
) -> np.ndarray:
    """Points from a to b; the spacing is ``size`` at each end and grows by the ratio ``growth`` up
    to ``largest``.
    """
    length = b - a
    rate = math.log(growth)
    largest = min(largest, length)
    size_a = min(size_a, largest)
    size_b = min(size_b, largest)
    top = min(largest, (size_a + size_b + rate * length) / 2)
    left = max(0.0, (top - size_a) / rate)
    right = max(0.0, (top - size_b) / rate)
    if left + right > length * (1 + 1e-9):  # the ramps do not meet in between: one end governs
        left, right = (length, 0.0) if size_a < size_b else (0.0, length)
    flat = max(0.0, length - left - right)  # round-off may leave it just below zero
    # Cells on the rising ramp, between the ramps and on the falling ramp.
    rise = math.log1p(rate * left / size_a) / rate
    level = flat / top
    fall = math.log1p(rate * right / size_b) / rate
    count = rise + level + fall
    n = max(1, math.ceil(count - 1e-9))
    s = np.linspace(0, count, n + 1)
    rising = a + size_a * np.expm1(rate * np.minimum(s, rise)) / rate
    falling = b - size_b * np.expm1(rate * np.minimum(count - s, fall)) / rate
    between = a + left + (s - rise) * top
    beyond = np.where(s > rise + level, falling, between)
    lines = np.where(s < rise, rising, beyond)
    lines[[0, -1]] = a, b
    return lines


@door
def cross_section(
    width: Any,
    normal: str = "y",
    *,
    resolve: Any = None,
    cells: int | None = None,
    growth: float = GROWTH,
    regions: Mapping[str, tuple[Any, Any]] | None = None,
) -> DeviceMesh:
    """Cross-section of a strip (``normal="y"``) or of a film (``normal="z"``); the current flows
    along x.

    Parameters
    ----------
    width : length, m
        Width of the strip or thickness of the film; coordinates run from -width/2 to width/2.
    normal : "y" or "z"
        Direction across, normal to the two edges.
    resolve : length, m, optional
        Shortest decay length to resolve at edges and interfaces. By default 4.5e-5 width, which is
        right for any L_m >= 1e-3 width and any field up to Omega tau = 1000.
    cells : int, optional
        A uniform mesh of this many cells instead (per region, in proportion to thickness).
    growth : float
        Ratio of neighbouring cells of the graded mesh.
    regions : mapping name -> (start, stop), optional
        Layers, as distances from the lower edge; they must fill the width. Default one region
        ``bulk``.

    Returns
    -------
    DeviceMesh of MeshLine1 with boundaries ``lower`` and ``upper``.

    Raises
    ------
    InputError
        Lengths that are not positive, another normal, no whole number of cells, layers that do not
        fill the width.
    """
    w = positive(width, "m", "width")
    if normal not in ("y", "z"):
        raise InputError(
            f"expected 'y' (strip) or 'z' (film), got {normal!r}", value=normal, key="normal"
        )
    if cells is not None and not _whole(cells, 1):
        raise InputError(
            f"expected a whole number of at least 1, got {cells!r}", value=cells, key="cells"
        )
    names, bounds = _layers(regions, w)
    h_min = FINEST * w if resolve is None else positive(resolve, "m", "resolve") / CELLS_PER_DECAY
    pieces = []
    for a, b in itertools.pairwise(bounds):
        if cells is None:
            pieces.append(graded_lines(a, b, min(h_min, (b - a) / 8), growth))
        else:
            count = max(1, round(int(cells) * (b - a) / w))
            pieces.append(np.linspace(a, b, count + 1))
    device = _interval(normal, names, pieces, f"cross_section({width!r})")
    check_mesh(device)
    return device


def _whole(
    number: Any,
    least: int,
) -> bool:
    """True for a whole number of at least ``least``; True and False are not numbers."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        return False
    return bool(number >= least)


def _interval(
    normal: str,
    names: list[str],
    pieces: list[np.ndarray],
    source: str,
) -> DeviceMesh:
    """Layers one above the other, each on its own points."""
    points = np.concatenate([pieces[0][:1], *[p[1:] for p in pieces]])
    n = points.size - 1
    first = np.arange(n)
    mesh = skfem.MeshLine1(points[None], np.array([first, first + 1]))
    of_cell = np.repeat(np.arange(len(names)), [p.size - 1 for p in pieces])
    layers = {name: np.flatnonzero(of_cell == i) for i, name in enumerate(names)}
    ends = {"lower": np.array([0]), "upper": np.array([n])}
    return DeviceMesh(mesh, (normal,), ends, layers, source)


def _layers(
    regions: Mapping[str, tuple[Any, Any]] | None,
    width: float,
) -> tuple[list[str], list[float]]:
    """Names from bottom to top and the coordinates between them."""
    if not regions:
        return ["bulk"], [-width / 2, width / 2]
    spans = _spans(regions)
    at = 0.0
    for start, stop, name in spans:
        if abs(start - at) > 1e-9 * width or stop <= start:
            raise InputError(
                f"{name!r} runs from {start:g} m to {stop:g} m, expected to start at "
                f"{at:g} m; "
                "layers are distances from the lower edge and must follow each other",
                value=(start, stop),
                key="regions",
            )
        at = stop
    if abs(at - width) > 1e-9 * width:
        raise InputError(
            f"end at {at:g} m, expected the width {width:g} m", value=at, key="regions"
        )
    names = [name for _, _, name in spans]
    inner = [stop - width / 2 for _, stop, _ in spans[:-1]]
    return names, [-width / 2, *inner, width / 2]


def _spans(regions: Mapping[str, tuple[Any, Any]]) -> list[tuple[float, float, str]]:
    """Start, stop and name of each layer, from bottom to top."""
    spans = []
    for name, span in regions.items():
        ends = array_si(span, "m", f"regions[{name!r}]")
        if ends.shape != (2,):
            raise InputError(
                f"{name!r} needs (start, stop), got {shown(span)}", value=span, key="regions"
            )
        start, stop = ends.tolist()
        spans.append((start, stop, str(name)))
    return sorted(spans)


@door
def tensor_grid(
    x_lines: Any,
    y_lines: Any,
    cells: Cells = "quad",
    *,
    axes: tuple[str, str] = ("x", "y"),
    keep: Callable[[np.ndarray], np.ndarray] | None = None,
    source: str = "tensor_grid",
) -> DeviceMesh:
    """Rectangular grid on given lines.

    Parameters
    ----------
    x_lines, y_lines : (n,), (m,) increasing, metres
    cells : "quad", or "triangle" (each rectangle cut along a diagonal)
    keep : function of the centres of the rectangles, shape (2, n), returning n booleans; the others
    are left out
    axes : ("x", "y") or ("y", "z")
    source : str
        Where the mesh comes from, for reports.

    Returns
    -------
    DeviceMesh with boundaries ``left``, ``right`` (extreme x), ``bottom``, ``top`` (extreme y).

    Raises
    ------
    InputError
        Lines that do not increase, another kind of cell.
    MeshError
        Rectangles left out so that the rest does not hang together; other axes.
    """
    x = _lines(x_lines, "x_lines")
    y = _lines(y_lines, "y_lines")
    if cells not in ("quad", "triangle"):
        raise InputError(f"expected 'quad' or 'triangle', got {cells!r}", value=cells, key="cells")
    i, j = _pairs(x.size - 1, y.size - 1)
    if keep is not None:
        centres = np.array([x[i] + x[i + 1], y[j] + y[j + 1]]) / 2
        inside = np.asarray(keep(centres), dtype=bool)
        i = i[inside]
        j = j[inside]
    column, row = _corners(i, j, cells)
    kind = skfem.MeshQuad1 if cells == "quad" else skfem.MeshTri1
    nodes = np.array([x[column], y[row]])
    mesh, _ = build_mesh(kind, column * y.size + row, nodes)
    sides = {
        "left": lambda p: p[0] == x[0],
        "right": lambda p: p[0] == x[-1],
        "bottom": lambda p: p[1] == y[0],
        "top": lambda p: p[1] == y[-1],
    }
    device = DeviceMesh(mesh, axes, source=source).with_boundaries(sides)
    check_mesh(device)
    return device


def _pairs(
    n: int,
    m: int,
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of numbers below n and below m, the second running fastest."""
    i, j = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    return i.ravel(), j.ravel()


def _corners(
    i: np.ndarray,
    j: np.ndarray,
    cells: Cells,
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the two lines through each corner of the cells at (i, j), (corners, n) each."""
    first = np.array([i, i + 1, i + 1, i])
    second = np.array([j, j, j + 1, j + 1])
    if cells == "quad":
        return first, second
    first = np.concatenate([first[[0, 1, 2]], first[[0, 2, 3]]], axis=1)
    second = np.concatenate([second[[0, 1, 2]], second[[0, 2, 3]]], axis=1)
    return first, second


def _lines(
    values: Any,
    name: str,
) -> np.ndarray:
    lines = array_si(values, "m", name)
    if lines.ndim != 1 or lines.size < 2 or np.any(np.diff(lines) <= 0):
        raise InputError(
            f"expected at least two increasing coordinates in metres, got {shown(values)}",
            value=values,
            key=name,
        )
    return lines


@door
def rectangle(
    length: Any,
    width: Any,
    *,
    h_min: Any = None,
    h_max: Any = None,
    growth: float = 1.5,
    cells: Cells = "quad",
    axes: tuple[str, str] = ("x", "y"),
) -> DeviceMesh:
    """Rectangle centred on the origin, graded to all four sides; boundaries ``left``, ``right``,
    ``bottom``, ``top``.

    Parameters
    ----------
    length, width : quantities, m
        Along the first and the second of the ``axes``.
    h_min, h_max : quantities, m, optional
        First spacing at the sides (default 1/50 of the shorter side) and the largest one (1/8).
    growth : float
        Ratio of neighbouring spacings, above 1.
    cells : "quad" or "triangle"
    axes : ("x", "y") for a device plane, ("y", "z") for the section of a wire

    Returns
    -------
    DeviceMesh

    Raises
    ------
    InputError
        Lengths that are not positive, or spacings that do not fit.
    """
    sides = positive(length, "m", "length"), positive(width, "m", "width")
    first = min(sides) / 50 if h_min is None else positive(h_min, "m", "h_min")
    last = max(min(sides) / 8, first) if h_max is None else positive(h_max, "m", "h_max")
    x, y = (graded_lines(-s / 2, s / 2, first, growth, "both", last) for s in sides)
    return tensor_grid(x, y, cells, axes=axes, source=f"rectangle({length!r}, {width!r})")


@door
def annulus_mesh(
    inner_radius: Any,
    outer_radius: Any,
    *,
    around: int = 48,
    h_min: Any = None,
    growth: float = 1.5,
    radii: Any = None,
    cells: Cells = "quad",
    axes: tuple[str, str] = ("x", "y"),
) -> DeviceMesh:
    """Annulus of curved (quadratic) cells on a polar grid graded to both circles.

    Parameters
    ----------
    inner_radius, outer_radius : lengths, m
    around : cells around the circle; the circle is met to about (pi/around)^4
    h_min : first radial spacing at both circles, default 1/20 of the gap
    growth : ratio of neighbouring radial spacings, which never exceed the spacing along the outer
    circle
    radii : (n,) increasing from inner to outer radius in metres, instead of h_min and growth
    cells : "quad" (MeshQuad2) or "triangle" (MeshTri2)
    axes : ("x", "y") or ("y", "z")
        Names of the two directions.

    Returns
    -------
    DeviceMesh with boundaries ``inner`` and ``outer``.

    Raises
    ------
    InputError
        Not 0 < inner < outer, fewer than 6 cells around, spacings that do not fit, radii that do
        not increase.
    MeshError
        Radii that do not begin and end at the two circles.
    """
    r1 = positive(inner_radius, "m", "inner_radius")
    r2 = positive(outer_radius, "m", "outer_radius")
    if r2 <= r1:
        raise InputError(f"outer_radius must exceed inner_radius {r1:g} m, got {r2:g} m", value=r2)
    n = _around(around)
    h = (r2 - r1) / 20 if h_min is None else positive(h_min, "m", "h_min")
    graded = graded_lines(r1, r2, h, growth, "both", max(h, 2 * math.pi * r2 / n))
    r = graded if radii is None else _lines(radii, "radii")
    i, j = _pairs(r.size - 1, n)
    ring, place = _corners(i, j, cells)
    polar = np.array([r[ring], 2 * math.pi / n * place])
    labels = ring * n + place % n
    circles = {"inner": r1, "outer": r2}
    return _polar_device(polar, labels, axes, circles, f"annulus_mesh({r1:g}, {r2:g})")


@door
def disc_mesh(
    radius: Any,
    *,
    rings: int = 12,
    h_min: Any = None,
    growth: float = 1.5,
    axes: tuple[str, str] = ("x", "y"),
) -> DeviceMesh:
    """Disc of curved (quadratic) triangles in rings, ring k carrying 6 k nodes, graded to the rim.

    Parameters
    ----------
    radius : length, m
    rings : int
        Rings away from the rim; the graded rings all carry 6 ``rings`` nodes.
    h_min : length, m, optional
        Radial spacing at the rim; default radius/(4 rings).
    growth : float
        Ratio of neighbouring radial spacings, above 1.
    axes : ("x", "y") or ("y", "z")
        Names of the two directions.

    Returns
    -------
    DeviceMesh with boundary ``outer``.

    Raises
    ------
    InputError
        Lengths that are not positive, no ring, a growth not above 1.
    """
    rim = positive(radius, "m", "radius")
    n = _around(6 * rings) // 6
    h = rim / (4 * n) if h_min is None else positive(h_min, "m", "h_min")
    graded = graded_lines(rim / n, rim, h, growth, "right", max(h, rim / n))
    r = np.concatenate([[0.0], graded])
    count = np.minimum(np.arange(r.size), n) * 6
    count[0] = 1
    offset = np.concatenate([[0], np.cumsum(count)])
    triangles = [_ring(k, count) for k in range(1, r.size)]
    cells = np.concatenate(triangles, axis=2)  # (3, 2, n): ring and place on it
    ring = cells[:, 0]
    place = cells[:, 1]
    theta = 2 * math.pi * place / count[ring]
    # The centre has no direction of its own: the largest angle of its cell.
    theta = np.where(ring == 0, theta.max(axis=0), theta)
    polar = np.array([r[ring], theta])
    labels = offset[ring] + place % count[ring]
    return _polar_device(polar, labels, axes, {"outer": rim}, f"disc_mesh({rim:g})")


def _around(count: int) -> int:
    if not _whole(count, 6):
        raise InputError(
            f"cells around a circle: expected a whole number of at least 6, got {count!r}",
            value=count,
        )
    return int(count)


def _ring(
    k: int,
    count: np.ndarray,
) -> np.ndarray:
    """Triangles between rings k-1 and k: corners as (ring, place on it), shape (3, 2, n)."""
    inner = int(count[k - 1])
    outer = int(count[k])
    if inner == outer:
        p = np.arange(inner)
        low = [(k - 1, p), (k, p), (k, p + 1)]
        high = [(k - 1, p), (k, p + 1), (k - 1, p + 1)]
    else:  # six sectors of n outer and n - 1 inner edges
        n = outer // 6
        s, a = _pairs(6, n)
        low = [(k - 1, s * (n - 1) + a), (k, s * n + a), (k, s * n + a + 1)]
        s, a = s[a < n - 1], a[a < n - 1]
        high = [(k - 1, s * (n - 1) + a), (k, s * n + a + 1), (k - 1, s * (n - 1) + a + 1)]
    corners = []
    for (i, u), (j, v) in zip(low, high, strict=True):
        ring = np.repeat([i, j], [u.size, v.size])
        corners.append(np.stack([ring, np.concatenate([u, v])]))
    return np.stack(corners)


def _polar_device(
    polar: np.ndarray,
    labels: np.ndarray,
    axes: tuple[str, str],
    circles: Mapping[str, float],
    source: str,
) -> DeviceMesh:
    """Curved cells from corners (2, k, n) in polar coordinates; every edge is straight in (r,
    theta).
    """
    kind = skfem.MeshTri2 if labels.shape[0] == 3 else skfem.MeshQuad2
    r, theta = polar
    nodes = [polar[:, i] for i in range(labels.shape[0])]
    for i, j in kind.elem.refdom.facets:
        angle = (theta[i] + theta[j]) / 2
        # The centre has no direction of its own: that of the other end.
        angle = np.where(r[j] == 0, theta[i], angle)
        angle = np.where(r[i] == 0, theta[j], angle)
        nodes.append(np.array([(r[i] + r[j]) / 2, angle]))
    if kind is skfem.MeshQuad2:
        nodes.append(polar.mean(axis=1))
    r, theta = np.stack(nodes, axis=1)
    places = np.array([r * np.cos(theta), r * np.sin(theta)])
    mesh, _ = build_mesh(kind, labels, places)
    facets = mesh.boundary_facets()
    ends = mesh.p[:, mesh.facets[:, facets]]
    distance = np.linalg.norm(ends, axis=0).mean(axis=0)
    named = {}
    for name, radius in circles.items():
        named[name] = facets[np.abs(distance / radius - 1) < 1e-9]
    device = DeviceMesh(mesh, axes, named, source=source)
    check_mesh(device)
    return device
