"""Edges that absorb or inject, negative theta, and layers: strips against their closed forms."""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic

from .case import Row, relative, simple_material
from .independence import CLOSED, route
from .strip_tensor import TESLA

CASE = "edges and layers"
ROUTES = {
    "printed digits": ("finite elements", "digits of theory 5.3"),
    "both edges absorbing": ("finite elements", "law: an edge that absorbs all holds no moment"),
    "f - F(1) > 0": ("finite elements", "law: for theta < 0 the effect grows"),
    "moment balance": ("finite elements", "law: balance of the moment"),
    "": ("finite elements", "closed form"),
}
X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
WIDTH = 3.0


def strip(edges: dict[str, object], width: float = WIDTH, **material: object) -> of.Problem:
    return of.Problem(
        of.cross_section(width),
        simple_material(**material),
        edges={k: of.Edge(v) for k, v in edges.items()},
    )


def f_of(prob: of.Problem, field: np.ndarray) -> float:
    return -float(of.magnetoresistance(prob, field * TESLA)) / 0.09


def robin() -> list[Row]:
    """Equal, unequal, matrix G, and the limit of full absorption."""
    along_x = np.array([2.0, 0.0, 0.0])
    torque = np.cross(B, X, axisb=0, axisc=0)
    cases = [
        (
            "equal G = 1/2, printed digits",
            strip({"lower": 0.5, "upper": 0.5}),
            along_x,
            0.3245734500,
        ),
        (
            "equal G = 1/2",
            strip({"lower": 0.5, "upper": 0.5}),
            along_x,
            float(np.real(analytic.strip_robin(1 + 2j, WIDTH, 0.5))),
        ),
        (
            "unequal G = 0.3, 1.7",
            strip({"lower": 0.3, "upper": 1.7}),
            along_x,
            float(np.real(analytic.strip_robin(1 + 2j, WIDTH, 0.3, 1.7))),
        ),
        (
            "G = (0.2, 1.5, 0.7), full X",
            strip({"lower": (0.2, 1.5, 0.7), "upper": (0.2, 1.5, 0.7)}, inverse_mass=X),
            B,
            float(analytic.strip_full(torque, WIDTH, (0.2, 1.5, 0.7))),
        ),
        (
            "one edge absorbing",
            strip({"lower": "absorbing"}),
            along_x,
            float(np.real(analytic.strip_robin(1 + 2j, WIDTH, np.inf, 0.0))),
        ),
    ]
    rows = [
        Row(CASE, "Robin edges", f"f, {name}", value, exact, relative(value, exact), 1e-9)
        for name, value, exact in (
            (name, f_of(prob, field), exact) for name, prob, field, exact in cases
        )
    ]
    both = f_of(strip({"lower": "absorbing", "upper": "absorbing"}), along_x)
    return [
        *rows,
        Row(CASE, "absorbing edges", "f, both edges absorbing", both, 0.0, abs(both), 1e-12),
    ]


@route(CLOSED)
def growing(x: float) -> float:
    """f for omega^2 < 0, x = |omega| tau."""
    both = analytic.strip_response(1 + x, WIDTH) + analytic.strip_response(1 - x, WIDTH)
    return float(np.real(both)) / 2


def negative_theta() -> list[Row]:
    """theta < 0: the torque amplifies, f rises with the field, f = [F(1 + x) + F(1 - x)]/2."""
    rows = []
    for phi in (0.5, 1.2):
        x = np.sqrt(0.6) * phi
        value = f_of(strip({}, inverse_mass=(1.0, 1.0, -0.6)), np.array([phi, 0.0, 0.0]))
        exact = growing(x)
        rows.append(
            Row(
                CASE,
                "theta < 0",
                f"f, theta = -0.6, Omega tau = {phi:g}",
                value,
                exact,
                relative(value, exact),
                1e-9,
            )
        )
        zero = float(np.real(analytic.strip_response(1.0, WIDTH)))
        rows.append(
            Row(
                CASE,
                "theta < 0",
                f"f - F(1) > 0, Omega tau = {phi:g}",
                value - zero,
                0.0,
                0.0 if value > zero else 1.0,
                0.5,
            )
        )
    return rows


