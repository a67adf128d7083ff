"""Ordinary Hall effect: textbook geometries for the charge, a closed form for the orbital part,
Onsager with everything on.

Electrons (mobility > 0), b = mu B_z.  The Lorentz force makes sigma and D the tensor s = [[1, -b],
[b, 1]]/(1 + b^2).
"""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import annulus_mesh, graded_lines, tensor_grid

from .case import Row, relative, simple_material
from .independence import CLOSED, route
from .invariants import BLOCK_X, FULL_X, HALL_BAR, NAMES

CASE = "ordinary Hall effect"
ROUTES = {
    "Onsager": ("finite elements", "law: reciprocity"),
    "R_xx, of R_xx": ("finite elements", "law: one mobility has no magnetoresistance"),
    "against Bessel": ("finite elements", "closed form"),
    "": ("finite elements", "textbook formula"),
}
MOBILITY = 0.5
FIELD = 2.4  # b = 1.2


@route("textbook formula")
def disc(ratio: float) -> float:
    """sigma R of a Corbino disc without a field."""
    return float(np.log(ratio) / (2.0 * np.pi))


@route("textbook formula")
def disc_in_a_field(ratio: float, b: float) -> float:
    return disc(ratio) * (1.0 + b**2)


@route(CLOSED)
def orbital_part_of_a_disc(ratio: float, b: float) -> float:
    """delta_R of :func:`corbino`, radii 1 and ``ratio``."""
    root = np.sqrt(1.0 + b**2)
    f = float(np.real(analytic.annulus_response(1.0, root, ratio * root)))
    return 0.09 * b**2 * disc_in_a_field(ratio, b) * f


@route("textbook formula")
def hall_resistance(sigma: float) -> float:
    """R_xy = mu B/sigma."""
    return MOBILITY * FIELD / sigma


@route("textbook formula")
def two_terminals(b: float) -> float:
    """sigma R of a square between two whole sides."""
    return float(np.sqrt(1.0 + b**2))


@route("textbook formula")
def orbital_part(b: float, width: float, length: float) -> float:
    """Of a long bar with B along z."""
    z = np.sqrt(1.0 + b**2) * width / 2.0
    return float(-0.09 * (1.0 + b**2) * np.tanh(z) / z * length / width)


def corbino(level: str) -> list[Row]:
    """R = (1 + b^2) ln(r2/r1)/(2 pi sigma).  The Hall current runs in circles and accumulates
    moment at both edges:

    with D/(1 + b^2) in place of D, delta_R / R_ohmic(B) = alpha alpha' b^2 f(B = 0) of the annulus,
    and the sign is +: the inverse effect turns the circulating voltage back into a radial one.
    """
    b = MOBILITY * FIELD
    prob = of.Problem(
        annulus_mesh(1.0, 4.0),
        simple_material(mobility=MOBILITY),
        ["inner", "outer"],
        order=4,
        ordinary_hall=True,
    )
    r = of.resistance(
        prob, (0.0, 0.0, FIELD), current=("inner", "outer"), voltage=("inner", "outer")
    )
    exact = disc_in_a_field(4.0, b)
    orbital = orbital_part_of_a_disc(4.0, b)
    return [
        Row(
            CASE,
            "textbook",
            "Corbino disc: R_ohmic(B), b = 1.2",
            r.R_ohmic + r.geometric,
            exact,
            relative(r.R_ohmic + r.geometric, exact),
            1e-6,
        ),
        Row(
            CASE,
            "Eqs. (1), (2)",
            "Corbino disc: orbital part against Bessel functions",
            r.delta_R,
            orbital,
            relative(r.delta_R, orbital),
            1e-6,
        ),
    ]


def van_der_pauw(level: str) -> list[Row]:
    """Square with the current through Gaussian contacts amid two sides: R_xy = B/(n e) = mu
    B/sigma, R_xx unchanged.
    """
    lines = np.linspace(-0.5, 0.5, 13 if level == "quick" else 25)
    contacts = {
        side: of.Contact("profile", profile=of.gaussian_profile(at, 0.12))
        for side, at in (("left", (-0.5, 0.1)), ("right", (0.5, -0.05)))
    }
    contacts |= {
        name: of.Contact("point", at=at)
        for name, at in (("t", (0.1, 0.5)), ("t2", (-0.3, 0.5)), ("b", (-0.07, -0.5)))
    }
    prob = of.Problem(
        tensor_grid(lines, lines, cells="triangle"),
        simple_material(mobility=MOBILITY, sheet_conductivity=2.0),
        contacts,
        order=4,
        ordinary_hall=True,
    )
    pair = ("left", "right")
    there, back = (
        of.resistance(prob, (0.0, 0.0, B), current=pair, voltage=("t", "b"))
        for B in (FIELD, -FIELD)
    )
    along = of.resistance(prob, (0.0, 0.0, FIELD), current=pair, voltage=("t", "t2"))
    hall = 0.5 * (there.geometric - back.geometric)
    exact = hall_resistance(2.0)
    return [
        Row(
            CASE,
            "textbook",
            "van der Pauw square: R_xy, b = 1.2",
            hall,
            exact,
            relative(hall, exact),
            1e-6,
        ),
        Row(
            CASE,
            "textbook",
            "van der Pauw square: change of R_xx, of R_xx",
            along.geometric,
            0.0,
            abs(along.geometric / along.R_ohmic),
            1e-6,
        ),
    ]


