"""Data files as columns: where the heading is, what separates the cells, how numbers are written.

Nothing here knows what a column means; that is in :mod:`.headings`.
"""

from __future__ import annotations

import contextlib
import csv
import functools
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

#: What a file should be, for messages.
WHAT = "a table of measured values"
#: Bytes from which on a file is first tried as plain numbers.
LARGE = 1_000_000
#: Lines among which the heading is looked for.
LONGEST_PREAMBLE = 400
#: Instruments write 9.9e37 (overflow) and 9.91e37 (not a number) for what they could not measure.
INSTRUMENT_NAN = 9.89e37
#: Cells without a value, in lower case.
MISSING = {"", "nan", "-nan", "na", "n/a", "-", "--", "---", "none", "null", "#n/a", "nan(ind)"}
#: Characters of headings in a message.
MOST_SHOWN = 80
COMMENT = ("#", "%", "//")

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
_WITH_COMMA = re.compile(r"[-+]?\d*,\d*([eE][-+]?\d+)?")
#: "90,000": ninety thousand, or ninety; "0,125" and "0125,125" have one reading.
_EITHER_COMMA = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_EITHER_POINT = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")
_THOUSANDS_COMMA = re.compile(r"[-+]?\d{1,3}((,\d{3})+\.\d*|(,\d{3}){2,})([eE][-+]?\d+)?")
_THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}((\.\d{3})+,\d*|(\.\d{3}){2,})([eE][-+]?\d+)?")
_THOUSANDS_SPACE = re.compile(r"[-+]?\d{1,3}([ '\u00a0\u202f\u2009]\d{3})+([.,]\d*)?")


@dataclass(frozen=True, eq=False)
class Sheet:
    """The columns of a file.

    Parameters
    ----------
    path : Path
    headings : what stands above each column
    cells : for each column its texts, or its numbers (n,)
    lines : (n,) number of the line of each row, from 1
    decimal : "." or ",", or None to learn it from the numbers
    """

    path: Path
    headings: Sequence[Heading]
    cells: Sequence[Any]
    lines: np.ndarray
    decimal: str | None = None

    @property
    def shown(self) -> str:
        """The headings in a message, not too many of them."""
        names = [h.name[:24] for h in self.headings]
        shown = 1
        while shown < len(names) and len(", ".join(names[: shown + 1])) < MOST_SHOWN:
            shown += 1
        more = f", ... ({len(names)} columns)" if shown < len(names) else ""
        return ", ".join(names[:shown]) + more

    def texts(self, index: int) -> list[str]:
        """A column as it is written."""
        cells = self.cells[index]
        return [f"{v:g}" for v in cells] if isinstance(cells, np.ndarray) else list(cells)

    def numbers(self, index: int) -> np.ndarray:
        """A column as numbers, (n,); nan where a cell is empty."""
        cells = self.cells[index]
        if not isinstance(cells, np.ndarray):
            cells = self._parsed(index, cells)
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(cells) < INSTRUMENT_NAN, cells, np.nan)

    def is_empty(self, index: int) -> bool:
        """Whether no row has a value in this column."""
        cells = self.cells[index]
        if isinstance(cells, np.ndarray):
            return not np.any(np.isfinite(cells))
        return all(cell.lower() in MISSING for cell in cells)

    def is_numeric(self, index: int) -> bool:
        """Whether every cell is a number or empty."""
        try:
            self.numbers(index)
        except InputError:
            return False
        return True

    @functools.cached_property
    def _signs(self) -> _Signs:
        """What the numbers of the file say about its decimal sign."""
        texts = [cells for cells in self.cells if not isinstance(cells, np.ndarray)]
        if not any("," in cell for cells in texts for cell in cells):
            return _Signs()
        return _Signs.of(texts)

    def _parsed(self, index: int, cells: list[str]) -> np.ndarray:
        filled = ["nan" if cell.lower() in MISSING else cell for cell in cells]
        pointed = any("." in cell for cell in filled)
        plain = not any("_" in cell for cell in filled)  # float takes 1_000 for a number
        comma = self.decimal == "," or (self.decimal is None and bool(self._signs.comma))
        if plain and not (pointed and comma):
            with contextlib.suppress(ValueError):
                return np.array(filled).astype(float)
        return self._mended(index, filled)

    def _mended(self, index: int, cells: list[str]) -> np.ndarray:
        """Numbers with commas, thousands separators and typographic signs."""
        marked = any("," in cell or "." in cell for cell in cells)
        comma = marked and self._comma(index)
        out = np.empty(len(cells))
        for row, cell in enumerate(cells):
            text = _with_point(cell.replace("−", "-"), comma)
            if text != "nan" and not _NUMBER.fullmatch(text):
                raise self._complaint(row, index, f"{cell[:40]!r} is not a number", cell)
            out[row] = float(text.lower().replace("d", "e"))
        return out

    def _comma(self, index: int) -> bool:
        """Whether the comma is the decimal sign; refused where the file leaves it open."""
        if self.decimal is not None:
            return self.decimal == ","
        comma, point = self._signs.comma, self._signs.point
        if comma and point:
            raise InputError(
                f"{self.path}: {comma!r} has a decimal comma, {point!r} a decimal point; say which "
                "is right with decimal=',' or decimal='.'",
                value=comma,
                key="decimal",
                named=True,
            )
        if comma or point:
            self._same_reading(index, bool(comma))
            return bool(comma)
        for row, cell in enumerate(self.cells[index]):
            if "," in cell:
                raise self._open(row, index, cell, ",")
        return False

    def _same_reading(self, index: int, comma: bool) -> None:
        """A column in which every number could be grouped by the other sign is left open."""
        if not comma:
            return
        for row, cell in enumerate(self.cells[index]):
            if "," not in cell and _EITHER_POINT.fullmatch(cell):
                raise self._open(row, index, cell, ".")

    def _open(self, row: int, index: int, cell: str, sign: str) -> InputError:
        whole, part = cell.replace(sign, ""), cell.replace(sign, ".")
        thousands, other = (".", ",") if sign == "," else (",", ".")
        what = (
            f"{cell!r} is {whole} with a thousands separator (decimal={thousands!r}) or {part} "
            f"with a decimal sign (decimal={other!r}); say which"
        )
        return self._complaint(row, index, what, cell, "decimal")

    def _complaint(self, row: int, index: int, what: str, value: Any, key: str = "") -> InputError:
        column = self.headings[index].name[:40]
        return InputError(
            f"{self.path}, line {self.lines[row]}, column {column!r}: {what}",
            value=value,
            key=key,
            named=True,
        )


