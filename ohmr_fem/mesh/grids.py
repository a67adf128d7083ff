"""Meshes that need no mesh generator: cross-sections, tensor grids, annuli and discs.

Lengths are metres or quantities such as ``"20 nm"``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import skfem

from ..errors import InputError
from ..units import positive, to_si
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
    start, stop : length
    h_min : length
        First spacing at a graded end (with ``ends="none"``: every spacing); met or undercut by at
        most ``growth``.
    growth : float
        Ratio of neighbouring spacings, above 1.
    ends : which ends are graded
    h_max : length, optional
        Largest spacing.

    Returns
    -------
    (n,) increasing float array in metres, first ``start``, last ``stop`` exactly.
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
    if not growth > 1:
        raise InputError(f"must be above 1, got {growth!r}", value=growth, key="growth")
    last = math.inf if h_max is None else positive(h_max, "m", "h_max")
    at_end = first * math.log(growth) / (growth - 1)  # makes the first spacing h_min
    left, right = (at_end if ends in ("both", side) else math.inf for side in ("left", "right"))
    lines = lines_between(a, b, left, right, last, growth)
    if ends == "both":  # exactly symmetric
        lines = (a + b) / 2 + (lines - lines[::-1]) / 2
        lines[[0, -1]] = a, b
    return lines


def lines_between(
    a: float, b: float, size_a: float, size_b: float, largest: float, growth: float
) -> np.ndarray:
    """Points from a to b; the spacing is ``size`` at each end and grows by the ratio ``growth`` up
    to ``largest``.
    """
    rate = math.log(growth)
    largest = min(largest, b - a)
    size_a, size_b = min(size_a, largest), min(size_b, largest)
    top = min(largest, (size_a + size_b + rate * (b - a)) / 2)
    left, right = max(0.0, (top - size_a) / rate), max(0.0, (top - size_b) / rate)
    if left + right > (b - a) * (1 + 1e-9):  # the ramps do not meet in between: one end governs
        left, right = (b - a, 0.0) if size_a < size_b else (0.0, b - a)
    flat = max(0.0, b - a - left - right)  # round-off may leave it just below zero
    counts = [
        math.log1p(rate * left / size_a) / rate,
        flat / top,
        math.log1p(rate * right / size_b) / rate,
    ]
    n = max(1, math.ceil(sum(counts) - 1e-9))
    s = np.linspace(0, sum(counts), n + 1)
    rising = a + size_a * np.expm1(rate * np.minimum(s, counts[0])) / rate
    falling = b - size_b * np.expm1(rate * np.minimum(sum(counts) - s, counts[2])) / rate
    level = a + left + (s - counts[0]) * top
    lines = np.where(s < counts[0], rising, np.where(s > counts[0] + counts[1], falling, level))
    lines[[0, -1]] = a, b
    return lines


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
    width : length
        Width of the strip or thickness of the film; coordinates run from -width/2 to width/2.
    normal : "y" or "z"
        Direction across, normal to the two edges.
    resolve : length, optional
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
    """
    w = positive(width, "m", "width")
    if normal not in ("y", "z"):
        raise InputError(
            f"expected 'y' (strip) or 'z' (film), got {normal!r}", value=normal, key="normal"
        )
    if cells is not None and (
        isinstance(cells, bool) or not isinstance(cells, (int, np.integer)) or cells < 1
    ):
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
            pieces.append(np.linspace(a, b, max(1, round(int(cells) * (b - a) / w)) + 1))
    points = np.concatenate([pieces[0][:1], *[p[1:] for p in pieces]])
    n = points.size - 1
    mesh = skfem.MeshLine1(points[None], np.array([np.arange(n), np.arange(1, n + 1)]))
    of_cell = np.repeat(np.arange(len(names)), [p.size - 1 for p in pieces])
    layers = {name: np.flatnonzero(of_cell == i) for i, name in enumerate(names)}
    device = DeviceMesh(
        mesh,
        (normal,),
        {"lower": np.array([0]), "upper": np.array([n])},
        layers,
        f"cross_section({width!r})",
    )
    check_mesh(device)
    return device


