"""Device files: TOML in, a Problem with its sweep, measurements and output out.

Every value is a number in SI or a quantity such as "2 ps" (``inverse_mass`` alone is in 1/m_e).
Paths are relative to the device file.  All that is wrong is reported at once, one line each: file,
key, value, remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..geometry.outline import Geometry
from ..mesh.device_mesh import DeviceMesh
from ..micro import LayeredModel
from ..model.problem import Problem
from .contact_words import without_contact
from .further_tables import (
    FrequencyJob,
    FrequencyTable,
    MatrixJob,
    MatrixTable,
    TimeJob,
    TimeTable,
)
from .model_tables import FiguresTable, Gate, TensorTable
from .reader import Measurement, Reader, read_toml
from .tables import EdgeTable, Output, OutputTable, SolveTable, SweepTable, TurnTable


@dataclass(frozen=True, eq=False)
class Device:
    """A device file, read and checked.

    Attributes
    ----------
    path : Path of the device file
    inputs : files that were read
    digests : {file: SHA-256 of what was read of it}
    table : the file as it stands, for the record
    problem : Problem
    measurements : tuple of Measurement
    fields : (n, 3) T
    snapshots : (k, 3) T, fields at which maps and ParaView files are written
    method : "auto", "spectral" or "direct"
    output : Output
    gate : Gate or None
        A swept gate; ``problem`` holds the operating point, without it.
    accuracy : float or None
        Relative; the mesh of ``problem`` is then only the first one, see
        :func:`ohmr_fem.solver.adapt.solve_to`.
    budget : int
        Most unknowns of one field in its error estimate.
    direction : (3,), the unit vector of the sweep
    time, frequency, matrix : what else is asked for, or None
    """

    path: Path
    inputs: tuple[Path, ...]
    table: Mapping[str, Any]
    problem: Problem
    measurements: tuple[Measurement, ...]
    fields: np.ndarray
    snapshots: np.ndarray
    method: str
    output: Output
    gate: Gate | None = None
    accuracy: float | None = None
    budget: int = 400_000
    digests: Mapping[Path, str] = field(default_factory=dict)
    direction: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    time: TimeJob | None = None
    frequency: FrequencyJob | None = None
    matrix: MatrixJob | None = None


@dataclass(frozen=True, eq=False)
class TensorJob:
    """A model file, read and checked.

    Attributes
    ----------
    path, inputs, table, digests : as of a :class:`Device`
    model : LayeredModel
    displacements : (m,) eV, added to the model
    options : keywords of :func:`ohmr_fem.micro.inverse_mass`, mu or density among them
    figures : endings of the figures
    """

    path: Path
    inputs: tuple[Path, ...]
    table: Mapping[str, Any]
    model: LayeredModel
    displacements: np.ndarray
    options: Mapping[str, Any]
    figures: tuple[str, ...]
    digests: Mapping[Path, str] = field(default_factory=dict)


SECTIONS = (
    "mesh",
    "geometry",
    "cross_section",
    "channel",
    "material",
    "materials",
    "contacts",
    "edges",
    "film",
    "stack",
    "solve",
    "measure",
    "sweep",
    "output",
    "gate",
    "time",
    "frequency",
    "matrix",
)
#: With an accuracy, where the file gives no order: fewest unknowns from 1e-2 down to 1e-6.
ADAPTIVE_ORDER = 3
TENSOR_SECTIONS = ("model", "tensor", "output")


@door
def read_device(path: str | Path) -> Device:
    """Read and check a device file.

    Parameters
    ----------
    path : str or Path
        A TOML file; what it may hold is in docs/device-file.

    Returns
    -------
    Device

    Raises
    ------
    InputError
        Everything that is wrong with the file, one line each.
    """
    path = Path(path)
    table, digest = read_toml(path)
    device = device_of(path, table)
    return replace(device, digests={path: digest, **device.digests})


def device_of(path: Path, table: Mapping[str, Any], mesh: DeviceMesh | None = None) -> Device:
    """The device that a file at ``path`` with these tables describes; ``mesh`` if it is made
    already.

    Raises
    ------
    InputError
        As :func:`read_device`.
    """
    if "model" in table:
        raise InputError(
            f"{path}: is a model file: ohmr-fem xtensor {path}; in a device file a model belongs "
            "to its material, "
            'as in [material] model = "FILE.toml"',
            value=path,
        )
    if "axes" in table:
        raise InputError(f"{path}: is a study file: ohmr-fem study {path}", value=path)
    reader = Reader(path)
    reader.known_sections(table, SECTIONS)
    if mesh is None and "mesh" in table:
        reader.keep_digest(table["mesh"])
    mesh = reader.mesh(table) if mesh is None else mesh
    layered = "stack" in table
    recipes = None if layered else reader.materials(table)
    contacts = reader.contacts(table.get("contacts", []))
    edges = reader.named(table, "edges", EdgeTable, "moment")
    film = reader.film(table)
    solve = reader.built(SolveTable, table.get("solve", {}), "solve")
    reader.accuracy(solve, bool({"cross_section", "channel"} & set(table)))
    if film is not None and solve is not None and solve.accuracy is not None:
        reader.complain(
            "solve.accuracy",
            "a file makes no error bar for films; remove it, and call solve_to",
        )
    measures = reader.measures(table, "cross_section" in table)
    swept = table.get("sweep")
    turns = isinstance(swept, Mapping) and ("angles" in swept or "strength" in swept)
    sweep = reader.built(TurnTable if turns else SweepTable, swept, "sweep")
    output = reader.built(OutputTable, table.get("output", {}), "output")
    gate = reader.gate(table, recipes)
    section = "cross_section" in table
    jobs = {
        name: reader.built(model, table[name], name, *arguments) if name in table else None
        for name, model, arguments in (
            ("time", TimeTable, (section,)),
            ("frequency", FrequencyTable, ()),
            ("matrix", MatrixTable, (section,)),
        )
    }
    reader.stop()
    materials = None if layered else reader.operating_point(recipes)
    shape = mesh if isinstance(mesh, Geometry) else None
    if isinstance(mesh, Geometry):
        shown = film.material if layered else materials
        mesh = reader.meshed(mesh, shown, solve.accuracy is not None)
    order = ADAPTIVE_ORDER if solve.order is None and solve.accuracy is not None else solve.order
    problem = reader.problem(
        mesh,
        materials,
        contacts,
        edges=edges,
        order=order,
        coupling=solve.coupling,
        detection=solve.detection,
        interface=solve.interface,
        ordinary_hall=solve.ordinary_hall,
        film=film,
    )
    if shape is not None:
        problem = problem.saying(without_contact(shape, problem))
    measurements = reader.measurements(problem, measures)
    reader.stop()
    fields, unit, last = sweep
    default = (0.0, last) if film is None else ()  # of a film only on request
    at = default if output.fields_at is None else output.fields_at
    if layered and at:
        reader.complain("output.fields_at", "a stack answers with its tensor: it has no maps")
        reader.stop()
    snapshots = np.array([b * unit for b in dict.fromkeys(at)]).reshape(-1, 3)
    inputs = (path, path.parent / table["mesh"]["file"]) if "mesh" in table else (path,)
    return Device(
        path,
        (*inputs, *reader.inputs),
        table,
        problem,
        measurements,
        fields,
        snapshots,
        solve.method,
        output,
        gate,
        solve.accuracy,
        solve.budget,
        reader.confirmed_digests(),
        unit,
        **jobs,
    )


def without_accuracy(device: Device, what: str) -> Device:
    """The device, for what computes on the mesh as it stands.

    Raises
    ------
    InputError
        If its file asks for an accuracy.
    """
    if device.accuracy is not None:
        raise InputError(
            f"{device.path}: solve.accuracy: {what} does not refine the mesh and gives no error "
            "bar; remove the key "
            "(a [geometry] then gets a mesh that resolves its diffusion length)",
            value=device.accuracy,
        )
    return device


@door
def read_tensor_job(path: str | Path) -> TensorJob:
    """Read and check a model file.

    Raises
    ------
    InputError
        Everything that is wrong with the file, one line each.
    """
    path = Path(path)
    table, digest = read_toml(path)
    if "model" not in table and {"contacts", "measure", "sweep"} & set(table):
        raise InputError(
            f"{path}: is a device file: ohmr-fem run {path}; a model file has [model] and [tensor]",
            value=path,
        )
    reader = Reader(path)
    reader.known_sections(table, TENSOR_SECTIONS)
    model = reader.model(table.get("model"), "model", path.parent)
    options = reader.built(TensorTable, table.get("tensor"), "tensor")
    figures = reader.built(FiguresTable, table.get("output", {}), "output")
    reader.stop()
    displacements = options.pop("displacement")
    if np.any(displacements) and table["model"].get("displacement", 0):
        reader.complain("tensor.displacement", "is given in [model] too; give it once")
    if np.any(displacements) and model.n_layers < 2:
        reader.complain(
            "tensor.displacement",
            "the model has one layer; a displacement field needs at least two",
        )
    reader.stop()
    inputs = (path, *reader.inputs)
    digests = {path: digest, **reader.confirmed_digests()}
    return TensorJob(path, inputs, table, model, displacements, options, figures, digests)
