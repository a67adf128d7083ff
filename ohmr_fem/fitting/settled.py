"""From starts to distinct minima."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .profile import settle
from .search import NUDGE, Point, _weights, chi2_of
from .series_model import SeriesModel
from .told import Told, nobody

#: Rough and fine steps of the search.
ROUGH, FINE = 1e-3, 1e-8
#: Starts whose rough minimum lies this much above the best are not refined.
HOPELESS = 10.0
#: Minima nearer than this in every coordinate are one.
SAME = 1e-2


def settled_minima(
    model: SeriesModel,
    starts: Sequence[Point],
    told: Told = nobody,
) -> list[Point]:
    """Distinct minima from several starts, the best first."""
    found = []
    for done, u in enumerate(starts):
        told("minima", done, len(starts))
        found.append(_settled(model, u, ROUGH, 40))
    rough = _distinct(found, model)
    least = chi2_of(model, rough[0])
    near = [u for u in rough if chi2_of(model, u) < least + HOPELESS]
    minima = _distinct([_settled(model, u, FINE, 100) for u in near], model)
    told("minima", len(starts), len(starts))
    return minima


def _settled(
    model: SeriesModel,
    start: Point,
    tolerance: float,
    most: int,
) -> Point:
    everything = np.arange(len(start))
    weights = _weights(model, NUDGE)
    u = settle(model.residual, model.jacobian, start, everything, weights, tolerance, most)
    # beyond the range of the measures the length stays at its end
    return model.coordinates(model.physical(u))


def _distinct(
    points: Sequence[Point],
    model: SeriesModel,
) -> list[Point]:
    out: list[Point] = []
    for u in sorted(points, key=lambda x: chi2_of(model, x)):
        if not any(np.allclose(u, x, atol=SAME, rtol=0.0) for x in out):
            out.append(u)
    return out
