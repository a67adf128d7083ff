"""One fit over a whole series of samples: thicknesses, widths, temperatures, angles, distances.

Each curve has its own background; the parameters of the devices are shared, of one sample each, or
follow a trend.  Backgrounds and alpha alpha' are linear and solved for exactly, so a search has two
or three nonlinear parameters; it starts from every valley of a grid of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, SolveError, suggest, warn
from ..errors.doors import door
from ..model.material import Material
from ..units import positive
from .compiled import Compiled, rebased
from .fisher import LIMIT, Identifiability
from .fit import _estimates, _fitted
from .global_result import GlobalFit, Minimum, SampleFit
from .input import check_options
from .notes import residual_notes
from .parameters import changes
from .sample import Sample
from .scan import Atlas, adapted, atlas_of, starts_of
from .search import Found, Point, Profile, _intervals, _reweighted, chi2_of
from .series import (
    Series,
    SeriesTask,
    check_dependence,
    check_points,
    read_series,
    with_shapes,
)
from .series_model import SeriesModel
from .settled import settled_minima
from .told import Told, nobody

#: Times that measures are made anew about the length that was found.
MOST_MOVES = 3
#: How near to the end of the measures' range a length may end.
EDGE = 1.2
#: Standard errors between a prior and what the data say from which it is told.
CONTRADICTION = 3.0
#: Minima with chi^2 within this of the best count as as good.
AS_GOOD = 4.0
#: For questions that need no search.
EMPTY = Atlas(np.empty((0, 0)), (), np.empty((0, 0, 0)), np.empty((0, 0)), ())
LOSSES = ("squares", "huber")
#: Huber's constant: 95% efficient for normal noise.
HUBER = 1.345


@dataclass(frozen=True, eq=False)
class Prepared:
    """A series ready to be fitted, also again to other values of the same curves."""

    series: Series
    task: SeriesTask
    model: SeriesModel
    atlas: Atlas
    centre: float = 1.0

    @classmethod
    def of(
        cls,
        series: Series,
        confidence: float = 0.95,
        intervals: str = "profile",
        limit: float = LIMIT,
        centre: float = 1.0,
        compiled: Sequence[Compiled] | None = None,
        search: bool = True,
        told: Told = nobody,
    ) -> Prepared:
        """Measures and atlas; without ``search`` there is no atlas, and nothing to start from."""
        told("measures", 0, 1)
        made = series.compiled(centre) if compiled is None else compiled
        told("measures", 1, 1)
        model = series.model(made, centre)
        check_points(model)
        check_dependence(model, np.zeros(len(series.parameters)))
        task = SeriesTask(
            curves=series.curves,
            parameters=series.parameters,
            background=series.samples[0].background,
            confidence=confidence,
            intervals=intervals,
            limit=limit,
            method="leastsq",
            lmfit=None,
            series=series,
        )
        atlas = atlas_of(model, told) if search else EMPTY
        return cls(series, task, model, atlas, centre)

    def with_background(self, samples: Sequence[Sample]) -> Prepared:
        """The same devices and curves with other backgrounds."""
        series = with_shapes(self.series, samples)
        made = rebased(self.model.samples, samples)
        model = series.model(made, self.centre)
        check_points(model)
        background = samples[0].background
        task = replace(
            self.task, parameters=series.parameters, background=background, series=series
        )
        return replace(
            self,
            series=series,
            task=task,
            model=model,
            atlas=adapted(self.atlas, self.model, model),
        )

    def with_samples(self, samples: Sequence[Sample]) -> Prepared:
        """The same with other measured values."""
        series = replace(self.series, samples=tuple(samples))
        curves = series.curves
        task = replace(self.task, curves=curves, series=series)
        model = replace(self.model, values=tuple(c.values for c in curves))
        return replace(self, series=series, task=task, model=model)


@door
def global_fit(
    samples: Any,
    shared: Sequence[str] = ("alpha", "L_m", "tau"),
    each: Sequence[str] = (),
    trend: Mapping[str, str] | None = None,
    *,
    confidence: float = 0.95,
    intervals: str = "profile",
    seed: int = 0,
    loss: str = "squares",
    limit: float = LIMIT,
    progress: Told | None = None,
) -> GlobalFit:
    """One fit over a series.

    Parameters
    ----------
    samples : sequence of :class:`Sample`
    shared : names
        Parameters that are the same in all samples: "alpha" (the product alpha alpha'), "L_m",
        "tau", "theta", "g", "sigma", "thickness", "width", "resistivity", "face_absorption" (G in
        m/s of both faces), of a spin channel "spin.alpha", "spin.L_m", "spin.tau", of a layer of a
        stack "Mn.tau" and the like.
    each : names
        Parameters of each sample, called "relaxation_time[t8]".
    trend : {parameter: "form(property)"}
        "power", "linear", "arrhenius" or "matthiessen" of thickness, temperature, resistivity,
        width or distance; the parameter is the value at the first sample's property, and the
        coefficient one more: "relaxation_time.exponent", ".slope", ".energy", ".surface".
    confidence : float
        Of the intervals, between 0 and 1.
    intervals : "profile" or "fisher"
        Profile likelihood of every shared parameter, or the curvature alone.
    seed : int
        Of the bootstrap, :meth:`GlobalFit.bootstrap`.
    loss : "squares" or "huber"
        With the second, points far off count less.
    limit : float
        Relative standard error above which a parameter counts as not fixed.
    progress : function of (what, done, of all), optional
        Told of the measures, the grid of starts, the minima and the profiles.

    Returns
    -------
    GlobalFit

    Raises
    ------
    InputError
        Samples that cannot be compared, a trend without its property, a parameter that no sample
        depends on, fewer points than numbers.
    """
    begin = time.perf_counter()
    confidence, limit = check_options(("offset",), confidence, intervals, limit)
    if loss not in LOSSES:
        raise InputError(f"{loss!r} is not known; {suggest(loss, LOSSES)}", key="loss")
    series = read_series(samples, shared, each, trend)
    told = progress or nobody
    prepared = Prepared.of(series, confidence, intervals, limit, told=told)
    found = fit_prepared(prepared, loss, begin, seed, told)
    for note in found.warnings:
        warn(note)
    return found


@door
def series_identifiability(
    samples: Any,
    shared: Sequence[str] = ("alpha", "L_m", "tau"),
    each: Sequence[str] = (),
    trend: Mapping[str, str] | None = None,
    *,
    limit: float = LIMIT,
) -> Identifiability:
    """What a series would fix if the parameters had the values of its problems; nothing is fitted.

    Parameters
    ----------
    samples, shared, each, trend : as for :func:`global_fit`
        Noise from ``sigma`` of the curves, or from their scatter.
    limit : float
        Relative standard error above which a parameter counts as not fixed.

    Returns
    -------
    Identifiability

    Raises
    ------
    InputError
        Parameters that no sample knows, or samples that do not fit together.
    """
    series = read_series(samples, shared, each, trend)
    most = positive(limit, "1", "limit")
    prepared = Prepared.of(series, limit=most, search=False)
    return prepared.task.identify(prepared.model, np.zeros(len(series.parameters)))


def fit_prepared(
    prepared: Prepared,
    loss: str = "squares",
    begin: float | None = None,
    seed: int = 0,
    told: Told = nobody,
) -> GlobalFit:
    """The fit of a prepared series; measures are made anew where the length leaves their range."""
    begin = time.perf_counter() if begin is None else begin
    for _ in range(MOST_MOVES):
        model, minima = minimised(prepared, loss, told)
        moved = _moved(prepared, model, minima[0])
        if moved is None:
            break
        prepared = moved
    task = prepared.task
    profile = _intervals(task, model, minima[0], minima, told)
    found = _found(prepared, model, profile)
    return _assembled(prepared, found, profile, minima, time.perf_counter() - begin, seed)


def minimised(
    prepared: Prepared,
    loss: str = "squares",
    told: Told = nobody,
) -> tuple[SeriesModel, list[Point]]:
    """The model with its noise, and the minima, the best first."""
    model, task = prepared.model, prepared.task
    minima = settled_minima(model, starts_of(model, prepared.atlas), told)
    given = model.sigma
    for _ in range(10):
        if not task.noise_estimated and loss == "squares":
            break
        sigma, change = _reweighted(task, replace(model, sigma=given), minima[0])
        given = sigma
        model = replace(model, sigma=_robust(model, minima[0], sigma, loss))
        minima = settled_minima(model, minima)
        if change < 0.01 and loss == "squares":
            break
    return model, minima


def _robust(
    model: SeriesModel,
    u: Point,
    sigma: Sequence[np.ndarray],
    loss: str,
) -> tuple[np.ndarray, ...]:
    """Noise with what lies far off made larger, as Huber's weights do."""
    if loss == "squares":
        return tuple(sigma)
    out = []
    rests = zip(model.values, model.signals(u), model.backgrounds(u), sigma, strict=True)
    for value, signal, background, s in rests:
        away = np.abs(value - signal - background) / s
        out.append(s * np.sqrt(np.maximum(away / HUBER, 1.0)))
    return tuple(out)


def _moved(
    prepared: Prepared,
    model: SeriesModel,
    u: Point,
) -> Prepared | None:
    """Prepared again about the length that was found, where that lies at an end of its range."""
    i = prepared.task.length
    if i is None or model.lengths is None:
        return None
    found = model.physical(u)["diffusion_length"]
    low, high = model.lengths
    if EDGE * low < found < high / EDGE:
        return None
    centre = found / prepared.series.samples[0].problem.material.diffusion_length
    task = prepared.task
    return Prepared.of(prepared.series, task.confidence, task.intervals, task.limit, centre)


def _found(
    prepared: Prepared,
    model: SeriesModel,
    profile: Profile,
) -> Found:
    nothing = np.zeros(len(model.parameters))
    measures = tuple(setup.measure for s in model.samples for setup in s.setups)
    return Found(
        model=model,
        measures=measures,
        u=profile.u,
        intervals=profile.ends,
        reach=profile.reach,
        clipped=profile.clipped,
        before=prepared.task.identify(prepared.model, nothing),
        result=None,
    )


def _assembled(
    prepared: Prepared,
    found: Found,
    profile: Profile,
    minima: Sequence[Point],
    seconds: float,
    seed: int,
) -> GlobalFit:
    model: Any = found.model
    task, u = prepared.task, found.u
    known = task.identify(model, u, found.reach)
    J = model.jacobian(u)
    covariance = np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True)
    root = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    estimates = _estimates(found, known)
    other = _minima(model, u, minima)
    notes = [
        *_range_notes(model, u),
        *residual_notes(task, found),
        *_prior_notes(model, u),
        *_minima_notes(other),
    ]
    return GlobalFit(
        parameters=estimates,
        identifiability=known,
        before=found.before,
        correlation=covariance / np.outer(root, root),
        covariance=_physical(model, u, covariance),
        samples=_samples(prepared, found),
        profiles=_profiles(model, profile),
        minima=other,
        chi2=chi2_of(model, u),
        degrees=model.degrees,
        noise_estimated=task.noise_estimated,
        confidence=task.confidence,
        warnings=tuple(str(n) for n in notes),
        seconds=seconds,
        seed=seed,
        prepared=replace(prepared, model=model),
        u=u,
    )


