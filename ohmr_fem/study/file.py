"""Study files: which points there are, and what each of them changes in a device.

device = "hall_bar.toml"
output = "hall_bar.nc"

[axes]                                            # every combination of the values is a point
"material.diffusion_length" = ["50 nm", "100 nm"]
"mesh.file" = ["hall_bar.msh", "wide_bar.msh"]
temperature = [4, 77, 300]

[tables]                                          # what an axis stands for that is no key of the
device temperature = "temperature.csv"                   # header: temperature
[K],material.relaxation_time [ps],...

[limits]
disk = "1 GB"
memory = "2 GB"
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device, read_device, without_accuracy
from ..config.reader import read_toml
from ..errors import InputError, OhmrError, suggest
from .axes import (
    Table,
    canonical,
    changed_device,
    has_model,
    is_shape,
    keys_of,
    read_table,
    read_values,
)

FORMAT = "ohmr_fem study/1"
SECTIONS = ("device", "output", "axes", "tables", "limits")
#: Values of an axis that are tried on the device before the study starts.
MOST_TRIED = 1000
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@dataclass(frozen=True, eq=False)
class Study:
    """A study file, read and checked.

    Attributes
    ----------
    path, output : Path
    device : Device
    axes : {name: values}, in the order of the file
    tables : {axis: Table}
    limits : {"disk" or "memory": bytes}
    content : what defines the numbers, as JSON text; ``hash`` is its SHA-256
    """

    path: Path
    output: Path
    device: Device
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
            out |= (
                self.tables[axis].at(values[int(k)])
                if axis in self.tables
                else {axis: values[int(k)]}
            )
        return out

    @property
    def shaping(self) -> tuple[str, ...]:
        """The axes that change more than the material."""
        return tuple(a for a in self.axes if any(map(is_shape, keys_of(a, self.tables))))

    def groups(self) -> dict[tuple[int, ...], np.ndarray]:
        """{places on the axes that change more than the material: indices of the points there}."""
        kept = [k for k, axis in enumerate(self.axes) if axis in self.shaping]
        order = [*kept, *(k for k in range(len(self.shape)) if k not in kept)]
        shape = tuple(self.shape[k] for k in kept)
        indices = (
            np.arange(self.size).reshape(self.shape).transpose(order).reshape(math.prod(shape), -1)
        )
        return dict(zip(np.ndindex(shape), indices, strict=True))


def read_study(path: str | Path) -> Study:
    """Read and check a study file, its device, its tables and every value of its axes.

    Raises
    ------
    InputError
        What is wrong, with file and key.
    """
    path = Path(path)
    table, _ = read_toml(path, "a study file (.toml), text in UTF-8")
    if "sweep" in table:
        raise InputError(
            f"{path}: is a device file; a study is a file of its own that names it: "
            f'device = "{path.name}", and [axes]',
            value=str(path),
        )
    for name in table:
        if name not in SECTIONS:
            raise InputError(f"{path}: unknown key {name!r}; {suggest(name, SECTIONS)}", value=name)
    if not isinstance(table.get("device"), str):
        raise InputError(
            f'{path}: device is missing; write device = "my_device.toml" above the sections'
        )
    device = without_accuracy(read_device(path.parent / table["device"]), "a study")
    device = replace(
        device, gate=None, table={k: v for k, v in device.table.items() if k != "gate"}
    )  # an axis does that
    tables = {
        name: read_table(path, name, value)
        for name, value in _section(path, table, "tables").items()
    }
    given = _section(path, table, "axes")
    if not given:
        raise InputError(
            f'{path}: axes is missing; write [axes] with lists such as "material.tau" = ["1 ps", '
            '"2 ps"]'
        )
    unused = [name for name in tables if name not in given]
    if unused:
        raise InputError(
            f"{path}: tables.{unused[0]} belongs to no axis; add {unused[0]} = [...] to [axes]",
            value=unused[0],
        )
    axes = {name: read_values(path, name, value, tables.get(name)) for name, value in given.items()}
    limits = {
        name: _bytes(path, name, value) for name, value in _section(path, table, "limits").items()
    }
    output = output_of(path.parent / str(table.get("output", path.stem + ".nc")), f"{path}: output")
    _check(path, device, axes, tables)
    return Study(
        path.resolve(),
        output,
        device,
        axes,
        tables,
        limits,
        _content(device, axes, tables),
    )


def output_of(output: str | Path, where: str) -> Path:
    """The results file; InputError unless its name says netCDF."""
    path = Path(output)
    if path.suffix not in (".nc", ".h5"):
        raise InputError(
            f"{where} must end in .nc or .h5, got {path.name!r}; give the name of a results file",
            value=str(output),
        )
    return path.resolve()


def _section(path: Path, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise InputError(
            f"{path}: {name} must be a table, as in [{name}], got {found!r}", value=found
        )
    return found


def _check(
    path: Path, device: Device, axes: Mapping[str, tuple[Any, ...]], tables: Mapping[str, Table]
) -> None:
    """InputError if two axes change one key, or the device refuses a value of an axis."""
    keys = [canonical(key) for axis in axes for key in keys_of(axis, tables)]
    twice = next((k for k in keys if keys.count(k) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: {twice!r} is changed by two axes; leave one out", value=twice)
    for axis, values in axes.items():
        most = 2 if has_model(device) else MOST_TRIED
        for k in np.unique(
            np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
        ):
            value = values[k]
            try:
                changed_device(device, tables[axis].at(value) if axis in tables else {axis: value})
            except OhmrError as exc:
                hint = (
                    ""
                    if axis in tables or "." in axis
                    else f', or give [tables] {axis} = "file.csv", what it stands for'
                )
                raise InputError(
                    f"{path}: axes.{axis}, value {value!r}: {str(exc).splitlines()[0]}{hint}",
                    value=value,
                ) from exc


def _bytes(path: Path, name: str, value: Any) -> float:
    number, _, unit = str(value).strip().partition(" ")
    try:
        if name not in ("disk", "memory") or unit not in BYTES or isinstance(value, bool):
            raise ValueError
        size = float(number) * BYTES[unit]
        if not 0.0 < size < math.inf:
            raise ValueError
        return size
    except ValueError as exc:
        raise InputError(
            f'{path}: limits.{name}: expected disk or memory with a size such as "2 GB", got '
            f"{value!r}"
        ) from exc


def _content(
    device: Device, axes: Mapping[str, tuple[Any, ...]], tables: Mapping[str, Table]
) -> str:
    """Everything the numbers depend on; files by the hash of what they hold."""
    folder = device.path.parent
    files = {
        str(p.relative_to(folder) if p.is_relative_to(folder) else p): p for p in device.inputs[1:]
    }
    files |= {str(v): folder / str(v) for v in axes.get("mesh.file", ())}
    digests = {name: hashlib.sha256(_bytes_of(p)).hexdigest() for name, p in sorted(files.items())}
    table = {k: v for k, v in sorted(device.table.items()) if k != "output"}
    return json.dumps(
        {
            "format": FORMAT,
            "device": table,
            "files": digests,
            "axes": {k: list(v) for k, v in axes.items()},
            "tables": {k: [t.header, t.rows] for k, t in tables.items()},
        },
        default=str,
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(
            f"{path}: cannot be read ({exc.strerror}); mesh files of a study are relative to the "
            "device file",
            value=str(path),
        ) from exc


#: name: (dimensions after the axes, unit, description).
DEVICE_RESULTS = {
    "R_ohmic": (("measurement",), "ohm", "resistance without orbital Hall effect"),
    "delta_R": (("measurement", "field"), "ohm", "R(B) - R_ohmic"),
    "hanle": (("measurement", "field"), "ohm", "R(B) - R(0)"),
    "error": (("measurement", "field"), "ohm", "algebraic error bound of delta_R"),
}
SECTION_RESULTS = {
    "rho": (
        ("measurement", "field"),
        "1",
        "relative change of the current, Eq. (7), with opposite sign",
    ),
    "rho_change": (("measurement", "field"), "1", "rho(B) - rho(0)"),
    "error": (("measurement", "field"), "1", "algebraic error bound of rho"),
}


def parse_results(section: bool) -> Mapping[str, tuple[tuple[str, ...], str, str]]:
    return SECTION_RESULTS if section else DEVICE_RESULTS
