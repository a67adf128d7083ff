"""Annulus with azimuthal current J = C/r, on curved elements: modified Bessel functions.

The drive has no contacts (grad V = -C e_phi/(sigma r) is single-valued, V is not), so the case
hands its source to the moment solver: alpha int (J0_x w_x' ...) = -alpha c(V, w) with grad V known
in closed form.
"""

from __future__ import annotations

import numpy as np
import skfem

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.device_mesh import DeviceMesh
from ohmr_fem.mesh.grids import annulus_mesh
from ohmr_fem.solver.solve import MomentSolver
from ohmr_fem.solver.system import system_of

from .case import Row, order_row, relative, simple_material
from .strip_tensor import TESLA

CASE = "annulus"
ROUTES = {
    "published digits": ("finite elements", "digits of theory 5.4"),
    "geometric error": ("finite elements", "law: order of the curved cells"),
    "": ("finite elements", "closed form"),
}
R1, R2 = 1.0, 4.0


def response(mesh: DeviceMesh, order: int, phi: float) -> float:
    """f for J = C/r: the azimuthal current C ln(r2/r1) gains alpha' D int -d_r n dr."""
    system = system_of(of.Problem(mesh, simple_material(orbital_hall_angle=1.0), order=order))
    x = np.asarray(system.basis.global_coordinates())
    square = x[0] ** 2 + x[1] ** 2
    minus_curl = skfem.LinearForm(lambda v, w: -(w.gx * v.grad[1] - w.gy * v.grad[0]))
    source = np.zeros((3, system.N))
    source[2] = minus_curl.assemble(
        system.basis, gx=x[1] / square, gy=-x[0] / square
    )  # grad V = (y, -x)/r^2
    n = (
        MomentSolver.at(system, np.array([phi * TESLA, 0.0, 0.0]))
        .solve(source.ravel())
        .n.reshape(3, -1)
    )
    return float(source[2] @ n[2]) / (2 * np.pi * np.log(R2 / R1))


def run(level: str = "quick") -> list[Row]:
    mesh, printed, rows = annulus_mesh(R1, R2, around=64, h_min=0.15, growth=2.0), 0.6549319757, []
    cases = (
        ((3, 0.0), (3, 2.0), (4, 0.0))
        if level == "quick"
        else ((3, 0.0), (3, 2.0), (4, 0.0), (4, 2.0))
    )
    for order, phi in cases:
        value = response(mesh, order, phi)
        exact = float(np.real(analytic.annulus_response(1 + 1j * phi, R1, R2)))
        rows.append(
            Row(
                CASE,
                "annulus",
                f"f, Omega tau = {phi:g}, P{order}, second-order geometry",
                value,
                exact,
                relative(value, exact),
                1e-7,
            )
        )
        if (order, phi) == (4, 0.0):
            rows.append(
                Row(
                    CASE,
                    "annulus",
                    "f, r1 = 1, r2 = 4, B = 0, published digits",
                    value,
                    printed,
                    relative(value, printed),
                    1e-7,
                )
            )
    return [
        *rows,
        order_row(
            CASE,
            "geometry",
            "the geometric error in the cells around, P4",
            lambda n: relative(response(annulus_mesh(R1, R2, around=n), 4, 0.0), printed),
            (16, 32),
            4,
            0.3,
        ),
    ]
