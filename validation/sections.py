"""Films and wires: conductors of finite thickness, solved on their cross-section, against their
closed forms.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import disc_mesh, graded_lines, tensor_grid

from .case import Row, relative, simple_material
from .independence import CLOSED, route
from .strip_tensor import TESLA

CASE = "films and wires"
ROUTES = {
    "": ("finite elements", "closed form"),
}
X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])


@route(CLOSED)
def best_thickness() -> float:
    """Of the closed form for a weak field."""
    found = minimize_scalar(
        lambda t: -analytic.film_weak_field(t),
        bounds=(3.0, 6.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(found.x)


def film(level: str) -> list[Row]:
    """rho(B) - rho(0) of a film in a weak field along x is largest at 4.5606 L_m."""
    phi = 1e-3

    def gain(thickness: float) -> float:
        prob = of.Problem(of.cross_section(thickness, normal="z"), simple_material())
        return float(
            of.hanle_curve(prob, [(phi * TESLA, 0.0, 0.0)], tolerance=1e-13).rho_change[0]
        ) / (0.09 * phi**2)

    sol = of.solve(
        of.Problem(of.cross_section(3.0, normal="z"), simple_material()), (2 * TESLA, 0.0, 0.0)
    )
    z = np.linspace(
        -1.5, 1.5, 31
    )  # D d_z n^y = - alpha J_x at both faces: a strip's profile with the opposite sign
    profile, closed = (
        sol.at(z).moment_density[1] / 0.3,
        -np.real(analytic.strip_profile(z, 3.0, 1 + 2j)),
    )
    best = minimize_scalar(
        lambda t: -gain(t), bounds=(3.0, 6.0), method="bounded", options={"xatol": 1e-7}
    ).x
    value, exact = gain(4.0), float(analytic.film_weak_field(4.0))
    return [
        Row(
            CASE,
            "film",
            "profile n^y(z), of its maximum",
            float(profile[-1]),
            float(closed[-1]),
            float(np.abs(profile - closed).max() / np.abs(closed).max()),
            1e-5,
        ),
        Row(
            CASE,
            "thickness of the maximum",
            "t/L_m",
            float(best),
            best_thickness(),
            relative(float(best), best_thickness()),
            1e-5,
        ),
        Row(
            CASE,
            "weak-field film",
            "[rho(B) - rho(0)]/(alpha^2 phi^2), t = 4",
            value,
            exact,
            relative(value, exact),
            1e-6,
        ),
    ]


def f_of(mesh: of.DeviceMesh, order: int, tensor: np.ndarray) -> float:
    prob = of.Problem(mesh, simple_material(inverse_mass=tensor), order=order)
    return -float(of.magnetoresistance(prob, B * TESLA)) / 0.09


def rectangle(level: str) -> list[Row]:
    """ly x lz = 2 x 3, any X and B: f = f_zz(ly) + f_yy(lz)."""
    y, z = (graded_lines(-w / 2, w / 2, 0.06, 1.6, h_max=0.5) for w in (2.0, 3.0))
    exact = float(analytic.wire_rectangle(2.0, 3.0, B, X))
    rows = []
    for cells in ("quad", "triangle"):
        value = f_of(tensor_grid(y, z, cells=cells, axes=("y", "z")), 4, X)
        rows.append(
            Row(
                CASE,
                "rectangular wire",
                f"f, 2 x 3, full X, P4 {cells}s",
                value,
                exact,
                relative(value, exact),
                1e-8,
            )
        )
    return rows


def circle(level: str) -> list[Row]:
    """Radius 1.5, isotropic X, B along (1.1, -0.6, 0.8); second-order geometry, and the error that
    straight cells make.
    """
    exact = float(analytic.wire_circle(1.5, B, np.eye(3)))
    mesh = disc_mesh(1.5, axes=("y", "z"))
    value = f_of(mesh, 4, np.eye(3))
    return [
        Row(
            CASE,
            "circular wire",
            "f, radius 1.5, P4, second-order geometry",
            value,
            exact,
            relative(value, exact),
            1e-7,
        )
    ]


def run(level: str = "quick") -> list[Row]:
    return [*film(level), *rectangle(level), *circle(level)]
