"""Nonlocal resistance of an infinite strip with Gaussian current contacts, coupled to all orders in alpha.

It holds the coupled weak form, both signs and the potential together: with one sign wrong R rises with the effect.
"""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.grids import tensor_grid

from .case import Row, relative, simple_material

CASE = "nonlocal strip"
WIDTH, SPREAD = 1.0, 0.2


def problem(step: float, order: int = 4, coupling: str = "full", cells: str = "triangle", reach: float = 12.0) -> of.Problem:
    """A strip of width L_m, long enough to be infinite, with Gaussian current profiles of rms 0.2 opposite each other."""
    x = [0.0]
    while x[-1] < reach:
        x.append(x[-1] + (step if x[-1] < 2.4 else min(0.5, 1.3 * (x[-1] - x[-2]))))
    edge = np.array([0.0, 0.06, 0.15, 0.3, 0.5]) if step > 0.1 else np.array([0.0, 0.03, 0.08, 0.16, 0.27, 0.38, 0.5])
    y = np.unique(np.concatenate([-0.5 + edge, 0.5 - edge]).round(12))
    mesh = tensor_grid(np.unique(np.concatenate([-np.array(x), x])), y, cells=cells)
    contacts = {
        "bottom": of.Contact("profile", profile=of.gaussian_profile((0.0, -0.5), SPREAD)),
        "top": of.Contact("profile", profile=of.gaussian_profile((0.0, 0.5), SPREAD)),
    }
    for place in (1, 2):
        contacts[f"b{place}"] = of.Contact("point", at=(place, -0.5))
        contacts[f"t{place}"] = of.Contact("point", at=(place, 0.5))
    return of.Problem(mesh, simple_material(), contacts, order=order, coupling=coupling)


def run(level: str = "quick") -> list[Row]:
    prob = problem(0.2 if level == "quick" else 0.1)
    rows = []
    for phi in (0.0, 3.0):
        sol = of.solve(prob, (phi * prob.material.field_scale, 0.0, 0.0), currents={"bottom": 1.0, "top": -1.0})
        for place in (1, 2):
            value = sol.voltage(f"b{place}", f"t{place}")
            exact = float(analytic.nonlocal_strip(place, WIDTH, analytic.scalars_of_precession(phi), 0.09,
                                                  current_width=SPREAD))
            rows.append(Row(CASE, "Eqs. (1), (2)", f"R(x = {place}), Omega tau = {phi:g}, all orders", value, exact,
                            relative(value, exact), 1e-5))
    return rows
