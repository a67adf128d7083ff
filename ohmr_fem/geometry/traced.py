"""Devices traced from a picture: corners in a CSV file, paths in an SVG drawing (by svgelements),
lengths from a scale bar.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require_extra, suggest
from ..units import positive
from . import polygons
from .check import check_geometry
from .corners import covered_by, polygon_device
from .outline import Geometry, Loop

# Contacts of a drawing that come this close to the outline touch it; curves are followed to this;
# relative to the size.
TOUCH, CURVE = 1e-6, 1e-4


def from_csv(
    path: str | Path,
    *,
    unit: str | None = None,
    scale_bar: tuple[Any, float] | None = None,
    y_down: bool = False,
    contacts: Mapping[str, Any] | None = None,
    regions: Mapping[str, Any] | None = None,
) -> Geometry:
    """Read traced corners.

    Parameters
    ----------
    path : file of rows ``x, y`` or ``x, y, name``
        Separated by commas, semicolons, tabs or spaces; one heading row and lines with # are
        skipped. ``name`` makes the edge from this corner to the next a contact. An empty line
        begins a hole.
    unit : str
        Unit of the numbers, such as "um"; or
    scale_bar : (length, number)
        What the scale bar says, and its length in the numbers of the file: ``("10 um", 214.0)``.
    y_down : bool
        y counts downwards, as pixels of a picture do.
    contacts, regions : as in :func:`polygon_device`, optional; in metres

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
    """
    path = Path(path)
    scale = _csv_scale(unit, scale_bar)
    loops = _csv_loops(path)
    flip = -1.0 if y_down else 1.0
    corners = [[(scale * x, flip * scale * y) for x, y, _ in loop] for loop in loops]
    named: dict[str, Any] = {
        str(k): v if isinstance(v, list) else [v] for k, v in (contacts or {}).items()
    }
    for i, (_, _, name) in enumerate(row for loop in loops for row in loop):
        if name:
            named.setdefault(name, []).append(i)
    return polygon_device(corners[0], corners[1:], named, regions, kind="from_csv")


def _csv_scale(unit: str | None, scale_bar: tuple[Any, float] | None) -> float:
    """Metres per number in the file."""
    if (unit is None) == (scale_bar is None):
        raise InputError(
            "give either unit='um' or scale_bar=('10 um', length of the bar in the file)",
            value=unit,
            key="from_csv",
        )
    if unit is not None:
        return positive(f"1 {unit}", "m", "unit")
    if not isinstance(scale_bar, tuple) or len(scale_bar) != 2:
        raise InputError(
            f"expected ('10 um', length of the bar in the file), got {scale_bar!r}",
            value=scale_bar,
            key="scale_bar",
        )
    return positive(scale_bar[0], "m", "scale_bar") / positive(
        scale_bar[1], "1", "scale_bar: length in the file"
    )


def _csv_loops(path: Path) -> list[list[tuple[float, float, str]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            f"{str(path)!r} cannot be read ({exc}); give a text file of rows x, y", value=str(path)
        ) from exc
    loops: list[list[tuple[float, float, str]]] = [[]]
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        cells = _cells(line)
        if not any(cells):
            loops.append([])
            continue
        try:
            x, y = float(cells[0]), float(cells[1])
        except (ValueError, IndexError) as exc:
            if not any(loops) and not _is_number(cells[0]):
                continue  # a heading
            raise InputError(
                f"{path}, line {number}: expected x, y or x, y, name, got {line!r}", value=line
            ) from exc
        loops[-1].append((x, y, cells[2] if len(cells) > 2 else ""))
    loops = [loop for loop in loops if loop]
    if not loops:
        raise InputError(f"{path}: has no rows x, y", value=str(path))
    return [loop[:-1] if len(loop) > 1 and loop[0][:2] == loop[-1][:2] else loop for loop in loops]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cells(line: str) -> list[str]:
    for separator in ",;\t":
        if separator in line:
            return [c.strip() for c in next(csv.reader([line], delimiter=separator))]
    return line.split()


def from_svg(
    path: str | Path,
    scale_bar: Any,
    *,
    contacts: Mapping[str, Any] | Sequence[str] = (),
    regions: Mapping[str, Any] | None = None,
    outline: str = "outline",
    bar: str = "scale",
    tolerance: Any = None,
) -> Geometry:
    """Read a device from a drawing. Elements are called by their id, or by their label in Inkscape.

    Parameters
    ----------
    path : .svg file
    scale_bar : length
        What the scale bar says; the element ``bar`` (line, rectangle or path) is that long, across
        its larger extent.
    contacts : ids, or mapping name -> id or list of ids
        Closed shapes that lie over parts of the outline; what they cover is the contact.
    regions : mapping name -> id, or None for the rest
    outline : id of the closed path (rectangle, circle, polygon) of the device; further subpaths are
    holes
    bar : id of the scale bar
    tolerance : length, optional
        How far curves may be off; default 1e-4 of the device. Circular arcs are exact.
        Transformations of elements and groups are applied; strokes, text, images and clipping are
        ignored.

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
        No such element (the message lists those that exist), an open path, a contact that covers no
        edge.
    MissingExtraError
        svgelements is not installed.
    """
    drawing = _Drawing(Path(path))
    length = positive(scale_bar, "m", "scale_bar")
    extent = float(
        np.ptp(
            np.vstack([loop.polygon for loop in drawing.loops(bar, "bar", 1e-3, closed=False)]),
            axis=0,
        ).max()
    )
    if extent <= 0:
        raise InputError(
            f"{bar!r} has no length; draw it as long as the scale bar of the picture",
            value=bar,
            key="bar",
        )
    scale = length / extent
    rough = np.ptp(
        np.vstack([loop.polygon for loop in drawing.loops(outline, "outline", 0.05)]), axis=0
    )
    finest = (
        CURVE * float(np.hypot(*rough))
        if tolerance is None
        else positive(tolerance, "m", "tolerance") / scale
    )

    def read(name: str, what: str) -> list[Loop]:
        return [_scaled(loop, scale) for loop in drawing.loops(name, what, finest)]

    loops = sorted(
        read(outline, "outline"), key=lambda loop: -abs(polygons.signed_area(loop.polygon))
    )
    loops = [
        loop if (polygons.signed_area(loop.polygon) > 0) == (k == 0) else loop.reversed()
        for k, loop in enumerate(loops)
    ]
    size = float(np.linalg.norm(np.ptp(loops[0].polygon, axis=0)))
    named = {}
    for name, ids in (
        contacts if isinstance(contacts, Mapping) else {c: c for c in contacts}
    ).items():
        shapes = [
            loop.polygon
            for one in ([ids] if isinstance(ids, str) else ids)
            for loop in read(one, f"contact {name!r}")
        ]
        named[str(name)] = covered_by(loops, shapes, TOUCH * size)
        if not named[str(name)]:
            raise InputError(
                f"contact {name!r}: covers no part of the outline; draw it across the edge",
                value=name,
            )
    drawn: dict[str, Loop | None] = {}
    for name, one in (regions or {}).items():
        drawn[str(name)] = None if one is None else read(one, f"region {name!r}")[0]
    out = Geometry(loops[0], tuple(loops[1:]), named, {}, drawn, "from_svg")
    check_geometry(out)
    return out


def _scaled(loop: Loop, scale: float) -> Loop:
    """In metres, y upwards."""
    return Loop(
        tuple((scale * x, -scale * y) for x, y in loop.points), tuple(-b for b in loop.bulges)
    )


class _Drawing:
    """The shapes of an SVG file by name."""

    def __init__(self, path: Path) -> None:
        self.svg = require_extra("svgelements", "layout", "reading an SVG drawing")
        self.path = path
        if not path.is_file():
            raise InputError(
                f"drawing {str(path)!r} does not exist; give the path of an .svg file",
                value=str(path),
            )
        try:
            document = self.svg.SVG.parse(str(path), reify=True)
        except Exception as exc:  # errors of the XML parser and of the drawing
            raise InputError(f"{path}: cannot be read as SVG ({exc})", value=str(path)) from exc
        self.shapes: dict[str, Any] = {}
        for element in document.elements():
            if isinstance(element, self.svg.Shape):
                label = next((v for k, v in element.values.items() if k.endswith("}label")), None)
                for name in (element.id, label):
                    if name:
                        self.shapes.setdefault(name, element)

    def loops(self, name: str, what: str, tolerance: float, closed: bool = True) -> list[Loop]:
        """Subpaths of an element, y downwards, bulges accordingly."""
        if name not in self.shapes:
            raise InputError(
                f"{what}: {self.path} has no shape {name!r}; {suggest(name, self.shapes)}",
                value=name,
            )
        out = []
        for part in self.svg.Path(self.shapes[name]).as_subpaths():
            points, bulges, end = self._corners(list(self.svg.Path(part)), tolerance)
            gap = np.hypot(*(np.array(end) - points[0])) if points else 0.0
            if len(points) < 2 or (gap <= 1e-9 and len(points) < (3 if not any(bulges) else 2)):
                continue
            if closed and gap > 1e-6 * np.ptp(np.array(points), axis=0).max():
                raise InputError(f"{what}: the path {name!r} is open; close it", value=name)
            out.append(Loop(tuple(points), tuple(bulges)))
        if not out:
            raise InputError(f"{what}: {name!r} is empty", value=name)
        return out

    def _corners(
        self, parts: list[Any], tolerance: float
    ) -> tuple[list[polygons.Point], list[float], polygons.Point]:
        """Corners and bulges of one subpath, and where it ends."""
        points: list[polygons.Point] = []
        bulges: list[float] = []
        at = (0.0, 0.0)
        for part in parts:
            if part.end is None:
                continue
            end = (float(part.end.x), float(part.end.y))
            if not isinstance(part, self.svg.Move) and math.dist(at, end) + float(_sweep(part)) > 0:
                new, bulge = _flattened(self.svg, part, tolerance)
                points += [at, *new]
                bulges += [bulge] * (1 + len(new))
            at = end
        if points and not isinstance(parts[-1], self.svg.Close) and math.dist(at, points[0]) > 0:
            points.append(at)  # open: its last corner
            bulges.append(0.0)
        return points, bulges, at


def _sweep(part: Any) -> float:
    return abs(getattr(part, "sweep", 0.0) or 0.0)


def _flattened(svg: Any, part: Any, tolerance: float) -> tuple[list[polygons.Point], float]:
    """Corners within a part of a path, and the bulge of each of its pieces."""
    if isinstance(part, svg.Arc) and abs(part.rx - part.ry) < 1e-9 * part.rx:
        n = max(1, math.ceil(abs(part.sweep) / (0.501 * math.pi)))
        inner, bulge = [part.point(i / n) for i in range(1, n)], math.tan(float(part.sweep) / n / 4)
    elif isinstance(part, (svg.Arc, svg.CubicBezier, svg.QuadraticBezier)):
        n, bulge = _pieces(svg, part, tolerance), 0.0
        inner = [part.point(i / n) for i in range(1, n)]
    else:
        return [], 0.0
    return [(float(p.x), float(p.y)) for p in inner], bulge


def _pieces(svg: Any, part: Any, tolerance: float) -> int:
    """Chords of a curve; a chord over a parameter step h is off by at most h^2 |second derivative|
    / 8.
    """
    if isinstance(part, svg.Arc):
        second = float(part.sweep) ** 2 * max(part.rx, part.ry)
    elif isinstance(part, svg.CubicBezier):
        a, b, c, d = (
            np.array([p.x, p.y]) for p in (part.start, part.control1, part.control2, part.end)
        )
        second = 6 * max(np.hypot(*(a - 2 * b + c)), np.hypot(*(b - 2 * c + d)))
    else:
        a, b, c = (np.array([p.x, p.y]) for p in (part.start, part.control, part.end))
        second = 2 * np.hypot(*(a - 2 * b + c))
    return max(1, math.ceil(math.sqrt(second / (8 * tolerance))))
