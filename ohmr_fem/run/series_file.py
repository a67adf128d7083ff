"""The file of a series (FIT.toml): samples, data, preparation, parameters.

device = "film.toml"                  # of samples that name none
background = ["offset", "kohler"]

[fit]
shared = ["alpha", "L_m", "tau"]
trend = {tau = "power(temperature)"}

[verdict]                             # leave the table out to skip it
models = ["background", "hanle"]

[[sample]]
name = "t8"
data = "t8.csv"
thickness = "8 nm"                    # sets that of the device too
known = {thickness = ["8 nm", "0.3 nm"]}
read = {direction = "x"}
prepare = {offset = "auto"}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config.device_file import Device, read_device, without_accuracy
from ..config.reader import read_toml
from ..errors import InputError, complaints_of, suggest
from ..files import sha256_of
from ..fitting.sample import PROPERTIES, Sample
from ..mesh.grids import cross_section
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from ..units import positive
from .fit_data import Wanted, fit_curves

TOP = ("title", "device", "background", "fit", "verdict", "sample")
FIT = ("shared", "each", "trend", "confidence", "intervals", "seed", "loss", "limit")
VERDICT = ("models", "alternatives", "level", "simulations", "seed")
SAMPLE = ("name", "device", "data", "background", "known", "read", "prepare", "measurement")
#: Sizes that a device takes over from its sample.
OWN = {"film": "thickness", "z": "thickness", "y": "width"}


@dataclass(frozen=True, eq=False)
class SeriesJob:
    """A series as its file has it.

    Attributes
    ----------
    path : Path
    title : str
    samples : tuple of Sample
    fit : options of :func:`ohmr_fem.global_fit`
    verdict : options of :func:`ohmr_fem.compare_models`, or None
    inputs : {file: SHA-256} of everything that was read
    table : the file as it stands
    """

    path: Path
    title: str
    samples: tuple[Sample, ...]
    fit: Mapping[str, Any]
    verdict: Mapping[str, Any] | None
    inputs: Mapping[str, str]
    table: Mapping[str, Any]


def read_series_file(path: str | Path) -> SeriesJob:
    """Read a FIT.toml with its devices and data.

    Raises
    ------
    InputError
        An unknown key, a sample without data or device, what devices and data refuse.
    """
    path = Path(path)
    table, digest = read_toml(path, "a fit file (.toml), text in UTF-8")
    with complaints_of(str(path)):
        _known(table, TOP, "")
        rows = table.get("sample")
        if not isinstance(rows, list) or not rows:
            raise InputError("no samples; add a table [[sample]] with name and data for each")
        options = _table(table, "fit", FIT)
        verdict = _table(table, "verdict", VERDICT) if "verdict" in table else None
        inputs = {str(path): digest}
        samples = tuple(_sample(path.parent, table, row, i, inputs) for i, row in enumerate(rows))
    return SeriesJob(
        path=path,
        title=str(table.get("title", path.stem)),
        samples=samples,
        fit=options,
        verdict=verdict,
        inputs=inputs,
        table=table,
    )


def files_of_series(path: str | Path) -> list[Path]:
    """The file of a series and what it names; missing ones are refused when they are read."""
    path = Path(path)
    table, _ = read_toml(path, "a fit file (.toml), text in UTF-8")
    rows = table.get("sample")
    named = [table.get("device")]
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping):
            named += [row.get("device"), *_several(row.get("data"))]
    return [path, *(path.parent / str(name) for name in named if name is not None)]


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _known(
    table: Mapping[str, Any],
    names: Iterable[str],
    where: str,
) -> None:
    known = list(names)
    for key in table:
        if key not in known:
            raise InputError(f"{where}unknown key {key!r}; {suggest(key, known)}", value=key)


def _table(
    table: Mapping[str, Any],
    key: str,
    names: Iterable[str],
) -> dict[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise InputError(f"expected a table [{key}], got {found!r}", key=key)
    _known(found, names, f"[{key}]: ")
    return dict(found)


def _sample(
    folder: Path,
    table: Mapping[str, Any],
    row: Any,
    number: int,
    inputs: dict[str, str],
) -> Sample:
    if not isinstance(row, Mapping):
        raise InputError(f"expected a table [[sample]], got {row!r}", key="sample")
    name = str(row.get("name", f"sample {number + 1}"))
    where = f"[[sample]] {name}: "
    _known(row, [*SAMPLE, *PROPERTIES], where)
    device_name = row.get("device", table.get("device"))
    for key, value in (("device", device_name), ("data", row.get("data"))):
        if value is None:
            raise InputError(f"{where}no {key}; give the name of a file", key=key, named=True)
    device_path = folder / str(device_name)
    data_paths = [folder / str(d) for d in _several(row["data"])]
    for file in (device_path, *data_paths):
        inputs.setdefault(str(file), _digest(file))
    properties = {key: row[key] for key in PROPERTIES if key in row}
    device = _sized(without_accuracy(read_device(device_path), "a fit"), properties)
    reading = _entry(row, "read", where)
    prepare = row.get("prepare")
    wanted = Wanted({"nan": "error", "sign": 1.0, **reading}, row.get("measurement"), None, prepare)
    curves = [c for file in data_paths for c in fit_curves(file, device, wanted)]
    return Sample(
        device.problem,
        curves,
        name,
        background=row.get("background", table.get("background", ["offset"])),
        known=_entry(row, "known", where),
        **properties,
    )


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""  # the reader says what is wrong


def _entry(
    row: Mapping[str, Any],
    key: str,
    where: str,
) -> dict[str, Any]:
    found = row.get(key, {})
    if not isinstance(found, Mapping):
        raise InputError(f"{where}{key}: expected a table, got {found!r}")
    return dict(found)


def _sized(
    device: Device,
    properties: Mapping[str, Any],
) -> Device:
    """The device with the thickness or width of the sample."""
    problem = device.problem
    key = _size_of(problem)
    if key is None or key not in properties:
        return device
    size = positive(properties[key], "m", key)
    if isinstance(problem.film, Film):
        factor = size / problem.film.thickness
        materials = {r: _thicker(m, factor) for r, m in problem.materials.items()}
        film = replace(problem.film, thickness=size)
        return replace(device, problem=replace(problem, film=film, materials=materials))
    (normal,) = problem.mesh.axes
    mesh = cross_section(size, normal)
    return replace(device, problem=replace(problem, mesh=mesh, materials=problem.material))


def _size_of(problem: Problem) -> str | None:
    """Which property is the size of a device; None where the mesh decides."""
    if isinstance(problem.film, Film):
        return OWN["film"]
    plain = problem.is_cross_section and problem.mesh.dim == 1 and problem.uniform
    return OWN[problem.mesh.axes[0]] if plain else None


def _thicker(
    material: Material,
    factor: float,
) -> Material:
    """The same bulk conductivity in another thickness."""
    sheet = factor * float(material.sheet_conductivity)
    return replace(material, sheet_conductivity=sheet, diffusion_constant=None)