def _with_point(text: str, comma: bool) -> str:
    """A number with a decimal point and without thousands separators; else as it is."""
    if "\u00a0" in text or "'" in text or " " in text or "\u202f" in text or "\u2009" in text:
        if not _THOUSANDS_SPACE.fullmatch(text):
            return text
        text = re.sub(r"[ '\u00a0\u202f\u2009]", "", text)
    if comma:
        grouped = _EITHER_POINT.fullmatch(text) or _THOUSANDS_POINT.fullmatch(text)
        if "." in text and not grouped:
            return text.replace(".", "?")  # no number: a point that groups nothing
        return text.replace(".", "").replace(",", ".")
    if _EITHER_COMMA.fullmatch(text) or _THOUSANDS_COMMA.fullmatch(text):
        return text.replace(",", "")
    return text


@dataclass
class _Signs:
    """A cell that can only have a decimal comma, and one that can only have a decimal point."""

    comma: str = ""
    point: str = ""

    @classmethod
    def of(cls, texts: list[list[str]]) -> _Signs:
        found = cls()
        for cells in texts:
            found._look(cells)
        return found

    def _look(self, cells: list[str]) -> None:
        comma = point = ""
        for cell in cells:
            if _THOUSANDS_COMMA.fullmatch(cell):
                point = point or cell
            elif _THOUSANDS_POINT.fullmatch(cell):
                comma = comma or cell
            elif _WITH_COMMA.fullmatch(cell):
                if not _EITHER_COMMA.fullmatch(cell):
                    comma = comma or cell
            elif _NUMBER.fullmatch(cell):
                if "." in cell and not _EITHER_POINT.fullmatch(cell):
                    point = point or cell
            elif cell.lower() not in MISSING:
                return  # a column of names, dates or comments says nothing about numbers
        self.comma = self.comma or comma
        self.point = self.point or point


def read_sheet(path: Path, wanted: Callable[[Sequence[Heading]], bool], decimal: Any) -> Sheet:
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
    path: Path, wanted: Callable[[Sequence[Heading]], bool], decimal: str | None
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


def _cells(line: str, delimiter: str) -> list[str]:
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


