"""Devices traced from a picture: corners in a CSV file, paths in an SVG drawing (by svgelements),
lengths from a scale bar.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..errors import InputError, require_extra, suggest
from ..errors.doors import door
from ..files import escaped, read_text
from ..units import positive
from . import polygons
from .check import check_geometry
from .corners import covered_by, polygon_device
from .outline import Geometry, Loop

# Contacts of a drawing that come this close to the outline touch it; curves are followed to this;
# relative to the size.
TOUCH = 1e-6
CURVE = 1e-4
# Ends of a path that come this close close it, corners this close are one; relative to its extent.
CLOSED = 1e-6
SAME = 1e-8
MOST_CORNERS = 100_000
MOST_SHAPES = 100_000
MOST_NESTED = 200
logger = logging.getLogger(__name__)

#: x, y, and the name of the edge that starts there, or nothing.
Row = tuple[float, float, str]


@door
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
        Separated by commas, semicolons, tabs or spaces; lines with # are skipped. ``name`` makes
        the edge from this corner to the next a contact. An empty line begins a hole. A heading row
        says which column is what, in any order: x, y, name (or contact), and a z that is the same
        throughout; columns of other numbers, such as an index, are left out. Without a heading,
        only ``x, y`` and a name that is no number are read.
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
        A file that cannot be read or has no corners, neither or both of unit and scale bar; as
        :func:`polygon_device`.
    """
    path = Path(path)
    scale = _csv_scale(unit, scale_bar)
    loops = _csv_loops(path, None if unit is None else scale)
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
    return polygon_device(
        outline,
        holes,
        named,
        regions,
        kind="from_csv",
    )


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


def _csv_loops(path: Path, scale: float | None) -> list[list[Row]]:
    """Loops of corners; ``scale``: metres per number where a unit was given, for comparison."""
    rows = _csv_rows(path)
    columns, first = _columns(path, rows, scale)
    loops: list[list[Row]] = [[]]
    heights = set()
    corners = 0
    for number, cells in rows[first:]:
        if not any(cells):
            loops.append([])
            continue
        where = f"{path}, line {number}"
        corner = []
        for axis in "xy":
            place = columns[axis]
            text = cells[place] if place < len(cells) else ""
            corner.append(_number(text, where, cells))
        if "z" in columns and columns["z"] < len(cells):
            heights.add(_number(cells[columns["z"]], where, cells))
        place = columns.get("name", len(cells))
        name = cells[place] if place < len(cells) else ""
        loops[-1].append((corner[0], corner[1], name))
        corners += 1
    if len(heights) > 1:
        raise InputError(
            f"{path}: z is not the same in all rows; give corners in one plane", value=str(path)
        )
    if corners > MOST_CORNERS:
        raise InputError(f"{path}: {corners} corners, more than {MOST_CORNERS}; thin them out")
    loops = [loop for loop in loops if loop]
    if not loops:
        raise InputError(f"{path}: has no rows x, y", value=str(path))
    for loop in loops:
        start = loop[0]
        last = loop[-1]
        if len(loop) > 1 and start[:2] == last[:2]:
            del loop[-1]  # the loop was closed by repeating its first corner
    return loops


def _csv_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Numbered rows of cells. Of lines with # only one that could be the heading is kept."""
    rows: list[tuple[int, list[str]]] = []
    heading = None
    for number, line in enumerate(read_text(path, "a text file of rows x, y").split("\n"), 1):
        if number == 1 and re.fullmatch(r"sep=.", line.strip()):
            continue  # of a spreadsheet
        comment = line.lstrip().startswith("#")
        try:
            cells = _cells(line.lstrip().lstrip("#") if comment else line)
        except csv.Error as exc:
            raise InputError(f"{path}, line {number}: {exc}; give rows x, y", value=number) from exc
        if not comment:
            rows.append((number, cells))
        elif not any(any(row) for _, row in rows) and {"x", "y"} <= set(map(_meaning, cells)):
            heading = (number, cells)
    return rows if heading is None else [heading, *rows]


