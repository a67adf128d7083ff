"""A fit over a whole series, its profiles, and the verdict: seconds of processor time.

Eight film bars at three directions of 181 fields with six free parameters; four film sections at
two directions of 41 fields with profiles; verdicts of five models and of two.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem.fitting.global_fit import Prepared, fit_prepared
from ohmr_fem.fitting.sample import Sample, replace_of
from ohmr_fem.fitting.scan import starts_of
from ohmr_fem.fitting.series import read_series
from ohmr_fem.fitting.settled import settled_minima

from .table import Row

CASE = "series"
SIZES = (4e-9, 6e-9, 8e-9, 12e-9, 16e-9, 24e-9, 32e-9, 40e-9)
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
SIX = ("alpha", "L_m", "tau", "theta")
MODELS = ("hanle", "hanle_theta", "orbital_and_spin", "hanle_absorbing")


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = what()
    return time.process_time() - start, found


def material() -> of.Material:
    return of.Material(
        resistivity="100 uohm cm",
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=[1.0, 1.0, 0.7],
        diffusion_length="5 nm",
    )


def bars() -> list[Sample]:
    bar = of.geometry.hall_bar(
        "800 nm",
        "200 nm",
        arm_width="50 nm",
        arm_length="80 nm",
        arm_positions=("-200 nm", "200 nm"),
    )
    mesh = of.mesh_device(bar, "5 nm")
    contacts = ["left", "right", "t1", "t2", "b1", "b2"]
    fields = [of.field_sweep(-9.0, 9.0, 181, d) for d in "xyz"]
    out = []
    for t in SIZES:
        problem = of.Problem(mesh, material(), contacts, film=of.Film(t))
        curves = [of.Measured(f, np.arange(181.0), "ratio", 1.0, **PAIR) for f in fields]
        background = ("offset", "kohler")
        out.append(Sample(problem, curves, f"t{1e9 * t:g}", background=background))
    return out


def sections(sizes: Sequence[float], directions: str, points: int) -> list[Sample]:
    out = []
    for t in sizes:
        problem = of.Problem(of.cross_section(t, "z"), material())
        fields = [of.field_sweep(-9.0, 9.0, points, d) for d in directions]
        curves = [of.Measured(f, np.arange(float(points)), "ratio", 1.0) for f in fields]
        out.append(Sample(problem, curves, f"t{1e9 * t:g}"))
    return out


def with_signals(samples: Sequence[Sample], signals: Sequence[np.ndarray]) -> list[Sample]:
    """The samples measured: the signal, Kohler's rule, and noise of 1%."""
    rng = np.random.default_rng(1)
    parts = list(signals)
    out = []
    for s in samples:
        own = [parts.pop(0) for _ in s.curves]
        size = max(float(np.ptp(v)) for v in own)
        curves = []
        for c, v in zip(s.curves, own, strict=True):
            ordinary = 0.3 * size * (np.linalg.norm(c.fields, axis=1) / 9.0) ** 1.6
            values = v + ordinary + 0.01 * size * rng.standard_normal(len(v))
            curves.append(replace(c, values=values, sigma=0.01 * size))
        out.append(replace_of(s, curves=tuple(curves)))
    return out


def of_bars() -> list[Row]:
    samples = bars()
    trend = {"tau": "power(thickness)"}
    series = read_series(samples, SIX, (), trend)
    making, compiled = timed(series.compiled)
    model = series.model(compiled)
    signals = model.signals(np.zeros(len(series.parameters)))
    series = read_series(with_signals(samples, signals), SIX, (), trend)
    several, prepared = timed(lambda: Prepared.of(series, compiled=compiled))
    starts = starts_of(prepared.model, prepared.atlas)
    best, _ = timed(lambda: settled_minima(prepared.model, starts[:1]))
    whole, _ = timed(lambda: fit_prepared(prepared))
    fisher = replace(prepared, task=replace(prepared.task, intervals="fisher"))
    without, _ = timed(lambda: fit_prepared(fisher))
    what = "8 film bars x 3 directions x 181 fields, 6 parameters: "
    return [
        Row(CASE, f"{what}the measure (s)", making),
        Row(CASE, f"{what}grid of starts (s)", several),
        Row(CASE, f"{what}best fit (s)", best),
        Row(CASE, f"{what}profiles (s)", whole - without),
    ]


def of_sections() -> list[Row]:
    samples = sections((4e-9, 8e-9, 16e-9, 40e-9), "xz", 41)
    names = ("alpha", "L_m", "tau")
    series = read_series(samples, names, (), None)
    model = series.model(series.compiled())
    measured = with_signals(samples, model.signals(np.zeros(3)))
    fit, _ = timed(lambda: of.global_fit(measured))
    shape = "4 film sections x 2 directions x 41 fields"
    return [Row(CASE, f"{shape}: fit with profiles (s)", fit)]


def of_verdicts() -> list[Row]:
    rows = []
    for sizes, points, models in ((SIZES, 181, MODELS), (SIZES[::2], 31, MODELS[:1])):
        samples = sections(sizes, "xyz", points)
        series = read_series(samples, ("alpha", "L_m", "tau"), (), None)
        model = series.model(series.compiled())
        measured = with_signals(samples, model.signals(np.zeros(3)))
        spent, _ = timed(lambda m=measured, n=models: of.compare_models(m, n))
        shape = f"{len(sizes)} film sections x 3 directions x {points} fields"
        text = f"{shape}: verdict of {len(models) + 1} models, 999 simulations (s)"
        rows.append(Row(CASE, text, spent))
    return rows


def of_bars_verdict() -> list[Row]:
    """Five models on film bars, whose faces may absorb: the measures and the atlases as well."""
    samples = bars()
    series = read_series(samples, ("alpha", "L_m", "tau"), (), None)
    model = series.model(series.compiled())
    measured = with_signals(samples, model.signals(np.zeros(len(series.parameters))))
    spent, _ = timed(lambda: of.compare_models(measured, MODELS))
    text = "8 film bars x 3 directions x 181 fields: verdict of 5 models, 999 simulations (s)"
    return [Row(CASE, text, spent)]


def run() -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*of_sections(), *of_bars(), *of_verdicts(), *of_bars_verdict()]