def _layers(
    regions: Mapping[str, tuple[Any, Any]] | None, width: float
) -> tuple[list[str], list[float]]:
    """Names from bottom to top and the coordinates between them."""
    if not regions:
        return ["bulk"], [-width / 2, width / 2]
    spans = []
    for name, span in regions.items():
        if not isinstance(span, Sequence) or isinstance(span, str) or len(span) != 2:
            raise InputError(
                f"{name!r} needs (start, stop), got {span!r}", value=span, key="regions"
            )
        start, stop = (to_si(v, "m", f"regions[{name!r}]") for v in span)
        spans.append((start, stop, str(name)))
    spans.sort()
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
    return [s[2] for s in spans], [-width / 2, *[s[1] - width / 2 for s in spans[:-1]], width / 2]


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

    Returns
    -------
    DeviceMesh with boundaries ``left``, ``right`` (extreme x), ``bottom``, ``top`` (extreme y).
    """
    x, y = (_lines(v, name) for v, name in ((x_lines, "x_lines"), (y_lines, "y_lines")))
    if cells not in ("quad", "triangle"):
        raise InputError(f"expected 'quad' or 'triangle', got {cells!r}", value=cells, key="cells")
    i, j = (
        a.ravel() for a in np.meshgrid(np.arange(x.size - 1), np.arange(y.size - 1), indexing="ij")
    )
    if keep is not None:
        inside = np.asarray(keep(np.array([x[i] + x[i + 1], y[j] + y[j + 1]]) / 2), dtype=bool)
        i, j = i[inside], j[inside]
    corners = np.array([[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]])  # (4, 2, n)
    if cells == "triangle":
        corners = np.concatenate([corners[[0, 1, 2]], corners[[0, 2, 3]]], axis=2)
    kind = skfem.MeshQuad1 if cells == "quad" else skfem.MeshTri1
    nodes = np.array([x[corners[:, 0]], y[corners[:, 1]]])
    mesh, _ = build_mesh(kind, corners[:, 0] * y.size + corners[:, 1], nodes)
    device = DeviceMesh(mesh, axes, source=source).with_boundaries(
        {
            "left": lambda p: p[0] == x[0],
            "right": lambda p: p[0] == x[-1],
            "bottom": lambda p: p[1] == y[0],
            "top": lambda p: p[1] == y[-1],
        }
    )
    check_mesh(device)
    return device


def _lines(values: Any, name: str) -> np.ndarray:
    lines = np.asarray(values, dtype=float)
    if (
        lines.ndim != 1
        or lines.size < 2
        or not np.all(np.isfinite(lines))
        or np.any(np.diff(lines) <= 0)
    ):
        raise InputError(
            f"expected at least two increasing coordinates in metres, got {values!r}",
            value=values,
            key=name,
        )
    return lines


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
    """Rectangle centred on the origin, graded to all four sides.

    ``h_min`` is the first spacing at the sides (default 1/50 of the shorter side), ``h_max`` the
    largest one (default 1/8 of the shorter side). Boundaries ``left``, ``right``, ``bottom``,
    ``top``.
    """
    sides = positive(length, "m", "length"), positive(width, "m", "width")
    first = min(sides) / 50 if h_min is None else positive(h_min, "m", "h_min")
    last = max(min(sides) / 8, first) if h_max is None else positive(h_max, "m", "h_max")
    x, y = (graded_lines(-s / 2, s / 2, first, growth, "both", last) for s in sides)
    return tensor_grid(x, y, cells, axes=axes, source=f"rectangle({length!r}, {width!r})")


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
    inner_radius, outer_radius : length
    around : cells around the circle; the circle is met to about (pi/around)^4
    h_min : first radial spacing at both circles, default 1/20 of the gap
    growth : ratio of neighbouring radial spacings, which never exceed the spacing along the outer
    circle
    radii : (n,) increasing from inner to outer radius in metres, instead of h_min and growth
    cells : "quad" (MeshQuad2) or "triangle" (MeshTri2)

    Returns
    -------
    DeviceMesh with boundaries ``inner`` and ``outer``.
    """
    r1, r2 = (
        positive(inner_radius, "m", "inner_radius"),
        positive(outer_radius, "m", "outer_radius"),
    )
    if r2 <= r1:
        raise InputError(f"outer_radius must exceed inner_radius {r1:g} m, got {r2:g} m", value=r2)
    n = _around(around)
    h = (r2 - r1) / 20 if h_min is None else positive(h_min, "m", "h_min")
    graded = graded_lines(r1, r2, h, growth, "both", max(h, 2 * math.pi * r2 / n))
    r = graded if radii is None else _lines(radii, "radii")
    i, j = (a.ravel() for a in np.meshgrid(np.arange(r.size - 1), np.arange(n), indexing="ij"))
    corners = np.array([[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]])
    if cells == "triangle":
        corners = np.concatenate([corners[[0, 1, 2]], corners[[0, 2, 3]]], axis=2)
    polar = np.array([r[corners[:, 0]], 2 * math.pi / n * corners[:, 1]])
    labels = corners[:, 0] * n + corners[:, 1] % n
    return _polar_device(
        polar, labels, axes, {"inner": r1, "outer": r2}, f"annulus_mesh({r1:g}, {r2:g})"
    )