def _columns(
    path: Path, rows: list[tuple[int, list[str]]], scale: float | None
) -> tuple[dict[str, int], int]:
    """Which column is x, y, z and the name, and the first row of numbers."""
    first = next((n for n, (_, cells) in enumerate(rows) if any(cells)), 0)
    if not rows or not any(rows[first][1]):
        raise InputError(f"{path}: has no rows x, y", value=str(path))
    number, heading = rows[first]
    body = [cells for _, cells in rows[first + 1 :] if any(cells)]
    if any(_is_number(cell) for cell in heading):
        return _without_heading(path, [heading, *body]), first
    columns: dict[str, int] = {}
    others = []
    for place, cell in enumerate(heading):
        meaning = _meaning(cell)
        if meaning in columns:
            raise InputError(
                f"{path}, line {number}: two columns are {meaning} in {_listed(heading)}; rename "
                "one",
                value=heading,
            )
        if meaning:
            columns[meaning] = place
            _check_unit(path, cell, meaning, scale)
        else:
            others.append(place)
    if "x" not in columns or "y" not in columns:
        raise InputError(
            f"{path}, line {number}: expected x, y or x, y, name; the heading {_listed(heading)} "
            "does not say which column is x and which is y",
            value=heading,
        )
    if "name" not in columns and heading[0]:
        # a column of words is the name, whatever it is called; one of numbers is something else
        words = [p for p in others if any(p < len(c) and _is_word(c[p]) for c in body)]
        if len(words) == 1:
            columns["name"] = words[0]
    return columns, first + 1


def _without_heading(path: Path, body: list[list[str]]) -> dict[str, int]:
    """x, y and words; a third number could be an index, a height or a name."""
    widest = max(len(cells) for cells in body)
    thirds = [cells[2] for cells in body if len(cells) > 2 and cells[2]]
    if widest > 3 or any(_is_number(cell) for cell in thirds):
        raise InputError(
            f"{path}: {widest} columns and no heading; say what they are in a first row, such as "
            "'index, x, y' or 'x, y, name', or keep the columns x and y alone",
            value=widest,
        )
    return {"x": 0, "y": 1, "name": 2}


_MEANINGS = {
    "x": {"x", "xpos", "posx", "xcoord", "xm", "col", "column"},
    "y": {"y", "ypos", "posy", "ycoord", "ym", "row"},
    "z": {"z", "zpos", "posz", "zcoord"},
    "name": {"name", "names", "contact", "contacts", "terminal", "electrode"},
}
_UNIT = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]")


def _meaning(cell: str) -> str:
    """What a heading calls its column: x, y, z, name, or nothing that is known."""
    words = re.split(r"[^a-z]+", _UNIT.sub("", cell).lower())
    for meaning, known in _MEANINGS.items():
        if known.intersection(words):
            return meaning
    return ""


def _check_unit(
    path: Path,
    cell: str,
    axis: str,
    scale: float | None,
) -> None:
    """A heading "x (nm)" beside unit="um" is a mistake of a factor 1000."""
    given = _UNIT.search(cell)
    if axis == "name" or given is None or scale is None:
        return
    try:
        metres = positive(f"1 {given[1]}", "m", "unit")
    except InputError:
        return  # pixels, or no unit at all
    if abs(metres - scale) > 1e-9 * scale:
        raise InputError(
            f"{path}: the heading says {escaped(cell)[:40]!r}; give that unit",
            value=cell,
            key="unit",
        )


def _listed(cells: list[str]) -> str:
    return repr(", ".join(cells)[:60])


def _number(text: str, where: str, cells: list[str]) -> float:
    try:
        value = float(_decimal(text))
        if math.isfinite(value):
            return value
    except ValueError:
        pass
    why = "expected x, y or x, y, name"
    if _THOUSANDS.fullmatch(text):
        why = f"{text[:20]!r} may be thousands or decimals; write it with a point or without"
    raise InputError(f"{where}: {why}, got {_listed(cells)}", value=text)


#: 1,234 may be either, and is not guessed at.
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_DECIMAL = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")


def _decimal(text: str) -> str:
    """A decimal comma as a point."""
    if _DECIMAL.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        return text.replace(",", ".")
    return text


def _is_number(text: str) -> bool:
    try:
        float(_decimal(text))
    except ValueError:
        return bool(_THOUSANDS.fullmatch(text))
    return True


def _is_word(text: str) -> bool:
    return bool(text) and not _is_number(text)


def _cells(line: str) -> list[str]:
    # a comma beside semicolons or tabs is a decimal one
    for separator in ";\t,":
        if separator in line:
            reader = csv.reader([line], delimiter=separator)
            return [c.strip() for c in next(reader)]
    return line.split()


