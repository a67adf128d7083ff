"""The tables of a device file: which keys there are, and the object that each table builds.

Values are numbers in SI or quantities such as "2 ps"; the objects themselves check them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, StrictStr

from ..errors import InputError, complaints_about, suggest
from ..mesh.channel import channel
from ..mesh.device_mesh import DeviceMesh
from ..mesh.files import read_mesh
from ..mesh.grids import cross_section, disc_mesh, rectangle
from ..model.contacts import Contact, Edge, gaussian_profile
from ..model.fields import field_sweep, field_turn
from ..model.film import Film, magnetic_face
from ..model.stack import Stack
from ..units import positive, to_si

FIGURES = ("png", "pdf", "svg")
#: What one number may ask for.
MOST_FIELDS, MOST_CELLS = 1_000_000, 1_000_000
MOST_LAYERS = 1000


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def at_most(number: int, most: int, key: str, what: str) -> None:
    """InputError where one number in a file asks for more than a run should take."""
    if number > most:
        raise InputError(
            f"asks for {number:.3g} {what}, at most {most:,}; take fewer", value=number, key=key
        )


class MeshFile(Table):
    """[mesh]"""

    file: StrictStr
    unit: StrictStr = "m"

    def build(self, folder: Path) -> DeviceMesh:
        return read_mesh(folder / self.file, unit=self.unit)


class CrossSection(Table):
    """[cross_section]: with the current along x, a strip or film (width), a rectangular wire
    (width, thickness) or a
    round one (radius)"""

    width: Any = None
    thickness: Any = None
    radius: Any = None
    normal: StrictStr = "y"
    cells: StrictInt | None = None
    resolve: Any = None
    regions: dict[str, Any] | None = None

    def build(self) -> DeviceMesh:
        given = {
            name: value
            for name, value in self
            if value is not None and (name != "normal" or value != "y")
        }
        if ("width" in given) == ("radius" in given):
            raise InputError(
                "give either a width (strip, film; with a thickness: rectangular wire) or a radius "
                "(round wire)"
            )
        at_most(self.cells or 1, MOST_CELLS, "cells", "cells")
        if not {"radius", "thickness"} & set(given):
            return cross_section(**given)
        extra = sorted(set(given) - {"width", "thickness", "radius"})
        if extra or {"radius", "thickness"} <= set(given):
            raise InputError(
                "a wire takes width and thickness, or a radius, and nothing else; got "
                f"{', '.join(sorted(given))}"
            )
        if "radius" in given:
            return disc_mesh(self.radius, axes=("y", "z"))
        return rectangle(
            self.width,
            self.thickness,
            h_min=0.01
            * min(positive(self.width, "m", "width"), positive(self.thickness, "m", "thickness")),
            axes=("y", "z"),
        )


class ChannelTable(Table):
    """[channel]: a wire or flake across which nothing varies, with contacts along it"""

    length: Any
    width: Any
    contacts: dict[str, Any]
    resolve: Any = None
    regions: dict[str, Any] | None = None

    def build(self) -> DeviceMesh:
        return channel(**dict(self))


class ContactTable(Table):
    """[contacts.<name>]"""

    kind: StrictStr = "equipotential"
    moment: Any = "reflecting"
    profile: Any = "uniform"
    at: Any = None
    boundary: StrictStr | None = None
    polarisation: Any = (0.0, 0.0, 0.0)
    region: StrictStr | None = None

    def build(self) -> Contact:
        profile = self.profile
        if isinstance(profile, Mapping):
            if set(profile) != {"center", "width"}:
                raise InputError(
                    f"a Gaussian profile has the keys 'center' and 'width', got {dict(profile)}",
                    key="profile",
                )
            profile = gaussian_profile(profile["center"], profile["width"])
        return Contact(
            self.kind,
            self.moment,
            profile,
            self.at,
            self.boundary,
            self.polarisation,
            region=self.region,
        )


class EdgeTable(Table):
    """[edges.<name>]"""

    moment: Any = "reflecting"
    source: Any = 0.0
    inverse_source: Any = None
    edge_moment: Any = 0.0

    def build(self) -> Edge:
        return Edge(self.moment, self.source, self.inverse_source, self.edge_moment)


class FilmTable(Table):
    """[film]"""

    thickness: Any = None
    bottom: Any = "reflecting"
    top: Any = "reflecting"

    def build(self, layers: Any = None) -> Film | Stack:
        """The film, or the stack of the layers of [[stack]]."""
        faces = _face(self.bottom, "bottom"), _face(self.top, "top")
        if layers is None:
            return Film(self.thickness, *faces)
        if self.thickness is not None:
            raise InputError("the layers of [[stack]] have their own; remove it", key="thickness")
        return Stack(layers, *faces)


def _face(value: Any, key: str) -> Any:
    """A face as a device file gives it; a table with a mixing conductance is a magnet, one with a
    source an edge law, one with "orbital" and "spin" holds a law for each.
    """
    if isinstance(value, Mapping) and set(value) == {"orbital", "spin"}:
        return {name: _face(law, key) for name, law in value.items()}
    if isinstance(value, Mapping) and {"source", "inverse_source"} & set(value):
        extra = sorted(set(value) - set(EdgeTable.model_fields))
        if extra:
            known = ", ".join(EdgeTable.model_fields)
            raise InputError(f"accepts {known}, got {', '.join(extra)}", key=key)
        with complaints_about(key):
            return EdgeTable(**value).build()
    if not isinstance(value, Mapping) or "mixing_conductance" not in value:
        return value
    if set(value) != {"mixing_conductance", "magnetisation"}:
        raise InputError(
            "a magnetic face has the keys 'mixing_conductance' and 'magnetisation', got "
            f"{', '.join(value)}",
            key=key,
        )
    return magnetic_face(**value)


class SolveTable(Table):
    """[solve]"""

    order: StrictInt | None = None
    coupling: StrictStr = "linear"
    detection: StrictStr = "printed"
    interface: StrictStr = "accumulation"
    ordinary_hall: StrictBool = False
    method: Literal["auto", "spectral", "reduced", "direct"] = "auto"
    accuracy: Any = None
    budget: StrictInt = 400_000

    def build(self) -> SolveTable:
        if self.budget < 1:
            raise InputError(
                f"is the most unknowns of one field, at least 1, got {self.budget}", key="budget"
            )
        accuracy = None if self.accuracy is None else positive(self.accuracy, "1", "accuracy")
        return self.model_copy(update={"accuracy": accuracy})


class MeasureTable(Table):
    """[measure] or [[measure]]"""

    current: list[StrictStr]
    voltage: list[StrictStr]
    name: StrictStr = ""


class SweepTable(Table):
    """[sweep]"""

    start: Any
    stop: Any
    points: StrictInt
    direction: Any = "x"

    def build(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Fields (n, 3), unit vector (3,), and the last field along it that is not zero; T."""
        at_most(self.points, MOST_FIELDS, "points", "fields")
        start, stop = (to_si(getattr(self, name), "T", name) for name in ("start", "stop"))
        unit = field_sweep(1.0, 1.0, 1, self.direction)[0]
        return (
            field_sweep(start, stop, self.points, self.direction) + 0.0,
            unit,
            stop or start,
        )  # + 0.0: no -0