def long_bar(level: str) -> Row:
    """Orbital part between two probes of a long bar, linear in alpha alpha', B along z: the sign of
    the Lorentz term counts.

    J^(0) = (j, 0) whatever b is, so that Q_y = -D n'/(1 + b^2) + alpha j; the inverse effect of s D
    grad n, with J_y = 0, is J_x = sigma E_x + alpha' D n'.  Hence - alpha alpha' (1 + b^2)
    tanh(z)/z times length over width, z = sqrt(1 + b^2) W/2.
    """
    b, width = 1.2, 2.0
    x = graded_lines(-16.0, 16.0, 0.15, 1.7, h_max=1.0)
    y = graded_lines(-width / 2, width / 2, 0.1, 1.6, h_max=0.5)
    profile = of.Contact("profile")
    at = {
        name: of.Contact("point", at=(place, width / 2))
        for name, place in (("p", -2.0), ("q", 2.0))
    }
    prob = of.Problem(
        tensor_grid(np.union1d(x, [-2.0, 2.0]), y, cells="quad"),
        simple_material(mobility=MOBILITY),
        {"left": profile, "right": profile, **at},
        order=4,
        ordinary_hall=True,
    )
    found = of.resistance(
        prob, (0.0, 0.0, b / MOBILITY), current=("left", "right"), voltage=("p", "q")
    ).delta_R
    exact = orbital_part(b, width, 4.0)
    return Row(
        CASE,
        "Eqs. (1), (2)",
        "long bar: orbital part, b = 1.2",
        found,
        exact,
        relative(found, exact),
        1e-6,
    )


def square(level: str) -> Row:
    """Square between equipotential contacts on two whole sides: R = sqrt(1 + b^2)/sigma (Lippmann
    and Kuhrt).
    """
    b = 0.6
    first = 1e-3 if level == "quick" else 1e-5
    lines = graded_lines(0.0, 1.0, first, 2.0, h_max=0.2)
    prob = of.Problem(
        tensor_grid(lines, lines, cells="quad"),
        simple_material(mobility=MOBILITY),
        ["left", "right"],
        order=4,
        ordinary_hall=True,
    )
    r = of.resistance(
        prob, (0.0, 0.0, b / MOBILITY), current=("left", "right"), voltage=("left", "right")
    )
    value, exact = r.R_ohmic + r.geometric, two_terminals(b)
    return Row(
        CASE,
        "textbook",
        "square, two terminals: R(B), b = 0.6",
        value,
        exact,
        relative(value, exact),
        1e-6,
    )


def reciprocity(label: str, order: int, B: np.ndarray, **options: object) -> Row:
    """R_ij,kl(B) = R_kl,ij(-B) with ordinary Hall effect, full coupling, two materials, absorption
    and tilted field.
    """
    X = options.pop("X")
    common = {
        "sheet_conductivity": "1 mS",
        "diffusion_length": "100 nm",
        "relaxation_time": "2 ps",
        "inverse_mass": X,
    }
    west = of.Material(**common, orbital_hall_angle=0.3, mobility=0.2)  # type: ignore[arg-type]
    east = of.Material(**common, orbital_hall_angle=-0.2, mobility=-0.1)  # type: ignore[arg-type]
    mesh = of.read_mesh(HALL_BAR, unit="nm").with_regions(
        {"west": lambda x: x[0] < 0, "east": lambda x: x[0] >= 0}
    )
    contacts = {name: of.Contact(moment=2e4 if name == "t1" else "reflecting") for name in NAMES}
    prob = of.Problem(
        mesh,
        {"west": west, "east": east},
        contacts,
        coupling="full",
        order=order,
        ordinary_hall=True,
        **options,
    )
    pairs = (
        (("left", "right"), ("t1", "t2")),
        (("t1", "b1"), ("t2", "b2")),
        (("left", "t2"), ("b1", "b2")),
    )
    forward = [of.resistance(prob, B, current=i, voltage=v).R for i, v in pairs]
    backward = [of.resistance(prob, -B, current=v, voltage=i).R for i, v in pairs]
    error = float(np.max(np.abs(np.subtract(forward, backward)))) / float(np.max(np.abs(forward)))
    return Row(
        CASE,
        "Onsager",
        f"R_ij,kl(B) - R_kl,ij(-B), everything on, {label}, of the largest R",
        0.0,
        0.0,
        error,
        1e-10,
    )


def run(level: str = "quick") -> list[Row]:
    order = 1 if level == "quick" else 2
    B = np.array([8.0, 4.0, -5.0])
    rows = [
        *corbino(level),
        *van_der_pauw(level),
        long_bar(level),
        square(level),
        reciprocity("X_za = 0", order, B, X=BLOCK_X),
    ]
    if level == "full":
        rows.append(
            reciprocity("any X, reciprocal detector", order, B, X=FULL_X, detection="reciprocal")
        )
    return rows
