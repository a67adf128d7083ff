"""A long rectangle with uniform current injected at its ends reproduces Eq. (7) between probes far
from the ends.
"""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import graded_lines, tensor_grid

from .case import Row, relative, simple_material
from .independence import CLOSED, route

CASE = "four-terminal rectangle"
ROUTES = {
    "": ("finite elements", "closed form"),
}


def problem(width: float = 3.0, cells: str = "triangle", order: int = 4) -> of.Problem:
    """Length 14 W, probes at 4 W from the ends, width in diffusion lengths."""
    half = 7.0 * width
    x = graded_lines(-half, half, 0.15, 1.6, h_max=width / 3)
    y = graded_lines(-width / 2, width / 2, 0.08, 1.7, h_max=width / 4)
    mesh = tensor_grid(np.union1d(x, [-3 * width, 3 * width]), y, cells=cells)
    profile = of.Contact("profile")
    contacts = {
        "left": profile,
        "right": profile,
        "p1": of.Contact("point", at=(-3 * width, width / 2)),
        "p2": of.Contact("point", at=(3 * width, width / 2)),
    }
    return of.Problem(mesh, simple_material(), contacts, order=order)


@route(CLOSED)
def rho_of(phi: float, width: float) -> float:
    """Eq. (7) with alpha alpha' = 0.09."""
    return -0.09 * float(np.real(analytic.strip_response(1 + 1j * phi, width)))


def run(level: str = "quick") -> list[Row]:
    rows = []
    for width in (3.0,) if level == "quick" else (1.0, 3.0, 8.0):
        prob = problem(width)
        for phi in (0.0, 2.0):
            r = of.resistance(
                prob,
                (phi * prob.material.field_scale, 0.0, 0.0),
                current=("left", "right"),
                voltage=("p1", "p2"),
            )
            rho = r.delta_R / r.R_ohmic
            exact = rho_of(phi, width)
            rows.append(
                Row(
                    CASE,
                    "Eq. (7)",
                    f"delta_R/R, l = {width:g}, Omega tau = {phi:g}",
                    rho,
                    exact,
                    relative(rho, exact),
                    1e-6,
                )
            )
    return rows