def _physical(
    model: SeriesModel,
    u: Point,
    covariance: np.ndarray,
) -> np.ndarray:
    """Covariance of the values in SI from that of the coordinates."""
    slopes = []
    for p, x in zip(model.parameters, u.tolist(), strict=True):
        slopes.append(p.spread(p.value(x), abs(p.relative(x))))
    return np.asarray(covariance * np.outer(slopes, slopes))


def _profiles(
    model: SeriesModel,
    profile: Profile,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (values, rise of chi^2)} in the order of the values."""
    out = {}
    for i, places in profile.visited.items():
        p = model.parameters[i]
        points = sorted([*places, (float(profile.u[i]), 0.0)])
        values = np.array([p.value(x) for x, _ in points])
        rises = np.array([max(rise, 0.0) for _, rise in points])
        order = np.argsort(values)
        out[p.name] = values[order], rises[order]
    return out


def _minima(
    model: SeriesModel,
    u: Point,
    minima: Sequence[Point],
) -> tuple[Minimum, ...]:
    """The best fit and the other minima, distinct and in order."""
    out: list[Minimum] = []
    for x in [u, *minima]:
        if any(np.allclose(x, y.u, atol=1e-2) for y in out):
            continue
        out.append(Minimum(model.physical(x), chi2_of(model, x), np.asarray(x)))
    return tuple(sorted(out, key=lambda m: m.chi2))


def _minima_notes(minima: Sequence[Minimum]) -> list[str]:
    good = [m for m in minima[1:] if m.chi2 - minima[0].chi2 < AS_GOOD]
    if not good:
        return []
    values = ", ".join(f"{k} = {v:.4g}" for k, v in list(good[0].parameters.items())[:4])
    rise = good[0].chi2 - minima[0].chi2
    return [f"{len(good) + 1} minima fit as well: another, chi^2 {rise:.2g} higher, has {values}"]


def _prior_notes(
    model: SeriesModel,
    u: Point,
) -> list[str]:
    out = []
    local = model.local(u)
    for p in model.priors:
        found = local[p.sample][p.local]
        away = abs(found - p.value) / p.error
        if away > CONTRADICTION:
            name = model.samples[p.sample].sample.name
            out.append(
                f"{name}: the data want {p.local} = {found:.4g}, {away:.1f} standard errors from "
                f"the known {p.value:.4g} +- {p.error:.2g}"
            )
    return out


def _range_notes(
    model: SeriesModel,
    u: Point,
) -> list[str]:
    """A note if the bound of a measure does not hold at the answer."""
    for sample, values in zip(model.samples, model.local(u), strict=True):
        for setup, rows in zip(sample.setups, sample.rows, strict=True):
            fields = np.concatenate([sample.curves[k].fields for k in rows])
            strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
            try:
                setup.tuned(values, exact=True).response(strongest[None, :])
            except SolveError as exc:
                return [f"{sample.sample.name}: {exc}"]
    return []


def _samples(
    prepared: Prepared,
    found: Found,
) -> dict[str, SampleFit]:
    """What was fitted, sample by sample."""
    model: Any = found.model
    curves = _fitted(prepared.task, found, {})
    out = {}
    first = 0
    for sample, values in zip(model.samples, model.local(found.u), strict=True):
        own = curves[first : first + len(sample.curves)]
        first += len(sample.curves)
        away = [np.sum(((c.data.values - c.model) / c.noise) ** 2) for c in own]
        material = _material(sample.setups[0], values)
        name = sample.sample.name
        out[name] = SampleFit(
            sample=sample.sample,
            curves=own,
            material=material,
            parameters=values,
            chi2=float(np.sum(away)),
        )
    return out


def _material(
    setup: Any,
    values: Mapping[str, float],
) -> Material:
    material: Material = setup.tuned(values).material
    return material


__all__ = ["GlobalFit", "Prepared", "changes", "fit_prepared", "global_fit"]
