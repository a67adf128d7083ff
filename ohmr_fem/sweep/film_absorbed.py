"""What perfectly absorbing edges and contacts of a film take off its local part.

The elements that vanish there hold less of z x j than the field has, by the part of a cell along
the contact.  What they lack has no mode that could diffuse: it is no part of the local response
h(1 + tau T), which nothing but the contact holds down, and has to fall with the contact.  Poles of
a rate beyond all others say that: h of them is 0, and their weights are what the elements lack
(docs/theory, section 9; G of the contact to infinity).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..solver.linear import Solver
from ..solver.system import System
from .lanczos import Projection

#: Rate of the poles over the shift: h falls as its root.
BEYOND = 1e12
#: Part of the largest below which a weight is round-off.
NOTHING = 1e-10


def has_absorbed(projection: Projection) -> bool:
    """Whether there are poles for what absorbing edges take off."""
    return bool(projection.rates.max(initial=0.0) >= 0.5 * BEYOND * projection.shift)


def with_absorbed(
    projection: Projection,
    system: System,
    across: np.ndarray,
    held: np.ndarray,
    solver: Solver,
) -> Projection:
    """The projection with poles for what absorbing edges take off.

    ``across`` (N, p) are the loads of the faces, the last columns of the projection; ``held``
    (m, p) the same over M on the elements that vanish there.
    """
    keep = system.pencil[2]
    if keep.shape[0] == keep.shape[1]:
        return projection
    whole, _ = solver.factorise(system.loss).solve(across)
    lacking = across.T @ whole - (keep.T @ across).T @ held
    values, vectors = np.linalg.eigh(0.5 * (lacking + lacking.T))
    chosen = values > NOTHING * float(np.trace(across.T @ whole))
    rows = np.sqrt(values[chosen])[:, None] * vectors[:, chosen].T
    rate, count = BEYOND * projection.shift, len(rows)
    weights = np.zeros((count, projection.weights.shape[1]))
    # the space was started with A0 M^-1 of these columns
    weights[:, -rows.shape[1] :] = (rate + projection.shift) * rows
    own = projection.vectors
    return replace(
        projection,
        rates=np.append(projection.rates, np.full(count, rate)),
        weights=np.vstack([projection.weights, weights]),
        tail=np.hstack([projection.tail, np.zeros((len(projection.tail), count))]),
        vectors=None if own is None else np.hstack([own, np.zeros((len(own), count))]),
    )