@door
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
    scale_bar : length, m
        What the scale bar says; the element ``bar`` (line, rectangle or path) is that long, across
        its larger extent.
    contacts : ids, or mapping name -> id or list of ids
        Closed shapes that lie over parts of the outline; what they cover is the contact.
    regions : mapping name -> id, or None for the rest
    outline : id of the closed path (rectangle, circle, polygon) of the device; further subpaths are
    holes
    bar : id of the scale bar
    tolerance : length, m, optional
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
    extent = _bar_length(drawing.loops(bar, "bar", None, closed=False))
    if not extent > 0:
        raise InputError(
            f"{bar!r} has no length; draw it as long as the scale bar of the picture",
            value=bar,
            key="bar",
        )
    scale = length / extent
    rough = _extent(drawing.loops(outline, "outline", None))
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
            first, *more = read(one, f"region {name!r}")
            if more:
                raise InputError(
                    f"region {name!r}: {one!r} covers {1 + len(more)} closed shapes, a region is "
                    "one; combine them or give the others names of their own",
                    value=one,
                )
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


def _bar_length(loops: list[Loop]) -> float:
    """Longer side of the smallest box around all loops, whichever way it is turned."""
    points = np.vstack([loop.polygon for loop in loops])
    best = (math.inf, 0.0)
    for loop in loops:
        for along in np.diff(loop.polygon, axis=0):
            length = float(np.linalg.norm(along))
            if length > 0:
                x, y = along / length
                width, height = np.ptp(points @ np.array([[x, -y], [y, x]]), axis=0)
                # of boxes without area (a line) the shortest fits
                best = min(best, (round(float(width * height), 12), float(max(width, height))))
    return best[1]


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
    """The shapes of an SVG file by name: an id, a label, or that of a group or layer around them.

    svgelements reads the file and adds up the transformations; they are applied here, because its
    own way loses those of turned rectangles and those with shear of arcs.
    """

    def __init__(self, path: Path) -> None:
        self.svg = require_extra("svgelements", "layout", "reading an SVG drawing")
        self.path = path
        if not path.exists():
            raise InputError(
                f"drawing {str(path)!r} does not exist; give the path of an .svg file",
                value=str(path),
            )
        text = read_text(path, "an .svg file")
        try:
            _check_references(text)
            document = self.svg.SVG.parse(io.StringIO(text), reify=False)
        except InputError as exc:
            raise InputError(f"{path}: {exc.what}", value=str(path)) from exc
        except Exception as exc:  # errors of the XML parser and of the drawing
            reason = f"{type(exc).__name__}: {exc}"
            raise InputError(
                f"{path}: cannot be read as SVG ({escaped(reason)[:120]}); save it again as plain "
                "SVG",
                value=str(path),
            ) from exc
        if not isinstance(document, self.svg.SVG):
            raise InputError(
                f"{path}: cannot be read as SVG (nothing is drawn in it); give an .svg file",
                value=str(path),
            )
        self.shapes: dict[str, list[Any]] = {}
        self.cloned: dict[str, list[Any]] = {}
        self._collect(document, (), False)

    def _collect(
        self,
        element: Any,
        around: tuple[str, ...],
        in_clone: bool,
    ) -> None:
        """Note the shapes of an element under its names and those of the groups around it.

        A clone has names of its own; those of its original are the original's, and serve only if
        that is not drawn.
        """
        own = tuple(str(n) for n in (element.id, _label(element)) if n)
        if isinstance(element, self.svg.Shape):
            for name in around if in_clone else (*around, *own):
                _note(self.shapes, name, element)
            if in_clone:
                for name in own:
                    _note(self.cloned, name, element)
        elif isinstance(element, (self.svg.Group, self.svg.Use)):
            names = around if in_clone else (*around, *own)
            clone = in_clone or isinstance(element, self.svg.Use)
            for child in element:
                self._collect(child, names, clone)

    def loops(
        self,
        name: str,
        what: str,
        tolerance: float | None,
        closed: bool = True,
    ) -> list[Loop]:
        """Subpaths of everything that has this name, y downwards, bulges accordingly.

        Without a tolerance curves are followed to a thousandth of their size.
        """
        known = {**self.cloned, **self.shapes}
        if name not in known:
            raise InputError(
                f"{what}: {self.path} has no shape {name!r}; {suggest(name, known)}",
                value=name,
            )
        out = []
        open_paths = 0
        for shape in known[name]:
            try:
                subpaths = _subpaths(self.svg, shape)
            except (TypeError, ValueError, ArithmeticError, AttributeError) as exc:
                raise InputError(
                    f"{what}: {name!r} has lengths that cannot be read; draw it again", value=name
                ) from exc
            for curves in subpaths:
                points, bulges, gap = _corners(curves, tolerance, f"{what}: {name!r}")
                back_and_forth = len(points) == 2 and not any(bulges)
                if len(points) < 2 or (back_and_forth and closed):
                    open_paths += len(points) == 2
                    continue
                extent = np.ptp(np.array(points), axis=0).max()
                if closed and gap > CLOSED * extent:
                    open_paths += 1
                    continue
                out.append(Loop(tuple(points), tuple(bulges)))
        if out and open_paths:
            # arrows and dimension lines of a layer
            logger.info(
                "%s: %d open paths of %r left out",
                self.path,
                open_paths,
                name,
            )
        if not out and open_paths:
            raise InputError(f"{what}: the path {name!r} is open; close it", value=name)
        if not out:
            raise InputError(f"{what}: {name!r} is empty", value=name)
        return out


