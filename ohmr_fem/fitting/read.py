"""Data files as columns: where the heading is, what separates the cells, how numbers are written.

Nothing here knows what a column means; that is in :mod:`.headings`.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require_extra
from ..files import plain_file, read_text
from .headings import Heading, is_unit, split_heading
from .sheet import EITHER_COMMA, WITH_COMMA, Sheet, is_number

#: What a file should be, for messages.
WHAT = "a table of measured values"
#: Bytes from which on a file is first tried as plain numbers.
LARGE = 1_000_000
#: Lines among which the heading is looked for.
LONGEST_PREAMBLE = 400
COMMENT = ("#", "%", "//")


def read_sheet(
    path: Path,
    wanted: Callable[[Sequence[Heading]], bool],
    decimal: Any,
) -> Sheet:
    """The columns of a file.

    Parameters
    ----------
    path : Path
        Text, .xlsx, .parquet or .nc (QCoDeS, xarray).
    wanted : whether these headings are what the reader looks for
        Of several lines that could be the heading, the first that is wanted is it.
    decimal : ".", "," or None

    Raises
    ------
    InputError, MissingExtraError
    """
    if decimal not in (None, ".", ","):
        raise InputError(f"expected '.' or ',', got {decimal!r}", value=decimal, key="decimal")
    reader = {
        ".parquet": _from_parquet,
        ".nc": _from_netcdf,
    }.get(path.suffix.lower())
    if not path.exists():
        raise InputError(f"{path}: no such file", value=str(path))
    plain_file(path, WHAT)
    if reader is not None:
        return reader(path)
    if path.suffix.lower() in (".xlsx", ".xls"):
        lines = _excel_lines(path)
        return _body(path, lines, _find_heading(path, lines, wanted), decimal)
    if decimal != "," and path.stat().st_size > LARGE:
        quick = _quick(path, wanted, decimal)
        if quick is not None:
            return quick
    lines = read_text(path, WHAT).rstrip("\n").split("\n")
    return _body(path, lines, _find_heading(path, lines, wanted), decimal)


def _quick(
    path: Path,
    wanted: Callable[[Sequence[Heading]], bool],
    decimal: str | None,
) -> Sheet | None:
    """A large file that holds nothing but plain numbers below its heading; None for any other.

    numpy reads those from the file itself in a third of the time that lines of text take.
    """
    data = path.read_bytes()
    end = _end_of_preamble(data)
    head = data[:end]
    if not data[end:].isascii() or b"\x00" in head:
        return None
    try:
        lines = head.decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError:
        return None
    start = _find_heading(path, lines, wanted)
    count = data.count(b"\n") + (not data.endswith(b"\n"))
    table = _loaded(str(path), start.delimiter, skiprows=start.row, encoding="latin1")
    if table is None or table.shape != (count - start.row, len(start.headings)):
        return None
    at = np.arange(start.row + 1, count + 1)
    return Sheet(path, start.headings, list(table.T), at, decimal)


def _end_of_preamble(data: bytes) -> int:
    """Where the last line ends among which the heading may be."""
    end = 0
    for _ in range(LONGEST_PREAMBLE):
        end = data.find(b"\n", end) + 1
        if end == 0:
            return len(data)
    return end


@dataclass(frozen=True)
class _Start:
    """Where the rows begin, and what stands above them."""

    headings: list[Heading]
    delimiter: str
    row: int  # index of the first line that may be a row
    fits: bool = True  # as many cells below as names


def _cells(
    line: str,
    delimiter: str,
) -> list[str]:
    """The cells of a line, without those that a trailing separator adds."""
    if delimiter == " ":
        parts = re.split(r"\s{2,}", line.strip())
        # one blank between names and their units is none between columns
        return parts if len(parts) > 1 else re.split(r"\s+(?![\[(/])", line.strip())
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _trimmed(cells: list[str]) -> list[str]:
    last = len(cells)
    while last and not cells[last - 1]:
        last -= 1
    return cells[:last]


def _find_heading(
    path: Path,
    lines: list[str],
    wanted: Callable[[Sequence[Heading]], bool],
) -> _Start:
    """The first line that reads as the wanted heading, or the first that could be one."""
    kept = [i for i, line in enumerate(lines[:LONGEST_PREAMBLE]) if line.strip()]
    marks = [i for i in kept if lines[i].strip().lower() == "[data]"]
    if marks:  # Quantum Design: what is above belongs to the instrument
        kept = [i for i in kept if i > marks[0]]
    plain = [i for i in kept if marks or not lines[i].lstrip().startswith(COMMENT)]
    if marks and len(plain) > 1:
        delimiter = "\t" if "\t" in lines[plain[0]] else ","
        names = _trimmed(_cells(lines[plain[0]], delimiter))
        return _Start(_headings(names, None), delimiter, plain[1])
    if len(plain) < 2 and not (plain and len(plain) < len(kept)):
        count = len(plain)
        raise InputError(
            f"{path}: holds {count} lines; expected a header such as 'B [T],R [ohm]' and rows "
            "below it, as text in UTF-8",
            value=count,
        )
    starts = list(_starts(lines, plain, kept))
    asked = [s for s in starts if wanted(s.headings)]
    # a sentence has words, too: one of them may be "by"
    good = next((s for s in asked if s.fits), next(iter(asked or starts), None))
    if good is None:
        raise InputError(
            f"{path}: no line names the columns; write one above the numbers, such as "
            "'B [T],R [ohm]'",
            value=str(path),
        )
    return good


def _starts(
    lines: list[str],
    plain: list[int],
    kept: list[int],
) -> Iterator[_Start]:
    for place, i in enumerate(plain):
        for delimiter in "\t;, ":
            if delimiter != " " and delimiter not in lines[i]:
                continue
            if delimiter == " " and lines[i].lstrip().startswith(";"):
                continue  # a comment, as instruments write them
            start = _start(lines, plain, kept, place, delimiter)
            if start is not None:
                yield start
                break


def _start(
    lines: list[str],
    plain: list[int],
    kept: list[int],
    place: int,
    delimiter: str,
) -> _Start | None:
    """This line as the heading, or as the first row under a heading behind a #."""
    here = plain[place]
    names = _trimmed(_cells(lines[here], delimiter))
    numbers = sum(map(is_number, names))
    if numbers:
        above = [i for i in kept if i < here and lines[i].lstrip().startswith(COMMENT)]
        whole = numbers == len(names) and place == 0
        return _behind_mark(lines, above, delimiter, len(names), here) if whole else None
    if len(names) < 2 or len(plain) < place + 2:
        return None
    after = plain[place + 1]
    units: list[str] | None = None
    below = _cells(lines[after], delimiter)
    if any(below) and all(map(is_unit, filter(None, below))) and not any(map(is_number, below)):
        units, after = below, after + 1
        rest = [i for i in plain if i >= after]
        if not rest:
            return None
        below, after = _cells(lines[rest[0]], delimiter), rest[0]
        if not any(map(is_number, below)) and len(rest) > 1:  # Origin: a row of comments
            below, after = _cells(lines[rest[1]], delimiter), rest[1]
    if not any(map(is_number, below)) or len(below) == 1:
        return None
    fits = delimiter != " " or len(below) == len(names)
    return _Start(_headings(names, units), delimiter, after, fits)


