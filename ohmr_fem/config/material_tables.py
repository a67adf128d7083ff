"""The tables of materials: given value by value, or published values by their name, and the layers
of a stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from pydantic import StrictStr

from ..errors import InputError, complaints_about, suggest
from ..model import presets
from ..model.material import Material
from ..model.spin import Spin
from ..units import ELECTRON_MASS, positive
from .tables import Table

#: Of the positive numbers of a material: beyond, their products leave the range of floats.
SMALLEST, LARGEST = 1e-60, 1e60
PRESETS = ("mn", "v", "cr", "ti")
POSITIVE = ("relaxation_time", "sheet_conductivity")


class MaterialTable(Table):
    """[material] or [materials.<region>]"""

    sheet_conductivity: Any = None
    relaxation_time: Any = None
    relaxation_rate: Any = None
    orbital_hall_angle: Any
    inverse_mass: Any
    spin: Any = None
    resistivity: Any = None
    diffusion_length: Any = None
    diffusion_constant: Any = None
    inverse_orbital_hall_angle: Any = None
    g_factor: Any = 1.0
    moment_per_carrier: Any = None
    name: StrictStr = ""
    source: StrictStr = ""
    mobility: Any = None

    def build(self) -> Material:
        if _holds_bool(self.inverse_mass):
            raise _no_tensor(self.inverse_mass)
        if self.relaxation_time is None and self.relaxation_rate is None:
            raise InputError(
                "is missing; it, or relaxation_rate, is required", key="relaxation_time"
            )
        given = {name: value for name, value in self if value is not None}
        if self.spin is not None:
            given["spin"] = _spin(self.spin)
        return _within_floats(Material(**given))


class PresetMaterialTable(MaterialTable):
    """[material] or [materials.<region>] of published values; what is given replaces them"""

    preset: StrictStr
    orbital_hall_angle: Any = None
    inverse_mass: Any = None

    def build(self) -> Material:
        if self.preset not in PRESETS:
            raise InputError(
                f"{self.preset!r} is not known; {suggest(self.preset, PRESETS)}",
                value=self.preset,
                key="preset",
            )
        set_here = self.model_fields_set - {"preset"}
        given = {name: value for name, value in self if name in set_here}
        if _holds_bool(self.inverse_mass):
            raise _no_tensor(self.inverse_mass)
        if self.spin is not None:
            given["spin"] = _spin(self.spin)
        try:
            found: Material = getattr(presets, self.preset)(**given)
        except InputError as exc:
            if exc.key != f"presets.{self.preset}":
                raise
            raise InputError(exc.what.replace("=...", ""), key="preset") from exc
        return _within_floats(found)


def _no_tensor(given: Any) -> InputError:
    return InputError(
        f"is a number, three, or a symmetric 3 x 3 array, in 1/m_e; got {given!r}",
        value=given,
        key="inverse_mass",
    )


def _within_floats(found: Material) -> Material:
    """The material; InputError where products of its numbers leave the range of floats."""
    if not float(np.max(np.abs(found.X), initial=0.0)) * ELECTRON_MASS < LARGEST:
        raise InputError(f"is beyond {LARGEST:g}; give it in 1/m_e", key="inverse_mass")
    for name in ("diffusion_length", "diffusion_constant", *POSITIVE):
        given = getattr(found, name)
        value = float(np.min(given)) if given is not None and np.size(given) else 1.0
        if not SMALLEST < value < LARGEST:
            raise InputError(
                f"is {value:.3g} in SI, outside {SMALLEST:g} to {LARGEST:g}; mend it, or what "
                "it follows from",
                value=value,
                key=name,
            )
    return found


def _holds_bool(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_bool, value))
    return isinstance(value, bool)


def _spin(table: Any) -> Spin:
    """[material.spin]"""
    known = [f.name for f in fields(Spin)]
    if not isinstance(table, Mapping):
        raise InputError(
            f"must be a table such as [material.spin] with {', '.join(known[:3])}, got {table!r}",
            key="spin",
        )
    for name in table:
        if name not in known:
            raise InputError(f"unknown key {name!r}; {suggest(name, known)}", key="spin")
    for name in known[:3]:
        if name not in table:
            raise InputError(f"{name} is missing; it is required", key="spin")
    with complaints_about("spin"):
        return Spin(**table)


class LayerTable(MaterialTable):
    """[[stack]]: a material and the thickness of its layer, from the bottom up"""

    thickness: Any

    def build(self) -> Any:
        given = {name: value for name, value in self if name != "thickness"}
        material = MaterialTable(**given).build()
        if material.sheet_conductivity is None and material.resistivity is None:
            raise InputError("is missing; it says how layers share the current", key="resistivity")
        return material, positive(self.thickness, "m", "thickness")
