"""Study files: which points there are, and what each of them changes in a device.

    device = "hall_bar.toml"
    output = "hall_bar.nc"

    [axes]                                            # every combination of the values is a point
    "material.diffusion_length" = ["50 nm", "100 nm"]
    "mesh.file" = ["hall_bar.msh", "wide_bar.msh"]
    temperature = [4, 77, 300]

    [tables]                                          # what an axis stands for that is no key of the device
    temperature = "temperature.csv"                   # header: temperature [K],material.relaxation_time [ps],...

    [limits]
    disk = "1 GB"
    memory = "2 GB"
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .config import Device, read_device
from .errors import InputError, suggest
from .units import to_si

FORMAT = "ohmr_fem study/1"
SECTIONS = ("device", "output", "axes", "tables", "limits")
#: Keys of a device that a study may change, beside ``material.X`` and ``materials.REGION.X``.
GEOMETRY = ("mesh.file", "mesh.scale", "cross_section.width", "cross_section.normal", "cross_section.cells",
            "cross_section.resolve", "solve.order")
OTHER = ("solve.coupling", "solve.detection")
MATERIAL_UNITS = {"sheet_conductivity": "S", "relaxation_time": "s", "tau": "s", "orbital_hall_angle": "1",
                  "inverse_orbital_hall_angle": "1", "diffusion_length": "m", "diffusion_constant": "m**2/s", "theta": "1",
                  "g_factor": "1", "inverse_mass": ""}
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@dataclass(frozen=True)
class Table:
    """Columns against a first one: ``columns`` maps a key of the device to (unit, values) at ``at``."""

    at: tuple[float, ...]
    columns: Mapping[str, tuple[str, tuple[float, ...]]]


@dataclass(frozen=True, eq=False)
class Study:
    """A study file, read and checked.

    Attributes
    ----------
    path, device_path, output : Path
    axes : {name: values}, in the order of the file
    tables : {axis: Table}
    limits : {"disk" or "memory": bytes}
    content : what defines the numbers, as JSON text; ``hash`` is its SHA-256
    """

    path: Path
    device_path: Path
    output: Path
    axes: Mapping[str, tuple[Any, ...]]
    tables: Mapping[str, Table]
    limits: Mapping[str, float]
    content: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(v) for v in self.axes.values())

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def changes(self, index: int) -> dict[str, Any]:
        """{key of the device: value} of a point."""
        place = np.unravel_index(index, self.shape)
        out: dict[str, Any] = {}
        for (axis, values), k in zip(self.axes.items(), place, strict=True):
            if axis not in self.tables:
                out[axis] = values[int(k)]
                continue
            table = self.tables[axis]
            for key, (unit, column) in table.columns.items():
                number = float(np.interp(float(values[int(k)]), table.at, column))
                out[key] = f"{number!r} {unit}" if unit else number
        return out


def read_study(path: str | Path) -> tuple[Study, Device]:
    """Read and check a study file and its device.

    Raises
    ------
    InputError
        What is wrong, with file and key.
    """
    path = Path(path)
    table = _toml(path)
    for name in table:
        if name not in SECTIONS:
            raise InputError(f"{path}: unknown key {name!r}; {suggest(name, SECTIONS)}", value=name)
    if not isinstance(table.get("device"), str):
        raise InputError(f"{path}: device is missing; write device = \"my_device.toml\" above the sections")
    device_path = path.parent / table["device"]
    device = read_device(device_path)
    tables = {name: _table(path, name, value) for name, value in _section(path, table, "tables").items()}
    for name, one in tables.items():
        for key in one.columns:
            check_key(f"{path}: tables.{name}", key, device)
    axes = {name: _axis(path, name, value, device, tables) for name, value in _section(path, table, "axes").items()}
    if not axes:
        raise InputError(f"{path}: axes is missing; write [axes] with lists such as \"material.tau\" = [\"1 ps\", \"2 ps\"]")
    unused = [name for name in tables if name not in axes]
    if unused:
        raise InputError(f"{path}: tables.{unused[0]} belongs to no axis; add {unused[0]} = [...] to [axes]", value=unused[0])
    _check_once(path, axes, tables)
    limits = {name: _bytes(path, name, value) for name, value in _section(path, table, "limits").items()}
    output = path.parent / str(table.get("output", path.stem + ".nc"))
    if output.suffix not in (".nc", ".h5"):
        raise InputError(f"{path}: output must end in .nc or .h5, got {output.name!r}", value=str(output))
    content = _content(device, axes, tables, path.parent)
    return Study(path.resolve(), device_path.resolve(), output.resolve(), axes, tables, limits, content), device


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=str(path)) from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InputError(f"{path}: cannot be read as TOML ({exc})", value=str(path)) from exc


def _section(path: Path, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: {name} must be a table, as in [{name}], got {found!r}", value=found)
    return found


def _axis(path: Path, name: str, value: Any, device: Device, tables: Mapping[str, Table]) -> tuple[Any, ...]:
    """Values of an axis, checked."""
    values = _values(path, name, value)
    if len({json.dumps(v) for v in values}) < len(values):
        raise InputError(f"{path}: axes.{name}: a value is given twice in {values}", value=values)
    if name in tables:
        table = tables[name]
        for v in values:
            if isinstance(v, bool) or not isinstance(v, (int, float)) or not table.at[0] <= v <= table.at[-1]:
                raise InputError(f"{path}: axes.{name}: {v!r} is not a number from {table.at[0]:g} to {table.at[-1]:g}, the "
                                 "range of its table", value=v)
        return tuple(float(v) for v in values)
    check_key(f"{path}: axes", name, device, tables)
    unit = MATERIAL_UNITS.get(name.rpartition(".")[2], "") if name.startswith("material") else ""
    for v in values:
        if unit:
            to_si(v, unit, f"{path}: axes.{name}")
    return values


def _values(path: Path, name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, Mapping):
        wanted = {"start", "stop", "points"}
        if not wanted <= set(value) <= wanted | {"scale"} or value.get("scale", "linear") not in ("linear", "log"):
            raise InputError(f"{path}: axes.{name}: a range has the keys start, stop, points and scale (\"linear\" or \"log\"), "
                             f"got {dict(value)}", value=value)
        unit = MATERIAL_UNITS.get(name.rpartition(".")[2]) or ("m" if name == "cross_section.width" else "1")
        start, stop = (to_si(value[k], unit, f"{path}: axes.{name}.{k}") for k in ("start", "stop"))
        points = value["points"]
        if isinstance(points, bool) or not isinstance(points, int) or points < 1:
            raise InputError(f"{path}: axes.{name}.points: expected a whole number of at least 1, got {points!r}", value=points)
        log = value.get("scale") == "log"
        if log and min(start, stop) <= 0:
            raise InputError(f"{path}: axes.{name}: a logarithmic range needs positive ends, got {start!r} and {stop!r}")
        return tuple(map(float, np.geomspace(start, stop, points) if log else np.linspace(start, stop, points)))
    if not isinstance(value, list) or not value:
        raise InputError(f"{path}: axes.{name}: expected a list of values or a range {{start, stop, points}}, got {value!r}")
    return tuple(value)


def check_key(where: str, name: str, device: Device, tables: Mapping[str, Table] | None = None) -> None:
    """InputError if a study cannot change this key of the device."""
    single = [f"material.{p}" for p in MATERIAL_UNITS]
    regions = [f"materials.{r}.{p}" for r in device.problem.materials for p in MATERIAL_UNITS]
    own = {"mesh" if "mesh" in device.table else "cross_section", "solve"}
    known = [k for k in (*GEOMETRY, *OTHER) if k.partition(".")[0] in own] + (single if "material" in device.table else regions)
    if name in known:
        return
    hint = "" if "." in name or tables is None else f", or give [tables] {name} = \"file.csv\" that says what it stands for"
    raise InputError(f"{where}: {name!r} is no key of the device that a study can change; {suggest(name, known)}{hint}")


def _check_once(path: Path, axes: Mapping[str, Any], tables: Mapping[str, Table]) -> None:
    keys = [key for axis in axes for key in (tables[axis].columns if axis in tables else (axis,))]
    twice = next((k for k in keys if keys.count(k) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: {twice!r} is changed by two axes; leave one out", value=twice)


def _table(path: Path, name: str, value: Any) -> Table:
    """A CSV file: the axis in the first column, keys of the device with units in the others."""
    if not isinstance(value, str):
        raise InputError(f"{path}: tables.{name}: expected the name of a CSV file, got {value!r}", value=value)
    where = path.parent / value
    try:
        lines = where.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{where}: cannot be read ({exc}); it is named by tables.{name} of {path}", value=str(where)) from exc
    rows = [r for r in csv.reader(lines) if r and not r[0].lstrip().startswith("#")]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError(f"{where}: expected a header such as '{name} [K],material.relaxation_time [ps]' and at least one row")
    header = [h.strip().partition("[") for h in rows[0]]
    try:
        numbers = np.array([[float(c) for c in row] for row in rows[1:]])
    except ValueError as exc:
        raise InputError(f"{where}: {exc}; every cell below the header must be a number") from exc
    whole = numbers.ndim == 2 and numbers.shape[1] == len(header) and bool(np.all(np.isfinite(numbers)))
    if not whole or np.any(np.diff(numbers[:, 0]) <= 0):
        raise InputError(f"{where}: expected full rows of finite numbers with an increasing first column")
    columns = {}
    for (key, _, unit), column in zip(header[1:], numbers.T[1:], strict=True):
        key, unit = key.strip(), unit.rstrip("] ").strip()
        wanted = MATERIAL_UNITS.get(key.rpartition(".")[2])
        if wanted:
            to_si(f"1 {unit}" if unit else 1.0, wanted, f"{where}: column {key!r}")
        columns[key] = ("" if unit == "1" else unit, tuple(map(float, column)))
    return Table(tuple(map(float, numbers[:, 0])), columns)


def _bytes(path: Path, name: str, value: Any) -> float:
    number, _, unit = str(value).strip().partition(" ")
    try:
        if name not in ("disk", "memory") or unit not in BYTES or isinstance(value, bool):
            raise ValueError
        return float(number) * BYTES[unit]
    except ValueError as exc:
        raise InputError(f"{path}: limits.{name}: expected disk or memory with a size such as \"2 GB\", got {value!r}") from exc


def _content(device: Device, axes: Mapping[str, Any], tables: Mapping[str, Table], folder: Path) -> str:
    """Everything the numbers depend on; files by the hash of what they hold."""
    meshes = {str(v): device.path.parent / str(v) for v in axes.get("mesh.file", ())} | {str(p): p for p in device.inputs[1:]}
    digests = sorted(hashlib.sha256(_bytes_of(p)).hexdigest() for p in meshes.values())
    table = {k: v for k, v in device.table.items() if k not in ("output",)}
    return json.dumps({"format": FORMAT, "device": table, "files": digests, "axes": {k: list(v) for k, v in axes.items()},
                       "tables": {k: [t.at, {c: list(v) for c, v in t.columns.items()}] for k, t in tables.items()}},
                      sort_keys=False, default=str)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: cannot be read ({exc.strerror}); mesh files of a study are relative to the device file",
                         value=str(path)) from exc


def points(study: Study) -> itertools.chain[int]:
    """All indices, ordered so that points of one geometry follow each other."""
    def geometry(index: int) -> str:
        return json.dumps({k: v for k, v in study.changes(index).items() if k in GEOMETRY}, sort_keys=True, default=str)

    if not any(k in GEOMETRY for k in study.changes(0)):
        return itertools.chain(range(study.size))
    return itertools.chain(sorted(range(study.size), key=geometry))