def _note(shapes: dict[str, list[Any]], name: str, shape: Any) -> None:
    """A shape is noted once for a name, even where it and its layer share it."""
    members = shapes.setdefault(name, [])
    if not any(one is shape for one in members):
        members.append(shape)


def _check_references(text: str) -> None:
    """Refuse clones of themselves and clones of clones that would fill the memory."""
    root = ElementTree.fromstring(text)
    by_id = {e.get("id"): e for e in root.iter() if e.get("id")}
    sizes: dict[int, int] = {}

    def size(element: ElementTree.Element, above: tuple[int, ...]) -> int:
        """Elements drawn for this one, clones included."""
        key = id(element)
        if key in above:
            raise InputError(f"{element.get('id')!r} contains a clone of itself; remove it")
        if len(above) > MOST_NESTED:
            raise InputError(f"groups and clones are nested more than {MOST_NESTED} deep")
        if key not in sizes:
            total = 1
            for child in element:
                total += size(child, (*above, key))
            if element.tag.rpartition("}")[2] == "use":
                href = element.get("{http://www.w3.org/1999/xlink}href") or element.get("href")
                original = by_id.get((href or "")[1:])
                if original is not None:
                    total += size(original, (*above, key))
            sizes[key] = total
        return sizes[key]

    total = size(root, ())
    if total > MOST_SHAPES:
        raise InputError(
            f"its clones draw {total:.3g} elements, more than {MOST_SHAPES}; draw what the device "
            "needs only"
        )


@dataclass(frozen=True)
class _Curve:
    """Part of a subpath as it is drawn: x(t) for t from 0 to 1.

    ``second`` bounds the second derivative of x; ``bulges`` are those of the ``n`` arcs, if it is
    circular.
    """

    start: np.ndarray
    stop: np.ndarray
    at: Callable[[float], np.ndarray] | None = None
    second: float = 0.0
    turn: float = 0.0

    def flattened(self, tolerance: float, what: str) -> tuple[list[polygons.Point], float]:
        """Corners within, and the bulge of each piece."""
        if self.at is None:
            return [], 0.0
        bulge = 0.0
        if self.turn:
            quarters = abs(self.turn) / (0.501 * math.pi)
            n = max(1, math.ceil(quarters))
            bulge = math.tan(self.turn / n / 4)
        else:
            # a chord over a parameter step h is off by at most h^2 |second derivative| / 8
            pieces = math.sqrt(self.second / (8 * tolerance))
            if not pieces < MOST_CORNERS:
                raise InputError(
                    f"{what} needs more than {MOST_CORNERS} corners to follow its curves; give a "
                    "larger tolerance",
                    value=tolerance,
                    key="tolerance",
                )
            n = max(1, math.ceil(pieces))
        inner = [self.at(i / n) for i in range(1, n)]
        return [(float(x), float(y)) for x, y in inner], bulge


def _subpaths(svg: Any, shape: Any) -> list[list[_Curve]]:
    """The curves of a shape, under its transformations; every subpath ends where its last does."""
    m = shape.transform
    linear = np.array([[m.a, m.c], [m.b, m.d]], dtype=float)
    shift = np.array([m.e, m.f], dtype=float)

    def moved(point: Any) -> np.ndarray:
        return np.asarray(linear @ (float(point.x), float(point.y)) + shift)

    out: list[list[_Curve]] = []
    at = np.zeros(2)
    begun = at
    for part in shape.segments(transformed=False):
        if part.end is None:
            continue
        end = moved(part.end)
        if isinstance(part, svg.Move):
            out.append([])
            begun = end
        else:
            if isinstance(part, svg.Close):
                end = begun
            if not out:
                out.append([])
            out[-1].append(_curve(svg, part, at, end, linear, moved))
            if isinstance(part, svg.Close):
                out.append([])  # what follows without a move begins a subpath here
        at = end
    return [curves for curves in out if curves]