def _behind_mark(
    lines: list[str],
    above: list[int],
    delimiter: str,
    count: int,
    here: int,
) -> _Start | None:
    """numpy.savetxt writes the heading as its last comment."""
    for i in reversed(above):
        text = lines[i].lstrip().lstrip("#%/").strip()
        names = _trimmed(_cells(text, delimiter))
        if len(names) == count and not any(map(is_number, names)):
            return _Start(_headings(names, None), delimiter, here)
    return None


def _headings(
    names: list[str],
    units: list[str] | None,
) -> list[Heading]:
    if units is None:
        return [split_heading(name) for name in names]
    units = [unit.strip("[]() ") for unit in units] + [""] * len(names)
    pairs = zip(names, units, strict=False)
    return [Heading(name, name, unit or None) for name, unit in pairs]


def _body(
    path: Path,
    lines: list[str],
    start: _Start,
    decimal: str | None,
) -> Sheet:
    count = len(start.headings)
    rows = lines[start.row :]
    at = np.arange(start.row + 1, len(lines) + 1)
    fast = None if decimal == "," else _fast(rows, start.delimiter, count)
    if fast is not None:
        return Sheet(path, start.headings, fast, at, decimal)
    kept = [i for i, row in enumerate(rows) if (text := row.lstrip()) and text[0] not in "#%"]
    rows, at = [rows[i] for i in kept], at[kept]
    pointed = rows
    if decimal != "." and start.delimiter != "," and _decimal_commas(rows, decimal):
        pointed = [row.replace(",", ".") for row in rows]
    elif decimal == ",":
        pointed = []
    fast = _fast(pointed, start.delimiter, count) if pointed else None
    cells: Sequence[Any] = fast if fast is not None else _slow(path, rows, at, start)
    return Sheet(path, start.headings, cells, at, decimal)


def _decimal_commas(
    rows: list[str],
    decimal: str | None,
) -> bool:
    """Whether every comma of the rows is a decimal sign: there is no point, and a number near the
    top can be read in no other way.
    """
    if any("." in row or '"' in row for row in rows):
        return False
    if decimal == ",":
        return True
    cells = (cell for row in rows[:LONGEST_PREAMBLE] for cell in re.split(r"[;\s]+", row))
    return any(WITH_COMMA.fullmatch(c) and not EITHER_COMMA.fullmatch(c) for c in cells)


