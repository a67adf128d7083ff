"""Devices traced from a picture: corners in a CSV file, lengths from a scale bar."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..errors.doors import door
from ..files import escaped, read_text
from ..units import positive
from .corners import polygon_device
from .outline import Geometry

MOST_CORNERS = 100_000

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
