"""Text files read in any encoding; files that appear whole or not at all; tables with units."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import html
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .base.file_kind import told
from .base.owned import own_arrays
from .errors import InputError, require_extra, shown, suggest
from .version import __version__

#: Of the archives that :func:`write_archive` writes.
ARCHIVE_FORMAT = "ohmr_fem/2"
#: Formats that can be read; 1 holds solutions of continuous n.
READABLE_FORMATS = ("ohmr_fem/1", ARCHIVE_FORMAT)

#: Larger files are refused, in bytes; a value of its own in this variable of the environment.
MOST_BYTES = 512 * 1024**2
MOST_BYTES_VARIABLE = "OHMR_FEM_MOST_BYTES"

#: {name: (unit, values)} in the order of the table; no unit, as for names, is "".
Columns = dict[str, tuple[str, np.ndarray]]


#: How the names of files begin that are being written; never the name of a result.
UNFINISHED = ".ohmr-unfinished-"


def read_text(
    path: str | Path,
    what: str,
    *,
    most: int | None = None,
) -> str:
    """The text of a file, in whatever encoding it was saved; line ends are ``\\n``.

    Parameters
    ----------
    path : path of a text file
        UTF-8, UTF-16 and UTF-32 with or without a byte order mark; what is none of these is taken
        for Latin-1.
    what : str
        What the file should be, such as "a Wannier90 file"; for the message.
    most : int, optional
        Bytes; larger files are refused. Default: the variable OHMR_FEM_MOST_BYTES of the
        environment, or 512 MB.

    Raises
    ------
    InputError
        No such file, a folder, pipe or device, a file that is too large or no text.
    """
    path = plain_file(path, what, most=most)
    with _reading(path, what):
        content = path.read_bytes()
    return text_of(content, path, what)


def read_own(
    path: str | Path,
    what: str,
    reader: str,
) -> str:
    """The text of a file that ``reader`` reads; one that is known to be of another kind is told."""
    kind = told(plain_file(path, what))  # its size is looked at first
    if kind and reader not in kind:
        raise InputError(f"{path}: is {kind}", value=str(path))
    return read_text(path, what)


def text_of(
    content: bytes,
    path: Path,
    what: str,
) -> str:
    """The text of what was read of a file; as :func:`read_text`."""
    text = _decoded(content)
    if text is None:
        kind = told(path)
        found = f"is {kind}" if kind else "not a text file"
        raise InputError(f"{_shown(path)}: {found}; give {what}", value=str(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_piped(
    path: Path,
    what: str,
) -> bytes:
    """The bytes of a file, or of a pipe that the shell has opened, such as /dev/stdin."""
    if not _is_open_pipe(path):
        with _reading(path, what):
            return plain_file(path, what).read_bytes()
    limit, content = _most_bytes(), b""
    with _reading(path, what), path.open("rb") as stream:
        while part := stream.read(2**20):
            content += part
            if len(content) > limit:
                raise _too_large(path, f"more than {_megabytes(limit)}", limit, 2 * limit)
    return content


def _is_open_pipe(path: Path) -> bool:
    """Of a pipe with a name of its own nobody knows whether anything will be written to it."""
    handed = str(path).startswith(("/dev/", "/proc/"))
    with contextlib.suppress(OSError, ValueError):
        return handed and stat.S_ISFIFO(path.stat().st_mode)
    return False


def plain_file(
    path: str | Path,
    what: str,
    *,
    most: int | None = None,
) -> Path:
    """``path``, if it is a file that can be opened and is not too large; as :func:`read_text`.

    A pipe or a device may never end, and gives nothing to the second reader.
    """
    path = Path(path)
    with _reading(path, what):
        status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise InputError(
            f"{_shown(path)}: cannot be read (is a folder); give {what}", value=str(path)
        )
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            f"{_shown(path)}: cannot be read (a pipe or a device); save it to a file and give that",
            value=str(path),
        )
    limit = _most_bytes() if most is None else most
    if status.st_size > limit:
        raise _too_large(path, _megabytes(status.st_size), limit, status.st_size)
    return path


def _too_large(
    path: Path,
    size: str,
    limit: int,
    needed: int,
) -> InputError:
    return InputError(
        f"{_shown(path)}: {size}, files above {_megabytes(limit)} are not read; if it is meant, "
        f"set {MOST_BYTES_VARIABLE}={needed} in the environment",
        value=needed,
    )


@contextlib.contextmanager
def _reading(
    path: Path,
    what: str,
) -> Iterator[None]:
    """Errors of the system as one line; a name with a null byte is a ValueError there."""
    try:
        yield
    except FileNotFoundError as exc:
        raise InputError(
            f"{_shown(path)}: cannot be read (does not exist); give {what}", value=str(path)
        ) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise InputError(
            f"{_shown(path)}: cannot be read ({reason}); give {what}", value=str(path)
        ) from exc


def _shown(path: Path) -> str:
    """A path in a message, its control characters escaped."""
    return escaped(str(path))


def escaped(text: str) -> str:
    """Control characters, escape sequences and lone surrogates as backslash sequences."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.4g} MB"