class TurnTable(Table):
    """[sweep] of a field that turns: its strength, and angles from the first axis of a plane to
    the second
    """

    strength: Any
    angles: Mapping[str, Any]

    def build(self) -> tuple[np.ndarray, np.ndarray, float]:
        """As for :class:`SweepTable`, with the first direction for the unit vector."""
        extra = sorted(set(self.angles) - {"plane", "start", "stop", "points"})
        if extra:
            raise InputError(
                f"accepts plane, start, stop and points, got {', '.join(extra)}", key="angles"
            )
        strength = to_si(self.strength, "T", "strength")
        degrees = {"start": 0.0, "stop": 360.0, "points": 73, **self.angles}
        plane = degrees.pop("plane", "xy")
        try:
            fields = field_turn(strength, plane=plane, **degrees)
        except InputError as exc:
            raise InputError(exc.message, value=exc.value, key="angles") from exc
        return fields, field_turn(1.0, 0.0, 0.0, 1, plane)[0], strength


class OutputTable(Table):
    """[output]"""

    fields_at: list[Any] | None = None
    paraview: StrictBool = True
    figures: list[StrictStr] = ["png", "pdf"]
    drive_current: Any = "1 uA"
    electric_field: Any = "1 V/m"
    layers: StrictInt = 2

    def build(self) -> Output:
        if not 2 <= self.layers <= MOST_LAYERS:
            raise InputError(
                f"is the number of heights from bottom to top, 2 to {MOST_LAYERS}, got "
                f"{self.layers}",
                key="layers",
            )
        for kind in self.figures:
            if kind not in FIGURES:
                raise InputError(
                    f"{kind!r} is not known; {suggest(kind, FIGURES)}", value=kind, key="figures"
                )
        at = (
            None
            if self.fields_at is None
            else tuple(to_si(b, "T", "fields_at") for b in self.fields_at)
        )
        return Output(
            at,
            self.paraview,
            tuple(self.figures),
            positive(self.drive_current, "A", "drive_current"),
            to_si(self.electric_field, "V/m", "electric_field"),
            self.layers,
        )


