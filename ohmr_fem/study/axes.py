"""Axes of a study: their values, tables such as tau(T), and a device with some of its keys
changed.
"""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device, device_of
from ..config.material_tables import LayerTable, MaterialTable
from ..config.model_tables import ModelMaterialTable
from ..config.reader import Reader
from ..errors import InputError, suggest
from ..files import read_text
from ..model.material import retuned
from ..units import positive, to_si

#: Sections of a device file that a study may change; all but the materials change more than the
#: material.
CHANGEABLE = (
    "material",
    "materials",
    "mesh",
    "cross_section",
    "channel",
    "contacts",
    "edges",
    "film",
    "stack",
    "solve",
)
#: Sections that hold the keys of materials.
OF_MATERIALS = ("material", "materials", "stack")
THICKNESS = "film.thickness"
ALIASES = {"tau": "relaxation_time"}
#: Units in which coordinates are written, the first that fits.
UNITS = (
    "m",
    "s",
    "S",
    "m**2/s",
    "V",
    "V/m",
    "1/m**2",
    "m/s",
    "m**2/(V*s)",
    "C/m**2",
    "K",
    "eV",
    "A",
    "1/kg",
    "1",
)
#: Values of an axis that is a range.
MOST = 1_000_000
#: Values that are compared with each other, and how close two of them are one.
MOST_COMPARED, SAME = 10_000, 1e-13


@dataclass(frozen=True)
class Table:
    """Columns against a first one: header of keys with units, and rows of numbers."""

    header: tuple[tuple[str, str], ...]
    rows: tuple[tuple[float, ...], ...]

    def at(self, value: float) -> dict[str, Any]:
        """{key: value} there, straight lines between the rows."""
        columns = np.array(self.rows).T
        out: dict[str, Any] = {}
        for (key, unit), column in zip(self.header[1:], columns[1:], strict=True):
            number = float(np.interp(value, columns[0], column))
            out[key] = f"{number!r} {unit}" if unit else number
        return out