def _curve(
    svg: Any,
    part: Any,
    start: np.ndarray,
    stop: np.ndarray,
    linear: np.ndarray,
    moved: Callable[[Any], np.ndarray],
) -> _Curve:
    if isinstance(part, svg.Arc):
        return _arc(part, start, stop, linear, moved)
    if isinstance(part, svg.CubicBezier):
        return _bezier([start, moved(part.control1), moved(part.control2), stop])
    if isinstance(part, svg.QuadraticBezier):
        return _bezier([start, moved(part.control), stop])
    return _Curve(start, stop)


def _arc(
    part: Any,
    start: np.ndarray,
    stop: np.ndarray,
    linear: np.ndarray,
    moved: Callable[[Any], np.ndarray],
) -> _Curve:
    """centre + u cos + v sin, which stays of this form under any transformation."""
    centre = np.array([part.center.x, part.center.y], dtype=float)
    u = np.array([part.prx.x, part.prx.y], dtype=float) - centre
    v = np.array([part.pry.x, part.pry.y], dtype=float) - centre
    if not u @ u or not v @ v:  # without a radius it is a line
        return _Curve(start, stop)
    arm = np.array([part.start.x, part.start.y], dtype=float) - centre
    first = math.atan2(arm @ v / (v @ v), arm @ u / (u @ u))
    sweep = float(part.sweep)
    middle = moved(part.center)
    u, v = linear @ u, linear @ v

    def at(t: float) -> np.ndarray:
        angle = first + t * sweep
        return np.asarray(middle + math.cos(angle) * u + math.sin(angle) * v)

    longest, shortest = np.linalg.svd(np.column_stack([u, v]), compute_uv=False)
    round_ = longest - shortest < 1e-9 * longest
    turn = math.copysign(sweep, sweep * polygons.cross(u, v)) if round_ else 0.0
    return _Curve(
        start,
        stop,
        at,
        sweep**2 * float(longest),
        turn,
    )


def _bezier(corners: list[np.ndarray]) -> _Curve:
    """A parabola or a cubic by its control points."""
    points = np.array(corners)
    degree = len(corners) - 1
    bends = np.diff(points, n=2, axis=0)
    second = degree * (degree - 1) * float(np.max(np.linalg.norm(bends, axis=1)))

    def at(t: float) -> np.ndarray:
        left = points
        while len(left) > 1:
            left = (1 - t) * left[:-1] + t * left[1:]
        return np.asarray(left[0])

    return _Curve(corners[0], corners[-1], at, second)


def _corners(
    curves: list[_Curve], tolerance: float | None, what: str
) -> tuple[list[polygons.Point], list[float], float]:
    """Corners and bulges of one subpath, and the gap between its ends."""
    ends = np.array([curves[0].start] + [curve.stop for curve in curves])
    if not np.all(np.abs(ends) < 1e100):
        raise InputError(f"{what} has coordinates that are no finite numbers; draw it again")
    if tolerance is None:
        bends = max(curve.second for curve in curves)
        tolerance = 1e-3 * (float(np.ptp(ends, axis=0).max()) + bends) or 1.0
    # programs write corners twice, and a circle closes up to round-off
    nothing = SAME * float(np.ptp(ends, axis=0).max())
    points: list[polygons.Point] = []
    bulges: list[float] = []
    at = curves[0].start
    for curve in curves:
        if math.dist(at, curve.stop) <= nothing and not (curve.second > nothing):
            continue
        new, bulge = curve.flattened(tolerance, what)
        points += [(float(at[0]), float(at[1])), *new]
        bulges += [bulge] * (1 + len(new))
        at = curve.stop
        if len(points) > MOST_CORNERS:
            raise InputError(
                f"{what} needs more than {MOST_CORNERS} corners; give a larger tolerance",
                value=tolerance,
                key="tolerance",
            )
    if not points:
        return points, bulges, 0.0
    gap = math.dist(at, points[0])
    extent = float(np.ptp(np.array(points), axis=0).max())
    if gap > CLOSED * extent:
        points.append((float(at[0]), float(at[1])))  # open: its last corner
        bulges.append(0.0)
    return points, bulges, gap


def _label(element: Any) -> Any:
    """The name that Inkscape shows, if any."""
    for key, value in element.values.get("attributes", element.values).items():
        if key.endswith("}label"):
            return value
    return None