def _is_number(cell: str) -> bool:
    text = cell.replace("−", "-")
    return bool(
        _NUMBER.fullmatch(text)
        or _WITH_COMMA.fullmatch(text)
        or _THOUSANDS_COMMA.fullmatch(text)
        or _THOUSANDS_POINT.fullmatch(text)
        or _THOUSANDS_SPACE.fullmatch(text)
    )


def _find_heading(
    path: Path, lines: list[str], wanted: Callable[[Sequence[Heading]], bool]
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


def _starts(lines: list[str], plain: list[int], kept: list[int]) -> Iterator[_Start]:
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
    lines: list[str], plain: list[int], kept: list[int], place: int, delimiter: str
) -> _Start | None:
    """This line as the heading, or as the first row under a heading behind a #."""
    here = plain[place]
    names = _trimmed(_cells(lines[here], delimiter))
    numbers = sum(map(_is_number, names))
    if numbers:
        above = [i for i in kept if i < here and lines[i].lstrip().startswith(COMMENT)]
        whole = numbers == len(names) and place == 0
        return _behind_mark(lines, above, delimiter, len(names), here) if whole else None
    if len(names) < 2 or len(plain) < place + 2:
        return None
    after = plain[place + 1]
    units: list[str] | None = None
    below = _cells(lines[after], delimiter)
    if any(below) and all(map(is_unit, filter(None, below))) and not any(map(_is_number, below)):
        units, after = below, after + 1
        rest = [i for i in plain if i >= after]
        if not rest:
            return None
        below, after = _cells(lines[rest[0]], delimiter), rest[0]
        if not any(map(_is_number, below)) and len(rest) > 1:  # Origin: a row of comments
            below, after = _cells(lines[rest[1]], delimiter), rest[1]
    if not any(map(_is_number, below)) or len(below) == 1:
        return None
    fits = delimiter != " " or len(below) == len(names)
    return _Start(_headings(names, units), delimiter, after, fits)


def _behind_mark(
    lines: list[str], above: list[int], delimiter: str, count: int, here: int
) -> _Start | None:
    """numpy.savetxt writes the heading as its last comment."""
    for i in reversed(above):
        text = lines[i].lstrip().lstrip("#%/").strip()
        names = _trimmed(_cells(text, delimiter))
        if len(names) == count and not any(map(_is_number, names)):
            return _Start(_headings(names, None), delimiter, here)
    return None


def _headings(names: list[str], units: list[str] | None) -> list[Heading]:
    if units is None:
        return [split_heading(name) for name in names]
    units = [unit.strip("[]() ") for unit in units] + [""] * len(names)
    pairs = zip(names, units, strict=False)
    return [Heading(name, name, unit or None) for name, unit in pairs]


def _body(path: Path, lines: list[str], start: _Start, decimal: str | None) -> Sheet:
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


def _decimal_commas(rows: list[str], decimal: str | None) -> bool:
    """Whether every comma of the rows is a decimal sign: there is no point, and a number near the
    top can be read in no other way.
    """
    if any("." in row or '"' in row for row in rows):
        return False
    if decimal == ",":
        return True
    cells = (cell for row in rows[:LONGEST_PREAMBLE] for cell in re.split(r"[;\s]+", row))
    return any(_WITH_COMMA.fullmatch(c) and not _EITHER_COMMA.fullmatch(c) for c in cells)


def _fast(rows: list[str], delimiter: str, count: int) -> list[np.ndarray] | None:
    """Columns of a file that holds nothing but plain numbers; None for any other."""
    table = _loaded(rows, delimiter)
    if table is None or table.shape != (len(rows), count):
        return None
    return list(table.T)


def _loaded(source: Any, delimiter: str, **options: Any) -> np.ndarray | None:
    """A table of plain numbers; None where there is anything else."""
    between = None if delimiter == " " else delimiter
    try:
        return np.loadtxt(source, delimiter=between, comments=None, ndmin=2, **options)
    except (ValueError, IndexError):
        return None


def _slow(path: Path, rows: list[str], at: np.ndarray, start: _Start) -> list[list[str]]:
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


def _all_cells(path: Path, table: list[list[str]], at: np.ndarray, count: int) -> None:
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


def _by_pandas(path: Path, read: Callable[[], Any], engine: str) -> Any:
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


def _from_frame(path: Path, frame: Any, units: dict[str, str | None]) -> Sheet:
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