def keys_of(axis: str, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Keys of the device that an axis changes."""
    return tuple(key for key, _ in tables[axis].header[1:]) if axis in tables else (axis,)


def canonical(key: str) -> str:
    """A key by its one name: ``material.tau`` is ``material.relaxation_time``."""
    section, _, name = key.rpartition(".")
    if section.split(".")[0] not in OF_MATERIALS:
        return key
    return f"{section}.{ALIASES.get(name, name)}"


def is_shape(key: str) -> bool:
    """Whether a key changes more than the material and the thickness of a film, which one measure
    can serve.
    """
    return key != THICKNESS and not key.startswith(("material.", "materials."))


def has_model(device: Device) -> bool:
    """Whether a material comes from the bands of a model, which takes seconds."""
    table = device.table
    several = table.get("materials", {}).values()  # none beside [[stack]]
    return any("model" in m for m in ([table["material"]] if "material" in table else several))


# -- a device with other values


def changed_device(device: Device, changes: Mapping[str, Any]) -> Device:
    """The device with other values; what its file says and is not changed stays as it is.

    So a file that gives the diffusion length keeps it while the relaxation time changes, one that
    gives the diffusion constant keeps that.  Beside the keys of the file: ``tau``, ``theta`` =
    X_zz/X_yy of a material, and ``mesh.scale``.

    Raises
    ------
    InputError, MeshError
    """
    table = dict(device.table)
    for section in {key.partition(".")[0] for key in changes} & set(table):
        table[section] = copy.deepcopy(table[section])
    for key, value in changes.items():
        _put(device, table, key, value)
    thetas = {k.rpartition(".")[0]: v for k, v in changes.items() if _named(k, "theta")}
    alone = THICKNESS not in changes and not any(map(is_shape, changes))
    if alone and "geometry" not in table:
        return _of_other_material(device, table, thetas)
    new_mesh = any(k.startswith(("mesh.", "cross_section.")) and k != "mesh.scale" for k in changes)
    mesh = (
        None if new_mesh or "geometry" in table else device.problem.mesh
    )  # one that follows the diffusion length
    new = device_of(device.path, table, mesh)
    if thetas:
        materials = _with_thetas(dict(new.problem.materials), thetas)
        new = replace(new, problem=replace(new.problem, materials=materials))
    if "mesh.scale" in changes:
        factor = positive(changes["mesh.scale"], "1", "mesh.scale")
        new = replace(new, problem=replace(new.problem, mesh=new.problem.mesh.scaled(factor)))
    return new


def _named(key: str, name: str) -> bool:
    parts = key.split(".")
    return parts[-1] == name and len(parts) == {"material": 2, "materials": 3}.get(parts[0])


def _of_other_material(
    device: Device, table: Mapping[str, Any], thetas: Mapping[str, Any]
) -> Device:
    """The device where only its materials differ: nothing else of its file is read again."""
    reader = Reader(device.path)
    recipes = reader.materials(table)
    reader.stop()
    materials = _with_thetas(reader.operating_point(recipes), thetas)
    given = {f.name: getattr(device.problem, f.name) for f in fields(device.problem)}
    problem = reader.problem(**given | {"materials": materials})
    return replace(device, table=table, problem=problem)


def _with_thetas(materials: Any, thetas: Mapping[str, Any]) -> Any:
    """A material, or materials by region, with other ratios X_zz/X_yy; one stays one."""
    if not isinstance(materials, Mapping):
        return retuned(materials, {"theta": thetas["material"]}) if thetas else materials
    asked = {r: thetas.get("material", thetas.get(f"materials.{r}")) for r in materials}
    return {
        r: m if asked[r] is None else retuned(m, {"theta": asked[r]}) for r, m in materials.items()
    }


def _put(device: Device, table: dict[str, Any], key: str, value: Any) -> None:
    """Set a key in the tables of a device file."""
    section, *way = key.split(".")
    known = [s for s in CHANGEABLE if s in table or s in ("solve", "edges")]
    if section not in known or not way:
        raise InputError(
            f"{key!r} is no key of the device that a study can change; {suggest(section, known)} "
            '(as in "material.tau")',
            value=key,
        )
    if key == "mesh.scale" or _named(key, "theta"):
        return
    inner = table.setdefault(section, {})
    if section == "stack":
        inner, way = _layer(inner, way[0], key), way[1:]
    if section in ("materials", "contacts") and isinstance(inner, dict) and way[0] not in inner:
        raise InputError(
            f"{key!r}: no {way[0]!r} in [{section}]; {suggest(way[0], inner)}", value=key
        )
    for step in way[:-1]:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner
    if not isinstance(inner, dict):
        raise InputError(
            f"{key!r}: {key.rpartition('.')[0]} is no table in {device.path.name}; write it as one",
            value=key,
        )
    name = way[-1]
    if section in OF_MATERIALS:
        _known_in_material(key, name, way, "model" in inner)
        name = ALIASES.get(name, name)
        other = {
            "diffusion_length": "diffusion_constant",
            "diffusion_constant": "diffusion_length",
            "relaxation_time": "relaxation_rate",
            "relaxation_rate": "relaxation_time",
        }.get(name)
        inner.pop(other, None)
    inner[name] = value


def _layer(layers: Any, name: str, key: str) -> Any:
    """The layer of that name, else ``layer_1`` from the bottom up."""
    called = {layer.get("name", f"layer_{i}"): layer for i, layer in enumerate(layers, 1)}
    if name not in called or "." not in key.removeprefix("stack."):
        raise InputError(
            f"{key!r}: no layer {name!r} in [[stack]]; {suggest(name, list(called))} "
            f'(as in "stack.{next(iter(called))}.thickness")',
            value=key,
        )
    return called[name]


def _known_in_material(key: str, name: str, way: list[str], model: bool) -> None:
    known = [*(ModelMaterialTable if model else MaterialTable).model_fields, *ALIASES, "theta"]
    if key.startswith("stack."):
        known = [*LayerTable.model_fields, *ALIASES]
    if len(way) <= 2 and name not in known and not set(way) & set(known):
        raise InputError(
            f"{key!r} is no key of the device that a study can change; "
            f"{suggest(key, [key.rpartition('.')[0] + '.' + k for k in known])}",
            value=key,
        )


# -- values of an axis


def read_values(path: Path, name: str, value: Any, table: Table | None) -> tuple[Any, ...]:
    """Values of an axis: a list, or a range {start, stop, points, scale}."""
    where = f"{path}: axes.{name}"
    if isinstance(value, Mapping):
        value = _range(where, value)
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{where}: expected a list of values or a range {{start, stop, points}}, got {value!r}",
            value=value,
        )
    if len({json.dumps(v, default=str) for v in value}) < len(value) or _same_twice(value):
        raise InputError(f"{where}: a value is given twice in {value}; give each once", value=value)
    if table is None:
        return tuple(value)
    low, high = table.rows[0][0], table.rows[-1][0]
    for v in value:
        if isinstance(v, bool) or not isinstance(v, (int, float)) or not low <= v <= high:
            raise InputError(
                f"{where}: {v!r} is not a number from {low:g} to {high:g}, the range of its table",
                value=v,
            )
    return tuple(float(v) for v in value)


def _same_twice(values: list[Any]) -> bool:
    """Whether two quantities are the same in other words, as "1 nm" and "1e-9 m"."""
    texts = [v for v in values if isinstance(v, str)]
    if len(texts) < 2 or len(values) > MOST_COMPARED:
        return False
    try:
        numbers, _ = in_units(tuple(values), "")
    except InputError:  # names, as of mesh files
        return False
    numbers = np.sort(numbers)
    return bool(np.any(np.isclose(numbers[1:], numbers[:-1], rtol=SAME, atol=0.0)))


def _range(where: str, value: Mapping[str, Any]) -> list[Any]:
    wanted = {"start", "stop", "points"}
    if not wanted <= set(value) <= wanted | {"scale"} or value.get("scale", "linear") not in (
        "linear",
        "log",
    ):
        raise InputError(
            f'{where}: a range has the keys start, stop, points and scale ("linear" or "log"), '
            f"got {dict(value)}",
            value=value,
        )
    points = value["points"]
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= MOST:
        raise InputError(
            f"{where}.points: expected a whole number from 1 to {MOST}, got {points!r}",
            value=points,
        )
    numbers, unit = in_units((value["start"], value["stop"]), where)
    start, stop = map(float, numbers)
    if value.get("scale") == "log" and min(start, stop) <= 0:
        raise InputError(
            f"{where}: a logarithmic range needs positive ends, got {value['start']!r} and "
            f"{value['stop']!r}"
        )
    made = (
        np.geomspace(start, stop, points)
        if value.get("scale") == "log"
        else np.linspace(start, stop, points)
    )
    return [
        f"{v!r} {unit}" if unit and isinstance(value["start"], str) else v for v in made.tolist()
    ]


def in_units(values: tuple[Any, ...], where: str) -> tuple[np.ndarray, str]:
    """Numbers in the first of UNITS that fits all values, (n,), and that unit; "" for plain
    numbers.

    Raises
    ------
    InputError
        Values that are no quantities of one dimension.
    """
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array(values, dtype=float), ""
    reason = None
    for unit in UNITS:
        try:
            return np.array([to_si(v, unit, where) for v in values]), unit
        except InputError as exc:
            reason = exc
    raise InputError(
        f'{where}: {values!r} are no quantities of one kind, such as "1 ps" and "4 ps"',
        value=values,
    ) from reason


def read_table(path: Path, name: str, value: Any) -> Table:
    """A CSV file: the axis in the first column, keys of the device with units in the others."""
    if not isinstance(value, str):
        raise InputError(
            f"{path}: tables.{name}: expected the name of a CSV file, got {value!r}", value=value
        )
    where = path.parent / value
    lines = read_text(where, f"the table that tables.{name} of {path.name} names").split("\n")
    # a first line "sep=;" tells a spreadsheet how to read the file
    separator = ","
    if lines and lines[0].strip().lower().startswith("sep="):
        separator = lines.pop(0).strip()[4:5] or ","
    try:
        read = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as exc:
        raise InputError(
            f"{where}: cannot be read as CSV ({exc}); look for a quote that is not closed",
            value=str(where),
        ) from exc
    cells = [r for r in read if r and not r[0].lstrip().startswith("#")]
    if len(cells) < 2 or len(cells[0]) < 2:
        raise InputError(
            f"{where}: expected a header such as '{name} [K],material.relaxation_time [ps]' and at "
            "least one row"
        )
    try:
        rows = np.array([[float(c) for c in row] for row in cells[1:]])
    except ValueError as exc:
        raise InputError(
            f"{where}: {exc}; every cell below the header must be a number, in rows of equal length"
        ) from exc
    whole = rows.shape[1] == len(cells[0]) and bool(np.all(np.isfinite(rows)))
    if not whole or np.any(np.diff(rows[:, 0]) <= 0):
        raise InputError(
            f"{where}: expected full rows of finite numbers with an increasing first column"
        )
    parts = [cell.strip().partition("[") for cell in cells[0]]
    header = tuple((key.strip(), unit.strip().rstrip("]").strip()) for key, _, unit in parts)
    return Table(
        tuple((k, "" if u == "1" else u) for k, u in header), tuple(map(tuple, rows.tolist()))
    )
