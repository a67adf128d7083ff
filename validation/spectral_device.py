"""The spectral measure (docs/theory, sections 3 and 4): one scalar function F(s) carries every
field of a device.

On a strip F is known in the whole half plane; on the Hall bar the four-field solve of each field is
the reference, which shares no more than the matrices with the poles and residues.
"""

from __future__ import annotations

import functools

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.analytic.scalars import three_scalar_response as combined  # of the program's F

from .case import ASSEMBLY, Row, simple_material
from .independence import CLOSED, route
from .invariants import BLOCK_X, FULL_X, hall_bar
from .strip import problem
from .strip_tensor import TESLA

CASE = "spectral measure"
ROUTES = {
    "delta_R over its stated": (
        "poles",
        "package: direct solves",
        ASSEMBLY,
    ),
    "poles against direct": (
        "poles",
        "package: direct solves",
        ASSEMBLY,
    ),
    "p F(1)": (
        "three scalars of F",
        "package: direct solves",
        ASSEMBLY,
    ),
    "overstepped": ("poles", "law: bounds of theory 3"),
    "Onsager": ("poles", "law: R(B) = R(-B) for X_za = 0 alone"),
    "": ("poles", "closed form"),
}
PAIRS = {"local": (("left", "right"), ("t1", "t2")), "nonlocal": (("t1", "b1"), ("t2", "b2"))}


def half_plane() -> list[Row]:
    """F(s) = tanh(z)/z for Re s >= 1, |Im s| <= 50, and at three L_m from one measure."""
    measure = of.spectral_measure(problem(10.0), tolerance=1e-10)
    s = 1.0 + np.array([0.0, 0.5, 3.0])[:, None] + 1j * np.linspace(-50, 50, 41)
    gap = np.abs(measure.F(s) - analytic.strip_response(s, 10.0))
    within = gap / (measure.F_bound(s) + 2e-9)  # the mesh adds its own error, 6e-10 of F at most
    long = of.spectral_measure(problem(10.0), lengths=(0.5, 3.0))
    worst = max(
        abs(
            complex(
                long.at(diffusion_length=L).F(1 + 2j) / analytic.strip_response(1 + 2j, 10.0 / L)
            )
            - 1
        )
        for L in (0.5, 1.0, 3.0)
    )
    return [
        Row(
            CASE,
            "section 4",
            "F(s) of a strip, l = 10, Re s >= 1, |Im s| <= 50, absolute",
            0.0,
            0.0,
            float(gap.max()),
            1e-8,
        ),
        Row(
            CASE,
            "section 4",
            "error of F(s) over its stated bound",
            float(within.max()),
            0.0,
            float(within.max()),
            1.0,
        ),
        Row(
            CASE,
            "section 4",
            "F(1 + 2i) at L_m = 0.5, 1, 3 from one measure",
            0.0,
            0.0,
            float(worst),
            1e-8,
        ),
    ]


@functools.cache
def bar(kind: str, detection: str = "printed") -> of.Problem:
    return hall_bar(BLOCK_X if kind == "block" else FULL_X, detection=detection, order=1)


