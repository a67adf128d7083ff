"""Drift of the moments: manufactured solutions, Newton's method, the limit of small currents, and a
bar against an ODE.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from scipy.integrate import solve_bvp

import ohmr_fem as of
from ohmr_fem.mesh.grids import graded_lines, tensor_grid
from ohmr_fem.solver.newton import DriftEquations, NewtonStep, newton
from ohmr_fem.solver.system import System, system_of
from ohmr_fem.sweep.current import DriftCurve

from . import manufactured as mms
from .case import ASSEMBLY, Row, order_row, relative, simple_material
from .independence import route
from .invariants import field_of as device_field
from .invariants import hall_bar

CASE = "drift"
ROUTES = {
    "delta_R at 10 pA": ("Newton", "package: linear response", ASSEMBLY),
    "order in I": ("Newton", "law: an even device answers even in I"),
    "contact currents": ("Newton", "law: currents sum to nothing"),
    "Newton": ("Newton", "law: order of Newton's method"),
    "against its ODE": ("Newton", "ordinary differential equation"),
    "": ("Newton", "strong form with drift"),
}
MOBILITY = {"west": 0.45, "east": -0.35}


def turned(b: float, v: np.ndarray) -> np.ndarray:
    """s v for the first two rows of v, s = [[1, -b], [b, 1]]/(1 + b^2)."""
    return np.array([v[0] - b * v[1], v[1] + b * v[0]]) / (1.0 + b**2)


@route("strong form with drift")
def strong(
    material: of.Material,
    x: np.ndarray,
    axes: tuple[str, ...],
    electric_field: float,
    interface: str = "density",
) -> dict[str, np.ndarray]:
    """The strong form of ``manufactured`` with drift, and with ordinary Hall effect where the
    material's name asks for it.

    Q^a = - s (mu E n^a + D grad n^a) + alpha (z x s sigma E) delta_az, J = s sigma E - alpha' (Q_y,
    -Q_x)^z at alpha = 0.
    """
    field = field_of(material.name == "hall")
    b = float(material.mobility * field[2]) if material.name == "hall" else 0.0
    mu, D, sigma = material.mobility, material.diffusion_constant, material.sheet_conductivity
    R = mms.density_of(material, axes, interface)
    n = np.array([m(x) for m in mms.MOMENT])
    dn = np.array([[m(x, 1, 0), m(x, 0, 1)] for m in mms.MOMENT])
    ddn = np.array([[[m(x, 2, 0), m(x, 1, 1)], [m(x, 1, 1), m(x, 0, 2)]] for m in mms.MOMENT])
    n, dn, ddn = (np.tensordot(R, part, 1) for part in (n, dn, ddn))
    V = mms.POTENTIAL
    E = -np.array([V(x, 1, 0), V(x, 0, 1)])
    dE = -np.array([[V(x, 2, 0), V(x, 1, 1)], [V(x, 1, 1), V(x, 0, 2)]])  # [k, i] = d_i E_k

    def free(a: int) -> tuple[np.ndarray, np.ndarray]:
        """- s (mu E n + D grad n) and its derivatives [k, i]."""
        flow = -turned(b, mu * E * n[a] + D * dn[a])
        slopes = [
            -turned(b, mu * (dE[:, i] * n[a] + E * dn[a, i]) + D * ddn[a, :, i]) for i in range(2)
        ]
        return flow, np.stack(slopes, axis=1)

    ohmic, ohmic_slope = (
        sigma * turned(b, E),
        np.stack([sigma * turned(b, dE[:, i]) for i in range(2)], axis=1),
    )
    Q, slope = (np.array(part) for part in zip(*(free(a) for a in range(3)), strict=True))
    back, alpha = material.inverse_orbital_hall_angle, material.orbital_hall_angle
    J = ohmic - back * np.array([Q[2, 1], -Q[2, 0]])
    div_J = ohmic_slope[0, 0] + ohmic_slope[1, 1] - back * (slope[2, 1, 0] - slope[2, 0, 1])
    Q[2] += alpha * np.array([-ohmic[1], ohmic[0]])
    sinks = slope[:, 0, 0] + slope[:, 1, 1]
    sinks[2] += alpha * (-ohmic_slope[1, 0] + ohmic_slope[0, 1])
    T = mms.torque(material, field)
    tau = np.broadcast_to(material.relaxation_time, 3)
    source = sinks + n / tau.reshape(3, *[1] * (n.ndim - 1)) + np.einsum("ad,d...->a...", T, n)
    return {"J": J, "div_J": div_J, "Q": Q, "source": source, "n": n}


def field_of(hall: bool) -> np.ndarray:
    """B in T: torques of order one, or mu B_z of order one."""
    return mms.FIELD * (1.0 if hall else mms.TESLA)


def manufactured_problem(
    mesh: of.DeviceMesh, order: int, hall: bool, interface: str = "density"
) -> of.Problem:
    """That of ``manufactured`` with mobilities of either sign; mu B_z of order one, and g so small
    that the torque is too.
    """
    plain = mms.problem(mesh, order)
    materials = {
        name: replace(
            m,
            mobility=MOBILITY[name],
            diffusion_length=None,
            name="hall" if hall else "",
            g_factor=m.g_factor * (mms.TESLA if hall else 1.0),
        )
        for name, m in plain.materials.items()
    }
    return of.Problem(
        plain.mesh,
        materials,
        plain.contacts,
        edges=plain.edges,
        order=order,
        coupling="full",
        ordinary_hall=hall,
        interface=interface,
    )


def solve_manufactured(prob: of.Problem) -> tuple[System, np.ndarray, np.ndarray, list[NewtonStep]]:
    """V, n (3, N) and Newton's history, from n = 0."""
    field = field_of(prob.ordinary_hall)
    system = system_of(prob, field)
    on_V, on_n = mms.loads(prob, system, 0.0, partial(strong, interface=prob.interface))
    T, factors = system.potential_solver()
    ohmic = T @ factors.solve(T.T @ on_V)[0]
    equations = DriftEquations(system, field, (), ohmic, on_n.ravel() + system.injected_source)
    n, orbital, history = newton(equations, np.zeros(system.keep.shape[1]), {}, 1e-12, 30)
    return system, ohmic + orbital, (system.keep @ n).reshape(3, -1), history


