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
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.fit import fit
from ohmr_fem.fitting.model import Curve
from ohmr_fem.fitting.result import Fit
from ohmr_fem.sweep.measure import SpectralMeasure

CASE = "fit_backgrounds"
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


def fitted(name: str, seed: int, assumed: str | None = None, confidence: float = 0.95) -> Fit:
    """Fit with the true background, or another."""
    terms = ["offset", assumed or name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong backgrounds are meant to be wrong here
        return fit(
            curves(name, seed),
            measure(True),
            PARAMETERS,
            background=terms,
            confidence=confidence,
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


def bias(name: str, assumed: str, seeds: range) -> float:
    """Median of fitted over true alpha alpha' with a background that is ``assumed``."""
    values = [fitted(name, s, assumed).parameters["alpha_product"].value for s in seeds]
    return float(np.median(values) / TRUTH["alpha_product"])
