"""The cells of a data file as numbers: how they are written, and what the file leaves open."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .headings import Heading

#: Instruments write 9.9e37 (overflow) and 9.91e37 (not a number) for what they could not measure.
INSTRUMENT_NAN = 9.89e37
#: Cells without a value, in lower case.
MISSING = {"", "nan", "-nan", "na", "n/a", "-", "--", "---", "none", "null", "#n/a", "nan(ind)"}
#: Characters of headings in a message.
MOST_SHOWN = 80

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
WITH_COMMA = re.compile(r"[-+]?\d*,\d*([eE][-+]?\d+)?")
#: "90,000": ninety thousand, or ninety; "0,125" and "0125,125" have one reading.
EITHER_COMMA = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
EITHER_POINT = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")
THOUSANDS_COMMA = re.compile(r"[-+]?\d{1,3}((,\d{3})+\.\d*|(,\d{3}){2,})([eE][-+]?\d+)?")
THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}((\.\d{3})+,\d*|(\.\d{3}){2,})([eE][-+]?\d+)?")
THOUSANDS_SPACE = re.compile(r"[-+]?\d{1,3}([ '\u00a0\u202f\u2009]\d{3})+([.,]\d*)?")


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

    def _parsed(
        self,
        index: int,
        cells: list[str],
    ) -> np.ndarray:
        filled = ["nan" if cell.lower() in MISSING else cell for cell in cells]
        pointed = any("." in cell for cell in filled)
        plain = not any("_" in cell for cell in filled)  # float takes 1_000 for a number
        comma = self.decimal == "," or (self.decimal is None and bool(self._signs.comma))
        if plain and not (pointed and comma):
            with contextlib.suppress(ValueError):
                return np.array(filled).astype(float)
        return self._mended(index, filled)

    def _mended(
        self,
        index: int,
        cells: list[str],
    ) -> np.ndarray:
        """Numbers with commas, thousands separators and typographic signs."""
        marked = any("," in cell or "." in cell for cell in cells)
        comma = marked and self._comma(index)
        out = np.empty(len(cells))
        for row, cell in enumerate(cells):
            text = _with_point(cell.replace("−", "-"), comma)
            if text != "nan" and not NUMBER.fullmatch(text):
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

    def _same_reading(
        self,
        index: int,
        comma: bool,
    ) -> None:
        """A column in which every number could be grouped by the other sign is left open."""
        if not comma:
            return
        for row, cell in enumerate(self.cells[index]):
            if "," not in cell and EITHER_POINT.fullmatch(cell):
                raise self._open(row, index, cell, ".")

    def _open(
        self,
        row: int,
        index: int,
        cell: str,
        sign: str,
    ) -> InputError:
        whole, part = cell.replace(sign, ""), cell.replace(sign, ".")
        thousands, other = (".", ",") if sign == "," else (",", ".")
        what = (
            f"{cell!r} is {whole} with a thousands separator (decimal={thousands!r}) or {part} "
            f"with a decimal sign (decimal={other!r}); say which"
        )
        return self._complaint(row, index, what, cell, "decimal")

    def _complaint(
        self,
        row: int,
        index: int,
        what: str,
        value: Any,
        key: str = "",
    ) -> InputError:
        column = self.headings[index].name[:40]
        return InputError(
            f"{self.path}, line {self.lines[row]}, column {column!r}: {what}",
            value=value,
            key=key,
            named=True,
        )


def _with_point(
    text: str,
    comma: bool,
) -> str:
    """A number with a decimal point and without thousands separators; else as it is."""
    if "\u00a0" in text or "'" in text or " " in text or "\u202f" in text or "\u2009" in text:
        if not THOUSANDS_SPACE.fullmatch(text):
            return text
        text = re.sub(r"[ '\u00a0\u202f\u2009]", "", text)
    if comma:
        grouped = EITHER_POINT.fullmatch(text) or THOUSANDS_POINT.fullmatch(text)
        if "." in text and not grouped:
            return text.replace(".", "?")  # no number: a point that groups nothing
        return text.replace(".", "").replace(",", ".")
    if EITHER_COMMA.fullmatch(text) or THOUSANDS_COMMA.fullmatch(text):
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
            if THOUSANDS_COMMA.fullmatch(cell):
                point = point or cell
            elif THOUSANDS_POINT.fullmatch(cell):
                comma = comma or cell
            elif WITH_COMMA.fullmatch(cell):
                if not EITHER_COMMA.fullmatch(cell):
                    comma = comma or cell
            elif NUMBER.fullmatch(cell):
                if "." in cell and not EITHER_POINT.fullmatch(cell):
                    point = point or cell
            elif cell.lower() not in MISSING:
                return  # a column of names, dates or comments says nothing about numbers
        self.comma = self.comma or comma
        self.point = self.point or point


def is_number(cell: str) -> bool:
    text = cell.replace("−", "-")
    return bool(
        NUMBER.fullmatch(text)
        or WITH_COMMA.fullmatch(text)
        or THOUSANDS_COMMA.fullmatch(text)
        or THOUSANDS_POINT.fullmatch(text)
        or THOUSANDS_SPACE.fullmatch(text)
    )