def _most_bytes() -> int:
    given = os.environ.get(MOST_BYTES_VARIABLE, "")
    if not given:
        return MOST_BYTES
    if not (given.isascii() and given.isdigit()) or len(given) > 18:
        raise InputError(
            f"expected a whole number of bytes, got {given!r:.40}",
            value=given,
            key=MOST_BYTES_VARIABLE,
        )
    return int(given)


#: Byte order marks; that of UTF-32 begins with that of UTF-16, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _decoded(data: bytes) -> str | None:
    """The text of a file; None if it is no text."""
    try:
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                text = data.decode(encoding)
                return None if "\0" in text else text
        if b"\0" in data:
            return _without_mark(data)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Latin-1 takes any byte: an archive or a picture shows by its control characters
    controls = sum(data.count(bytes([c])) for c in (*range(1, 9), *range(14, 27)))
    marked = any(data.startswith(mark) for mark, _ in _MARKS)
    if marked or b"\0" in data or controls:
        return None
    return data.decode("latin-1")


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of plain text is zero."""
    if len(data) % 2:
        return None
    even = data[::2].count(0)
    odd = data[1::2].count(0)
    half = len(data) // 2
    if odd > 0.6 * half and not even:
        return data.decode("utf-16-le")
    if even > 0.6 * half and not odd:
        return data.decode("utf-16-be")
    return None


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path``, with the same ending, that replaces it when the block ends
    without error.

    The name is random and the file is made anew, so that no link is followed and two machines that
    share the folder never meet.
    """
    path = path_of(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{UNFINISHED}{secrets.token_hex(8)}{path.suffix}")
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            yield temporary
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Errors of the system as one line."""
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise InputError(
            f"{path}: cannot be written ({reason}); choose another folder", value=path
        ) from exc


def path_of(given: Any) -> Path:
    """A path that somebody has named; InputError where that is no name of a file."""
    if not isinstance(given, (str, os.PathLike)) or isinstance(given, bytes):
        what = type(given).__name__
        raise InputError(f"expected the name of a file, got {what}", value=given, key="path")
    path = Path(given)
    if not path.name or "\0" in str(path):
        raise InputError(f"expected the name of a file, got {str(path)!r}", value=given, key="path")
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of what a file holds; of a pipe, which can be read once only, none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def html_summary(
    title: str,
    lines: Iterable[str],
    picture: str = "",
) -> str:
    """What a notebook shows of an object: a title, lines, a small picture; nothing is loaded."""
    rows = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return f'<div style="font-size:90%"><b>{html.escape(title)}</b>{rows}{picture}</div>'


def line_picture(
    x: np.ndarray,
    y: np.ndarray,
    label: str,
) -> str:
    """A line as a picture of a few kB; nothing where it has no range."""
    seen = np.isfinite(x) & np.isfinite(y)
    x, y = x[seen], y[seen]
    if len(x) < 2 or np.ptp(x) == 0.0:
        return ""
    step = max(1, len(x) // 200)
    across = 240.0 * (x - x.min()) / np.ptp(x)
    up = 80.0 - 76.0 * (y - y.min()) / (np.ptp(y) or 1.0)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across[::step], up[::step], strict=True))
    return (
        f'<svg width="240" height="84" role="img" aria-label="{html.escape(label)}"><polyline '
        f'points="{points}" fill="none" stroke="#0072B2" stroke-width="1.5"/></svg>'
        f"<div>{html.escape(label)}</div>"
    )


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
        """The table.

        Returns
        -------
        {name: (unit, values)}
            In the order of the table.
        """
        raise NotImplementedError

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimensions of :meth:`to_xarray`, the slowest first.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
        """
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
        if not isinstance(name, str) or name not in columns:
            raise InputError(
                f"{shown(name)!r} is not known; {suggest(shown(name), columns)}",
                value=name,
                key="column",
            )
        return columns[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'; '.join(self._summary())})"

    def _picture(self) -> str:
        """What a notebook shows below the summary."""
        return ""

    def _repr_html_(self) -> str:
        return html_summary(type(self).__name__, self._summary(), self._picture())

    def to_csv(self, path: str | Path) -> Path:
        """Write the table with units in the header, e.g. ``delta_R [ohm]``.

        A quantity that does not exist is an empty column, and a line above the table says why.

        Parameters
        ----------
        path : str or Path
            Of the file; one that is there is replaced.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            A path that names no file or cannot be written.
        """
        columns, absent = self.columns(), self._absent()
        for name in absent:
            unit, values = columns[name]
            columns[name] = unit, np.full(len(values), "")
        notes = [*self._notes(), *(f"{name}: empty, {why}" for name, why in absent.items())]
        return write_table(columns, path, digits=self._digits, notes=notes)

    def to_dataframe(self) -> Any:
        """The table as a pandas DataFrame, a row for each row; the units in ``attrs["units"]``.

        Returns
        -------
        pandas.DataFrame

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

        Returns
        -------
        xarray.Dataset

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
    path = path_of(path)
    header = [f"{name} [{unit}]" if unit else name for name, (unit, _) in columns.items()]
    cells = [_cells(values, digits) for _, values in columns.values()]
    with _writing(path), path.open("w", newline="", encoding="utf-8") as stream:
        stream.writelines(f"# {line}\n" for line in notes)
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(zip(*cells, strict=True))
    return path


def _cells(
    values: np.ndarray,
    digits: int,
) -> list[str]:
    """A column as text; names stay as they are."""
    return [v if isinstance(v, str) else f"{v:.{digits}g}" for v in values]


def write_archive(
    kind: str,
    content: dict[str, Any],
    arrays: dict[str, np.ndarray],
    path: str | Path,
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


def _is_number(value: Any) -> bool:
    # a whole number may be beyond the floats
    return isinstance(value, float) or (type(value) is int and abs(value) < 10**300)


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)


#: What a value of a saved file can be.
_KINDS: dict[str, Callable[[Any], bool]] = {
    "number": _is_number,
    "finite number": lambda v: _is_number(v) and bool(np.isfinite(v)),
    "positive number": lambda v: _is_number(v) and 0 < v < np.inf,
    "count": lambda v: type(v) is int and 0 <= v < 2**53,
    "text": lambda v: isinstance(v, str),
    "truth": lambda v: type(v) is bool,
    "texts": _is_texts,
    "pair": lambda v: v is None or (_is_texts(v) and len(v) == 2),
}


def check_kinds(
    values: Mapping[str, Any],
    kinds: Mapping[str, str],
) -> None:
    """ValueError for a value of a saved file that is not of its kind: {name: key of _KINDS}."""
    for name, kind in kinds.items():
        if not _KINDS[kind](values[name]):
            raise ValueError(f"{name} is {str(values[name])[:40]!r}, expected a {kind}")


def check_shapes(
    arrays: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """ValueError for an array of a saved file that is not of real numbers of its shape."""
    for name, shape in shapes.items():
        array = np.asarray(arrays[name])
        if array.shape != shape or array.dtype.kind not in "fiu":
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, expected {shape}")