def layers(interface: str = "density") -> list[Row]:
    """Two and three materials: sigma, D, tau, alpha, alpha', X all different; Q and n, or the
    accumulation, continuous.
    """
    case = f"two-material strip, {interface} continuous"
    stack = [  # thickness, sigma, D, tau, alpha, alpha', X
        (1.3, 1.3, 0.8, 0.9, 0.4, -0.7, X),
        (0.9, 0.6, 1.7, 0.5, -0.5, 0.9, np.diag([0.5, 1.1, 0.9])),
        (1.6, 2.0, 0.5, 1.4, 0.2, 0.3, X[::-1, ::-1]),
    ]
    rows = []
    for count in (2, 3):
        used, at, regions, materials, exact = stack[:count], 0.0, {}, {}, []
        for i, (d, sigma, D, tau, alpha, back, tensor) in enumerate(used):
            regions[f"layer{i}"] = (at, at + d)
            at += d
            materials[f"layer{i}"] = of.Material(
                sheet_conductivity=sigma,
                diffusion_constant=D,
                relaxation_time=tau,
                orbital_hall_angle=alpha,
                inverse_orbital_hall_angle=back,
                inverse_mass=tensor,
            )
            exact.append(
                analytic.Layer(
                    d,
                    diffusion=D,
                    relaxation_time=tau,
                    conductivity=sigma,
                    alpha=alpha,
                    alpha_prime=back,
                    torque=np.cross(B, tensor, axisb=0, axisc=0),
                    shape=tensor / tensor[2, 2],
                )
            )
        section = of.cross_section(at, regions=regions)
        prob = of.Problem(section, materials, interface=interface)
        value, found = (
            -float(of.magnetoresistance(prob, B * TESLA)),
            analytic.layered_strip(exact, interface=interface),
        )
        closed = found.relative
        rows.append(
            Row(
                CASE,
                case,
                f"Delta I/I_0, {count} layers, full X and B",
                value,
                closed,
                relative(value, closed),
                1e-9,
            )
        )
        sol = of.solve(prob, B * TESLA)
        y = np.linspace(-at / 2, at / 2, 41)
        gap = np.abs(sol.at(y).moment_density - found.profile(y + at / 2))
        rows.append(
            Row(
                CASE,
                case,
                f"profile n^a(y), {count} layers, of its maximum",
                0.0,
                0.0,
                float(gap.max() / np.abs(sol.moment_density).max()),
                1e-7,
            )
        )
    return rows


def balance() -> Row:
    """Relaxation + torque + outflow = injected, volume integrals by their own quadrature."""
    prob = of.Problem(
        of.cross_section(WIDTH),
        simple_material(
            inverse_mass=X,
            relaxation_time=(1.0, 0.6, 1.4),
            diffusion_length=None,
            diffusion_constant=1.0,
        ),
        edges={"lower": of.Edge({"injected": (0.2, -0.1, 0.3)}), "upper": of.Edge((0.4, 0.0, 1.2))},
    )
    sol = of.solve(prob, B * TESLA)
    points, weights = np.polynomial.legendre.leggauss(8)
    n = sol.in_cells(((points + 1) / 2)[None, :]).moment_density
    sizes = np.diff(np.sort(prob.mesh.mesh.p[0]))
    integral = n @ (sizes[:, None] * weights / 2).ravel()
    torque = np.cross(B, X, axisb=0, axisc=0) @ integral
    ends = sol.at([-WIDTH / 2, WIDTH / 2]).moment_density
    total = (
        integral / [1.0, 0.6, 1.4]
        + torque
        + np.array([0.4, 0.0, 1.2]) * ends[:, 1]
        - [0.2, -0.1, 0.3]
    )
    mine = sol.moment_balance()
    closed = mine["relaxation"] + mine["torque"] + mine["outflow"] - mine["injected"]
    worst = max(np.abs(total).max(), np.abs(closed).max())
    return Row(
        CASE,
        "moment balance",
        "relaxation + torque + outflow - injected",
        float(total[0]),
        0.0,
        float(worst),
        1e-11,
    )


def run(level: str = "quick") -> list[Row]:
    return [*robin(), *negative_theta(), *layers(), balance()]
