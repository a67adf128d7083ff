"""Where a fit of two bands begins: their Hall voltage has several valleys in the mobilities."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from .background import BANDS, Term
from .data import Measured

#: Products of mobility and strongest field that are tried, and ratios of the densities.
MOBILITIES = np.geomspace(0.05, 10.0, 9)
DENSITIES = np.geomspace(0.02, 50.0, 9)
#: Points of each curve that are compared.
COARSE = 30


def band_starts(
    terms: Sequence[Term],
    curves: Sequence[Measured],
    sheet_conductivity: float,
) -> dict[str, float]:
    """Mobilities and densities at which the curves of R_xy, and the shape of those of R_xx, come
    nearest to the data without any Hanle effect; nothing where no such term is fitted.
    """
    term = next((t for t in terms if t.banded), None)
    if term is None or not term.free:
        return {}
    strongest = max(float(np.abs(c.signed).max()) for c in curves)
    axes = {"mu_e": MOBILITIES / strongest, "mu_h": MOBILITIES / strongest}
    axes["density_ratio"] = DENSITIES
    keys = [key for key in BANDS if key in term.free]
    grid = itertools.product(*(axes[key].tolist() for key in keys))
    tried = [{f"two_band.{k}": x for k, x in zip(keys, values, strict=True)} for values in grid]
    return min(tried, key=lambda shapes: _misfit(term, shapes, curves, sheet_conductivity))


def _misfit(
    term: Term,
    shapes: Mapping[str, float],
    curves: Sequence[Measured],
    sheet: float,
) -> float:
    """Squares of what is left of each curve in parts of its own, an offset free."""
    total = 0.0
    for k, curve in enumerate(curves):
        rows = np.arange(0, len(curve.values), max(1, len(curve.values) // COARSE))
        along, across = term.at(k).bands(curve.fields[rows], shapes)
        values = curve.values[rows] - curve.values[rows].mean()
        whole = float(values @ values) or 1.0
        if np.any(across):
            shown = (across - across.mean()) / sheet
        else:  # the resistance that R_xx is a change of may not be known: any size will do
            shown = along - along.mean()
            size = float(shown @ shown) or 1.0
            shown = shown * max(float(values @ shown) / size, 0.0)
        total += float(np.sum((values - shown) ** 2)) / whole
    return total