def disc_mesh(
    radius: Any,
    *,
    rings: int = 12,
    h_min: Any = None,
    growth: float = 1.5,
    axes: tuple[str, str] = ("x", "y"),
) -> DeviceMesh:
    """Disc of curved (quadratic) triangles in rings, ring k carrying 6 k nodes, graded to the rim.

    ``rings`` is the number of rings away from the rim, ``h_min`` the radial spacing at the rim
    (default radius/(4 rings)); the graded rings all carry 6 rings nodes. Boundary ``outer``.
    """
    rim = positive(radius, "m", "radius")
    n = _around(6 * rings) // 6
    h = rim / (4 * n) if h_min is None else positive(h_min, "m", "h_min")
    r = np.concatenate([[0.0], graded_lines(rim / n, rim, h, growth, "right", max(h, rim / n))])
    count = np.minimum(np.arange(r.size), n) * 6
    count[0] = 1
    offset = np.concatenate([[0], np.cumsum(count)])
    cells = np.concatenate(
        [_ring(k, count) for k in range(1, r.size)], axis=2
    )  # (3, 2, n): ring and place on it
    ring, place = cells[:, 0], cells[:, 1]
    polar = np.array([r[ring], 2 * math.pi * place / count[ring]])
    polar[1] = np.where(ring == 0, polar[1].max(axis=0), polar[1])
    labels = offset[ring] + place % count[ring]
    return _polar_device(polar, labels, axes, {"outer": rim}, f"disc_mesh({rim:g})")


def _around(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 6:
        raise InputError(
            f"cells around a circle: expected a whole number of at least 6, got {count!r}",
            value=count,
        )
    return int(count)


def _ring(k: int, count: np.ndarray) -> np.ndarray:
    """Triangles between rings k-1 and k: corners as (ring, place on it), shape (3, 2, n)."""
    inner, outer = int(count[k - 1]), int(count[k])
    if inner == outer:
        p = np.arange(inner)
        low = [(k - 1, p), (k, p), (k, p + 1)]
        high = [(k - 1, p), (k, p + 1), (k - 1, p + 1)]
    else:  # six sectors of n outer and n - 1 inner edges
        n = outer // 6
        s, a = (v.ravel() for v in np.meshgrid(np.arange(6), np.arange(n), indexing="ij"))
        low = [(k - 1, s * (n - 1) + a), (k, s * n + a), (k, s * n + a + 1)]
        s, a = s[a < n - 1], a[a < n - 1]
        high = [(k - 1, s * (n - 1) + a), (k, s * n + a + 1), (k - 1, s * (n - 1) + a + 1)]
    return np.stack(
        [
            np.stack([np.repeat([i, j], [u.size, v.size]), np.concatenate([u, v])])
            for (i, u), (j, v) in zip(low, high, strict=True)
        ]
    )


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
        angle = np.where(
            r[i] == 0, theta[j], np.where(r[j] == 0, theta[i], (theta[i] + theta[j]) / 2)
        )
        nodes.append(np.array([(r[i] + r[j]) / 2, angle]))
    if kind is skfem.MeshQuad2:
        nodes.append(polar.mean(axis=1))
    r, theta = np.stack(nodes, axis=1)
    mesh, _ = build_mesh(kind, labels, np.array([r * np.cos(theta), r * np.sin(theta)]))
    facets = mesh.boundary_facets()
    distance = np.linalg.norm(mesh.p[:, mesh.facets[:, facets]], axis=0).mean(axis=0)
    named = {k: facets[np.abs(distance / v - 1) < 1e-9] for k, v in circles.items()}
    device = DeviceMesh(mesh, axes, named, source=source)
    check_mesh(device)
    return device
