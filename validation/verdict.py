"""The verdict: how often it is wrong where there is no Hanle effect, and how often it sees one.

Four film sections (4 to 40 nm) at two directions of the field, 31 fields each.  Without an effect:
Kohler's rule, weak localisation, a drift in time, nothing at all.  With an effect: as large as the
backgrounds leave of it 1 or 5 standard deviations.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

import ohmr_fem as of
from ohmr_fem.fitting.alternatives import BACKGROUND, fit_background, fit_model, read_models
from ohmr_fem.fitting.background import background
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.null import noiseless
from ohmr_fem.fitting.sample import Sample, with_values
from ohmr_fem.fitting.verdict import (
    ALTERNATIVES,
    FAVOURED,
    OPEN,
    Comparison,
    assembled,
    prepare_comparison,
)

from .case import Row
from .independence import middle

CASE = "verdict"
ROUTES = {
    "": ("verdict", "law: the truth that made the data"),
}
THICKNESSES = (4e-9, 8e-9, 16e-9, 40e-9)
DIRECTIONS = ("x", "z")
POINTS, TOP = 31, 9.0
#: A background is this many times the noise.
HEIGHT = 20.0
LEVEL, SIMULATIONS = 0.01, 999
NULLS = ("kohler", "hln", "drift", "nothing")
#: Of 200 at a level of 1%.
MOST_FALSE = 7
SIZES = {5.0: (180, 200), 1.0: (0, 10)}


def samples() -> list[Sample]:
    """The films, not measured yet: noise of one unit."""
    m = of.Material(
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
        diffusion_length="5 nm",
    )
    out = []
    for t in THICKNESSES:
        fields = [of.field_sweep(-TOP, TOP, POINTS, d) for d in DIRECTIONS]
        curves = [Measured(f, np.arange(POINTS), "ratio", 1.0) for f in fields]
        problem = of.Problem(of.cross_section(t, "z"), m)
        out.append(Sample(problem, curves, f"t{1e9 * t:g}"))
    return out


@functools.cache
def comparison() -> Comparison:
    asked = read_models(None, ("alpha", "L_m", "tau"))
    return prepare_comparison(
        samples(),
        asked,
        (),
        None,
        ALTERNATIVES,
        LEVEL,
        SIMULATIONS,
        0,
    )


@functools.cache
def effect() -> tuple[float, list[np.ndarray]]:
    """The stated effect of every curve, and its standard deviations left by the backgrounds at a
    noise of one; that of a null of Kohler's kind.
    """
    own = comparison().with_samples(null_sets("kohler", 0))
    model = own.first.model
    signals = model.signals(np.zeros(len(model.parameters)))
    reach = float(np.sqrt(noiseless(own.null(), "hanle", np.concatenate(signals))))
    return reach, signals


def null_sets(kind: str, seed: int) -> list[Sample]:
    """Samples without a Hanle effect, noise of one."""
    rng = np.random.default_rng([seed, NULLS.index(kind)])
    out = []
    for s in samples():
        values = [_null(kind, c, rng) + rng.standard_normal(POINTS) for c in s.curves]
        out.append(with_values(s, values))
    return out


def _null(kind: str, curve: Measured, rng: np.random.Generator) -> np.ndarray:
    height = HEIGHT * rng.uniform(0.5, 1.0)
    if kind == "kohler":
        return np.asarray(background("kohler", curve.fields, a=height / TOP**1.6, n=1.6))
    if kind == "hln":
        shape = background("hln", curve.fields, weight=1.0, l_phi=30e-9, sheet_conductivity=1.0)
        top = float(np.abs(shape).max())
        return height * shape / top if top else shape
    if kind == "drift":  # in time: the field goes from one end to the other
        return height * np.linspace(0.0, 1.0, POINTS) ** 2
    return np.zeros(POINTS)


def with_effect(size: float, seed: int) -> list[Sample]:
    """A Kohler background and the stated effect, ``size`` standard deviations of it left."""
    reach, signals = effect()
    parts = list(signals)
    out = []
    for s in null_sets("kohler", seed):
        own = [c.values + size / reach * parts.pop(0) for c in s.curves]
        out.append(with_values(s, own))
    return out


def word(data: Sequence[Sample]) -> str:
    """The word; models are fitted only where the simulations allow "favoured"."""
    own = comparison().with_samples(list(data))
    null = own.null()
    if null.p("hanle") >= LEVEL:
        return OPEN
    group = own.prepared["hanle"]
    fits = {BACKGROUND: fit_background(group), "hanle": fit_model("hanle", group)}
    return assembled(own, fits, null).verdict


def favoured(sets: Sequence[Sequence[Sample]]) -> int:
    return sum(word(data) == FAVOURED for data in sets)


def run(level: str = "quick") -> list[Row]:
    """200 sets of every kind at the full level; 2 of two kinds at the quick one."""
    full = level == "full"
    count = 200 if full else 2
    rows = []
    for kind in NULLS if full else NULLS[:1]:
        wrong = favoured([null_sets(kind, seed) for seed in range(1, count + 1)])
        most = MOST_FALSE if full else 1
        text = f"{kind}, no Hanle effect: called favoured, of {count}"
        rows.append(Row(CASE, "coverage", text, wrong, 0.0, wrong, most))
    for size, (low, high) in SIZES.items():
        if not full and size < 5.0:
            continue
        seen = favoured([with_effect(size, seed) for seed in range(1, count + 1)])
        low, high = (low, high) if full else (1, count)
        between, half = middle(low, high), (high - low) / 2.0
        text = f"effect of {size:g} standard deviations: called favoured, of {count}"
        rows.append(Row(CASE, "coverage", text, seen, between, abs(seen - between), half))
    return rows
