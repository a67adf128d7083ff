"""Names of what a series can fit, with symbols, units and the values to start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..model.problem import Problem
from ..model.stack import Stack
from .layers import base_of, canonical_of, layer_start
from .parameters import ALIASES, OF_CHANNELS, PARAMETERS, value_of

#: Canonical name: (symbol, unit), beside those of one curve.
FURTHER = {
    "thickness": ("t", "m"),
    "width": ("W", "m"),
    "resistivity": ("rho", "ohm m"),
    "face_absorption": ("G", "m/s"),
    "polarisation": ("p", "1"),
    "spin.hall_product": ("alpha_S alpha_S'", "1"),
    "spin.diffusion_length": ("L_S", "m"),
    "spin.relaxation_time": ("tau_S", "s"),
}
MORE_ALIASES = {
    "G": "face_absorption",
    "spin.alpha": "spin.hall_product",
    "spin.L_m": "spin.diffusion_length",
    "spin.tau": "spin.relaxation_time",
    "t": "thickness",
    "rho": "resistivity",
}
#: Products of two Hall angles: of either sign, and linear in the signal.
LINEAR = ("alpha_product", "spin.hall_product")
#: Of these the signal of a valve is the square.
SQUARED = ("polarisation",)
#: A spin channel starts with this part of the orbital effect.
SPIN_SHARE = 0.1


def known_names() -> dict[str, tuple[str, str]]:
    return {**FURTHER, **{k: v for k, v in PARAMETERS.items() if k not in OF_CHANNELS}}


def canonical(name: Any) -> str:
    """The canonical name; InputError for one that cannot be fitted."""
    aliases = {**MORE_ALIASES, **ALIASES}
    found = aliases.get(str(name), str(name))
    layered = canonical_of(found, aliases)
    if layered is not None:
        return layered
    if found not in known_names():
        names = [*known_names(), *aliases]
        raise InputError(f"{name!r} cannot be fitted; {suggest(str(name), names)}", value=name)
    return found


def symbol_of(name: str) -> str:
    """Symbol of a canonical name, "tau(Mn)" in a layer."""
    base = base_of(name)
    symbol = known_names()[base][0]
    return symbol if base == name else f"{symbol}({name.rpartition('.')[0]})"


def unit_of(name: str) -> str:
    """Unit of a parameter in SI."""
    return known_names()[base_of(name)][1].replace(" ", "*")


def start_of(problem: Problem, name: str, properties: Mapping[str, float]) -> float:
    """The value of a parameter in a problem, where a fit begins.

    Raises
    ------
    InputError
        The problem has none, or it is 0.
    """
    if isinstance(problem.film, Stack):
        return layer_start(problem.film, name)
    m = problem.material
    if name == "face_absorption":
        return _absorption(problem)
    if name == "polarisation":
        return _polarisation(problem)
    if name.startswith("spin.") and m.spin is None:
        return _spin_start(problem, name)
    if name == "resistivity" and problem.film is not None:
        return float(problem.film.thickness / m.sheet_conductivity)
    if name in FURTHER:
        if name not in properties or (name == "resistivity" and problem.film is None):
            raise InputError(f"{name}: the problem has none that could be fitted", key=name)
        return properties[name]
    value = value_of(m, name)
    if value == 0.0:
        raise InputError(
            f"{symbol_of(name)} is 0 in the material, which is no start for a fit; give a guess of "
            "the right sign",
            key=name,
        )
    return value


def _absorption(problem: Problem) -> float:
    """G of the lower face, or D/L_m where it reflects."""
    m = problem.material
    if problem.film is not None and problem.film.bottom.matrix.any():
        return float(problem.film.bottom.matrix[0, 0])
    return float(m.diffusion_constant / m.diffusion_length)


def _polarisation(problem: Problem) -> float:
    """The largest |p| of the contacts."""
    sizes = [float(np.linalg.norm(c.polarisation)) for c in problem.contacts.values()]
    if not any(sizes):
        raise InputError("no contact is polarised; give Contact(polarisation=...)", key="shared")
    return max(sizes)


def _spin_start(problem: Problem, name: str) -> float:
    """A spin channel begins as a small copy of the orbital one."""
    own = {
        "spin.hall_product": "alpha_product",
        "spin.diffusion_length": "diffusion_length",
        "spin.relaxation_time": "relaxation_time",
    }[name]
    value = value_of(problem.material, own)
    return SPIN_SHARE * value if name in LINEAR else value
