"""Infinite strip: FEM cross-section against Eqs. (4), (6), (7), (8), for one component of
precession.
"""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic

from .case import Row, order_row, relative, simple_material
from .independence import CLOSED, route

CASE = "strip"
ROUTES = {
    "rho*, l =": ("finite elements", "digits of theory 5.1"),
    "as Omega tau grows": ("finite elements", "law: a layer of 1/sqrt(phi) at each edge is left"),
    "theta = 0": ("finite elements", "law: at theta = 0 the field turns nothing"),
    "": ("finite elements", "closed form"),
}


def problem(
    width: float, order: int = 4, cells: int | None = None, theta: float = 1.0
) -> of.Problem:
    """A strip of ``width`` diffusion lengths with X = diag(1, 1, theta)."""
    mesh = of.cross_section(width) if cells is None else of.cross_section(width, cells=cells)
    return of.Problem(mesh, simple_material(inverse_mass=(1.0, 1.0, theta)), order=order)


def f_of(prob: of.Problem, phi: float) -> float:
    """f = -rho/(alpha alpha') at Omega tau = phi, field along x."""
    material = prob.material
    product = material.orbital_hall_angle * material.inverse_orbital_hall_angle
    return -of.magnetoresistance(prob, (phi * material.field_scale, 0.0, 0.0)) / product


def profile_error(width: float, order: int, cells: int, phi: float) -> float:
    """L2 error of n^z relative to its L2 norm, on 16 Gauss points a cell."""
    prob = problem(width, order, cells)
    sol = of.solve(prob, (phi * prob.material.field_scale, 0.0, 0.0))
    points, weights = np.polynomial.legendre.leggauss(16)
    values = sol.in_cells(((points + 1) / 2)[None, :])
    exact = 0.3 * np.real(analytic.strip_profile(values.points[0], width, 1 + 1j * phi))
    weight = np.tile(weights, cells)
    return float(np.sqrt(weight @ (values.moment_density[2] - exact) ** 2 / (weight @ exact**2)))


def rho_error(width: float, order: int, cells: int, phi: float) -> float:
    exact = float(np.real(analytic.strip_response(1 + 1j * phi, width)))
    return relative(f_of(problem(width, order, cells), phi), exact)


def orders(level: str) -> list[Row]:
    """Order P+1 of the profile and 2P of rho for P1 to P4."""
    rows = []
    starts = {1: (16, 32, 64, 128), 2: (8, 16, 32, 64), 3: (8, 16, 32), 4: (4, 8, 16)}
    for order, cells in starts.items():
        rows.append(
            order_row(
                CASE,
                "Eq. (4)",
                f"profile, P{order}, L2",
                lambda n, p=order: profile_error(3.0, p, n, 2.0),
                cells,
                order + 1,
            )
        )
        rows.append(
            order_row(
                CASE,
                "Eq. (7)",
                f"rho, P{order}",
                lambda n, p=order: rho_error(3.0, p, n, 2.0),
                cells,
                2 * order,
                floor=2e-13,
            )
        )
    return rows


def default_mesh(level: str) -> Row:
    """rho on the default graded mesh, l = 0.1 to 1000 and Omega tau = 0 to 1000."""
    widths, fields = (
        ((0.1, 10.0, 1000.0), (0.0, 10.0, 1000.0))
        if level == "quick"
        else (np.geomspace(0.1, 1000.0, 13), (0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0))
    )
    worst = (0.0, 0.0, 0.0)
    for width in widths:
        prob = problem(float(width))
        for phi in fields:
            exact = float(np.real(analytic.strip_response(1 + 1j * phi, width)))
            value = f_of(prob, float(phi))
            worst = max(worst, (relative(value, exact), value, exact))
    return Row(
        CASE,
        "Eq. (7)",
        "rho, default mesh, worst of 0.1 <= l <= 1000, Omega tau <= 1000",
        worst[1],
        worst[2],
        worst[0],
        1e-8,
    )


@route(CLOSED)
def extra_current(y: np.ndarray, width: float, phi: float) -> np.ndarray:
    """The curl of the profile (4), over alpha alpha'."""
    lam = np.sqrt(1 + 1j * phi)
    return np.real(np.cosh(lam * y) / np.cosh(lam * width / 2))


def local_current(width: float = 3.0, phi: float = 2.0) -> Row:
    """Where the extra current flows: J_x/(sigma E) - 1 = alpha alpha' Re[cosh(lam y)/cosh(lam
    L/2)], along both edges.
    """
    prob = problem(width, cells=128)
    sol = of.solve(prob, (phi * prob.material.field_scale, 0.0, 0.0))
    y = np.linspace(-width / 2, width / 2, 61)[1:-1]
    exact = extra_current(y, width, phi)
    gap = np.abs((sol.at(y).current_density[0] - 1.0) / 0.09 - exact).max()
    return Row(
        CASE,
        "Eqs. (1), (5)",
        "J_x(y)/(sigma E) - 1 over alpha^2, l = 3, Omega tau = 2, absolute",
        0.0,
        0.0,
        float(gap),
        1e-6,
    )


