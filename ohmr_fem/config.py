"""Device files: TOML in, a Problem with its sweep, measurements and output out.

Every value is a number in SI or a quantity such as "2 ps" (``inverse_mass`` alone is in 1/m_e).  Paths are relative to
the device file.  All that is wrong is reported at once, one line each: file, key, value, remedy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, StrictStr, ValidationError

from .drive import read_pair
from .errors import InputError, OhmrError, suggest
from .grids import cross_section
from .material import Material
from .mesh import DeviceMesh
from .mesh_io import read_mesh
from .problem import Contact, Edge, Problem, gaussian_profile
from .sweep import field_sweep
from .units import positive, to_si

FIGURES = ("png", "pdf", "svg")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class MeshFile(_Section):
    """[mesh]"""

    file: StrictStr
    unit: StrictStr = "m"

    def build(self, folder: Path) -> DeviceMesh:
        return read_mesh(folder / self.file, unit=self.unit)


class CrossSection(_Section):
    """[cross_section]: a strip or film, with the current along x"""

    width: Any
    normal: StrictStr = "y"
    cells: StrictInt | None = None
    resolve: Any = None
    regions: dict[str, Any] | None = None

    def build(self) -> DeviceMesh:
        return cross_section(**{name: value for name, value in self if value is not None})


class MaterialTable(_Section):
    """[material] or [materials.<region>]"""

    sheet_conductivity: Any
    relaxation_time: Any
    orbital_hall_angle: Any
    inverse_mass: Any
    diffusion_length: Any = None
    diffusion_constant: Any = None
    inverse_orbital_hall_angle: Any = None
    g_factor: Any = 1.0
    moment_per_carrier: Any = None
    name: StrictStr = ""
    source: StrictStr = ""

    def build(self) -> Material:
        return Material(**{name: value for name, value in self if value is not None})


class ContactTable(_Section):
    """[contacts.<name>]"""

    kind: StrictStr = "equipotential"
    moment: Any = "reflecting"
    profile: Any = "uniform"
    at: Any = None
    boundary: StrictStr | None = None

    def build(self) -> Contact:
        profile = self.profile
        if isinstance(profile, Mapping):
            if set(profile) != {"center", "width"}:
                raise InputError(f"profile: a Gaussian profile has the keys 'center' and 'width', got {dict(profile)}")
            profile = gaussian_profile(profile["center"], profile["width"])
        return Contact(self.kind, self.moment, profile, self.at, self.boundary)


class EdgeTable(_Section):
    """[edges.<name>]"""

    moment: Any

    def build(self) -> Edge:
        return Edge(self.moment)


class SolveTable(_Section):
    """[solve]"""

    order: StrictInt | None = None
    coupling: StrictStr = "linear"
    detection: StrictStr = "printed"
    method: Literal["auto", "spectral", "direct"] = "auto"


class MeasureTable(_Section):
    """[measure] or [[measure]]"""

    current: list[StrictStr]
    voltage: list[StrictStr]
    name: StrictStr = ""


class SweepTable(_Section):
    """[sweep]"""

    start: Any
    stop: Any
    points: StrictInt
    direction: Any = "x"

    def build(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Fields (n, 3), unit vector (3,), and the last field along it that is not zero; T."""
        start, stop = (to_si(getattr(self, name), "T", name) for name in ("start", "stop"))
        unit = field_sweep(1.0, 1.0, 1, self.direction)[0]
        return field_sweep(start, stop, self.points, self.direction), unit, stop or start


class OutputTable(_Section):
    """[output]"""

    fields_at: list[Any] | None = None
    paraview: StrictBool = True
    figures: list[StrictStr] = ["png", "pdf"]
    drive_current: Any = "1 uA"
    electric_field: Any = "1 V/m"

    def build(self) -> Output:
        for kind in self.figures:
            if kind not in FIGURES:
                raise InputError(f"figures: {kind!r} is not known; {suggest(kind, FIGURES)}", value=kind)
        at = None if self.fields_at is None else tuple(to_si(b, "T", "fields_at") for b in self.fields_at)
        return Output(at, self.paraview, tuple(self.figures), positive(self.drive_current, "A", "drive_current"),
                      to_si(self.electric_field, "V/m", "electric_field"))


