"""A stack of films: layers of different materials in the place of one film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, complaints_about, complaints_of, suggest
from ..units import engineering, positive, to_si
from .film import Face
from .material import Material, parameter, retuned

#: What :meth:`Stack.at` changes in a layer, beside the numbers of its material.
OF_LAYERS = ("thickness", "resistivity", "alpha_product")


@dataclass(frozen=True, eq=False)
class Stack:
    """Layers one above the other, for ``Problem(mesh, None, contacts, film=stack)``.

    See docs/theory, section 9.

    Parameters
    ----------
    layers : list of (Material, thickness in m), from the bottom up
        Each material has a ``resistivity``, or the sheet conductivity of its own layer; its other
        coefficients are plain numbers or tensors, and a spin belongs to all layers or to none.
        Between layers the interface rule of the Problem holds.
    bottom, top : str, number, three numbers, 3 x 3, Edge or :func:`magnetic_face`
        As for :class:`Film`.

    Attributes
    ----------
    material : Material
        Stands for the stack on the plane: the sheet conductivity of all layers, and else the
        thickest one.

    Raises
    ------
    InputError
        No layer, or one without thickness or conductivity; a face that injects.
    """

    layers: Any
    bottom: Any = "reflecting"
    top: Any = "reflecting"
    material: Material = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        with complaints_of("Stack"):
            put("layers", _layers(self.layers))
            for name in ("bottom", "top"):
                with complaints_about(name):
                    put(name, Face.parse(getattr(self, name)))
            for name in ("bottom", "top"):
                if getattr(self, name).drives:
                    raise InputError("a source at a face belongs to a Film", key=name)
        put("material", _stand_in(self.layers))

    @property
    def thickness(self) -> float:
        """Of all layers, m."""
        return float(sum(t for _, t in self.layers))

    @property
    def faces(self) -> tuple[Face, Face]:
        """Bottom and top."""
        return self.bottom, self.top

    @property
    def reflecting(self) -> bool:
        """Whether both faces reflect."""
        return bool(self.bottom.reflecting and self.top.reflecting)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each layer: that of its material, else "layer_1" and so on from the bottom up."""
        return tuple(m.name or f"layer_{i + 1}" for i, (m, _) in enumerate(self.layers))

    def value(self, name: str) -> float:
        """A parameter of a layer, in SI.

        Parameters
        ----------
        name : str
            "LAYER.parameter": thickness, resistivity, alpha_product, or a number of the material.

        Returns
        -------
        float
            In SI.

        Raises
        ------
        InputError
            No such layer, or no such number.
        """
        layer, key = self._place(name)
        material, thickness = self.layers[self.names.index(layer)]
        if key == "thickness":
            return float(thickness)
        if key == "resistivity":
            return float(thickness / material.sheet_conductivity)
        if key == "alpha_product":
            return float(material.orbital_hall_angle * material.inverse_orbital_hall_angle)
        return parameter(material, key)

    def at(self, changes: Mapping[str, Any]) -> Stack:
        """The stack with other values, in every layer of the name.

        Parameters
        ----------
        changes : {"LAYER.parameter": value}
            As for :meth:`value`; SI or quantities.

        Returns
        -------
        Stack

        Raises
        ------
        InputError
            No such layer or number, a value of the wrong sign or dimension.
        """
        own: dict[str, dict[str, float]] = {}
        for name, value in changes.items():
            layer, key = self._place(name)
            own.setdefault(layer, {})[key] = value
        pairs = zip(self.names, self.layers, strict=True)
        layers = [_changed(m, t, own.get(name, {})) for name, (m, t) in pairs]
        return replace(self, layers=layers)

    def _place(self, name: str) -> tuple[str, str]:
        """The layer and the parameter of a name."""
        layer, _, key = name.rpartition(".")
        if layer not in self.names:
            raise InputError(
                f"{name!r}: no layer is called {layer!r}; {suggest(layer, self.names)}",
                value=name,
            )
        return layer, key

    def __repr__(self) -> str:
        names = [m.name or f"layer {i + 1}" for i, (m, _) in enumerate(self.layers)]
        sizes = [engineering(t, "m") for _, t in self.layers]
        shown = ", ".join(f"{n} {s}" for n, s in zip(names, sizes, strict=True))
        return f"Stack({shown}, bottom: {self.bottom!r}, top: {self.top!r})"


def _layers(given: Any) -> tuple[tuple[Material, float], ...]:
    """(Material with its bulk conductivity in S/m for a sheet conductivity, thickness)."""
    wanted = 'expected a list of (Material, thickness), such as [(mn, "3 nm"), (pt, "5 nm")]'
    if isinstance(given, (str, Material)) or not isinstance(given, Sequence) or not given:
        raise InputError(f"{wanted}, got {given!r}", key="layers")
    out = []
    for i, layer in enumerate(given):
        if not isinstance(layer, (tuple, list)) or len(layer) != 2:
            raise InputError(f"{wanted}, got {layer!r} as layer {i + 1}", key="layers")
        material, size = layer
        if not isinstance(material, Material):
            raise InputError(f"layer {i + 1}: expected a Material, got {material!r}", key="layers")
        thickness = positive(size, "m", "layers")
        sheet = material.as_sheet(thickness)
        name = f"layer {i + 1}{f' ({material.name})' if material.name else ''}"
        if sheet.sheet_conductivity is None:
            raise InputError(f"{name} has no conductivity: give resistivity", key="layers")
        if not sheet.constant:
            raise InputError(f"{name}: needs coefficients that are plain numbers", key="layers")
        out.append((sheet, thickness))
    return tuple(out)


def _changed(
    material: Material,
    thickness: float,
    given: Mapping[str, Any],
) -> tuple[Material, float]:
    """A layer with other values; see :meth:`Stack.at`."""
    rest = {k: v for k, v in given.items() if k not in OF_LAYERS}
    size = positive(given.get("thickness", thickness), "m", "thickness")
    rho = given.get("resistivity", thickness / float(material.sheet_conductivity))
    rest["sheet_conductivity"] = size / positive(rho, "ohm*m", "resistivity")
    if "alpha_product" in given:
        alpha, inverse = material.orbital_hall_angle, material.inverse_orbital_hall_angle
        ratio = to_si(given["alpha_product"], "1", "alpha_product") / (alpha * inverse)
        factor = float(np.sqrt(abs(ratio)))
        rest["orbital_hall_angle"] = alpha * factor
        rest["inverse_orbital_hall_angle"] = inverse * float(np.copysign(factor, ratio))
    return retuned(material, rest), size


def _stand_in(layers: tuple[tuple[Material, float], ...]) -> Material:
    thickest = layers[int(np.argmax([t for _, t in layers]))][0]
    total = sum(float(m.sheet_conductivity) for m, _ in layers)
    return replace(thickest, sheet_conductivity=total, diffusion_length=None, name="stack")