def _fast(
    rows: list[str],
    delimiter: str,
    count: int,
) -> list[np.ndarray] | None:
    """Columns of a file that holds nothing but plain numbers; None for any other."""
    table = _loaded(rows, delimiter)
    if table is None or table.shape != (len(rows), count):
        return None
    return list(table.T)


def _loaded(
    source: Any,
    delimiter: str,
    **options: Any,
) -> np.ndarray | None:
    """A table of plain numbers; None where there is anything else."""
    between = None if delimiter == " " else delimiter
    try:
        return np.loadtxt(source, delimiter=between, comments=None, ndmin=2, **options)
    except (ValueError, IndexError):
        return None


def _slow(
    path: Path,
    rows: list[str],
    at: np.ndarray,
    start: _Start,
) -> list[list[str]]:
    count = len(start.headings)
    if start.delimiter == " ":
        table = [row.split() for row in rows]
        _all_cells(path, table, at, count)
    else:
        table = list(csv.reader(rows, delimiter=start.delimiter))
    if len(table) != len(rows):
        raise InputError(
            f"{path}: a cell in quotes runs over several lines; take the line breaks out",
            value=str(path),
        )
    for line, row in zip(at, table, strict=True):
        if len(row) > count and any(cell.strip() for cell in row[count:]):
            raise InputError(
                f"{path}, line {line}: more cells than the header has columns ({count}); with "
                "decimal commas, separate the columns by semicolons or tabs",
                value=int(line),
            )
    # a short row lacks its last cells
    return [[row[k].strip() if k < len(row) else "" for row in table] for k in range(count)]


def _all_cells(
    path: Path,
    table: list[list[str]],
    at: np.ndarray,
    count: int,
) -> None:
    """Blanks cannot show an empty cell, nor tell two names from one: the cells have to be whole."""
    for line, row in zip(at, table, strict=True):
        if len(row) != count:
            raise InputError(
                f"{path}, line {line}: {len(row)} cells under {count} names; columns separated by "
                "blanks need names without blanks and no empty cells: separate them by tabs",
                value=int(line),
            )


def _excel_lines(path: Path) -> list[str]:
    """The first sheet as lines of text, so that its heading is found as in any other file."""
    pandas = require_extra("pandas", "study", f"reading {path.name}")
    frame = _by_pandas(path, lambda: pandas.read_excel(path, header=None, dtype=object), "openpyxl")
    cells = frame.where(frame.notna(), "").astype(str).to_numpy()
    return ["\t".join(" ".join(cell.split()) for cell in row) for row in cells]


def _from_parquet(path: Path) -> Sheet:
    pandas = require_extra("pandas", "study", f"reading {path.name}")
    frame = _by_pandas(path, lambda: pandas.read_parquet(path), "pyarrow")
    return _from_frame(path, frame.reset_index() if frame.index.name else frame, {})


def _by_pandas(
    path: Path,
    read: Callable[[], Any],
    engine: str,
) -> Any:
    try:
        return read()
    except ImportError as exc:
        raise InputError(
            f"{path}: pandas needs {engine} to read it; pip install {engine}, or save the table as "
            "CSV",
            value=str(path),
        ) from exc
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as exc:
        raise InputError(
            f"{path}: cannot be read ({str(exc)[:80]}); save the table as CSV", value=str(path)
        ) from exc


def _from_netcdf(path: Path) -> Sheet:
    xarray = require_extra("xarray", "study", f"reading {path.name}")
    try:
        with xarray.open_dataset(path) as data:
            frame = data.to_dataframe().reset_index()
            attributes = {str(name): data[name].attrs for name in data.variables}
    except (OSError, ValueError) as exc:
        raise InputError(
            f"{path}: cannot be read as netCDF ({str(exc)[:80]})", value=str(path)
        ) from exc
    # QCoDeS says "unit", the CF conventions "units"
    units = {name: a.get("units", a.get("unit")) for name, a in attributes.items()}
    return _from_frame(path, frame, units)


def _from_frame(
    path: Path,
    frame: Any,
    units: dict[str, str | None],
) -> Sheet:
    headings: list[Heading] = []
    cells: list[Any] = []
    for name in frame.columns:
        text = str(name)
        unit = units.get(text)
        headings.append(Heading(text, text, unit) if unit else split_heading(text))
        series = frame[name]
        if series.dtype.kind in "fiu":
            cells.append(series.to_numpy(dtype=float))
        else:
            missing = series.isna()
            cells.append(["" if m else str(v) for v, m in zip(series, missing, strict=True)])
    return Sheet(path, headings, cells, np.arange(len(frame)) + 2)