def manufactured(level: str) -> list[Row]:
    """Order P + 1 of V and n: the velocity -mu E is not solenoidal, and jumps between the
    regions.
    """
    rows = []
    kinds = (
        {1: (8, 16), 2: (4, 8), 3: (4, 8)}
        if level == "quick"
        else {1: (8, 16, 32), 2: (4, 8, 16), 3: (4, 8), 4: (4, 8)}
    )
    for hall in (False, True):
        for order, cells in kinds.items():
            if level == "quick" and hall and order != 2:
                continue
            found = {}
            for c in cells:
                system, V, n, _ = solve_manufactured(
                    manufactured_problem(mms.triangles(c), order, hall)
                )
                found[c] = mms.deviation(system, order, V, n)
            label = "drift and ordinary Hall effect" if hall else "drift"
            rows += [
                order_row(
                    CASE,
                    "Eq. (S1)",
                    f"{what}, {label}, triangles, P{order}, L2",
                    lambda c, i=i, found=found: found[c][i],
                    cells,
                    order + 1,
                    0.25,
                )
                for i, what in enumerate(("potential", "moment density"))
            ]
    return rows


def small_device(level: str, coupling: str) -> of.Problem:
    prob = hall_bar(order=1 if level == "quick" else 2, coupling=coupling)
    return of.Problem(
        prob.mesh,
        replace(prob.material, mobility=0.2, diffusion_constant=None),
        prob.contacts,
        order=prob.order,
        coupling=coupling,
    )


def hall_bar_curve(level: str) -> list[Row]:
    """Hall bar, full coupling: limit of small currents, conserved currents, quadratic convergence,
    parity.
    """
    prob = small_device(level, "full")
    currents = [1e-11, 1e-5, 3e-5, 1e-4, -1e-4]
    curve: DriftCurve = of.drift_curve(
        prob, currents, device_field(prob), current=("left", "right"), voltage=("t1", "t2")
    )
    change = curve.delta_R - curve.delta_R_linear
    worst = max(s.current_defect for h in curve.histories for s in h)
    rows = [
        Row(
            CASE,
            "linear response",
            "delta_R at 10 pA, of delta_R",
            float(curve.delta_R[0]),
            curve.delta_R_linear,
            relative(float(curve.delta_R[0]), curve.delta_R_linear),
            1e-10,
        ),
        Row(
            CASE,
            "Eq. (S1)",
            "order in I of the change of delta_R, 10 to 30 uA (even device)",
            float(np.log(change[2] / change[1]) / np.log(3.0)),
            2.0,
            abs(float(np.log(change[2] / change[1]) / np.log(3.0)) - 2.0),
            0.1,
        ),
        Row(
            CASE,
            "div J = 0",
            "contact currents at every Newton step, of the total",
            0.0,
            0.0,
            worst,
            1e-11,
        ),
    ]
    residuals = np.array([s.residual for s in curve.histories[4]])
    usable = residuals[residuals > 1e-12]
    order = float(np.log(usable[-1] / usable[-2]) / np.log(usable[-2] / usable[-3]))
    rows.append(
        Row(
            CASE,
            "Newton",
            "order of convergence at -100 uA",
            order,
            2.0,
            max(2.0 - order, 0.0),
            0.3,
        )
    )
    linear = of.drift_curve(
        small_device(level, "linear"),
        [1e-4],
        device_field(prob),
        current=("left", "right"),
        voltage=("t1", "t2"),
    )
    rows.append(
        Row(
            CASE,
            "Newton",
            "steps with coupling='linear', where the equations are linear",
            float(len(linear.histories[0]) - 1),
            1.0,
            abs(len(linear.histories[0]) - 2.0),
            0.5,
        )
    )
    return rows


