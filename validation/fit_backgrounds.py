"""Fits with something else in the curve: do the intervals hold the truth when the background is the
true one, and how far off is alpha alpha' when it is not?

A strip of W/L_m = 3 with the field along the current and tilted by 45 degrees, 60 points each to
both signs, noise of 1% of the Hanle effect, and a background about as large as the effect.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem.fitting.background import AMPLITUDES, background
from ohmr_fem.fitting.curve import Curve
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.fit import fit
from ohmr_fem.fitting.result import Fit
from ohmr_fem.sweep.measure import SpectralMeasure

from .case import Row
from .fit_devices import needs_lmfit
from .independence import middle

CASE = "fit_backgrounds"
ROUTES = {
    "": ("fit", "law: 95% intervals hold the truth in 95%"),
}
PARAMETERS = ("alpha", "tau", "theta")
TRUTH = {"alpha_product": 0.01, "relaxation_time": 2e-12, "theta": 0.25}
POINTS = 60
DIRECTIONS: tuple[Any, ...] = ("x", (1.0, 0.0, 1.0))
LENGTH = 100e-9
#: T; Omega tau = 1 at 0.23 T
TOP = 2.0
NOISE = 0.01
#: Of each background that is tried: the numbers of its shape.
SHAPES: Mapping[str, Mapping[str, float]] = {
    "quadratic": {},
    "kohler": {"n": 1.5},
    "two_band": {"B_s": 1.0},
    "hln": {"l_phi": 80e-9},
}
#: rho_ref/rho_0 of the curves of a direction that share Kohler's amplitude.
RATIOS = (1.0, 2.0)


def material(wrong: bool = False) -> of.Material:
    """The true material, or the start of the fit."""
    off = (1.4, 0.7, 1.6) if wrong else (1.0, 1.0, 1.0)
    return of.Material(
        sheet_conductivity="1 mS",
        diffusion_length=LENGTH,
        relaxation_time=2e-12 * off[1],
        orbital_hall_angle=0.1 * off[0] ** 0.5,
        inverse_mass=[24.4, 24.4, 6.1 * off[2]],
    )


@functools.cache
def measure(wrong: bool) -> SpectralMeasure:
    section = of.Problem(of.cross_section(3.0 * LENGTH), material(wrong))
    return of.spectral_measure(section, tolerance=1e-7, lengths=(LENGTH / 2.0, 2.0 * LENGTH))


def height(name: str, fields: np.ndarray, size: float) -> tuple[np.ndarray, float]:
    """A background that is ``size`` high, and its amplitude."""
    values = dict(SHAPES[name])
    if name == "hln":
        values["sheet_conductivity"] = 1e-3
    shape = background(name, fields, **values, **{AMPLITUDES[name]: 1.0})
    top = float(np.abs(shape).max())
    amplitude = size / top if top > 0.0 else 0.0
    return amplitude * shape, amplitude


def curves(name: str, seed: int) -> list[Measured]:
    """Two curves of the relative change with the background ``name`` in them."""
    rng = np.random.default_rng(seed)
    out = []
    for direction in DIRECTIONS:
        fields = of.field_sweep(-TOP, TOP, POINTS, direction)
        bare = Measured(fields, np.arange(POINTS), "ratio")
        change = Curve.of(bare, measure(False), ["offset"]).signal({})
        size = float(np.ptp(change))
        added, _ = height(name, fields, size)
        noise = NOISE * size
        values = change + added + noise * rng.standard_normal(POINTS)
        out.append(Measured(fields, values, "ratio", noise))
    return out


def fitted(
    name: str,
    seed: int,
    assumed: str | None = None,
    confidence: float = 0.95,
    intervals: str = "profile",
) -> Fit:
    """Fit with the true background, or another; "" is none."""
    terms = ["offset", *([name] if assumed is None else [assumed] if assumed else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong backgrounds are meant to be wrong here
        return fit(
            curves(name, seed),
            measure(True),
            PARAMETERS,
            background=terms,
            confidence=confidence,
            intervals=intervals,
            strip=False,
        )


def covered(name: str, seeds: range, confidence: float = 0.95) -> dict[str, int]:
    """How many intervals hold the truth, by parameter."""
    truth = {**TRUTH, **{f"{name}.{key}": value for key, value in SHAPES[name].items()}}
    counts = dict.fromkeys(truth, 0)
    for seed in seeds:
        found = fitted(name, seed, confidence=confidence)
        for key, value in truth.items():
            estimate = found.parameters[key]
            counts[key] += int(estimate.low <= value <= estimate.high)
    return counts


def shared_curves(seed: int) -> list[Measured]:
    """Each direction at two resistivities, with one Kohler's rule for each direction."""
    rng = np.random.default_rng(seed)
    out = []
    for part, direction in enumerate(DIRECTIONS):
        fields = of.field_sweep(-TOP, TOP, POINTS, direction)
        bare = Measured(fields, np.arange(POINTS), "ratio")
        change = Curve.of(bare, measure(False), ["offset"]).signal({})
        size = float(np.ptp(change))
        reduced = np.linalg.norm(fields, axis=1) / TOP
        for ratio in RATIOS:
            added = size * (0.5, 0.3)[part] * (reduced * ratio) ** SHAPES["kohler"]["n"]
            noise = NOISE * size * rng.standard_normal(POINTS)
            out.append(Measured(fields, change + added + noise, "ratio", NOISE * size))
    return out


def shared_covered(seeds: range, confidence: float = 0.95) -> dict[str, int]:
    """As :func:`covered`, of curves that share Kohler's amplitude."""
    truth = {**TRUTH, "kohler.n": SHAPES["kohler"]["n"]}
    counts = dict.fromkeys(truth, 0)
    given = {"offset": {}, "kohler": {"resistivity_ratio": RATIOS * len(DIRECTIONS)}}
    for seed in seeds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fit(
                shared_curves(seed),
                measure(True),
                PARAMETERS,
                background=given,
                confidence=confidence,
                strip=False,
            )
        for key, value in truth.items():
            estimate = found.parameters[key]
            counts[key] += int(estimate.low <= value <= estimate.high)
    return counts


def bias(name: str, assumed: str, seeds: range) -> tuple[float, float]:
    """Medians of fitted over true alpha alpha' and of the reduced chi^2, with the background
    ``assumed``.
    """
    found = [fitted(name, s, assumed, intervals="fisher") for s in seeds]
    values = [f.parameters["alpha_product"].value / TRUTH["alpha_product"] for f in found]
    return float(np.median(values)), float(np.median([f.reduced_chi2 for f in found]))


def _count(text: str, value: float, low: float, high: float) -> Row:
    """A row that passes between two counts."""
    between, half = middle(low, high), 0.5 * (high - low)
    return Row(CASE, "coverage", text, value, between, abs(value - between), half)


def run(level: str = "quick") -> list[Row]:
    """500 sets of each background at the full level; 3 at the quick one, which shows no more than
    that nothing is broken.
    """
    needs_lmfit()
    full = level == "full"
    count = 500 if full else 3
    rows = []
    tried = {name: functools.partial(covered, name) for name in SHAPES}
    tried["kohler of two resistivities"] = shared_covered
    for name, counted in tried.items():
        for confidence, limits in ((0.95, (462, 487)), (0.90, (432, 467))):
            if not full and confidence < 0.95:
                continue
            for key, inside in counted(range(1, count + 1), confidence).items():
                text = f"{name}: {100 * confidence:g}% intervals of {key} that hold the truth"
                rows.append(_count(f"{text}, of {count}", inside, *(limits if full else (2, 3))))
    return rows
