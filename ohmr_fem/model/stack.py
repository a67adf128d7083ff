"""A stack of films: layers of different materials in the place of one film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, complaints_about, complaints_of
from ..units import engineering, positive
from .film import Face
from .material import Material


@dataclass(frozen=True, eq=False)
class Stack:
    """Layers one above the other, for ``Problem(mesh, None, contacts, film=stack)``.

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


def _stand_in(layers: tuple[tuple[Material, float], ...]) -> Material:
    thickest = layers[int(np.argmax([t for _, t in layers]))][0]
    total = sum(float(m.sheet_conductivity) for m, _ in layers)
    return replace(thickest, sheet_conductivity=total, diffusion_length=None, name="stack")
