"""Results of a study: a journal while it runs, one netCDF file when it is done.

The journal gains one line for each finished point, with a checksum, and is never rewritten:
whatever stops the program, the points that were finished are still there.  The netCDF file appears
whole or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base.file_kind import told
from ..errors import InputError, require_extra
from ..files import atomic_path
from ..version import __version__
from .file import FORMAT, Study

#: Packages behind the results file.
NEEDS = ("xarray", "h5netcdf", "h5py")
MISSING, DONE, FAILED = 0, 1, 2


def journal_path(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def line_of(index: int, values: Mapping[str, Any]) -> str:
    """One line of the journal; floats survive exactly."""
    text = json.dumps({"i": index, "v": values}, default=_packed)
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _packed(numbers: np.ndarray) -> dict[str, str]:
    """An array as text that is quickly written, flat: decimal digits cost more than the curve."""
    return {"f8": base64.b64encode(np.asarray(numbers, "<f8").tobytes()).decode()}


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return np.frombuffer(base64.b64decode(value["f8"], validate=True), "<f8")


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
            self._stream = path.open("a+b", buffering=0)
        except OSError as exc:
            raise InputError(
                f"{path}: cannot be written ({exc.strerror}); choose another output",
                value=str(path),
            ) from exc
        try:
            self._lock()
            end, self.done = read_journal(path, study.hash)
            self._stream.truncate(end)
            if end == 0:
                self._write(
                    line_of(-1, {"format": FORMAT, "hash": study.hash, "ohmr_fem": __version__})
                )
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
            raise InputError(
                f"{self.path}: another run of this study is writing it; wait for it, or give "
                "another output",
                value=str(self.path),
            ) from exc

    def _write(self, line: str) -> None:
        data = line.encode()
        try:
            if self._stream.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as exc:
            raise InputError(
                f"{self.path}: cannot be written ({exc.strerror}); what was finished is kept, make "
                "room and run the "
                "study again",
                value=str(self.path),
            ) from exc

    def add(self, index: int, values: Mapping[str, Any]) -> None:
        """Append a finished point; on return it survives the end of the program."""
        self._write(line_of(index, values))
        self.done[index] = dict(values)

    def discard(self) -> None:
        """Remove the file, once all that it holds is in the results file."""
        try:
            self.path.unlink(
                missing_ok=True
            )  # before the lock goes: nobody else may have begun to write it
        except PermissionError:  # a system that removes no open files
            self._stream.close()
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if not self._stream.closed:
            with contextlib.suppress(OSError):
                os.fsync(self._stream.fileno())
            self._stream.close()


def read_journal(path: Path, wanted: str) -> tuple[int, dict[int, dict[str, Any]]]:
    """Length of the whole lines in bytes, and {index: values}; a last line cut short does not
    count.
    """
    data = path.read_bytes()
    done: dict[int, dict[str, Any]] = {}
    end = 0
    lines = data.split(b"\n")
    for number, raw in enumerate(lines[:-1], 1):
        entry = _entry(raw)
        if entry is None:
            if number == len(lines) - 1 and number > 1:  # torn by a crash of the machine
                break
            raise InputError(
                f"{path}, line {number}: is not a journal of a study, or damaged; move it away or "
                "give another "
                "output (nothing was changed)",
                value=str(path),
            )
        if number == 1:
            _own(path, entry["v"], wanted)
        else:
            done[int(entry["i"])] = entry["v"]
        end += len(raw) + 1
    if end == 0 and data and not _cut_header(data):
        raise InputError(
            f"{path}: is not a journal of a study; move it away or give another output (nothing "
            "was changed)",
            value=str(path),
        )
    return end, done


def _cut_header(data: bytes) -> bool:
    """Whether a file without a whole line is the start of our first line."""
    return len(data) < 300 and data[9:].startswith(b'{"i": -1'[: max(len(data) - 9, 0)])


def _entry(raw: bytes) -> dict[str, Any] | None:
    check, _, text = raw.partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        found = json.loads(text)
        if not isinstance(found, dict) or not {"i", "v"} <= set(found):
            return None
        return {"i": found["i"], "v": {k: _unpacked(v) for k, v in found["v"].items()}}
    except (ValueError, KeyError):
        return None


def _own(path: Path, header: Mapping[str, Any], wanted: str) -> None:
    found = {key: str(header.get(key)) for key in ("format", "hash", "ohmr_fem")}
    if found["format"] != FORMAT:
        raise InputError(
            f"{path}: has format {found['format']!r}, this version writes {FORMAT!r}; give "
            "another output "
            "(nothing was changed)",
            value=str(path),
        )
    if found["hash"] != wanted:
        raise InputError(
            f"{path}: belongs to another study (other axes, device or mesh); give another output, "
            "or remove it "
            "(nothing was changed)",
            value=str(path),
        )
    if found["ohmr_fem"] != __version__:
        raise InputError(
            f"{path}: was begun with ohmr_fem {found['ohmr_fem']}, this is {__version__}; "
            "finish it with that "
            "version, or give another output (nothing was changed)",
            value=str(path),
        )


def read_results(path: Path, study: Study, results: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Finished points of a netCDF file of this study; none if there is no file.

    Raises
    ------
    InputError
        Not a netCDF file, damaged, or of another study.
    """
    if not path.exists():
        return {}
    with opened(path) as data:
        if not {"status", "message", *results} <= set(data):
            raise InputError(
                f"{path}: is a netCDF file, but not of a study; give another output (nothing was "
                "changed)",
                value=str(path),
            )
        _own(path, data.attrs, study.hash)
        whole = {name: shape_of(study, dims) for name, (dims, _, _) in results.items()}
        _check_shapes(path, data, whole | {"status": study.shape, "message": study.shape})
        status, message = (data[name].values.reshape(-1) for name in ("status", "message"))
        flat = {
            name: data[name].values.reshape(study.size, *shape[len(study.shape) :])
            for name, shape in whole.items()
        }
    found: dict[int, dict[str, Any]] = {
        int(i): {"failed": str(message[i])} for i in np.flatnonzero(status == FAILED)
    }
    for i in np.flatnonzero(status == DONE):
        found[int(i)] = {
            **{name: v[i] for name, v in flat.items()},
            "note": str(message[i]),
        }
    return found


