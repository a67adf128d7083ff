"""Results of a study: a journal while it runs, one netCDF file when it is done.

The journal gains one line for each finished point, with a checksum, and is never rewritten: whatever stops the program,
the points that were finished are still there.  The netCDF file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .errors import InputError, require_extra
from .study_file import FORMAT, Study

MISSING, DONE, FAILED = 0, 1, 2
#: name: (dimensions after the axes, unit, description).
DEVICE_RESULTS = {
    "R_ohmic": (("measurement",), "ohm", "resistance without orbital Hall effect"),
    "delta_R": (("measurement", "field"), "ohm", "R(B) - R_ohmic"),
    "hanle": (("measurement", "field"), "ohm", "R(B) - R(0)"),
    "error": (("measurement", "field"), "ohm", "algebraic error bound of delta_R"),
}
SECTION_RESULTS = {
    "rho": (("measurement", "field"), "1", "relative change of the current, Eq. (7), with opposite sign"),
    "rho_change": (("measurement", "field"), "1", "rho(B) - rho(0)"),
    "error": (("measurement", "field"), "1", "algebraic error bound of rho"),
}


def journal_path(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def parse_results(section: bool) -> Mapping[str, tuple[tuple[str, ...], str, str]]:
    return SECTION_RESULTS if section else DEVICE_RESULTS


def line_of(index: int, values: Mapping[str, Any]) -> str:
    """One line of the journal; floats survive exactly."""
    text = json.dumps({"i": index, "v": values})
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


class Journal:
    """The journal of one study, open for appending and locked against a second run.

    Parameters
    ----------
    path : Path
    study : Study

    Raises
    ------
    InputError
        It belongs to another study, is damaged before its last line, or is in use.
    """

    def __init__(self, path: Path, study: Study) -> None:
        self.path = path
        self.done: dict[int, dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("a+b")
        except OSError as exc:
            raise InputError(f"{path}: cannot be written ({exc.strerror}); choose another output", value=str(path)) from exc
        try:
            self._lock()
            end, self.done = read_journal(path, study.hash)
            self._stream.truncate(end)
            if end == 0:
                self._write(line_of(-1, {"format": FORMAT, "hash": study.hash}))
        except BaseException:
            self._stream.close()
            raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on this system: two runs at once are the user's affair
            return
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise InputError(f"{self.path}: another run of this study is writing it; wait for it, or give another output",
                             value=str(self.path)) from exc

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line.encode())
            self._stream.flush()
        except OSError as exc:
            raise InputError(f"{self.path}: cannot be written ({exc.strerror}); what was finished is kept") from exc

    def add(self, index: int, values: Mapping[str, Any]) -> None:
        """Append a finished point; on return it survives the end of the program."""
        self._write(line_of(index, values))
        self.done[index] = dict(values)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.fsync(self._stream.fileno())
        self._stream.close()


def read_journal(path: Path, wanted: str) -> tuple[int, dict[int, dict[str, Any]]]:
    """Length of the whole lines in bytes, and {index: values}; a last line cut short does not count."""
    data = path.read_bytes()
    done: dict[int, dict[str, Any]] = {}
    end = 0
    lines = data.split(b"\n")
    for number, raw in enumerate(lines[:-1], 1):
        entry = _entry(raw)
        if entry is None:
            if number == len(lines) - 1 and number > 1:  # torn by a crash of the machine
                break
            raise InputError(f"{path}, line {number}: is not a journal of a study, or damaged; move it away or give another "
                             "output (nothing was changed)", value=str(path))
        if number == 1:
            _own(path, entry["v"], wanted)
        else:
            done[int(entry["i"])] = entry["v"]
        end += len(raw) + 1
    if end == 0 and data and not _cut_header(data):
        raise InputError(f"{path}: is not a journal of a study; move it away or give another output (nothing was changed)",
                         value=str(path))
    return end, done


def _cut_header(data: bytes) -> bool:
    """Whether a file without a whole line is the start of our first line."""
    return len(data) < 300 and data[9:].startswith(b'{"i": -1'[:max(len(data) - 9, 0)])


def _entry(raw: bytes) -> dict[str, Any] | None:
    check, _, text = raw.partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        found = json.loads(text)
        return found if isinstance(found, dict) and {"i", "v"} <= set(found) else None
    except ValueError:
        return None


def _own(path: Path, header: Mapping[str, Any], wanted: str) -> None:
    if header.get("format") != FORMAT:
        raise InputError(f"{path}: has format {header.get('format')!r}, this version writes {FORMAT!r}; give another output",
                         value=str(path))
    if header.get("hash") != wanted:
        raise InputError(f"{path}: belongs to another study (other axes, device or mesh); give another output, or remove it "
                         "(nothing was changed)", value=str(path))


def read_results(path: Path, study: Study, results: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Finished points of a netCDF file of this study.

    Raises
    ------
    InputError
        Not a netCDF file, damaged, or of another study.
    """
    with opened(path) as data:
        if "status" not in data or any(name not in data for name in results):
            raise InputError(f"{path}: is a netCDF file, but not of a study; give another output (nothing was changed)")
        _own(path, data.attrs, study.hash)
        status = data["status"].values.reshape(-1)
        flat = {name: data[name].values.reshape(study.size, *data[name].shape[len(study.shape):]) for name in results}
        return {int(i): {name: v[i].tolist() for name, v in flat.items()} for i in np.flatnonzero(status == DONE)}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An xarray Dataset that is closed again; InputError if the file is none."""
    xarray = require_extra("xarray", "study", "reading study results")
    require_extra("h5netcdf", "study", "reading study results")
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            data.load()
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=str(path)) from exc
    except Exception as exc:  # HDF5 raises many types on damaged files
        raise InputError(f"{path}: is not a netCDF file, or damaged ({type(exc).__name__}); move it away or give another output "
                         "(nothing was changed)", value=str(path)) from exc
    yield data


def dataset(study: Study, done: Mapping[int, Mapping[str, Any]], coordinates: Mapping[str, tuple[tuple[str, ...], Any, str]],
            results: Mapping[str, tuple[tuple[str, ...], str, str]], shapes: Mapping[str, int]) -> Any:
    """The results as an xarray Dataset; NaN where a point is missing or failed."""
    xarray = require_extra("xarray", "study", "writing study results")
    axes = tuple(study.axes)
    status = np.zeros(study.size, dtype=np.int8)
    message = np.full(study.size, "", dtype=object)
    arrays = {name: np.full((study.size, *(shapes[d] for d in dims)), np.nan) for name, (dims, _, _) in results.items()}
    for i, values in done.items():
        if "failed" in values:
            status[i], message[i] = FAILED, values["failed"]
            continue
        status[i] = DONE
        for name, array in arrays.items():
            array[i] = values[name]
    data = {name: ((*axes, *dims), arrays[name].reshape(*study.shape, *arrays[name].shape[1:]),
                   {"units": unit, "long_name": text}) for name, (dims, unit, text) in results.items()}
    data["status"] = (axes, status.reshape(study.shape), {"long_name": "0 missing, 1 done, 2 failed"})
    data["message"] = (axes, message.reshape(study.shape).astype(str), {"long_name": "why a point failed"})
    places = {name: (dims, values, {"units": unit} if unit else {}) for name, (dims, values, unit) in coordinates.items()}
    return xarray.Dataset(data, places, {"format": FORMAT, "hash": study.hash, "study": study.content,
                                         "ohmr_fem": __version__})
