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
TOUCH = 1e-6
CURVE = 1e-4
#: x, y, and the name of the edge that starts there, or nothing.
Row = tuple[float, float, str]


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
    named: dict[str, Any] = {}
    for key, places in (contacts or {}).items():
        named[str(key)] = places if isinstance(places, list) else [places]
    corners = []
    edge = 0
    for loop in loops:
        scaled = []
        for x, y, name in loop:
            scaled.append((scale * x, flip * scale * y))
            if name:
                named.setdefault(name, []).append(edge)
            edge += 1
        corners.append(scaled)
    outline, *holes = corners
    return polygon_device(outline, holes, named, regions, kind="from_csv")


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
    length, drawn = scale_bar
    metres = positive(length, "m", "scale_bar")
    return metres / positive(drawn, "1", "scale_bar: length in the file")


def _csv_loops(path: Path) -> list[list[Row]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            f"{str(path)!r} cannot be read ({exc}); give a text file of rows x, y", value=str(path)
        ) from exc
    loops: list[list[Row]] = [[]]
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        cells = _cells(line)
        if not any(cells):
            loops.append([])
            continue
        try:
            x = float(cells[0])
            y = float(cells[1])
        except (ValueError, IndexError) as exc:
            if not any(loops) and not _is_number(cells[0]):
                continue  # a heading
            raise InputError(
                f"{path}, line {number}: expected x, y or x, y, name, got {line!r}", value=line
            ) from exc
        name = cells[2] if len(cells) > 2 else ""
        loops[-1].append((x, y, name))
    loops = [loop for loop in loops if loop]
    if not loops:
        raise InputError(f"{path}: has no rows x, y", value=str(path))
    for loop in loops:
        first = loop[0]
        last = loop[-1]
        if len(loop) > 1 and first[:2] == last[:2]:
            del loop[-1]  # the loop was closed by repeating its first corner
    return loops


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cells(line: str) -> list[str]:
    for separator in ",;\t":
        if separator in line:
            reader = csv.reader([line], delimiter=separator)
            return [c.strip() for c in next(reader)]
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
    drawn_bar = drawing.loops(bar, "bar", 1e-3, closed=False)
    extent = float(_extent(drawn_bar).max())
    if extent <= 0:
        raise InputError(
            f"{bar!r} has no length; draw it as long as the scale bar of the picture",
            value=bar,
            key="bar",
        )
    scale = length / extent
    rough = _extent(drawing.loops(outline, "outline", 0.05))
    if tolerance is None:
        finest = CURVE * float(np.hypot(*rough))
    else:
        finest = positive(tolerance, "m", "tolerance") / scale

    def read(name: str, what: str) -> list[Loop]:
        drawn = drawing.loops(name, what, finest)
        return [_scaled(loop, scale) for loop in drawn]

    loops = _outline_first(read(outline, "outline"))
    touch = TOUCH * loops[0].diagonal
    if not isinstance(contacts, Mapping):
        contacts = {c: c for c in contacts}
    named = {}
    for name, ids in contacts.items():
        shapes = []
        for one in [ids] if isinstance(ids, str) else ids:
            for loop in read(one, f"contact {name!r}"):
                shapes.append(loop.polygon)
        covered = covered_by(loops, shapes, touch)
        named[str(name)] = covered
        if not covered:
            raise InputError(
                f"contact {name!r}: covers no part of the outline; draw it across the edge",
                value=name,
            )
    drawn: dict[str, Loop | None] = {}
    for name, one in (regions or {}).items():
        drawn[str(name)] = None
        if one is not None:
            first, *_ = read(one, f"region {name!r}")
            drawn[str(name)] = first
    whole, *holes = loops
    out = Geometry(
        whole,
        tuple(holes),
        contacts=named,
        regions=drawn,
        kind="from_svg",
    )
    check_geometry(out)
    return out


def _extent(loops: list[Loop]) -> np.ndarray:
    """Width and height of all loops together."""
    points = np.vstack([loop.polygon for loop in loops])
    return np.asarray(np.ptp(points, axis=0))


def _outline_first(loops: list[Loop]) -> list[Loop]:
    """The largest loop first and counter-clockwise, the others clockwise."""
    loops = sorted(loops, key=lambda loop: -abs(loop.area))
    out = []
    for k, loop in enumerate(loops):
        wanted = k == 0
        counter_clockwise = loop.area > 0
        out.append(loop if counter_clockwise == wanted else loop.reversed())
    return out