@route("ordinary differential equation")
def field_of_the_bar(width: float, alpha: float, mu: float, mean: float) -> float:
    """E_x at a mean current density, J_x of the strip integrated across it."""

    def mean_current(E: float) -> float:
        def slopes(y: np.ndarray, u: np.ndarray) -> np.ndarray:  # u = (n, Q)
            n, Q = u
            return np.array([-Q - mu * (alpha * mu * E * n) * n + alpha * E, -n])

        y = np.linspace(-width / 2, width / 2, 201)
        found = solve_bvp(
            slopes,
            lambda a, b: np.array([a[1], b[1]]),
            y,
            np.array([alpha * E * np.sinh(y), 0 * y]),
            tol=1e-11,
            max_nodes=100000,
        )
        y = np.linspace(-width / 2, width / 2, 4001)
        n = found.sol(y)[0]
        across = alpha * mu * E * n
        J = E + alpha * (slopes(y, found.sol(y))[0] + mu * across * n)
        return float(np.sum((J[1:] + J[:-1]) / 2 * np.diff(y)) / width)

    low, high = 0.6 * mean, mean
    for _ in range(60):  # bisection: J is monotonic in E
        middle = 0.5 * (low + high)
        low, high = (middle, high) if mean_current(middle) < mean else (low, middle)
        if high - low < 1e-10:
            break
    return 0.5 * (low + high)


@route("ordinary differential equation")
def change_of_field(width: float, alpha: float, mu: float, mean: float) -> float:
    """E_x less that without moments; sigma = 1."""
    return field_of_the_bar(width, alpha, mu, mean) - mean


def bar_against_ode(level: str) -> Row:
    """Long bar at B = 0 between uniform injections against the ODE across it: mu E tau/L_m = 1.5,
    alpha = 0.4.

    J_y = 0 gives E_y = alpha' (D n_x + mu E_x n)/sigma with n_x = 0, and with J_y^(0) = sigma E_y,
    Q_y = - mu E_y n - D n' + alpha sigma E_x, Q_y' + n/tau = 0.  At given current the mean of J_x =
    sigma E_x + alpha' (D n' + mu E_y n) sets E_x.
    """
    width, alpha, mu, mean = 2.0, 0.4, 1.0, 1.5
    material = simple_material(orbital_hall_angle=alpha, mobility=mu)
    exact = change_of_field(width, alpha, mu, mean)
    x = graded_lines(-14.0, 14.0, 0.15, 1.7, h_max=1.0)
    y = graded_lines(-width / 2, width / 2, 0.15, 1.6, h_max=0.5)
    profile = of.Contact("profile")
    at = {
        name: of.Contact("point", at=(place, width / 2))
        for name, place in (("p", -2.0), ("q", 2.0))
    }
    prob = of.Problem(
        tensor_grid(np.union1d(x, [-2.0, 2.0]), y, cells="quad"),
        material,
        {"left": profile, "right": profile, **at},
        order=4,
        coupling="full",
    )
    I = mean * width  # noqa: E741
    curve = of.drift_curve(prob, [I], current=("left", "right"), voltage=("p", "q"))
    value = float(curve.R[0]) * I / 4.0
    return Row(
        CASE,
        "Eq. (S1)",
        "field in a long bar against its ODE, mu E tau/L_m = 1.5: effect of the moments",
        value - mean,
        exact,
        relative(value - mean, exact),
        1e-5,
    )


def run(level: str = "quick") -> list[Row]:
    return [*manufactured(level), *hall_bar_curve(level), bar_against_ode(level)]
