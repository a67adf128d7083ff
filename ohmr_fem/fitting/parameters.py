"""The parameters of a fit: their names, units and scales.

Positive parameters are varied on a logarithmic scale, so that no step leaves their range and
relative errors come out directly; the product alpha alpha', which may have either sign and enters
linearly, on a linear one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..model.material import Material, parameter
from ..model.stack import Stack
from .background import Term, shape_of, starts
from .bands import band_starts
from .data import Measured
from .layers import base_of, canonical_of, layer_start, split

#: Canonical name: (symbol, unit).
PARAMETERS = {
    "alpha_product": ("alpha alpha'", "1"),
    "diffusion_length": ("L_m", "m"),
    "relaxation_time": ("tau", "s"),
    "theta": ("theta", "1"),
    "sheet_conductivity": ("sigma", "S"),
    "g_factor": ("g", "1"),
    "polarisation": ("p", "1"),
    "thickness": ("t", "m"),
    "resistivity": ("rho", "ohm m"),
    "relaxation_ratio": ("Gamma_zz/Gamma_yy", "1"),
    "orbital_hall_angle": ("alpha", "1"),
    "inverse_orbital_hall_angle": ("alpha'", "1"),
    "spin.hall_angle": ("alpha_S", "1"),
    "spin.inverse_hall_angle": ("alpha_S'", "1"),
    "spin.relaxation_time": ("tau_S", "s"),
    "spin.diffusion_constant": ("D_S", "m^2/s"),
    "spin.to_orbital": ("rate S to L", "1/s"),
    "spin.from_orbital": ("rate L to S", "1/s"),
    "spin.g_factor": ("g_S", "1"),
}
#: What only a relaxation tensor, or a spin beside the orbital moment, has.
OF_CHANNELS = tuple(
    n for n in PARAMETERS if n == "relaxation_ratio" or n.startswith("spin.") or "orbital_hall" in n
)
#: Angles of the orbital moment, which enter one by one beside a spin and as a product without.
ANGLES = ("orbital_hall_angle", "inverse_orbital_hall_angle")
#: What may have either sign.
LINEAR = (
    "alpha_product",
    *ANGLES,
    "spin.hall_angle",
    "spin.inverse_hall_angle",
    "spin.to_orbital",
    "spin.from_orbital",
)
#: What only a film has, and what a film says otherwise.
OF_FILMS, OF_PLANES = ("thickness", "resistivity"), "sheet_conductivity"
#: What sets the ohmic resistance.
SCALES = (*OF_FILMS, OF_PLANES)
ALIASES = {
    "alpha": "alpha_product",
    "orbital_hall_angle": "alpha_product",
    "L_m": "diffusion_length",
    "tau": "relaxation_time",
    "sigma": "sheet_conductivity",
    "g": "g_factor",
    "t": "thickness",
    "rho": "resistivity",
}
#: |u| at which a logarithmic parameter stops.
FAR = 30.0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a fit: value = start exp(u), or start + |start| u for what may have either
    sign, such as the product alpha alpha'.  "kohler.n" and the like belong to a background;
    "polarisation.detector" is |p| of one contact, "polarisation" the largest of all, the others in
    proportion.
    """

    name: str
    start: float

    @property
    def symbol(self) -> str:
        if self.of_background:
            return self.name
        if self.name in PARAMETERS:
            return PARAMETERS[self.name][0]
        kind, _, place = self.name.partition(".")
        place, kind = split(self.name) or (place, kind)
        return f"{PARAMETERS[kind][0]}({place})"

    @property
    def unit(self) -> str:
        shape = shape_of(self.name)
        if shape is not None:
            return shape.unit
        kind = base_of(self.name)
        kind = kind if kind in PARAMETERS else kind.partition(".")[0]
        return PARAMETERS[kind][1]

    @property
    def scales(self) -> bool:
        """Whether the ohmic resistance depends on it."""
        return base_of(self.name) in SCALES

    @property
    def of_background(self) -> bool:
        return shape_of(self.name) is not None

    @property
    def logarithmic(self) -> bool:
        return base_of(self.name) not in LINEAR

    def value(self, u: float) -> float:
        """Value at a coordinate; 0, inf or -inf at infinite ones."""
        if not self.logarithmic:
            return math.copysign(math.inf, u) if math.isinf(u) else self.start + abs(self.start) * u
        if math.isinf(u):
            return (0.0 if u < 0 else math.inf) * self.start
        return self.start * math.exp(clipped(u, -FAR, FAR))

    def coordinate(self, value: float) -> float:
        """u of a value; -inf or nan outside the range."""
        return (
            float(np.log(value / self.start))
            if self.logarithmic
            else float((value - self.start) / abs(self.start))
        )

    def spread(
        self,
        value: float,
        relative: float,
    ) -> float:
        """Standard error of the value from that of :meth:`relative`."""
        return relative * abs(value)

    def relative(self, u: float) -> float:
        """d ln(value) / du."""
        return 1.0 if self.logarithmic else abs(self.start) / (self.value(u) or abs(self.start))