def _scaled(loop: Loop, scale: float) -> Loop:
    """In metres, y upwards."""
    points = tuple((scale * x, -scale * y) for x, y in loop.points)
    return Loop(points, tuple(-b for b in loop.bulges))


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
                for name in (element.id, _label(element)):
                    if name:
                        self.shapes.setdefault(name, element)

    def loops(
        self,
        name: str,
        what: str,
        tolerance: float,
        closed: bool = True,
    ) -> list[Loop]:
        """Subpaths of an element, y downwards, bulges accordingly."""
        if name not in self.shapes:
            raise InputError(
                f"{what}: {self.path} has no shape {name!r}; {suggest(name, self.shapes)}",
                value=name,
            )
        out = []
        for part in self.svg.Path(self.shapes[name]).as_subpaths():
            pieces = list(self.svg.Path(part))
            points, bulges, end = self._corners(pieces, tolerance)
            if len(points) < 2:
                continue
            gap = np.hypot(*(np.array(end) - points[0]))
            back_and_forth = len(points) == 2 and not any(bulges)
            if gap <= 1e-9 and back_and_forth:
                continue
            extent = np.ptp(np.array(points), axis=0).max()
            if closed and gap > 1e-6 * extent:
                raise InputError(f"{what}: the path {name!r} is open; close it", value=name)
            out.append(Loop(tuple(points), tuple(bulges)))
        if not out:
            raise InputError(f"{what}: {name!r} is empty", value=name)
        return out

    def _corners(
        self,
        parts: list[Any],
        tolerance: float,
    ) -> tuple[list[polygons.Point], list[float], polygons.Point]:
        """Corners and bulges of one subpath, and where it ends."""
        points: list[polygons.Point] = []
        bulges: list[float] = []
        at = (0.0, 0.0)
        for part in parts:
            if part.end is None:
                continue
            end = (float(part.end.x), float(part.end.y))
            drawn = not isinstance(part, self.svg.Move)
            # a full circle ends where it began
            length = math.dist(at, end) + float(_sweep(part))
            if drawn and length > 0:
                new, bulge = _flattened(self.svg, part, tolerance)
                points += [at, *new]
                bulges += [bulge] * (1 + len(new))
            at = end
        if not points:
            return points, bulges, at
        closed = isinstance(parts[-1], self.svg.Close)
        if not closed and math.dist(at, points[0]) > 0:
            points.append(at)  # open: its last corner
            bulges.append(0.0)
        return points, bulges, at


def _label(element: Any) -> Any:
    """The name that Inkscape shows, if any."""
    for key, value in element.values.items():
        if key.endswith("}label"):
            return value
    return None


def _sweep(part: Any) -> float:
    return abs(getattr(part, "sweep", 0.0) or 0.0)


def _flattened(svg: Any, part: Any, tolerance: float) -> tuple[list[polygons.Point], float]:
    """Corners within a part of a path, and the bulge of each of its pieces."""
    if isinstance(part, svg.Arc) and abs(part.rx - part.ry) < 1e-9 * part.rx:
        quarters = abs(part.sweep) / (0.501 * math.pi)
        n = max(1, math.ceil(quarters))
        bulge = math.tan(float(part.sweep) / n / 4)
    elif isinstance(part, (svg.Arc, svg.CubicBezier, svg.QuadraticBezier)):
        n = _pieces(svg, part, tolerance)
        bulge = 0.0
    else:
        return [], 0.0
    inner = []
    for i in range(1, n):
        p = part.point(i / n)
        inner.append((float(p.x), float(p.y)))
    return inner, bulge


def _pieces(svg: Any, part: Any, tolerance: float) -> int:
    """Chords of a curve; a chord over a parameter step h is off by at most h^2 |second derivative|
    / 8.
    """
    if isinstance(part, svg.Arc):
        second = float(part.sweep) ** 2 * max(part.rx, part.ry)
    elif isinstance(part, svg.CubicBezier):
        at_start = _bend(part.start, part.control1, part.control2)
        at_end = _bend(part.control1, part.control2, part.end)
        second = 6 * max(at_start, at_end)
    else:
        second = 2 * _bend(part.start, part.control, part.end)
    n = math.sqrt(second / (8 * tolerance))
    return max(1, math.ceil(n))


def _bend(p: Any, q: Any, r: Any) -> float:
    """Length of the second difference of three points."""
    x = p.x - 2 * q.x + r.x
    y = p.y - 2 * q.y + r.y
    return float(np.hypot(x, y))
