"""The tables that name a layered model: of a model file (ohmr-fem xtensor) and of a material that
comes from a model.

Energies are numbers in eV or quantities such as "380 meV", lengths of the crystal in angstrom or
quantities, densities in 1/m^2 or quantities such as "1e12 cm**-2".
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import StrictBool, StrictInt, StrictStr, create_model

from ..errors import InputError, complaints_about, suggest
from ..micro import LayeredModel, from_wannier90, models
from ..model.from_bands import material
from ..units import to_si
from .tables import FIGURES, Table, at_most

BUILT_IN = ("monolayer_graphene", "bilayer_graphene", "multilayer_graphene", "gapped_honeycomb")
LENGTHS = ("a", "spacing")
#: What one number may ask for: beyond, a run takes days, or more memory than there is.
MOST_LEVELS, MOST_POINTS, MOST_LAYERS = 100_000, 10_000, 60
#: K: below, the steps of the occupation are narrower than any grid of bands.
COLDEST = 1e-6


@dataclass(frozen=True, eq=False)
class Gate:
    """A swept gate: ``materials`` turns one of ``values`` ("density" in 1/m^2, "displacement" in
    eV) into the materials.
    """

    parameter: str
    values: np.ndarray
    materials: Callable[[float], Any]

    @property
    def unit(self) -> str:
        return "eV" if self.parameter == "displacement" else "1/m^2"


class BuiltIn(Table):
    """[model] with the name of a built-in model as its kind; the keys are those of the function of
    that name
    """

    def build(self, folder: Path) -> LayeredModel:
        given = {
            name: value
            if name in ("n", "stacking")
            else _each(value, "angstrom" if name in LENGTHS else "eV", name)
            for name, value in self
        }
        if isinstance(given.get("n"), int):
            at_most(given["n"], MOST_LAYERS, "n", "layers")
        model: LayeredModel = getattr(models, type(self).__name__)(**given)
        return model


class Wannier90(Table):
    """[model] with kind = "wannier90" """

    file: StrictStr
    centres: Any = None
    lattice: Any = None
    layers: StrictInt | None = None
    layer_gap: Any = None
    filling: StrictInt | None = None
    displacement: Any = 0.0
    name: StrictStr = ""

    def build(self, folder: Path) -> LayeredModel:
        centres = folder / self.centres if isinstance(self.centres, str) else self.centres
        options = (
            {}
            if self.layer_gap is None
            else {"layer_gap": to_si(self.layer_gap, "angstrom", "layer_gap")}
        )
        model = from_wannier90(
            folder / self.file,
            centres,
            self.lattice,
            layers=self.layers,
            filling=self.filling,
            name=self.name,
            **options,
        )
        return _displaced(model, self.displacement)


class Hoppings(Table):
    """[model] with kind = "hoppings" """

    lattice: Any
    positions: Any
    hoppings: list[Any]
    onsite: list[Any] | None = None
    potentials: list[Any] | None = None
    layers: list[StrictInt] | None = None
    filling: StrictInt | None = None
    displacement: Any = 0.0
    name: StrictStr = ""

    def build(self, folder: Path) -> LayeredModel:
        energies = {
            name: None if (value := getattr(self, name)) is None else _each(value, "eV", name)
            for name in ("onsite", "potentials")
        }
        bonds = [_bond(i, bond) for i, bond in enumerate(self.hoppings)]
        model = LayeredModel.from_hoppings(
            self.lattice,
            self.positions,
            bonds,
            layers=self.layers,
            filling=self.filling,
            name=self.name,
            **energies,
        )
        return _displaced(model, self.displacement)


def _built_in(name: str) -> type[Table]:
    parameters = inspect.signature(getattr(models, name)).parameters.values()
    kinds: dict[str, Any] = {"n": StrictInt, "stacking": StrictStr}
    keys: dict[str, Any] = {
        p.name: (kinds.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in parameters
    }
    return create_model(name, __base__=BuiltIn, **keys)


KINDS: dict[str, type[Table]] = {name: _built_in(name) for name in BUILT_IN} | {
    "wannier90": Wannier90,
    "hoppings": Hoppings,
}


class TensorTable(Table):
    """[tensor] of a model file"""

    mu: Any = None
    density: Any = None
    temperature: Any = 300.0
    displacement: Any = 0.0
    definition: StrictStr = "drude"
    counting: StrictStr = "all"
    normalisation: StrictStr = "per_cell"
    spin: StrictInt = 1
    mesh: StrictInt | StrictStr = "auto"
    tolerance: float = 1e-8
    symmetry: StrictBool = True

    def build(self) -> dict[str, Any]:
        """Keywords of :func:`inverse_mass`, and "displacement", (m,) eV."""
        if (self.mu is None) == (self.density is None):
            raise InputError(
                "give either mu (eV) or density (1/m^2): one value, a list, or "
                "{start = ..., stop = ..., points = ...}"
            )
        out = {name: value for name, value in self if name not in ("mu", "density")}
        out["mu"] = None if self.mu is None else gate_values(self.mu, "eV", "mu")
        if self.density is not None:
            out["density"] = gate_values(self.density, "1/m**2", "density")
        out["displacement"] = gate_values(self.displacement, "eV", "displacement")
        out["temperature"] = _temperature(self.temperature)
        _check_grid(self.mesh)
        return out


class FiguresTable(Table):
    """[output] of a model file"""

    figures: tuple[StrictStr, ...] = ("png", "pdf")

    def build(self) -> tuple[str, ...]:
        for kind in self.figures:
            if kind not in FIGURES:
                raise InputError(
                    f"{kind!r} is not known; {suggest(kind, FIGURES)}", value=kind, key="figures"
                )
        return tuple(self.figures)


class ModelMaterialTable(Table):
    """[material] or [materials.<region>] with a model in it"""

    model: Any
    density: Any
    mobility: Any
    relaxation_time: Any
    orbital_hall_angle: Any
    displacement: Any = 0.0
    temperature: Any = 300.0
    inverse_orbital_hall_angle: Any = None
    diffusion_constant: Any = None
    definition: StrictStr = "drude"
    counting: StrictStr = "excess"
    spin: StrictInt = 2
    mesh: StrictInt | StrictStr = "auto"
    tolerance: float = 1e-6
    g_factor: Any = 1.0
    moment_per_carrier: Any = None
    name: StrictStr | None = None

    def build(self, model: LayeredModel) -> Callable[..., Any]:
        """Keywords such as ``displacement=0.1`` to a Material."""
        options = {name: value for name, value in self if value is not None and name != "model"}
        options["density"] = to_si(self.density, "1/m**2", "density")
        options["displacement"] = to_si(self.displacement, "eV", "displacement")
        options["temperature"] = _temperature(self.temperature)
        _check_grid(self.mesh)
        return functools.partial(material, model, **options)


class GateTable(Table):
    """[gate]"""

    displacement: Any = None
    density: Any = None

    def build(self) -> tuple[str, np.ndarray]:
        if (self.displacement is None) == (self.density is None):
            raise InputError(
                "give one of displacement (eV) and density (1/m^2), as {start = ..., stop = ..., "
                "points = ...} or "
                "a list"
            )
        name, unit = ("displacement", "eV") if self.density is None else ("density", "1/m**2")
        return name, gate_values(getattr(self, name), unit, name)


def gate_values(value: Any, unit: str, name: str) -> np.ndarray:
    """One value, a list, or {start, stop, points} evenly spaced; numbers in ``unit`` or quantities;
    (n,).
    """
    if not isinstance(value, Mapping):
        several = value if isinstance(value, list) else [value]
        if not several:
            raise InputError("needs at least one value", value=value, key=name)
        return np.array([to_si(v, unit, name) for v in several])
    keys = ("start", "stop", "points")
    for key in value:
        if key not in keys:
            raise InputError(f"unknown key {key!r}; {suggest(key, keys)}", value=key, key=name)
    missing = [key for key in keys if key not in value]
    if missing:
        raise InputError(
            f"{missing[0]} is missing; a range has start, stop and points", value=value, key=name
        )
    points = value["points"]
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise InputError(
            f"points must be a whole number, at least 1, got {points!r}", value=points, key=name
        )
    at_most(points, MOST_LEVELS, name, "values in a range")
    return np.linspace(to_si(value["start"], unit, name), to_si(value["stop"], unit, name), points)


def _temperature(value: Any) -> float:
    """In K; zero, or one whose steps a grid of bands can resolve at all."""
    found = to_si(value, "K", "temperature")
    if 0.0 < found < COLDEST:
        raise InputError(
            f"must be 0 or at least {COLDEST:g} K, got {value!r}", value=value, key="temperature"
        )
    return found


def _check_grid(mesh: Any) -> None:
    if isinstance(mesh, int):
        at_most(mesh, MOST_POINTS, "mesh", "points along each direction of the Brillouin zone")


def _each(value: Any, unit: str, name: str) -> Any:
    return (
        [to_si(v, unit, name) for v in value]
        if isinstance(value, (list, tuple))
        else to_si(value, unit, name)
    )


def _bond(number: int, bond: Any) -> tuple[int, int, tuple[int, int], complex]:
    """[i, j, [R1, R2], t]; t in eV, a quantity, or [real, imaginary]."""
    wrong = InputError(
        f"entry {number} must be [i, j, [R1, R2], t] with whole numbers i, j, R1, R2 and "
        "t in eV or "
        f"[real, imaginary], got {bond!r}",
        value=bond,
        key="hoppings",
    )
    if (
        not isinstance(bond, list)
        or len(bond) != 4
        or not isinstance(bond[2], list)
        or len(bond[2]) != 2
    ):
        raise wrong
    i, j, (a, b), t = bond
    if not all(isinstance(x, int) and not isinstance(x, bool) for x in (i, j, a, b)):
        raise wrong
    parts = t if isinstance(t, list) else [t, 0.0]
    if len(parts) != 2:
        raise wrong
    with complaints_about("hoppings"):
        real, imaginary = (to_si(x, "eV", f"entry {number}") for x in parts)
    return i, j, (a, b), complex(real, imaginary)


def _displaced(model: LayeredModel, displacement: Any) -> LayeredModel:
    v = to_si(displacement, "eV", "displacement")
    return model if v == 0.0 else model.with_displacement(v)