def _canonical(
    name: str,
    material: Material,
) -> str:
    if material.spin is not None and name == "alpha":
        return "orbital_hall_angle"
    if material.spin is not None and name in ANGLES:
        return name
    return ALIASES.get(name, name)


def _belongs(
    name: str,
    material: Material,
) -> bool:
    """Whether a material of this kind has the parameter."""
    if name.startswith("spin.") or name in ANGLES:
        return material.spin is not None
    if name == "diffusion_length":
        return material.diffusion_length is not None
    return name != "alpha_product" or material.spin is None


def read_parameters(
    names: Any,
    material: Material,
    thickness: float | None = None,
    polarised: Mapping[str, float] | None = None,
    film: Any = None,
) -> tuple[Parameter, ...]:
    """Parameters with the values of the material, or of the film of this ``thickness`` (m), of the
    layers of a stack, and |p| of the ``polarised`` contacts, as start; InputError for unknown ones
    and a start of zero.
    """
    polarised = polarised or {}
    magnetic = {f"polarisation.{name}": p for name, p in polarised.items()}
    if polarised:
        magnetic["polarisation"] = max(polarised.values())
    if isinstance(names, str) or not names:
        raise InputError(
            f"expected a list of names such as ['alpha', 'L_m', 'tau', 'theta'], got {names!r}",
            key="parameters",
        )
    if isinstance(film, Stack):
        chosen = [canonical_of(str(n), ALIASES) or str(n) for n in names]
        _once(chosen, names)
        return tuple(Parameter(n, layer_start(film, n)) for n in chosen)
    found = [_canonical(str(n), material) for n in names]
    known = [n for n in PARAMETERS if _belongs(n, material)]
    for name in found:
        if name not in magnetic and (name not in known or name == "polarisation"):
            near = [*magnetic, *(k for k in (*known, *ALIASES) if k != "polarisation")]
            raise InputError(
                f"{name!r} cannot be fitted; {suggest(name, near)}",
                value=name,
                key="parameters",
            )
        if name == "alpha_product" and polarised:
            raise InputError(
                "with polarised contacts alpha and alpha' enter apart, not as a product: hold "
                "them, and fit 'polarisation'",
                value=name,
                key="parameters",
            )
    _once(found, names)
    out = []
    for name in found:
        start = magnetic[name] if name in magnetic else value_of(material, name, thickness)
        if start == 0.0:
            raise InputError(
                f"{PARAMETERS[name][0]} is 0 in the material, which is no start for a "
                "fit; give a "
                "guess of the right sign",
                value=name,
                key="parameters",
            )
        out.append(Parameter(name, start))
    return tuple(out)


def _once(
    found: Sequence[str],
    names: Any,
) -> None:
    if len(set(found)) < len(found):
        raise InputError(
            f"one is named twice in {list(names)}; alpha and alpha' enter only as their product",
            key="parameters",
        )


def background_parameters(
    terms: Sequence[Term],
    curves: Sequence[Measured],
    sheet_conductivity: float = 1.0,
) -> tuple[Parameter, ...]:
    """The numbers that the shapes of backgrounds depend on, shared by all curves."""
    strongest = max(float(np.abs(c.signed).max()) for c in curves)
    begin = starts(terms, strongest) | band_starts(terms, curves, sheet_conductivity)
    return tuple(Parameter(name, start) for name, start in begin.items())


def value_of(
    material: Material,
    name: str,
    thickness: float | None = None,
) -> float:
    """Value of a canonical parameter in a material, of a film if it has a ``thickness`` (m).

    Raises
    ------
    InputError
        A thickness or resistivity without a film, a sheet conductivity with one.
    """
    if name in OF_FILMS and thickness is None:
        raise InputError(
            f"{name} is a parameter of a film: give Problem(film=...)", value=name, key="parameters"
        )
    if name == OF_PLANES and thickness is not None:
        raise InputError(
            "the sheet conductivity of a film follows from its thickness; fit resistivity",
            value=name,
            key="parameters",
        )
    if thickness is not None and name == "thickness":
        return thickness
    if thickness is not None and name == "resistivity":
        return thickness / float(material.sheet_conductivity)
    if name == "alpha_product":
        return float(material.orbital_hall_angle * material.inverse_orbital_hall_angle)
    return parameter(material, name)


def changes(values: Mapping[str, float]) -> dict[str, float]:
    """What :meth:`SpectralMeasure.at` takes, from values by canonical name."""
    out = {name: value for name, value in values.items() if shape_of(name) is None}
    if "alpha_product" in out:
        product = out.pop("alpha_product")
        size = float(np.sqrt(abs(product)))
        out |= {
            "orbital_hall_angle": size,
            "inverse_orbital_hall_angle": float(np.copysign(size, product)),
        }
    return out


def clipped(value: float, low: float, high: float) -> float:
    """numpy's clip of one number takes as long as the exponential that follows it."""
    return min(max(value, low), high)
