"""Convergence in the k mesh: exponential at 300 K, 1e-8 near N = 700; adaptive integration when
cold.

A one-band square lattice has a closed density of states, K(1 - (E/4t)^2)/(2 pi^2 t), for the cold
reference.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ellipkm1, expit

from ohmr_fem import micro
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME as HBAR2

from .case import Row, relative
from .independence import route

CASE = "k mesh"
ROUTES = {
    "adaptive": ("adaptive mesh", "integral over the density of states"),
    "": ("k mesh", "law: exponential convergence"),
}
KELVIN = 1.380649e-23 / 1.602176634e-19  # eV
T, A = 0.5, 3.0  # eV, angstrom: the square lattice
A_GRAPHENE = 2.46
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def exponential() -> list[Row]:
    """ln(error) of the Drude X_xx of bilayer graphene falls in proportion to N."""
    model = micro.bilayer_graphene()
    best = micro.inverse_mass(model, 0.4, 300, mesh=1200).X[0, 0, 0]
    sizes = (240, 360, 480, 600, 720)
    error = [
        relative(float(micro.inverse_mass(model, 0.4, 300, mesh=n).X[0, 0, 0]), float(best))
        for n in sizes
    ]
    rate = float(-np.polyfit(sizes, np.log(error), 1)[0])
    length = float(np.linalg.norm(model.reciprocal[0]))
    expected = (
        2 * np.pi**2 * KELVIN * 300 / (np.sqrt(0.75) * A_GRAPHENE * 3.16 * length)
    )  # poles at pi k_B T
    return [
        Row(
            CASE,
            "mesh convergence",
            "relative error of X_xx at N = 720, 300 K",
            error[-1],
            0.0,
            error[-1],
            1e-8,
        ),
        Row(
            CASE,
            "mesh convergence",
            "decay rate per division over 2 pi^2 k_B T/(hbar v |b|)",
            rate / expected,
            1.0,
            max(0.0, 1.0 - rate / expected),
            0.3,
        ),
    ]


@route("integral over the density of states")
def square_band(mu: float, temperature: float) -> tuple[float, float]:
    """Electrons and X_xx per cell and spin from the density of states; mu < 0."""
    kt = KELVIN * temperature
    ends = (
        {-4 * T}
        | {mu + n * kt for n in range(-42, 43)}
        | {-4 * T + (mu + 4 * T) * 2.0**-n for n in range(30)}
    )
    ends = np.array(sorted(e for e in ends if e >= -4 * T))
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    e, w = middle + half * NODES, half * WEIGHTS
    weight = w * ellipkm1((e / (4 * T)) ** 2) / (2 * np.pi**2 * T) * expit((mu - e) / kt)
    return float(weight.sum()), float(-(A**2) / 2 * (e * weight).sum() / HBAR2)


def cold(temperature: float) -> list[Row]:
    mu = -1.9
    model = micro.LayeredModel.from_hoppings(
        A * np.eye(2), [[0, 0, 0]], [(0, 0, (1, 0), -T), (0, 0, (0, 1), -T)]
    )
    number, mass = square_band(mu, temperature)
    result = micro.inverse_mass(model, mu, temperature, mesh="adaptive")
    values = (
        ("electrons", float(result.electrons[0]), number),
        ("X_xx", float(result.X[0, 0, 0]), mass),
    )
    return [
        Row(
            CASE,
            "adaptive",
            f"{name}, square band, {temperature:g} K",
            value,
            exact,
            relative(value, exact),
            1e-8,
        )
        for name, value, exact in values
    ]


def run(level: str = "quick") -> list[Row]:
    return [*exponential(), *cold(40.0), *(cold(4.0) if level == "full" else [])]
