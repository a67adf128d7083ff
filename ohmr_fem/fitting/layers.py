"""Parameters of one layer of a stack, "Mn.relaxation_time" or, of a material without a name,
"layer_2.relaxation_time" counted from the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..model.problem import Problem
from ..model.stack import Stack

#: What can be fitted in a layer.
LAYERED = (
    "alpha_product",
    "diffusion_length",
    "relaxation_time",
    "theta",
    "g_factor",
    "thickness",
    "resistivity",
)
#: Factors either way from the start within which they are followed.
REACH = {"diffusion_length": 30.0, "thickness": 4.0}
#: Words before a dot that are no layers.
TAKEN = ("spin", "polarisation")


def split(name: str) -> tuple[str, str] | None:
    """Layer and parameter of "Mn.relaxation_time"; None for the name of anything else."""
    layer, _, base = name.rpartition(".")
    return (layer, base) if layer and layer not in TAKEN and base in LAYERED else None


def base_of(name: str) -> str:
    """The parameter without its layer."""
    found = split(name)
    return name if found is None else found[1]


def canonical_of(
    name: str,
    aliases: dict[str, str],
) -> str | None:
    """The canonical name of a parameter of a layer; None for anything else."""
    layer, dot, base = name.rpartition(".")
    found = f"{layer}{dot}{aliases.get(base, base)}"
    return found if split(found) else None


def within(
    name: str,
    value: float,
    start: float,
) -> float:
    """A value of a layer, kept in its :data:`REACH` of the start."""
    found = split(name)
    reach = REACH.get(found[1]) if found else None
    return value if reach is None else min(max(value, start / reach), start * reach)


def layer_start(
    stack: Stack,
    name: str,
) -> float:
    """Where a fit of a parameter of a layer begins.

    Raises
    ------
    InputError
        A name without its layer, a layer that is not there, a start of 0.
    """
    if split(name) is None:
        raise InputError(
            f"a stack has no {name} of its own; name a layer of {', '.join(stack.names)}, as in "
            f"'{stack.names[-1]}.relaxation_time', and one of {', '.join(LAYERED)}",
            value=name,
            key="parameters",
        )
    value = stack.value(name)
    if value == 0.0:
        raise InputError(
            f"{name} is 0, which is no start for a fit; give a guess of the right sign",
            value=name,
            key="parameters",
        )
    return value


def proportional(
    name: str,
    film: Any,
) -> bool:
    """Whether the signal is proportional to a parameter: alpha alpha' of all that has one."""
    if not isinstance(film, Stack):
        return name == "alpha_product"
    layers = zip(film.names, film.layers, strict=True)
    sources = {name for name, (m, _) in layers if m.orbital_hall_angle}
    return base_of(name) == "alpha_product" and sources == {name.rpartition(".")[0]}


def same_layers(problems: Sequence[Problem]) -> bool:
    """Whether all are stacks of the same names, or none is one."""
    kinds = {p.film.names if isinstance(p.film, Stack) else None for p in problems}
    return len(kinds) == 1
