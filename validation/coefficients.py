"""Coefficients that vary from point to point, and regions that do not conduct.

Strips against collocation of the strong form, against thin layers, and against the strip without
the region. Lengths in L_m, tau = 1. Where X varies W^-1 stands outside the derivative (theory,
section 12): the limit of thin layers is taken by closed forms of layers of constant X.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

import ohmr_fem as of
from ohmr_fem import analytic

from .case import Row, relative, simple_material
from .independence import CLOSED, route
from .interfaces import chebyshev
from .strip_tensor import TESLA

CASE = "coefficients"
STRONG = "Chebyshev collocation of the strong form"
ROUTES = {
    "thin layers": ("finite elements", CLOSED),
    "inside the derivative": ("finite elements", "law: the limit of thin layers"),
    "n continuous": ("finite elements", "law: D alone carries moment where nothing conducts"),
    "power of sigma": ("finite elements", "law: sources and readings are proportional to sigma"),
    "does not conduct": ("finite elements", CLOSED),
    "": ("finite elements", STRONG),
}
WIDTH = 2.5
B = np.array([1.0, -0.7, 0.6])
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
TURNED = np.outer([0.2, -0.1, 0.3], [0.2, -0.1, 0.3])

Law = Callable[[np.ndarray], np.ndarray]


def one(y: np.ndarray) -> np.ndarray:
    return 1.0 + 0.0 * y


def tenth(y: np.ndarray) -> np.ndarray:
    return 0.1 + 0.0 * y


def tensor(y: np.ndarray) -> np.ndarray:
    """(3, 3, ...), 1/m_e."""
    spread = (3, 3, *(1,) * np.ndim(y))
    return X.reshape(spread) + TURNED.reshape(spread) * np.sin(2 * y)


def uniform(y: np.ndarray) -> np.ndarray:
    return X.reshape(3, 3, *(1,) * np.ndim(y)) + 0.0 * y


@dataclass(frozen=True)
class Strip:
    """Coefficients as functions of y across a strip of 2.5."""

    sigma: Law = one
    D: Law = one
    tau: Law = one
    alpha: Law = tenth
    back: Law = tenth
    mass: Law = uniform


VARIED: dict[str, Law] = {
    "sigma": lambda y: 1.0 + 0.6 * np.sin(y),
    "D": lambda y: 1.0 / (1.0 + 0.4 * np.cos(2 * y)),
    "tau": lambda y: 1.0 + 0.12 * y,
    "alpha": lambda y: 0.1 * (1.0 + 0.5 * y),
    "back": lambda y: 0.1 * (1.0 - 0.3 * y),
    "mass": tensor,
}


def package(strip: Strip, rule: str, detection: str) -> float:
    """Delta I/I_0 from the program, every coefficient a callable."""
    material = of.Material(
        sheet_conductivity=strip.sigma,
        diffusion_constant=strip.D,
        relaxation_time=strip.tau,
        orbital_hall_angle=strip.alpha,
        inverse_orbital_hall_angle=strip.back,
        inverse_mass=strip.mass,
    )
    mesh = of.cross_section(WIDTH, cells=24)
    prob = of.Problem(mesh, material, interface=rule, detection=detection, order=6)
    return -float(of.magnetoresistance(prob, B * TESLA))


def across(values: np.ndarray) -> np.ndarray:
    """(3, 3, nodes) as a matrix on (nodes, 3)."""
    return block_diag(*np.moveaxis(values, -1, 0))


def weights(x: np.ndarray) -> np.ndarray:
    """Of the integral over [-1, 1] on Chebyshev points."""
    count = len(x)
    even = np.arange(0, count, 2)
    moments = np.zeros(count)
    moments[even] = 2.0 / (1.0 - even**2)
    return np.linalg.solve(np.polynomial.chebyshev.chebvander(x, count - 1).T, moments)


@dataclass(frozen=True)
class Tables:
    """(3, 3, nodes): Q = -F u' + ..., n = N u, the reading scale R u'."""

    F: np.ndarray
    N: np.ndarray
    R: np.ndarray
    scale: np.ndarray


def tables(strip: Strip, y: np.ndarray, rule: str, detection: str) -> Tables:
    """u = h where the accumulation is continuous, u = n where the density is."""
    mass, sigma, D = strip.mass(y), strip.sigma(y), strip.D(y)
    W = mass / mass[2, 2]
    inverse = np.linalg.inv(W.T).T
    unit = np.eye(3)[:, :, None] + 0.0 * W
    printed = detection == "printed"
    if rule == "accumulation":
        return Tables(sigma * inverse, sigma / D * inverse, inverse if printed else unit, sigma)
    return Tables(D * unit, unit, unit if printed else W, D)


@route(STRONG)
def collocated(
    strip: Strip, rule: str, detection: str, inside: bool = False, count: int = 48
) -> float:
    """Delta I/I_0 from Q = -F u' + alpha sigma z, Q' + (1/tau + T) n = 0 and no flow at the edges;
    ``inside`` reads (R u)' for R u'.
    """
    x, slope = chebyshev(count)
    y, slope = 0.5 * WIDTH * x, np.kron(2.0 / WIDTH * slope, np.eye(3))
    t = tables(strip, y, rule, detection)
    torque = np.cross(B, strip.mass(y), axisb=0, axisc=0)
    rates = np.eye(3)[:, :, None] / strip.tau(y) + torque
    flow = across(t.F) @ slope
    source = np.kron(strip.alpha(y) * strip.sigma(y), [0.0, 0.0, 1.0])
    A = across(rates) @ across(t.N) - slope @ flow
    right = -slope @ source
    for edge in (slice(0, 3), slice(-3, None)):
        A[edge], right[edge] = flow[edge], source[edge]
    u = np.linalg.solve(A, right)
    read = slope @ across(t.R) @ u if inside else across(t.R) @ slope @ u
    over = weights(x)
    current = strip.back(y) * t.scale * read[2::3]
    return float(over @ current / (over @ strip.sigma(y)))


def compared(text: str, value: float, reference: float, tolerance: float) -> Row:
    return Row(CASE, "theory 12", text, value, reference, relative(value, reference), tolerance)


def callables() -> list[Row]:
    """One coefficient after the other, then all of them by both rules and both detectors."""
    rows = []
    for name, law in VARIED.items():
        strip = replace(Strip(), **{name: law})
        found = package(strip, "accumulation", "printed")
        reference = collocated(strip, "accumulation", "printed")
        rows.append(compared(f"Delta I/I_0, {name}(y) a function", found, reference, 1e-8))
    strip = Strip(**VARIED)
    for rule in ("accumulation", "density"):
        for detection in ("printed", "reciprocal"):
            found, reference = (make(strip, rule, detection) for make in (package, collocated))
            text = f"Delta I/I_0, all coefficients functions of y, {rule}, {detection}"
            rows.append(compared(text, found, reference, 1e-8))
    return rows


# -- where W stands


@route(CLOSED)
def thin_layers(strip: Strip) -> float:
    """Delta I/I_0 of n layers of constant coefficients, h continuous, for n -> inf: error 1/n^2."""
    found = []
    for count in (20, 40):
        thickness = WIDTH / count
        middles = -WIDTH / 2 + (np.arange(count) + 0.5) * thickness
        layers = [layer_at(strip, y, thickness) for y in middles]
        found.append(analytic.layered_strip(layers, interface="accumulation").relative)
    return float((4.0 * found[1] - found[0]) / 3.0)


def layer_at(strip: Strip, y: float, thickness: float) -> analytic.Layer:
    mass = strip.mass(np.asarray(y))
    return analytic.Layer(
        thickness,
        diffusion=float(strip.D(y)),
        relaxation_time=float(strip.tau(y)),
        conductivity=float(strip.sigma(y)),
        alpha=float(strip.alpha(y)),
        torque=np.cross(B, mass, axisb=0, axisc=0),
        shape=mass / mass[2, 2],
    )


def placement() -> list[Row]:
    strip = Strip(**{**VARIED, "back": VARIED["alpha"]})
    found = package(strip, "accumulation", "printed")
    limit = thin_layers(strip)
    rows = [compared("Delta I/I_0, X(y) against thin layers of constant X", found, limit, 2e-6)]
    apart = relative(found, collocated(strip, "accumulation", "printed", inside=True))
    text = "W^-1 inside the derivative would change Delta I by more than a thousandth"
    error = 0.0 if apart > 1e-3 else 1.0
    return [*rows, Row(CASE, "theory 12", text, apart, 1e-3, error, 0.5)]


# -- metals


def beside_a_metal(sigma: float, rule: str) -> float:
    """f of a strip of 2 with a region of ``sigma`` beside it, whose angle is three times larger."""
    mesh = of.cross_section(3.0, regions={"metal": (0.0, 2.0), "other": (2.0, 3.0)})
    other = simple_material(sheet_conductivity=sigma, orbital_hall_angle=0.9)
    prob = of.Problem(mesh, {"metal": simple_material(), "other": other}, interface=rule)
    return -float(of.magnetoresistance(prob, 2.0 * TESLA * np.eye(3)[0])) / 0.09


@route(CLOSED)
def metal_alone() -> float:
    return float(np.real(analytic.strip_response(1 + 2j, 2.0)))


def metals() -> list[Row]:
    """Where sigma is small nothing is made and nothing is read, in proportion to sigma."""
    where, alone = "below (S2)", metal_alone()
    least, small, large = (beside_a_metal(s, "accumulation") for s in (1e-9, 1e-6, 1e-4))
    text = "f of a strip beside a region that does not conduct, sigma = 1e-9"
    rows = [Row(CASE, where, text, least, alone, relative(least, alone), 1e-7)]
    power = float(np.log10((large - alone) / (small - alone)) / 2.0)
    text = "power of sigma in what that region adds to f"
    rows.append(Row(CASE, where, text, power, 1.0, abs(power - 1.0), 1e-3))
    apart = abs(beside_a_metal(1e-9, "density") - least) / alone
    text = "with n continuous the same region is read by more than a tenth of f"
    return [*rows, Row(CASE, where, text, apart, 0.1, 0.0 if apart > 0.1 else 1.0, 0.5)]


def run(level: str = "quick") -> list[Row]:
    return [*callables(), *placement(), *metals()]
