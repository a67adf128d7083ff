"""Files that appear whole or not at all, and tables with units in their heading."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, require_extra, suggest
from .units import own_arrays
from .version import __version__

#: Of the archives that :func:`write_archive` writes.
ARCHIVE_FORMAT = "ohmr_fem/1"

#: {name: (unit, values)} in the order of the table; no unit, as for names, is "".
Columns = dict[str, tuple[str, np.ndarray]]


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path``, with the same ending, that replaces it when the block ends
    without error.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise InputError(
            f"{path}: cannot be written ({reason}); choose another folder", value=path
        ) from exc


class Table:
    """Base of the results that a user reads as a table.

    A class says what its columns are, which of them are coordinates, and how it sums itself up; the
    rest is here. A dataclass must say ``repr=False``, or it writes a ``__repr__`` of its own.
    """

    #: Significant digits in a CSV file: 17 give back the very same numbers.
    _digits = 17

    def __post_init__(self) -> None:
        own_arrays(self)

    def columns(self) -> Columns:
        """{name: (unit, values)} in the order of the table."""
        raise NotImplementedError

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """{dimension: (length, names of the columns along it)}, the slowest first."""
        _, values = next(iter(self.columns().values()))
        return {"row": (len(values), ())}

    def _notes(self) -> Iterable[str]:
        """Lines above the table that say what its numbers mean."""
        return ()

    def _absent(self) -> Mapping[str, str]:
        """{column: why it does not exist}, for columns that are NaN throughout."""
        return {}

    def _summary(self) -> Iterable[str]:
        """What ``repr`` shows, part by part."""
        return (", ".join(self.columns()),)

    def __getitem__(self, name: str) -> np.ndarray:
        columns = self.columns()
        if name not in columns:
            raise InputError(
                f"{name!r} is not known; {suggest(name, columns)}", value=name, key="column"
            )
        return columns[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'; '.join(self._summary())})"

    def to_csv(self, path: str | Path) -> Path:
        """Write the table with units in the header, e.g. ``delta_R [ohm]``.

        A quantity that does not exist is an empty column, and a line above the table says why.
        """
        columns, absent = self.columns(), self._absent()
        for name in absent:
            unit, values = columns[name]
            columns[name] = unit, np.full(len(values), "")
        notes = [*self._notes(), *(f"{name}: empty, {why}" for name, why in absent.items())]
        return write_table(columns, path, digits=self._digits, notes=notes)

    def to_dataframe(self) -> Any:
        """The table as a pandas DataFrame, a row for each row; the units in ``attrs["units"]``.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        pandas = require_extra("pandas", "study", "to_dataframe")
        columns = self.columns()
        frame = pandas.DataFrame({name: values for name, (_, values) in columns.items()})
        frame.attrs["units"] = {name: unit for name, (unit, _) in columns.items()}
        return frame

    def to_xarray(self) -> Any:
        """The table as an xarray Dataset along :meth:`axes`, each variable with its unit.

        Raises
        ------
        MissingExtraError
            xarray is not installed.
        """
        xarray = require_extra("xarray", "study", "to_xarray")
        axes = self.axes()
        shape = [length for length, _ in axes.values()]
        along = {name: dim for dim, (_, names) in axes.items() for name in names}
        variables, coordinates = {}, {}
        for name, (unit, values) in self.columns().items():
            attributes = {"units": unit} if unit else {}
            whole = np.reshape(values, shape)
            if name not in along:
                variables[name] = (tuple(axes), whole, attributes)
                continue
            place = list(axes).index(along[name])
            # a coordinate repeats along every other dimension: one line of it is all
            line = np.moveaxis(whole, place, 0).reshape(shape[place], -1)[:, 0]
            coordinates[name] = (along[name], line, attributes)
        return xarray.Dataset(variables, coordinates)


def write_table(
    columns: Mapping[str, tuple[str, np.ndarray]],
    path: str | Path,
    *,
    digits: int = 17,
    notes: Iterable[str] = (),
) -> Path:
    """{name: (unit, values)} as CSV with the unit in the header; notes above it, after a #."""
    path = Path(path)
    header = [f"{name} [{unit}]" if unit else name for name, (unit, _) in columns.items()]
    cells = [_cells(values, digits) for _, values in columns.values()]
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.writelines(f"# {line}\n" for line in notes)
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(zip(*cells, strict=True))
    return path


def _cells(values: np.ndarray, digits: int) -> list[str]:
    """A column as text; names stay as they are."""
    return [v if isinstance(v, str) else f"{v:.{digits}g}" for v in values]


def write_archive(
    kind: str, content: dict[str, Any], arrays: dict[str, np.ndarray], path: str | Path
) -> Path:
    """Content (JSON) and arrays as one NumPy .npz archive, with the format and the version."""
    path = Path(path)
    meta = {
        "format": ARCHIVE_FORMAT,
        "version": __version__,
        "kind": kind,
        "content": content,
    }
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        contents: dict[str, Any] = {"meta": np.array(json.dumps(meta)), **arrays}
        np.savez_compressed(stream, **contents)
    return path