def shape_of(study: Study, dimensions: tuple[str, ...]) -> tuple[int, ...]:
    """Of a result over all points."""
    lengths = {"measurement": len(study.device.measurements), "field": len(study.device.fields)}
    return (*study.shape, *(lengths[name] for name in dimensions))


def _check_shapes(path: Path, data: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if data[name].shape != shape or (name != "message" and data[name].dtype.kind not in "fiu"):
            raise InputError(
                f"{path}: {name} has shape {data[name].shape}, expected numbers of shape {shape}; "
                "the file is damaged, move it away or give another output (nothing was changed)",
                value=str(path),
            )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An xarray Dataset that is closed again; InputError if the file is none."""
    xarray, _, h5py = [require_extra(module, "study", "reading study results") for module in NEEDS]
    try:
        with h5py.File(path, "r") as file:  # h5netcdf writes a traceback where this fails
            list(file.attrs)
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            data.load()
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=str(path)) from exc
    except Exception as exc:  # HDF5 raises many types on damaged files
        kind = told(path)
        if kind and "of.load_study" not in kind:
            raise InputError(f"{path}: is {kind} (nothing was changed)", value=str(path)) from exc
        raise InputError(
            f"{path}: is not a netCDF file, or damaged ({type(exc).__name__}); move it away or "
            "give another output "
            "(nothing was changed)",
            value=str(path),
        ) from exc
    yield data


def write_results(
    study: Study,
    done: Mapping[int, Mapping[str, Any]],
    coordinates: Mapping[str, tuple[tuple[str, ...], Any, str]],
    results: Mapping[str, tuple[tuple[str, ...], str, str]],
) -> None:
    """The netCDF file, whole or not at all; NaN where a point is missing or failed."""
    # in memory first: HDF5 ends the process where a disk fills up
    content = io.BytesIO()
    dataset(study, done, coordinates, results).to_netcdf(content, engine="h5netcdf")
    with atomic_path(study.output) as temporary:
        temporary.write_bytes(content.getvalue())  # a view would outlive a disk that is full


def dataset(
    study: Study,
    done: Mapping[int, Mapping[str, Any]],
    coordinates: Mapping[str, tuple[tuple[str, ...], Any, str]],
    results: Mapping[str, tuple[tuple[str, ...], str, str]],
) -> Any:
    """The results as an xarray Dataset."""
    xarray = require_extra("xarray", "study", "writing study results")
    axes = tuple(study.axes)
    status = np.zeros(study.size, dtype=np.int8)
    message = np.full(study.size, "", dtype=object)
    arrays = {
        name: np.full((study.size, *shape_of(study, dims)[len(axes) :]), np.nan)
        for name, (dims, _, _) in results.items()
    }
    for i, values in done.items():
        status[i], message[i] = (
            (FAILED, values["failed"]) if "failed" in values else (DONE, values["note"])
        )
        for name, array in arrays.items():
            array[i] = np.reshape(values[name], array.shape[1:]) if name in values else np.nan
    data = {
        name: (
            (*axes, *dims),
            arrays[name].reshape(*study.shape, *arrays[name].shape[1:]),
            {"units": unit, "long_name": text},
        )
        for name, (dims, unit, text) in results.items()
    }
    data["status"] = (
        axes,
        status.reshape(study.shape),
        {"long_name": "0 missing, 1 done, 2 failed"},
    )
    data["message"] = (
        axes,
        message.reshape(study.shape),
        {"long_name": "warnings, or why a point failed"},
    )
    places = {
        name: (dims, values, {"units": unit} if unit else {})
        for name, (dims, values, unit) in coordinates.items()
    }
    return xarray.Dataset(
        data,
        places,
        {"format": FORMAT, "hash": study.hash, "study": study.content, "ohmr_fem": __version__},
    )