@dataclass(frozen=True)
class Output:
    """What a run leaves behind; drive current in A (or field in V/m for a cross-section) of the
    field files, and the heights at which those of a film hold its moment, both faces included.
    """

    fields_at: tuple[float, ...] | None = None
    paraview: bool = True
    figures: tuple[str, ...] = ("png", "pdf")
    drive_current: float = 1e-6
    electric_field: float = 1.0
    layers: int = 2


TEMPLATE = """\
# A device for ohmr-fem. Check it with   ohmr-fem check {name}
#              and run it with           ohmr-fem run {name} --out results/{stem}
# Values are numbers in SI units, or quantities in quotes such as "2 ps".
# Paths are relative to this file.

# ---- Geometry: a strip (normal = "y") or a film (normal = "z"), infinitely long,
# current along x ...
# (a rectangular wire: width and thickness; a round one: radius)
[cross_section]
width = "20 nm"
normal = "y"

# ---- ... or a device with contacts, from a gmsh file.
# Named boundaries are contacts or edges, named surfaces regions.
# [mesh]
# file = "hall_bar.msh"
# unit = "nm"
#
# ---- ... or a channel: a wire or flake so narrow that nothing varies across
# [channel]
# length = "40 um"
# width = "1 um"
# contacts = {{ injector = "-2 um", detector = "2 um" }}     # places along it; ends: left, right
#
# ---- ... or a device by its measures: "hall_bar", "cross", "corbino", "annulus",
# "van_der_pauw", "nonlocal_bar", "polygon".
# [geometry]
# shape = "hall_bar"
# length = "7 um"
# width = "1 um"
#
# [contacts]                # name = kind: "equipotential", "profile" (given current profile),
#                           # "probe" (reads only)
# left = "equipotential"
# right = "equipotential"
# t1 = "probe"
# t2 = "probe"
# [contacts.magnet]         # or a table each: this one brings moment along with its current and
# kind = "equipotential"    # reads it with the voltage; also moment, profile, at, boundary
# polarisation = [0, 0.3, 0]
# region = "pad"            # a region of the mesh, in place of a boundary
#
# [edges]                   # boundaries that do not reflect the moment: "absorbing",
#                           # or a velocity G in Q.nu = G n
# top = "100 m/s"
#
# [measure]                 # several: use [[measure]] with a name in each
# current = ["left", "right"]
# voltage = ["t1", "t2"]

# ---- Thickness and faces of a metal film on a device plane; its material then has a
# resistivity such as "180 uohm cm" in place of the sheet conductivity
# [film]
# thickness = "10 nm"
# bottom = "reflecting"     # or "absorbing", a velocity G, or
# top = {{ mixing_conductance = "4e14 S/m^2", magnetisation = [0, 1, 0] }}
#
# [[stack]]                 # layers in the place of [material], from the bottom up: the keys of a
# thickness = "3 nm"        # [material] and a thickness in each; [film] then has its faces alone
#
# ---- Material of the whole device. One for each region: [materials.NAME]
# (preset = "mn", "v", "cr" or "ti" takes published values; the keys beside it replace them)
[material]
sheet_conductivity = "1 mS"
diffusion_length = "2 nm"             # or diffusion_constant
relaxation_time = "2 ps"
orbital_hall_angle = 0.016            # charge to moment; the same backwards unless
                                      # 'inverse_orbital_hall_angle' is given
inverse_mass = [24.4, 24.4, 0.3]      # in 1/m_e: one number, the diagonal, or a
                                      # symmetric 3 x 3 array
# g_factor = 1                        # 1: Eq. (2) of Sun and Vignale as printed;
#                                     # 2: their printed Omega

[solve]
# order = 2                           # 1 to 4; default 2, and 4 for a strip or film
# accuracy = 1e-4                     # of R(B) of a device with contacts: chooses mesh and
#                                     # order, gives an error bar
coupling = "linear"                   # first order in alpha alpha'; "full": all orders
detection = "printed"                 # "reciprocal" obeys Onsager's relation for every inverse_mass
# interface = "accumulation"          # is continuous between regions; "density": n, as the paper

[sweep]
start = "-9 T"
stop = "9 T"
points = 181
direction = "x"                       # "x", "y", "z" or a vector such as [1, 0, 1]
# strength = "9 T"                    # in place of the four keys above: a field that turns,
# angles = {{ plane = "xy", start = 0, stop = 360, points = 73 }}    # both ends included

[output]
fields_at = [0, "9 T"]                # maps and ParaView files at these fields along the direction
paraview = true
figures = ["png", "pdf"]
# drive_current = "1 uA"              # of the field files of a device
# layers = 2                          # heights in those of a film: both faces, or more between
# electric_field = "1 V/m"            # of the field files of a cross-section
"""
