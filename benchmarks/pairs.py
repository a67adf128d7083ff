"""Every current pair with every voltage pair of an eight-contact device, against one of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem.mesh import grids
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.spectral import spectral_measures
from ohmr_fem.sweep.together import delta_R_table

from .hall_bar import COUNT, MATERIAL, PHIS, fields
from .table import Row, ratio

CASE = "eight contacts"
X, Y = 1.0e-6, 0.6e-6


def device() -> of.Problem:
    """A rectangle with two contacts on each side."""
    x, y = (grids.graded_lines(-half, half, "6 nm", 1.2, h_max="34 nm") for half in (X, Y))
    near = 1.0 - 1e-9
    named: dict[str, Any] = {}
    for i, at in enumerate((-0.5, 0.5)):
        named[f"top{i}"] = lambda p, at=at: (abs(p[0] - at * X) < 0.1 * X) & (p[1] > near * Y)
        named[f"bottom{i}"] = lambda p, at=at: (abs(p[0] - at * X) < 0.1 * X) & (p[1] < -near * Y)
        named[f"left{i}"] = lambda p, at=at: (abs(p[1] - at * Y) < 0.15 * Y) & (p[0] < -near * X)
        named[f"right{i}"] = lambda p, at=at: (abs(p[1] - at * Y) < 0.15 * Y) & (p[0] > near * X)
    return of.Problem(
        grids.tensor_grid(x, y, cells="triangle").with_boundaries(named),
        MATERIAL,
        contacts=list(named),
    )


def run() -> list[Row]:
    prob = device()
    system, B = system_of(prob), fields(PHIS)

    def curves(pairs: list[Any]) -> np.ndarray:
        system._potential_solvers.clear()
        return delta_R_table(spectral_measures(prob, pairs, fields=B), B)

    two = list(itertools.combinations(prob.contacts, 2))
    pairs = list(itertools.product(two, two))
    chosen = pairs[5]
    one, table = curves([chosen]), curves(pairs)
    times, everything, alone = ratio(lambda: curves(pairs), lambda: curves([chosen]))
    scale = np.abs(table).max()
    return [
        Row(CASE, "P2 nodes", system.N),
        Row(
            CASE,
            f"all {len(pairs)} pairs, {COUNT} fields, in costs of one pair",
            times,
            4.0,
            note=f"{everything:.3g} s, {alone:.3g} s",
        ),
        Row(
            CASE,
            "one pair from the table against alone, of the largest",
            np.abs(table[:, 5] - one[:, 0]).max() / scale,
            1e-7,
        ),
    ]