@dataclass(frozen=True)
class Output:
    """What a run leaves behind; drive current in A (or field in V/m for a cross-section) of the field files."""

    fields_at: tuple[float, ...] | None = None
    paraview: bool = True
    figures: tuple[str, ...] = ("png", "pdf")
    drive_current: float = 1e-6
    electric_field: float = 1.0


@dataclass(frozen=True)
class Measurement:
    """A named current pair and voltage pair; both None on a cross-section."""

    name: str = ""
    current: tuple[str, str] | None = None
    voltage: tuple[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Device:
    """A device file, read and checked.

    Attributes
    ----------
    path : Path of the device file
    inputs : files that were read
    table : the file as it stands, for the record
    problem : Problem
    measurements : tuple of Measurement
    fields : (n, 3) T
    snapshots : (k, 3) T, fields at which maps and ParaView files are written
    method : "auto", "spectral" or "direct"
    output : Output
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


SECTIONS = ("mesh", "cross_section", "material", "materials", "contacts", "edges", "solve", "measure", "sweep", "output")


def read_device(path: str | Path) -> Device:
    """Read and check a device file.

    Returns
    -------
    Device

    Raises
    ------
    InputError
        Everything that is wrong with the file, one line each.
    """
    path = Path(path)
    table = _read_toml(path)
    reader = _Reader(path)
    reader.unknown(table, SECTIONS, "")
    mesh = reader.mesh(table)
    materials = reader.materials(table)
    contacts = reader.contacts(table.get("contacts", []))
    edges = reader.named(table, "edges", EdgeTable, "moment")
    solve = reader.section(SolveTable, table.get("solve", {}), "solve")
    measures = reader.measures(table, "cross_section" in table)
    sweep = reader.built(SweepTable, table.get("sweep"), "sweep")
    output = reader.built(OutputTable, table.get("output", {}), "output")
    reader.stop()
    problem = reader.problem(mesh, materials, contacts, edges=edges, order=solve.order, coupling=solve.coupling,
                             detection=solve.detection)
    measurements = reader.measurements(problem, measures)
    reader.stop()
    fields, unit, last = sweep
    at = (0.0, last) if output.fields_at is None else output.fields_at
    snapshots = np.array([b * unit for b in dict.fromkeys(at)]).reshape(-1, 3)
    inputs = (path, path.parent / table["mesh"]["file"]) if "mesh" in table else (path,)
    return Device(path, inputs, table, problem, measurements, fields, snapshots, solve.method, output)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file; write one with: ohmr-fem init {path}", value=path) from exc
    except IsADirectoryError as exc:
        raise InputError(f"{path}: is a folder; give the name of a device file (.toml)", value=path) from exc
    except OSError as exc:
        raise InputError(f"{path}: cannot be read ({exc.strerror})", value=path) from exc
    except UnicodeDecodeError as exc:
        raise InputError(f"{path}: is not a text file in UTF-8; device files are TOML (ohmr-fem init writes one)",
                         value=path) from exc
    except tomllib.TOMLDecodeError as exc:
        raise InputError(f"{path}: is not valid TOML: {exc}; note that quantities and names need quotes, as in \"2 ps\"",
                         value=path) from exc


class _Reader:
    """Collects complaints while the sections are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wrong: list[str] = []

    def complain(self, key: str, message: str) -> None:
        where = f"{self.path}: {key}: " if key else f"{self.path}: "
        self.wrong += [where + line for line in message.splitlines()]

    def stop(self) -> None:
        if self.wrong:
            raise InputError("\n".join(self.wrong), value=self.path)

    def unknown(self, table: Mapping[str, Any], known: tuple[str, ...], key: str) -> None:
        for name in table:
            if name not in known:
                self.complain(key, f"unknown {'key' if key else 'section'} {name!r}; {suggest(name, known)}")

    def section(self, model: type[_Section], table: Any, key: str) -> Any:
        if not isinstance(table, Mapping):
            self.complain(key, f"must be a table, as in [{key}], got {table!r}" if table is not None else
                          f"is missing; add [{key}] with {', '.join(_required(model))}")
            return None
        try:
            return model(**table)
        except ValidationError as exc:
            for error in exc.errors():
                self._explain(model, key, error)
            return None

    def _explain(self, model: type[_Section], key: str, error: Mapping[str, Any]) -> None:
        name, kind = str(error["loc"][0]), error["type"]
        if kind == "extra_forbidden":
            self.complain(key, f"unknown key {name!r}; {suggest(name, model.model_fields)}")
        elif kind == "missing":
            self.complain(f"{key}.{name}", "is missing; it is required")
        else:
            what = error["msg"][0].lower() + error["msg"][1:]
            self.complain(f"{key}.{name}", f"{what.removeprefix('input ')}, got {error['input']!r}")

    def built(self, model: Any, table: Any, key: str, *args: Any) -> Any:
        """A section turned into its object, or None; a message "name: ..." of the object is placed at ``key.name``."""
        section = self.section(model, table, key)
        if section is None:
            return None
        try:
            return section.build(*args)
        except OhmrError as exc:
            name, colon, rest = _bare(exc).partition(": ")
            if colon and name.partition("[")[0] in model.model_fields:
                self.complain(f"{key}.{name}", rest)
            else:
                self.complain(key, _bare(exc))
            return None

    def mesh(self, table: Mapping[str, Any]) -> Any:
        if ("mesh" in table) == ("cross_section" in table):
            self.complain("", "give either a [mesh] table with a file, or a [cross_section] table with a width")
            return None
        if "mesh" in table:
            return self.built(MeshFile, table["mesh"], "mesh", self.path.parent)
        return self.built(CrossSection, table["cross_section"], "cross_section")

    def problem(self, *args: Any, **options: Any) -> Problem:
        self.stop()
        try:
            return Problem(*args, **options)
        except OhmrError as exc:
            places = {"order": "solve.order", "unknown coupling": "solve.coupling", "unknown detection": "solve.detection",
                      "detection": "solve.detection", "contact": "contacts", "edge": "edges", "region": "materials",
                      "material": "materials"}
            self.complain(next((key for start, key in places.items() if _bare(exc).startswith(start)), ""), _bare(exc))
            self.stop()
            raise

    def materials(self, table: Mapping[str, Any]) -> Any:
        if ("material" in table) == ("materials" in table):
            self.complain("", "give either one [material] for all regions, or a table [materials.<region>] for each")
            return None
        if "material" in table:
            return self.built(MaterialTable, table["material"], "material")
        return self.named(table, "materials", MaterialTable, None)

    def named(self, table: Mapping[str, Any], key: str, model: type[_Section], short: str | None) -> dict[str, Any]:
        """Tables by name; a bare value stands for the key ``short`` of its table."""
        entries = table.get(key, {})
        if not isinstance(entries, Mapping):
            self.complain(key, f"must be tables by name, as in [{key}.NAME], got {entries!r}")
            return {}
        whole = {name: {short: value} if short and not isinstance(value, Mapping) else value
                 for name, value in entries.items()}
        return {name: self.built(model, value, f"{key}.{name}") for name, value in whole.items()}

    def contacts(self, entries: Any) -> Any:
        if isinstance(entries, list):
            if not all(isinstance(name, str) for name in entries):
                self.complain("contacts", f"must be a list of names, or tables [contacts.NAME], got {entries!r}")
            return entries
        return self.named({"contacts": entries}, "contacts", ContactTable, "kind")

    def measures(self, table: Mapping[str, Any], section: bool) -> list[MeasureTable]:
        entries = table.get("measure", [])
        entries = entries if isinstance(entries, list) else [entries]
        if section:
            if entries:
                self.complain("measure", "a cross-section has no contacts; remove [measure]")
            return []
        if not entries:
            self.complain("measure", "is missing; add [measure] with current = [from, to] and voltage = [plus, minus]")
        keys = [f"measure[{i}]" if len(entries) > 1 else "measure" for i in range(len(entries))]
        found = [self.section(MeasureTable, entry, key) for entry, key in zip(entries, keys, strict=True)]
        names = [m.name for m in found if m is not None]
        if len(set(names)) != len(names):
            self.complain("measure", f"each of several measurements needs its own name, got {names}")
        for name in names:
            if name and not name.replace("-", "").replace("_", "").isalnum():
                self.complain("measure", f"name {name!r} becomes part of a file name: use letters, digits, - and _")
        return [m for m in found if m is not None]

    def measurements(self, problem: Problem, measures: list[MeasureTable]) -> tuple[Measurement, ...]:
        if problem.is_cross_section:
            return (Measurement(),)
        out = []
        for i, m in enumerate(measures):
            key = f"measure[{i}]" if len(measures) > 1 else "measure"
            current, voltage = (self.pair(problem, m, what, key) for what in ("current", "voltage"))
            out.append(Measurement(m.name, current, voltage))
        return tuple(out)

    def pair(self, problem: Problem, table: MeasureTable, what: str, key: str) -> Any:
        try:
            return read_pair(problem, getattr(table, what), what)
        except InputError as exc:
            self.complain(f"{key}.{what}", str(exc).removeprefix(f"{what}: "))
            return None


def _bare(exc: OhmrError) -> str:
    """The message without the name of the class that it comes from; the key says more."""
    first, colon, rest = str(exc).partition(": ")
    return rest if colon and first in ("Problem", "Material", "Contact", "Edge", "field_sweep") else str(exc)


def _required(model: type[_Section]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


TEMPLATE = """\
# A device for ohmr-fem. Check it with   ohmr-fem check {name}
#              and run it with           ohmr-fem run {name} --out results/{stem}
# Values are numbers in SI units, or quantities in quotes such as "2 ps". Paths are relative to this file.

# ---- Geometry: a strip (normal = "y") or a film (normal = "z"), infinitely long, current along x ...
[cross_section]
width = "20 nm"
normal = "y"

# ---- ... or a device with contacts, from a gmsh file. Named boundaries are contacts or edges, named surfaces regions.
# [mesh]
# file = "hall_bar.msh"
# unit = "nm"
#
# [contacts]                # name = kind: "equipotential", "profile" (given current profile), "probe" (reads only)
# left = "equipotential"
# right = "equipotential"
# t1 = "probe"
# t2 = "probe"
#
# [edges]                   # boundaries that do not reflect the moment: "absorbing", or a velocity G in Q.nu = G n
# top = "100 m/s"
#
# [measure]                 # several: use [[measure]] with a name in each
# current = ["left", "right"]
# voltage = ["t1", "t2"]

# ---- Material of the whole device. One for each region: [materials.NAME]
[material]
sheet_conductivity = "1 mS"
diffusion_length = "2 nm"             # or diffusion_constant
relaxation_time = "2 ps"
orbital_hall_angle = 0.016            # charge to moment; 'inverse_orbital_hall_angle' is the same unless given
inverse_mass = [24.4, 24.4, 0.3]      # in 1/m_e: one number, the diagonal, or a symmetric 3 x 3 array
# g_factor = 1                        # 1: Eq. (2) of Sun and Vignale as printed; 2: their printed Omega

[solve]
# order = 2                           # 1 to 4; default 2, and 4 for a cross-section
coupling = "linear"                   # first order in alpha alpha'; "full": all orders
detection = "printed"                 # "reciprocal" obeys Onsager's relation for every inverse_mass

[sweep]
start = "-9 T"
stop = "9 T"
points = 181
direction = "x"                       # "x", "y", "z" or a vector such as [1, 0, 1]

[output]
fields_at = [0, "9 T"]                # maps and ParaView files at these fields along the direction
paraview = true
figures = ["png", "pdf"]
# drive_current = "1 uA"              # of the field files of a device
# electric_field = "1 V/m"            # of the field files of a cross-section
"""
