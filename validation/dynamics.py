"""Time and frequency: switch-on, pulses, ramps, decay, precession and alternating current, by both
paths.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.dynamics.evolution import Evolution
from ohmr_fem.dynamics.radau import Stepper
from ohmr_fem.dynamics.waveform import Waveform
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.resistance import Measurement

from . import strip
from .case import ASSEMBLY, Row, order_row, relative, simple_material
from .independence import route
from .invariants import FULL_X, field_of, hall_bar

CASE = "dynamics"
ROUTES = {
    "spectral - stepping": (
        "poles",
        "package: steps in time",
        ASSEMBLY,
    ),
    "spectral - direct": (
        "poles",
        "package: direct solves",
        ASSEMBLY,
    ),
    "steady delta_R": (
        "time",
        "package: direct solves",
        ASSEMBLY,
    ),
    "quasi-static": (
        "time",
        "package: steady curve",
        ASSEMBLY,
    ),
    "lag by stepping": (
        "steps in time",
        "package: poles",
        ASSEMBLY,
    ),
    "ratio": ("time", "law: a lag is proportional to the speed"),
    "order of the stepper": ("steps in time", "law: order of Radau IIA"),
    "uniform moment": ("time", "matrix exponential"),
    "slowest decay": ("time", "law: lowest mode of a strip"),
    "precession and decay": ("time", "law: lowest mode of a strip"),
    "resonance": ("frequency", "law: resonance at the precession"),
    "": ("time and frequency", "closed form"),
}
#: (g e/2) tau B = 1 in units of 1/X for the simple material.
TESLA = simple_material().field_scale


def step_response(prob: of.Problem, t: np.ndarray, width: float, B: np.ndarray) -> np.ndarray:
    """Closed form of rho(t)/(-alpha alpha') after a unit step on a strip, any tensor and field."""
    scalars = analytic.three_scalars(B / TESLA, np.asarray(prob.material.inverse_mass), 1.0)
    return np.array(
        [
            np.real(
                analytic.three_scalar_response(
                    lambda s, t=t: analytic.strip_switch_on(t, width, s), scalars
                )
            )
            for t in t
        ]
    )


def switch_on(level: str) -> list[Row]:
    """A unit step on the strip against theory, section 5, item 6."""
    rows = []
    t = np.concatenate([[0.0], np.geomspace(1e-3, 15.0, 30)])
    cases = [
        ("isotropic X", 3.0, np.diag([1.0, 1.0, 1.0]), (2.0, 0.0, 0.0), 8),
        ("full X", 10.0, FULL_X, (1.0, -3.0, 2.0), 12),
    ]
    for label, width, X, B, _ in cases:
        B = np.array(B) * TESLA
        prob = of.Problem(of.cross_section(width), simple_material(inverse_mass=X))
        exact = step_response(prob, t, width, B)
        for method in ("spectral", "stepping"):
            found = -of.transient(prob, t, B, method=method, tolerance=1e-9).rho / 0.09
            error = float(np.abs(found - exact).max() / np.abs(exact).max())
            rows.append(
                Row(
                    CASE,
                    "Eq. (2)",
                    f"switch-on of a strip, {label}, l = {width:g}, {method}, of the largest",
                    float(found[-1]),
                    float(exact[-1]),
                    error,
                    1e-8,
                )
            )
    return rows


def pulse() -> list[Row]:
    """A rectangular pulse is the difference of two steps, a ramp of the drive their integral."""
    width, B = 3.0, np.array([2.0, 0.0, 0.0]) * TESLA
    prob = strip.problem(width)
    t = np.linspace(0.0, 8.0, 41)

    def step(at):
        return np.where(
            at > 0, np.real(analytic.strip_switch_on(np.maximum(at, 1e-12), width, 1 + 2j)), 0.0
        )

    drive = ([0.5, 0.5, 2.25, 2.25], [0.0, 1.0, 1.0, 0.0])
    exact = step(t - 0.5) - step(t - 2.25)
    rows = []
    for method in ("spectral", "stepping"):
        run = of.transient(prob, t, B, drive, method=method, tolerance=1e-9)
        found = run.orbital / 0.09 / run.ohmic.max()
        rows.append(
            Row(
                CASE,
                "Eq. (2)",
                f"pulse on a strip, {method}, of the largest",
                0.0,
                0.0,
                float(np.abs(found - exact).max() / np.abs(exact).max()),
                1e-8,
            )
        )
    return rows


@route("law: lowest mode of a strip")
def lowest_rate(width: float) -> float:
    """The lowest odd mode, cos to sin(pi y/l), in 1/tau."""
    return float(1.0 + (np.pi / width) ** 2)


def decay(level: str) -> list[Row]:
    """After switch-off the signal of a strip decays at (1 + (pi/l)^2)/tau and turns at Omega."""
    width, phi = 3.0, 2.0
    prob = strip.problem(width)
    rate = lowest_rate(width)
    # the next mode is gone two lifetimes after the end, exp(-2 (3^2 - 1) (pi/l)^2) = 2e-8 of it
    end, first, tolerance = (5.0, 9.0, 1e-12) if level == "full" else (2.0, 4.2, 1e-10)
    t = np.array([0.0, first, first + 1.0])
    drive = ([0.0, end, end], [1.0, 1.0, 0.0])
    rows = []
    for method in ("spectral", "stepping"):
        y = of.transient(
            prob, t, (0.0, 0.0, 0.0), drive, method=method, tolerance=tolerance
        ).orbital
        found = float(np.log(y[1] / y[2]))
        rows.append(
            Row(
                CASE,
                "Eq. (2)",
                f"slowest decay rate, {method}",
                found,
                rate,
                relative(found, rate),
                1e-6,
            )
        )
    drive = ([0.0, 5.0, 5.0], [1.0, 1.0, 0.0])
    t = np.linspace(8.0, 10.0, 9)
    y = of.transient(
        prob, np.append(0.0, t), (phi * TESLA, 0.0, 0.0), drive, tolerance=1e-11
    ).orbital[1:]
    # y = c exp(-rate t) cos(phi t + d): y'' + 2 rate y' + (rate^2 + phi^2) y = 0 as a three-term
    # recursion
    h = t[1] - t[0]
    a, b = np.linalg.lstsq(np.column_stack([y[1:-1], y[:-2]]), y[2:], rcond=None)[0]
    found = complex(np.log(np.roots([1.0, -a, -b]))[0] / h)
    error = max(abs(found.real + rate) / rate, abs(abs(found.imag) - phi) / phi)
    return [
        *rows,
        Row(
            CASE,
            "Eq. (2)",
            "precession and decay after switch-off, l = 3, Omega tau = 2",
            abs(found.imag),
            phi,
            float(error),
            1e-6,
        ),
    ]


@route("matrix exponential")
def precessing(beta: np.ndarray, start: np.ndarray, t: np.ndarray) -> np.ndarray:
    """exp(-(1 + [beta]_x X) t) of the start, tau = 1 s."""
    turning = np.cross(beta, FULL_X, axisb=0, axisc=0)
    return np.array([expm(-(np.eye(3) + turning) * s) @ start for s in t])


def uniform_moment(level: str) -> list[Row]:
    """A uniform moment density precesses and decays as exp(-(1/tau + T) t), on any reflecting
    device.
    """
    B = np.array([1.2, -0.8, 0.5]) * TESLA
    start = np.array([0.3, -1.1, 0.7])
    t = np.linspace(0.0, 4.0, 9) if level == "full" else np.linspace(0.0, 2.0, 5)
    material = simple_material(inverse_mass=FULL_X)
    lines = np.linspace(0.0, 2.0, 5)
    square = of.Problem(
        tensor_grid(lines, lines, cells="quad"), material, ["left", "right"], order=3
    )
    section = of.Problem(of.cross_section(3.0), material)
    exact = precessing(B / TESLA, start, t)
    rows = []
    for label, prob, pairs in (
        ("strip", section, {}),
        ("square", square, {"current": ("left", "right"), "voltage": ("left", "right")}),
    ):
        for method in ("spectral", "stepping"):
            run = of.transient(
                prob,
                t,
                B,
                0.0,
                initial=start,
                method=method,
                tolerance=1e-12,
                keep_fields=True,
                **pairs,
            )
            n = np.array([run.solution(i).moment_density for i in range(len(t))])
            error = float(np.abs(n - exact[:, :, None]).max() / np.abs(start).max())
            rows.append(
                Row(
                    CASE,
                    "Eq. (2)",
                    f"uniform moment, {label}, {method}, of the start",
                    0.0,
                    0.0,
                    error,
                    1e-10,
                )
            )
    return rows


def order_of_stepper(label: str, prob: of.Problem, sizes: tuple[int, ...], expected: float) -> Row:
    """One fixed step size at a time on the strip, smooth drive sin(t)^6, against many steps."""
    B = np.array([2.0, 0.0, 0.0]) * TESLA
    measurement, field = Measurement.of(prob), Waveform.parse(B, "field", (3,))
    drive = Waveform.parse(lambda t: np.sin(t) ** 6, "drive")

    def end(steps: int) -> float:
        evolution = Evolution(measurement, field, drive, np.linspace(0.0, 2.0, steps + 1), 1e-9)
        plain = evolution.stepper()
        loose = Stepper(
            plain.stretches, plain.norm, 1e6, plain.consistent
        )  # every step is accepted, none is halved
        *_, position = loose.run(loose.begin(np.zeros(evolution.moments), 1e9, np.ones(1)))
        assert position.accepted == steps
        return float(evolution.read(position.y, B)[0])

    exact = end(8 * sizes[-1])
    return order_row(
        CASE,
        "Radau IIA",
        f"the stepper in time, {label}",
        lambda n: abs(end(n) - exact),
        sizes,
        expected,
        0.3,
    )


def alternating(level: str) -> list[Row]:
    """Strip driven by exp(-i omega t) against the closed form, and the place of the resonance."""
    width, theta, phi = 3.0, 0.25, 16.0
    prob = strip.problem(width, theta=theta)
    material = prob.material
    B = (phi * material.field_scale, 0.0, 0.0)
    omega = np.linspace(0.0, 20.0, 81)
    exact = -0.09 * analytic.strip_ac(omega, np.sqrt(theta) * phi, width)
    rows = []
    for method in ("spectral", "direct"):
        found = of.ac_response(prob, omega / (2 * np.pi), B, method=method).rho
        rows.append(
            Row(
                CASE,
                "Eq. (2)",
                f"AC of a strip, exp(-i omega t), {method}, of the largest",
                0.0,
                0.0,
                float(np.abs(found - exact).max() / np.abs(exact).max()),
                1e-8,
            )
        )
    wide = strip.problem(10.0, theta=theta)  # its slowest modes decay at little more than 1/tau
    omega = np.linspace(7.0, 9.0, 1001)
    size = -np.real(of.ac_response(wide, omega / (2 * np.pi), B).rho)
    at, should = float(omega[np.argmax(size)]), float(np.sqrt(theta) * phi)
    return [
        *rows,
        Row(
            CASE,
            "Eq. (2)",
            "resonance of -Re rho, l = 10, against omega = Omega sqrt(theta)",
            at,
            should,
            relative(at, should),
            2e-3,
        ),
    ]


def hall_bar_paths(level: str) -> list[Row]:
    """Spectral against stepping on the Hall bar: switch-on, and a ramp of the field under a pulse
    of current.
    """
    prob = hall_bar(order=1 if level == "quick" else 2)
    B = field_of(prob)
    tau = prob.material.relaxation_time
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    t = np.linspace(0.0, 6.0, 7 if level == "quick" else 25) * tau
    tolerance = {"spectral": 1e-9, "stepping": 1e-5}
    rows = []
    one, two = (
        of.transient(prob, t, B, 1e-6, method=m, tolerance=e, **pairs).orbital
        for m, e in tolerance.items()
    )
    rows.append(
        Row(
            CASE,
            "Eq. (2)",
            "Hall bar, switch-on: spectral - stepping, of the largest",
            float(one[-1]),
            float(two[-1]),
            float(np.abs(one - two).max() / np.abs(one).max()),
            1e-6,
        )
    )
    steady = of.resistance(prob, B, **pairs).delta_R * 1e-6
    late = of.transient(prob, np.array([0.0, 40.0]) * tau, B, 1e-6, **pairs).orbital[-1]
    rows.append(
        Row(
            CASE,
            "Eq. (2)",
            "Hall bar, long after switch-on: steady delta_R I",
            float(late),
            steady,
            relative(float(late), steady),
            1e-8,
        )
    )
    f = np.array([0.0, 0.5, 2.0]) / (2 * np.pi * tau)
    a, b = (of.ac_response(prob, f, B, method=m, **pairs).delta_R for m in ("spectral", "direct"))
    return [
        *rows,
        Row(
            CASE,
            "Eq. (2)",
            "Hall bar, AC: spectral - direct, of the largest",
            0.0,
            0.0,
            float(np.abs(a - b).max() / np.abs(a).max()),
            1e-8,
        ),
    ]


def ramps(level: str) -> list[Row]:
    """B(t) ramps: both paths, and the lag behind the quasi-static curve, which is proportional to
    the speed.
    """
    prob = strip.problem(3.0)
    top = 4.0 * TESLA
    at = np.linspace(0.0, 1.0, 11)
    exact = of.magnetoresistance(prob, np.outer(at * top, [1.0, 0.0, 0.0]))
    scale = float(np.abs(exact).max())

    def run(duration: float, method: str, tolerance: float) -> np.ndarray:
        field = ([0.0, duration], [(0.0, 0.0, 0.0), (top, 0.0, 0.0)])
        return of.transient(
            prob, at * duration, field, initial="steady", method=method, tolerance=tolerance
        ).rho

    one, two = run(10.0, "spectral", 1e-9), run(10.0, "stepping", 1e-8)
    slow = [float(np.abs(run(d, "spectral", 1e-9) - exact).max() / scale) for d in (1e3, 1e4)]
    steps = float(np.abs(run(1e3, "stepping", 1e-6) - exact).max() / scale)
    return [
        Row(
            CASE,
            "Eq. (2)",
            "ramp of B in 10 tau: spectral - stepping, of the largest",
            0.0,
            0.0,
            float(np.abs(one - two).max() / scale),
            1e-7,
        ),
        Row(
            CASE,
            "Eq. (2)",
            "ramp of B in 10^4 tau: from the quasi-static curve",
            slow[1],
            0.0,
            slow[1],
            1e-3,
        ),
        Row(
            CASE,
            "Eq. (2)",
            "lag of ramps in 10^3 and 10^4 tau: ratio",
            slow[0] / slow[1],
            10.0,
            abs(slow[0] / slow[1] - 10.0),
            0.1,
        ),
        Row(
            CASE,
            "Eq. (2)",
            "ramp of B in 10^3 tau: lag by stepping",
            steps,
            slow[0],
            relative(steps, slow[0]),
            1e-3,
        ),
    ]


def general_path(level: str) -> Row:
    """Full coupling, absorption by component: long after switch-on the steady state of a direct
    solve.
    """
    order = 3 if level == "full" else 2  # both sides share the elements
    lines = np.linspace(0.0, 2.0, 7)
    prob = of.Problem(
        tensor_grid(lines, lines, cells="quad"),
        simple_material(inverse_mass=FULL_X),
        ["left", "right"],
        edges={"top": of.Edge((0.3, 0.0, 1.0))},
        coupling="full",
        order=order,
    )
    B = np.array([1.0, -0.5, 0.8]) * TESLA
    pairs = {"current": ("left", "right"), "voltage": ("left", "right")}
    late = of.transient(prob, [0.0, 30.0], B, **pairs).delta_R[-1]
    steady = of.resistance(prob, B, **pairs).delta_R
    return Row(
        CASE,
        "Eqs. (1), (2)",
        "full coupling, long after switch-on: steady delta_R",
        float(late),
        steady,
        relative(float(late), steady),
        1e-8,
    )


def run(level: str = "quick") -> list[Row]:
    rows = [
        *switch_on(level),
        *pulse(),
        *decay(level),
        *uniform_moment(level),
        *alternating(level),
        *ramps(level),
        order_of_stepper(
            "steps shorter than every decay", strip.problem(6.0, 2, 3), (10, 20, 40), 5.0
        ),
        order_of_stepper("stiff, stage order + 1", strip.problem(3.0, 4, 6), (80, 160), 4.0),
        general_path(level),
        *hall_bar_paths(level),
    ]
    return rows