@route(CLOSED)
def star_far_out(phi: float, width: float) -> float:
    """1 - Re[tanh(z)/z]/F(1) for a tanh that is 1."""
    far = np.real(1.0 / np.sqrt(1.0 + 1j * phi)) * 2.0 / width
    return float(1.0 - far / analytic.strip_response(1.0, width).real)


@route(CLOSED)
def at_the_edge(width: float) -> float:
    """D n^z/(alpha J_x L_m) at the upper edge without a field."""
    return float(np.tanh(width / 2.0))


def signs() -> list[Row]:
    """n^z > 0 at the +y edge for J along +x and alpha > 0 (J = sigma E; Eq. (4) prints the
    opposite), and rho* at theta = 0.
    """
    prob = problem(3.0)
    top = float(of.solve(prob).at([1.5]).moment_density[2, 0]) / 0.3
    flat = problem(3.0, theta=0.0)
    star = float(of.hanle_curve(flat, [(2 * flat.material.field_scale, 0.0, 0.0)]).rho_star[0])
    exact = at_the_edge(3.0)
    return [
        Row(
            CASE,
            "Eq. (4)",
            "D n^z/(alpha J_x L_m) at the +y edge, B = 0",
            top,
            exact,
            relative(top, exact),
            1e-8,
        ),
        Row(CASE, "Eq. (8)", "rho* at theta = 0 (0/0 as printed)", star, 0.0, abs(star), 0.0),
    ]


def saturation() -> Row:
    """rho* -> 1 as B -> infinity, like 1 - Re[tanh(z)/z]/F(1)."""
    prob = problem(3.0)
    phi = 1e5
    star = float(
        of.hanle_curve(
            prob, [(phi * prob.material.field_scale, 0.0, 0.0)], tolerance=1e-10
        ).rho_star[0]
    )
    exact = star_far_out(phi, 3.0)
    return Row(
        CASE,
        "Eq. (8)",
        "rho* at Omega tau = 1e5, l = 3 (1 at infinity)",
        star,
        exact,
        relative(star, exact),
        1e-8,
    )


@route("law: a layer of 1/sqrt(phi) at each edge is left")
def layer_left(width: float) -> tuple[float, float]:
    """Power of phi in f, and the limit of f sqrt(phi): (2/l) Re sqrt(1/i)."""
    return -0.5, float(np.sqrt(2.0) / width)


def far_out() -> list[Row]:
    """rho(inf) = 0: f falls as phi^(-1/2), slope fitted over two decades, and its constant."""
    width, phi = 3.0, np.geomspace(1e3, 1e5, 5)
    prob = problem(width)
    left = [f_of(prob, p) for p in phi]
    slope = float(np.polyfit(np.log(phi), np.log(left), 1)[0])
    constant = float(left[-1] * np.sqrt(phi[-1]))
    power, limit = layer_left(width)
    text = "rho(B) as Omega tau grows to 1e5, l = 3: "
    name, gap = text + "fitted power of Omega tau", abs(slope - power)
    rows = [Row(CASE, "below (7)", name, slope, power, gap, 3e-4)]
    name = text + "-rho sqrt(Omega tau)/alpha^2"
    rows.append(Row(CASE, "below (7)", name, constant, limit, relative(constant, limit), 3e-5))
    return rows


def run(level: str = "quick") -> list[Row]:
    phi = 1.5
    exact = float(np.real(analytic.strip_response(1 + 1j * phi, 10.0)))
    value = f_of(problem(10.0, 4, 64), phi)
    rows = [
        *orders(level),
        default_mesh(level),
        local_current(),
        saturation(),
        *far_out(),
        *signs(),
        Row(
            CASE,
            "Eq. (7)",
            "f, l = 10, Omega tau = 1.5, P4, 64 cells",
            value,
            exact,
            relative(value, exact),
            1e-12,
        ),
        Row(
            CASE,
            "Eq. (4)",
            "profile, same, relative L2",
            0.0,
            0.0,
            profile_error(10.0, 4, 64, phi),
            1e-8,
        ),
    ]
    for width, phi, printed in ((3.0, 2.0, 0.339472110403), (10.0, 5.0, 0.657494306039)):
        prob = problem(width)
        star = float(
            of.hanle_curve(prob, [(phi * prob.material.field_scale, 0.0, 0.0)]).rho_star[0]
        )
        rows.append(
            Row(
                CASE,
                "Eq. (8)",
                f"rho*, l = {width:g}, Omega tau = {phi:g}",
                star,
                printed,
                relative(star, printed),
                1e-8,
            )
        )
    return rows
