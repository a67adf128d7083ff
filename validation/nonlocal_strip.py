"""Nonlocal resistance of an infinite strip, current taken across it: ohmic, to second order and to
all orders in alpha.

It holds the coupled weak form, both signs and the potential together: with one sign wrong R rises
with the effect.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import tensor_grid

from .case import COLOURS, Drawing, Row, new_figure, relative, save, simple_material

CASE = "nonlocal strip"
ROUTES = {
    "printed digits": ("closed form", "digits of theory 5.11"),
    "sign of": ("finite elements", "law: the narrow form changes sign with the field"),
    "delta_R(x = 2)/alpha^2": ("finite elements", "digits of theory 5.5"),
    "narrow limit": ("closed form of any width", "closed form of a narrow strip"),
    "": ("finite elements", "closed form"),
}
WIDTH, SPREAD = 1.0, 0.2
PRINTED = {
    (0.0, 1): 0.0781666145,
    (0.0, 2): 0.0095284837,
    (3.0, 1): 0.0809346802,
    (3.0, 2): 0.0059219055,
}


def grid(step: float, width: float, cells: str, reach: float) -> of.DeviceMesh:
    """Spacing ``step`` up to |x| = 2.4, then growing; eight or twelve cells across."""
    x = [0.0]
    while x[-1] < reach:
        x.append(x[-1] + (step if x[-1] < 2.4 else min(0.5, 1.3 * (x[-1] - x[-2]))))
    edge = (
        np.array([0.0, 0.06, 0.15, 0.3, 0.5])
        if step > 0.1
        else np.array([0.0, 0.03, 0.08, 0.16, 0.27, 0.38, 0.5])
    )
    y = width * np.unique(np.concatenate([-0.5 + edge, 0.5 - edge]).round(12))
    return tensor_grid(np.unique(np.concatenate([-np.array(x), x])), y, cells=cells)


def problem(
    step: float,
    order: int = 4,
    coupling: str = "full",
    cells: str = "triangle",
    reach: float = 12.0,
    width: float = WIDTH,
    spread: float = SPREAD,
) -> of.Problem:
    """A strip (L_m = 1), long enough to be infinite, with Gaussian current profiles of rms
    ``spread`` opposite each other.
    """
    half = width / 2
    contacts = {
        "bottom": of.Contact("profile", profile=of.gaussian_profile((0.0, -half), spread)),
        "top": of.Contact("profile", profile=of.gaussian_profile((0.0, half), spread)),
    }
    for place in (1, 2):
        for name, side in (("b", -half), ("t", half)):
            contacts[f"{name}{place}"] = of.Contact("point", at=(place, side))
    return of.Problem(
        grid(step, width, cells, reach), simple_material(), contacts, order=order, coupling=coupling
    )


def signal(prob: of.Problem, phi: float, place: int, part: str = "R") -> float:
    """R (all), R_ohmic or delta_R at Omega tau = phi."""
    r = of.resistance(
        prob,
        (phi * prob.material.field_scale, 0.0, 0.0),
        current=("bottom", "top"),
        voltage=(f"b{place}", f"t{place}"),
    )
    return float(getattr(r, part))


def closed(
    place: float, phi: float, orders: str = "all", width: float = WIDTH, **widths: float
) -> float:
    return float(
        analytic.nonlocal_strip(
            place, width, analytic.scalars_of_precession(phi), 0.09, orders=orders, **widths
        )
    )


def gaussian(step: float) -> list[Row]:
    """All orders, second order, and without the orbital Hall effect, at two distances with and
    without field.
    """
    rows = []
    whole, linear = problem(step), problem(step, coupling="linear")
    for (phi, place), printed in PRINTED.items():
        value, exact = signal(whole, phi, place), closed(place, phi, current_width=SPREAD)
        where = f"x = {place}, Omega tau = {phi:g}"
        rows.append(
            Row(
                CASE,
                "Eqs. (1), (2)",
                f"R({where}), all orders",
                value,
                exact,
                relative(value, exact),
                1e-5,
            )
        )
        rows.append(
            Row(
                CASE,
                "section 5, item 11",
                f"closed form of R({where}) and its printed digits",
                exact,
                printed,
                relative(exact, printed),
                2e-8,
            )
        )
        value, exact = (
            signal(linear, phi, place, "delta_R"),
            closed(place, phi, "second", current_width=SPREAD),
        )
        rows.append(
            Row(
                CASE,
                "Eqs. (1), (2)",
                f"delta_R({where}), second order",
                value,
                exact,
                relative(value, exact),
                1e-5,
            )
        )
    value, exact = signal(linear, 0.0, 1, "R_ohmic"), closed(1, 0.0, "ohmic", current_width=SPREAD)
    return [
        *rows,
        Row(
            CASE,
            "Ohm",
            "R_ohmic(x = 1), Gaussian contacts",
            value,
            exact,
            relative(value, exact),
            1e-5,
        ),
    ]


def averaged(step: float) -> Row:
    """Probes averaged with the profile of the current, a factor exp(-k^2 c^2): means of V along
    both edges.
    """
    prob = problem(step)
    sol = of.solve(
        prob, (3.0 * prob.material.field_scale, 0.0, 0.0), currents={"bottom": 1.0, "top": -1.0}
    )
    nodes, weights = np.polynomial.hermite.hermgauss(24)
    x = 1.0 + np.sqrt(2.0) * SPREAD * nodes
    low, high = (
        sol.at(np.stack([x, np.full_like(x, side)], axis=1)).potential
        for side in (-WIDTH / 2, WIDTH / 2)
    )
    value = float((low - high) @ weights / weights.sum())
    exact = closed(1, 3.0, current_width=SPREAD, probe_width=SPREAD)
    return Row(
        CASE,
        "section 5, item 11",
        "R(x = 1), Omega tau = 3, averaging probes",
        value,
        exact,
        relative(value, exact),
        1e-5,
    )


def points() -> list[Row]:
    """Point contacts as the limit of narrow ones: delta_R and R_ohmic are even in the width, so two
    widths extrapolate.
    """
    values = {}
    for spread in (0.1, 0.05):
        prob = problem(0.06, coupling="linear", spread=spread)
        values[spread] = np.array(
            [signal(prob, 0.0, 2, "delta_R") / 0.09, signal(prob, 0.0, 1, "R_ohmic")]
        )
    found = (4 * values[0.05] - values[0.1]) / 3
    ohmic = float(analytic.nonlocal_ohmic(1.0, WIDTH))
    return [
        Row(
            CASE,
            "section 5, item 5",
            "delta_R(x = 2)/alpha^2, point contacts by extrapolation",
            float(found[0]),
            0.0771501357,
            relative(float(found[0]), 0.0771501357),
            1e-4,
        ),
        Row(
            CASE,
            "section 5, item 5",
            "R_ohmic(x = 1) = (2/pi) ln coth(pi x/2w), by extrapolation",
            float(found[1]),
            ohmic,
            relative(float(found[1]), ohmic),
            1e-3,
        ),
    ]


def narrow() -> list[Row]:
    """Width 0.05 L_m: the form of Abanin, Shytov, Levitov and Halperin, which changes sign with the
    field.
    """
    prob = problem(0.1, coupling="linear", width=0.05, reach=10.0)
    rows = []
    for phi in (0.0, 4.0):
        value = signal(prob, phi, 2, "delta_R")
        form = float(analytic.nonlocal_narrow(2.0, 0.05, analytic.scalars_of_precession(phi), 0.09))
        exact = closed(2.0, phi, "second", width=0.05, current_width=SPREAD)
        rows.append(
            Row(
                CASE,
                "section 5, item 5",
                f"delta_R(x = 2), w = 0.05, Omega tau = {phi:g}",
                value,
                exact,
                relative(value, exact),
                1e-5,
            )
        )
        slim = (
            float(
                analytic.nonlocal_strip(
                    2.0, 0.002, analytic.scalars_of_precession(phi), 0.09, orders="second"
                )
            )
            * 25
        )
        rows.append(
            Row(
                CASE,
                "section 5, item 5",
                f"narrow limit of the closed form, Omega tau = {phi:g}",
                slim,
                form,
                relative(slim, form),
                1e-3,
            )
        )
        sign = 1.0 if phi == 0.0 else -1.0
        rows.append(
            Row(
                CASE,
                "section 5, item 5",
                f"sign of delta_R(x = 2), w = 0.05, Omega tau = {phi:g}",
                float(np.sign(value)),
                sign,
                abs(float(np.sign(value)) - sign),
                0.0,
            )
        )
    return rows


def run(level: str = "quick") -> list[Row]:
    if level == "quick":
        return gaussian(0.2)
    return [*gaussian(0.1), averaged(0.1), *points(), *narrow()]


@functools.cache
def curves() -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Omega tau, and delta_R at x = 1 and 2 against it from the spectral measure, over alpha^2."""
    prob, phi = problem(0.2, coupling="linear"), np.linspace(0.0, 12.0, 25)
    found = {}
    for place in (1, 2):
        curve = of.hanle_curve(
            prob,
            phi[:, None] * prob.material.field_scale * [1.0, 0.0, 0.0],
            current=("bottom", "top"),
            voltage=(f"b{place}", f"t{place}"),
        )
        found[place] = (phi, curve.delta_R / 0.09)
    return found


def draw(folder: Path) -> list[Drawing]:
    figure, ax = new_figure(1, 1, 5.0, 3.4)
    for colour, (place, (phi, values)) in zip(COLOURS, curves().items(), strict=False):
        fine = np.linspace(phi[0], phi[-1], 121)
        exact = [closed(place, p, "second", current_width=SPREAD) / 0.09 for p in fine]
        ax.plot(fine, exact, color=colour, lw=1.2, label=f"x = {place} $L_m$")
        ax.plot(phi, values, "o", color=colour, ms=3)
    ax.axhline(0.0, color="0.6", lw=0.6)
    ax.set(xlabel="Ωτ", ylabel="σ ΔR/α²", title="nonlocal Hanle curves of a strip, w = $L_m$")
    ax.legend()
    return [
        save(
            figure,
            folder,
            "nonlocal_strip",
            "Nonlocal resistance of an infinite strip in an in-plane field, current "
            "across it at x = 0 (Gaussian contacts of rms 0.2 L_m). Lines: closed form of second "
            "order; dots: finite "
            "elements.",
        )
    ]
