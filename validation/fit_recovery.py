"""Synthetic measurements on an irregular Hall bar: do the intervals hold the truth, and is what
cannot be known said so?

The data come from a mesh refined once more than the one that is fitted, at W/L_m = 6, with the
field along the current and tilted by 45 degrees towards the normal, 200 points each up to Omega tau
sqrt(theta) = 3 along x, with noise of 1% of the largest change R(B) - R(0).  The fit starts 30 to
60% off.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache

import numpy as np

import ohmr_fem as of
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.fisher import Identifiability
from ohmr_fem.fitting.fit import fit, identifiability
from ohmr_fem.fitting.result import Fit

from .case import Row
from .fit_devices import IRREGULAR, bar, needs_lmfit

CASE = "fit"
ROUTES = {
    "": ("fit", "law: the truth that made the data"),
}
#: Seeds of the hundred data sets.
SEEDS = tuple(range(1, 101))
DIRECTIONS: tuple[object, ...] = ("x", (1.0, 0.0, 1.0))
TRUTH = {"alpha_product": 0.01, "relaxation_time": 2e-12, "theta": 0.25}
CURRENT, VOLTAGE = ("left", "right"), ("t1", "t2")


def material(width_over_length: float, wrong: bool = False) -> of.Material:
    """The true material, or the start of the fit; the bar is 1 um wide."""
    off = (1.5, 0.7, 1.6, 0.6) if wrong else (1.0, 1.0, 1.0, 1.0)
    return of.Material(
        sheet_conductivity="1 mS",
        diffusion_length=1e-6 / width_over_length * off[1],
        relaxation_time=2e-12 * off[2],
        orbital_hall_angle=0.1 * off[0] ** 0.5,
        inverse_mass=[24.4, 24.4, 6.1 * off[3]],
    )


@lru_cache(maxsize=2)
def problem(refined: bool = False, fine: bool = False) -> of.Problem:
    """The bar for the fit, or with every cell halved; ``fine`` resolves W/L_m = 30."""
    mesh = bar(IRREGULAR, 6.0, 1e-6, finest=0.008 if fine else 0.02)
    return of.Problem(
        mesh.refined() if refined else mesh,
        material(6.0),
        list(mesh.boundaries),
        order=2 if refined else 3,
    )


def with_material(prob: of.Problem, new: of.Material) -> of.Problem:
    return replace(prob, materials=new)


def fields(phi: float = 3.0, points: int = 200) -> list[np.ndarray]:
    """Fields up to Omega tau sqrt(theta) = phi for B along x."""
    top = phi * material(6.0).field_scale / 0.5
    return [of.field_sweep(-top, top, points, d) for d in DIRECTIONS]


@lru_cache(maxsize=8)
def clean(width_over_length: float, phi: float = 3.0, refined: bool = True) -> tuple[Measured, ...]:
    """Noiseless R(B) in both directions, with sigma = 1% of the largest change."""
    prob = with_material(problem(refined, width_over_length > 10), material(width_over_length))
    measure = of.spectral_measure(prob, current=CURRENT, voltage=VOLTAGE)
    return tuple(
        Measured(
            B,
            measure.R_ohmic + measure.delta_R(B),
            "R",
            0.01 * np.abs(measure.hanle(B)).max(),
            CURRENT,
            VOLTAGE,
        )
        for B in fields(phi)
    )


def noisy(curves: tuple[Measured, ...], seed: int) -> list[Measured]:
    """The curves with their noise, which the fit is not told."""
    rng = np.random.default_rng(seed)
    return [
        replace(c, values=c.values + c.sigma * rng.standard_normal(len(c.values)), sigma=None)
        for c in curves
    ]


def truth(width_over_length: float) -> dict[str, float]:
    return TRUTH | {"diffusion_length": 1e-6 / width_over_length}


@lru_cache(maxsize=2)
def measures() -> tuple[of.SpectralMeasure, ...]:
    start = material(6.0, wrong=True).diffusion_length
    prob = with_material(problem(), material(6.0, wrong=True))
    return (
        of.spectral_measure(
            prob,
            current=CURRENT,
            voltage=VOLTAGE,
            tolerance=1e-7,
            lengths=(start / 2.5, start * 4.0),
        ),
    )


def coverage(seeds: tuple[int, ...]) -> tuple[dict[str, list[bool]], list[float], list[Fit]]:
    """For every parameter whether each interval holds the truth, the processor seconds of each fit,
    and the fits.
    """
    inside: dict[str, list[bool]] = {name: [] for name in truth(6.0)}
    seconds, fits = [], []
    for seed in seeds:
        start = time.process_time()
        found = fit(noisy(clean(6.0), seed), measures(), strip=False)
        seconds.append(time.process_time() - start)
        for name, value in truth(6.0).items():
            e = found.parameters[name]
            inside[name].append(e.low <= value <= e.high)
        fits.append(found)
    return inside, seconds, fits


def coverage_rows(level: str) -> list[Row]:
    seeds = SEEDS if level == "full" else SEEDS[:3]
    inside, seconds, fits = coverage(seeds)
    pooled = 100.0 * float(np.mean(list(inside.values())))
    rows = [
        Row(
            CASE,
            "coverage",
            f"95% intervals that hold the truth, 4 parameters, {len(seeds)} seeds, %",
            pooled,
            95.0,
            abs(pooled - 95.0),
            3.0 if level == "full" else 30.0,
        ),
        Row(
            CASE,
            "time",
            "median processor seconds of a 4-parameter fit with profiles, measure given",
            float(np.median(seconds)),
            0.0,
            float(np.median(seconds)),
            1.0 if level == "full" else 10.0,
        ),
    ]
    for name, value in truth(6.0).items() if level == "full" else ():
        off = [np.log(f.parameters[name].value / value) for f in fits]
        middle, spread = (
            float(np.median(off)),
            float(1.4826 * np.median(np.abs(off))),
        )  # a few lie in the other valley
        covered = 100.0 * float(np.mean(inside[name]))
        text = f"{name}: median of ln(fitted/true); scatter {spread:.3g}, coverage {covered:.0f}%"
        rows.append(Row(CASE, "bias", text, middle, 0.0, abs(middle), 0.4 * spread))
    return rows


def named(found: Fit | Identifiability, expected: list[dict[str, float]]) -> float:
    """Largest difference of the exponents of the fixed combinations from the expected ones (in this
    order); 99 if the number
    of combinations differs."""
    known = found.identifiability if isinstance(found, Fit) else found
    if len(known.fixed) != len(expected):
        return 99.0
    wanted = [[e.get(n, 0.0) for n in known.names] for e in expected]
    return float(
        max(
            np.abs(np.subtract(c.exponents, w)).max()
            for c, w in zip(known.fixed, wanted, strict=True)
        )
    )


def truth_of_combinations(found: Fit, true: dict[str, float]) -> float:
    """Largest deviation of a fixed combination from its true value, in its standard errors."""
    values = np.array(
        [np.log(found.parameters[n].value / true[n]) for n in found.identifiability.names]
    )
    return float(
        max(abs(np.dot(c.exponents, values)) / c.error for c in found.identifiability.fixed)
    )


WIDE = [{"alpha_product": 1.0, "diffusion_length": 1.0}, {"relaxation_time": 1.0}, {"theta": 1.0}]
ONE_DIRECTION = [
    {"alpha_product": 1.0},
    {"diffusion_length": 1.0},
    {"relaxation_time": 1.0, "theta": 0.5},
]
NARROW = [{"alpha_product": 1.0, "diffusion_length": -4.0, "relaxation_time": 2.0, "theta": 1.0}]


def degenerate_rows(level: str) -> list[Row]:
    """One direction; W/L_m = 30; W/L_m = 0.5 with fields up to Omega tau sqrt(theta) = 1 and 3."""
    one = with_material(problem(), material(6.0))
    rows = [
        _plan(
            "one direction, W/L_m = 6",
            identifiability(noisy(clean(6.0), 1)[:1], one),
            ONE_DIRECTION,
            0.01,
        )
    ]
    if level != "full":
        return rows
    for name, ratio, phi, curves, expected, slack in (
        ("one direction, W/L_m = 6", 6.0, 3.0, 1, None, 0.0),
        ("W/L_m = 30", 30.0, 3.0, 2, WIDE, 0.01),
        ("W/L_m = 0.5, weak field", 0.5, 1.0, 2, NARROW, 0.45),
        ("W/L_m = 0.5", 0.5, 3.0, 2, None, 0.0),
    ):
        data = noisy(clean(ratio, phi), 1)[:curves]
        prob = problem(fine=ratio > 10)
        if expected is not None:
            rows.append(
                _plan(
                    name,
                    identifiability(data, with_material(prob, material(ratio))),
                    expected,
                    slack,
                )
            )
        found = fit(data, with_material(prob, material(ratio, wrong=True)), strip=False)
        error = truth_of_combinations(found, truth(ratio))
        text = (
            f"{name}, after the fit: {found.identifiability}; "
            "combinations off the truth, in standard errors"
        )
        rows.append(
            Row(
                CASE,
                "identifiability",
                text,
                error,
                0.0,
                error if found.identifiability.free else 99.0,
                3.5,
            )
        )
    return rows


def _plan(name: str, known: object, expected: list[dict[str, float]], slack: float) -> Row:
    error = named(known, expected)  # type: ignore[arg-type]
    return Row(
        CASE,
        "identifiability",
        f"{name}, at the truth: {known}; exponents off the expected",
        error,
        0.0,
        error,
        slack,
    )


def run(level: str = "quick") -> list[Row]:
    needs_lmfit()
    return coverage_rows(level) + degenerate_rows(level)
