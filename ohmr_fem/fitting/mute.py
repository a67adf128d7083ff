"""Curves on which the effect does not act: their field turns nothing, whatever the parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import PhysicsWarning
from ..sweep.bound import FLOOR
from .curve import Curve
from .data import Measured
from .model import Model

#: A change below this part of the effect is none: B along y moves nothing at all.
NOTHING = 1e-14
#: A direction is along an axis if its other components are below this.
ALONG = 1e-6


def all_mute(model: Model) -> bool:
    """Whether no curve shows any effect."""
    return all(_is_mute(curve) for curve in model.curves)


def mute_notes(
    data: Sequence[Measured],
    model: Model,
) -> list[Warning]:
    """A warning for each curve that shows no effect."""
    pairs = zip(data, model.curves, strict=True)
    said = [_said(measured, curve) for measured, curve in pairs if _is_mute(curve)]
    return [PhysicsWarning(text, key="data") for text in said]


def _is_mute(curve: Curve) -> bool:
    effect, change = curve.measure.unchecked(curve.fields)
    moved = float(np.abs(change).max())
    return moved <= NOTHING * float(np.abs(effect).max()) or _is_silent(curve)


def _is_silent(curve: Curve) -> bool:
    """Whether nothing but round-off is left between the contacts, as between opposite probes."""
    measure = curve.measure
    if measure.polarised:
        return False
    effect, _ = measure.unchecked(curve.fields)
    return float(np.abs(effect).max()) <= FLOOR * measure.largest


def _said(
    data: Measured,
    curve: Curve,
) -> str:
    if _is_silent(curve):
        return (
            f"{data.label}: the device shows no effect between these contacts, by symmetry, so the "
            "curve fixes no parameter"
        )
    strongest = float(np.linalg.norm(curve.fields, axis=1).max())
    effect, change = curve.measure.unchecked(strongest * np.eye(3))
    acts = np.abs(change) > NOTHING * np.abs(effect).max()
    others = " or ".join(axis for axis, one in zip("xyz", acts, strict=True) if one)
    hint = f"; B along {others} has one" if others else ""
    return (
        f"{data.label}: {_field(data)} has no effect on this device, so the curve fixes no "
        f"parameter{hint}"
    )


def _field(data: Measured) -> str:
    """The field in words."""
    axis = data.direction
    across = data.fields - np.outer(data.fields @ axis, axis)
    if np.abs(across).max() > ALONG * np.abs(data.fields).max():
        return "B in these directions"
    if np.sort(np.abs(axis))[1] < ALONG:
        return f"B along {'xyz'[int(np.argmax(np.abs(axis)))]}"
    return f"B along ({', '.join(f'{part:.3g}' for part in axis)})"