def fields_of(prob: of.Problem, count: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (
        rng.normal(size=(count, 3))
        * 10 ** rng.uniform(-1, 1, (count, 1))
        * prob.material.field_scale
    )


def three_scalars(level: str) -> list[Row]:
    """Random fields, full X, both detectors: poles, the three-scalar law of F, and direct solves of
    four fields.
    """
    count = 4 if level == "quick" else 20
    poles, law, bound = [], [], []
    for detection in ("printed", "reciprocal"):
        prob = bar("full", detection)
        B, unit = fields_of(prob, count), prob.material.field_scale
        for current, voltage in PAIRS.values():
            measure = of.spectral_measure(prob, current=current, voltage=voltage, fields=B)
            direct = np.array(
                [of.resistance(prob, b, current=current, voltage=voltage).delta_R for b in B]
            )
            scalars = analytic.three_scalars(
                B / unit, FULL_X / prob_scale(prob), detection=detection
            )
            by_law = measure.unit * combined(measure.F, scalars)
            size = np.abs(direct).max()
            gap = np.abs(measure.delta_R(B) - direct)
            poles.append(gap.max() / size)
            law.append(np.abs(by_law - direct).max() / size)
            bound.append((gap / (np.abs(measure.unit) * measure.bound(B) + 1e-11 * size)).max())
    return [
        Row(
            CASE,
            "section 3",
            "delta_R of a Hall bar, full X, both detectors: poles against direct solves",
            0.0,
            0.0,
            float(max(poles)),
            1e-7,
        ),
        Row(
            CASE,
            "section 3",
            "p F(1) + (1-p) Re F(1+i phi) + a' Im F(1+i phi) against direct solves",
            0.0,
            0.0,
            float(max(law)),
            1e-7,
        ),
        Row(
            CASE,
            "section 4",
            "error of delta_R over its stated bound",
            float(max(bound)),
            0.0,
            float(max(bound)),
            1.0,
        ),
    ]


def prob_scale(prob: of.Problem) -> float:
    """X (1/m_e) such that (g e tau/2) B X = 1 at B = field_scale."""
    torque = (
        prob.material.torque((prob.material.field_scale, 0.0, 0.0))[2, 1]
        * prob.material.relaxation_time
    )
    return float(np.asarray(prob.material.inverse_mass)[1, 1] / torque)


def bounds(level: str) -> list[Row]:
    """0 <= rho(B) - rho(0) <= alpha alpha' F(1) for one pair of contacts and X_za = 0; R(B) =
    R(-B).
    """
    prob = bar("block")
    pair = ("left", "right")
    B = fields_of(prob, 500)
    measure = of.spectral_measure(prob, current=pair, voltage=pair, fields=B)
    gain = measure.hanle(B) / (-measure.delta_R(0 * B[:1])[0])  # as a part of the effect at B = 0
    outside = max(float(-gain.min()), float(gain.max() - 1.0), 0.0)
    odd = float(
        np.abs(measure.delta_R(B) - measure.delta_R(-B)).max() / np.abs(measure.delta_R(B)).max()
    )
    full = of.spectral_measure(bar("full"), current=pair, voltage=pair, fields=B)
    uneven = float(np.abs(full.delta_R(B) - full.delta_R(-B)).max() / np.abs(full.delta_R(B)).max())
    return [
        Row(
            CASE,
            "section 3",
            "0 <= rho(B) - rho(0) <= alpha alpha' F(1), 500 fields, overstepped by",
            outside,
            0.0,
            outside,
            1e-9,
        ),
        Row(
            CASE,
            "Onsager",
            "R(B) - R(-B), X_za = 0, printed detector, of delta_R",
            odd,
            0.0,
            odd,
            1e-12,
        ),
        Row(
            CASE,
            "Onsager",
            "R(B) - R(-B) is not 0 for X_za != 0, printed detector, of delta_R",
            uneven,
            0.0,
            float(uneven < 1e-3),
            0.5,
        ),
    ]


@route(CLOSED)
def tilted(angles: np.ndarray, size: float, theta: float, width: float) -> np.ndarray:
    """f at each angle from z, by p and omega of X = diag(1, 1, theta)."""
    spread = np.cos(angles) ** 2 + theta * np.sin(angles) ** 2
    p, phi = np.cos(angles) ** 2 / spread, size * np.sqrt(spread)
    still = np.real(analytic.strip_response(1.0, width))
    return p * still + (1 - p) * np.real(analytic.strip_response(1 + 1j * phi, width))


def tilt() -> list[Row]:
    """X = diag(1, 1, theta), B at angle t from z: p = cos^2 t/(cos^2 t + theta sin^2 t), so a tilt
    of sqrt(theta) kills it.
    """
    theta, width = 1e-2, 3.0
    prob = problem(width, theta=theta)
    angles = np.pi / 2 - np.array([0.0, 0.5, 1.0, 3.0]) * np.sqrt(theta)
    size = 20.0
    B = size * TESLA * np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    value = of.hanle_curve(prob, B, tolerance=1e-11).rho / -0.09
    exact = tilted(angles, size, theta, width)
    gap = float(np.abs(value / exact - 1).max())
    return [
        Row(
            CASE,
            "section 3",
            "f, theta = 1e-2, B tilted out of the plane by 0, 0.5, 1, 3 sqrt(theta)",
            float(value[-1]),
            float(exact[-1]),
            gap,
            1e-8,
        )
    ]


def alternating() -> list[Row]:
    """E ~ exp(-i w t): f = [F(1 - i w + i phi) + F(1 - i w - i phi)]/2, complex."""
    prob = problem(3.0)
    measure = of.spectral_measure(prob, tolerance=1e-10)
    omega = np.array([0.0, 0.3, 1.0, 4.0, 20.0])
    value = measure.ac(omega / (2 * np.pi), (2.0 * prob.material.field_scale, 0.0, 0.0)) / -0.09
    gap = float(np.abs(value / analytic.strip_ac(omega, 2.0, 3.0) - 1).max())
    return [
        Row(
            CASE,
            "section 5, item 6",
            "complex f of a strip, Omega tau = 2, omega tau = 0 to 20",
            0.0,
            0.0,
            gap,
            1e-8,
        )
    ]


@route(CLOSED)
def by_derivatives(T: np.ndarray, h: float = 1e-3) -> float:
    """F(1) + tau T_zz F'(1) + tau^2 (T^2)_zz F''(1)/2, by five points."""

    def F(s: float) -> float:
        return float(np.real(analytic.strip_response(s, 3.0)))

    first = (8 * (F(1 + h) - F(1 - h)) - (F(1 + 2 * h) - F(1 - 2 * h))) / (12 * h)
    near, far = F(1 + h) + F(1 - h), F(1 + 2 * h) + F(1 - 2 * h)
    second = (16 * near - 30 * F(1) - far) / (12 * h**2)
    return F(1) + T[2, 2] * first + (T @ T)[2, 2] * second / 2


def zero_torque_branch() -> list[Row]:
    """omega = 0 with a torque that does not vanish: f = F(1) + tau T_zz F'(1) + tau^2 (T^2)_zz
    F''(1)/2.
    """
    X = np.array(
        [[0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.5, 0.0, 1.0]]
    )  # B along y: B.adj(X).B = X_xx X_zz - X_xz^2
    X[0, 0] = 0.25  # = X_xz^2/X_zz, so omega = 0
    prob = of.Problem(of.cross_section(3.0), simple_material(inverse_mass=X))
    B = np.array([0.0, 0.8, 0.0])
    value = float(of.magnetoresistance(prob, B * TESLA)) / -0.09
    T = np.cross(B, X, axisb=0, axisc=0)
    exact = by_derivatives(T)
    return [
        Row(
            CASE,
            "section 3",
            f"f at omega = 0, tau T_zz = {T[2, 2]:.3g}",
            value,
            exact,
            abs(value / exact - 1),
            1e-8,
        )
    ]


def run(level: str = "quick") -> list[Row]:
    return [
        *half_plane(),
        *three_scalars(level),
        *bounds(level),
        *tilt(),
        *alternating(),
        *zero_torque_branch(),
    ]
