"""Strip with any symmetric X and any B: FEM against the matrix function and against the
three-scalar law.
"""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row, relative, simple_material

CASE = "strip, full tensor"
ROUTES = {
    "f, X = diag": ("finite elements", "digits of theory 5.2"),
    "Onsager": ("finite elements", "law: R(B) = R(-B)"),
    "": ("finite elements", "closed form"),
}
TESLA = (
    2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
)  # (g e/2) tau B = 1 with X in 1/m_e, g = 1, tau = 1 s


def draws(count: int, seed: int = 20240217) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Random positive definite X (1/m_e), B (in units of TESLA) and width (L_m)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        root = rng.normal(size=(3, 3))
        found.append(
            (
                root @ root.T / 3 + 0.05 * np.eye(3),
                rng.normal(size=3) * 10 ** rng.uniform(-1, 1),
                float(10 ** rng.uniform(-0.5, 1.0)),
            )
        )
    return found


def f_fem(
    X: np.ndarray,
    B: np.ndarray,
    width: float,
    normal: str = "y",
    detection: str = "printed",
    cells: int | None = None,
) -> float:
    mesh = of.cross_section(width, normal=normal, cells=cells)
    prob = of.Problem(mesh, simple_material(inverse_mass=X), detection=detection)
    return -float(of.magnetoresistance(prob, B * TESLA)) / 0.09


def worst_errors(level: str) -> list[Row]:
    matrix, scalar, film, even = [], [], [], []
    for X, B, width in draws(50 if level == "full" else 12):
        value = f_fem(X, B, width)
        torque = np.cross(B, X, axisb=0, axisc=0)  # columns B x X_d
        matrix.append(relative(value, float(analytic.strip_full(torque, width))))

        def response(s, w=width):
            return analytic.strip_response(s, w)

        scalar.append(
            relative(
                value, float(analytic.three_scalar_response(response, analytic.three_scalars(B, X)))
            )
        )
        scalars = analytic.three_scalars(B, X, component="y")
        film.append(
            relative(
                f_fem(X, B, width, "z"), float(analytic.three_scalar_response(response, scalars))
            )
        )
        plus = f_fem(X, B, width, detection="reciprocal")
        even.append(
            relative(
                *(f_fem(X, sign * B, width, detection="reciprocal", cells=64) for sign in (1, -1))
            )
        )
        scalars = analytic.three_scalars(B, X, detection="reciprocal")
        scalar.append(relative(plus, float(analytic.three_scalar_response(response, scalars))))
    count = len(matrix)
    return [
        Row(
            CASE,
            "Eq. (2)",
            f"f against the matrix function, worst of {count}",
            0.0,
            0.0,
            max(matrix),
            1e-8,
        ),
        Row(
            CASE,
            "Eq. (2)",
            f"f against three scalars, both detectors, worst of {count}",
            0.0,
            0.0,
            max(scalar),
            1e-8,
        ),
        Row(
            CASE,
            "Eq. (2)",
            f"film against three scalars, worst of {count}",
            0.0,
            0.0,
            max(film),
            1e-8,
        ),
        Row(
            CASE,
            "Onsager",
            f"reciprocal detector even in B, worst of {count}",
            0.0,
            0.0,
            max(even),
            1e-12,
        ),
    ]


def run(level: str = "quick") -> list[Row]:
    value, printed = f_fem(np.diag([1.0, 1.0, 0.25]), np.ones(3), 3.0), 0.5671130198
    return [
        Row(
            CASE,
            "Eq. (2)",
            "f, X = diag(1, 1, 1/4), B = (1, 1, 1), l = 3",
            value,
            printed,
            relative(value, printed),
            1e-9,
        ),
        *worst_errors(level),
    ]
