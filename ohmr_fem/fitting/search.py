"""From starting values to the best fit and its intervals.

chi^2 against the diffusion length has more than one valley (a wide device fixes only alpha alpha'
L_m, and there the valley runs flat to L_m = 0), so a minimum is sought at every one of a row of
lengths, from the best of a grid of tau and theta, before all parameters are let free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtri, fdtri

from ..solver.resolution import LARGEST_CELL, cell_heights
from ..solver.system import System, system_of
from ..sweep.measure import SpectralMeasure
from .data import Measured
from .fisher import Identifiability, identify
from .input import Source
from .model import Curve, Model, Parameter, scatter
from .profile import LowerMinimumError, Valley, settle, widest

#: Diffusion lengths covered either way from the start, and when the intervals ask for more.
NARROW, WIDE = 3.0, 8.0
#: Lengths at which a minimum is sought, per factor of e.
SCAN = 2.0
#: Minima belong to different valleys if their diffusion lengths are this far apart, in factors of
#: e; followed at most.
APART, MOST_VALLEYS = 0.5, 3
#: Points of each curve on which the grid of starts is compared.
COARSE = 40
#: Weight of the distance from the start, in standard errors per factor of e: with the first a fit
#: moves along a valley only
#: where the data push it, the second picks what to show where they leave parameters free.
NUDGE, PRIOR = 1e-3, 0.5


@dataclass(frozen=True, eq=False)
class Task:
    """What to fit and how; the fields are the arguments of :func:`ohmr_fem.fit`."""

    curves: tuple[Measured, ...]
    parameters: tuple[Parameter, ...]
    background: tuple[str, ...]
    confidence: float
    intervals: str
    limit: float
    method: str
    lmfit: Any

    @property
    def noise_estimated(self) -> bool:
        return any(c.sigma is None for c in self.curves)

    @property
    def length(self) -> int | None:
        """Place of the diffusion length among the parameters."""
        return next(
            (i for i, p in enumerate(self.parameters) if p.name == "diffusion_length"), None
        )

    @property
    def threshold(self) -> float:
        """Rise of chi^2 at the ends of an interval."""
        if not self.noise_estimated:
            return float(chdtri(1.0, 1.0 - self.confidence))
        degrees = sum(len(c.values) - len(self.background) for c in self.curves) - len(
            self.parameters
        )
        return float(fdtri(1.0, degrees, self.confidence))

    def model(
        self,
        measures: Sequence[SpectralMeasure],
        strip_of: Sequence[float] | None = None,
        lengths: tuple[float, float] | None = None,
    ) -> Model:
        squares: Sequence[float | None] = strip_of or [None] * len(self.curves)
        curves = tuple(
            Curve.of(c, m, self.background, s)
            for c, m, s in zip(self.curves, measures, squares, strict=True)
        )
        sigma = tuple(
            c.sigma if c.sigma is not None else np.full(len(c.values), scatter(c))
            for c in self.curves
        )
        return Model(self.parameters, curves, tuple(c.values for c in self.curves), sigma, lengths)

    def identify(
        self, model: Model, u: np.ndarray, reach: Mapping[int, float] | None = None
    ) -> Identifiability:
        """What the data fix at u; see :func:`ohmr_fem.fitting.fisher.identify`."""
        return identify(
            model.relative_jacobian(u),
            [p.name for p in self.parameters],
            [p.symbol for p in self.parameters],
            self.limit,
            reach,
        )


@dataclass(frozen=True, eq=False)
class Found:
    """The best fit.

    Attributes
    ----------
    model, measures
    u : (q,) where
    intervals : in u
    reach : {number of a parameter: standard error} where the profile goes farther than the
    curvature at u
    clipped : for both ends of each interval, whether the diffusion length had reached the end of
    its range there
    before : what was known at the start
    result : lmfit's
    """

    model: Model
    measures: tuple[SpectralMeasure, ...]
    u: np.ndarray
    intervals: tuple[tuple[float, float], ...]
    reach: Mapping[int, float]
    clipped: tuple[tuple[bool, bool], ...]
    before: Identifiability
    result: Any


def search(task: Task, source: Source) -> Found:
    """Fit, and fit again with a wider or shifted range of diffusion lengths where the answer asks
    for it.
    """
    around, factor = source.material.diffusion_length, NARROW
    floor = (
        0.0
        if source.problem is None
        else min(0.7 * shortest_length(system_of(source.problem)), around / 1.5)
    )
    before: Identifiability | None = None
    profile: Profile | None = None
    while True:
        lengths = (
            (max(around / factor, floor), around * factor)
            if source.problem is not None
            else source.covered(task.curves)
        )
        measures = source.measures(lengths)
        model = task.model(measures, lengths=lengths)
        before = before or task.identify(model, np.zeros(len(task.parameters)))
        model, u, result, others = minimise(task, model, _scanned(task, lengths))
        if task.length is None or source.problem is None or factor >= WIDE:
            break
        found = model.physical(u)["diffusion_length"]
        if not 1.2 * lengths[0] < found < lengths[1] / 1.2 and found > 1.2 * floor:
            around, factor = found, WIDE
            continue
        profile = _intervals(task, model, u, others)
        if np.all(np.isfinite(profile.ends[task.length])):
            break
        around, factor = np.sqrt(found * around), WIDE
        profile = None
    profile = profile or _intervals(task, model, u, others)
    u = profile.u
    if task.identify(model, u, profile.reach).free and task.intervals == "profile":
        u, result = _near_start(
            task, model, [u, *(x for x in others if _chi2(model, x) < _chi2(model, u) + 4.0)]
        )
    return Found(model, measures, u, profile.ends, profile.reach, profile.clipped, before, result)


def shortest_length(system: System) -> float:
    """Shortest diffusion length in m that the cells at the edges of a mesh resolve without a
    field.
    """
    mesh = system.problem.mesh.mesh
    facets = mesh.boundary_facets()
    heights = cell_heights(system, facets, mesh.f2t[0, facets])
    return float(heights.max() / LARGEST_CELL[system.problem.order - 1])


def _scanned(task: Task, lengths: tuple[float, float]) -> np.ndarray:
    """u of the diffusion lengths to be scanned; a single 0 where the length is not fitted."""
    if task.length is None:
        return np.zeros(1)
    start = task.parameters[task.length].start
    low, high = np.log(np.array(lengths) / start)
    return np.linspace(low, high, 2 + int(SCAN * (high - low)))


def minimise(
    task: Task, model: Model, scanned: np.ndarray
) -> tuple[Model, np.ndarray, Any, list[np.ndarray]]:
    """The best fit over all scanned lengths, the noise of curves without sigma from its residuals,
    and the other minima.
    """
    settled = [_settle(task, model, start) for start in _grid(task, model.thinned(COARSE), scanned)]
    minima = [local(task, model, u)[0] for u in _lowest(model, settled)]
    u = min(minima, key=lambda x: _chi2(model, x))
    for _ in range(10):
        sigma, change = _reweighted(task, model, u)
        model = replace(model, sigma=sigma)
        u, result = local(task, model, min([u, *minima], key=lambda x: _chi2(model, x)))
        if change < 0.01:
            break
    return model, u, result, [*minima, *settled]


def _lowest(model: Model, settled: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Those of a row of points, in the order of the diffusion length, that lie lower than their
    neighbours.
    """
    heights = np.array([np.inf, *(_chi2(model, u) for u in settled), np.inf])
    return [u for k, u in enumerate(settled) if heights[k + 1] <= min(heights[k], heights[k + 2])]


def _chi2(model: Model, u: np.ndarray) -> float:
    return float(np.sum(model.residual(u) ** 2))


def _grid(task: Task, model: Model, scanned: np.ndarray) -> list[np.ndarray]:
    """For every scanned length the best point of a grid in tau and theta; alpha alpha' is solved
    for, being linear.
    """
    steps = {
        "theta": np.log([0.1, 1.0, 10.0]),
        "diffusion_length": scanned,
        "relaxation_time": np.log(10.0) * np.linspace(-1.5, 1.5, 7),
    }
    axes = [steps.get(p.name, np.zeros(1)) for p in model.parameters]
    product = next((i for i, p in enumerate(model.parameters) if p.name == "alpha_product"), None)
    best: dict[float, tuple[float, np.ndarray]] = {}
    for point in np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)):
        u = np.array(point)
        now = model.residual(u)
        if product is not None:
            slope = model.jacobian(u, [product])[:, 0]
            size = float(slope @ slope)
            shift = 0.0 if size == 0.0 else float(-(now @ slope) / size)
            u[product] += shift
            now = now + shift * slope
        value, key = float(now @ now), 0.0 if task.length is None else float(point[task.length])
        if key not in best or value < best[key][0]:
            best[key] = (value, u)
    return [u for _, u in best.values()]


def _settle(task: Task, model: Model, start: np.ndarray) -> np.ndarray:
    """Minimum at a fixed diffusion length."""
    free = np.flatnonzero(np.arange(len(start)) != (-1 if task.length is None else task.length))
    return settle(model.residual, model.jacobian, start, free, _weights(model, NUDGE), 1e-4, 30)


def _near_start(task: Task, model: Model, minima: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
    """What to show where the data leave parameters free: the acceptable fit nearest to the
    start.
    """

    def cost(u: np.ndarray) -> float:
        return _chi2(model, u) + float(np.sum((_weights(model, PRIOR) * u) ** 2))

    found = [local(task, model, start, PRIOR) for start in sorted(minima, key=cost)[:2]]
    return min(found, key=lambda pair: cost(pair[0]))


def _weights(model: Model, prior: float) -> np.ndarray:
    return np.array([prior if p.logarithmic else NUDGE for p in model.parameters])


def local(
    task: Task, model: Model, start: np.ndarray, prior: float = NUDGE
) -> tuple[np.ndarray, Any]:
    """lmfit from one start, with a Gaussian prior of width 1/prior about it in the logarithms."""
    weights = _weights(model, prior)
    names = [p.name if not p.logarithmic else f"ln_{p.name}" for p in model.parameters]

    def vector(values: Any) -> np.ndarray:
        return np.array([values[n].value for n in names])

    given = task.lmfit.Parameters()
    for name, value in zip(names, start, strict=True):
        given.add(name, value=float(value))
    minimiser = task.lmfit.Minimizer(
        lambda p: np.append(model.residual(vector(p)), weights * vector(p)),
        given,
        scale_covar=False,
        nan_policy="raise",
    )
    if task.method != "leastsq":
        for name in names:
            given[name].min, given[name].max = (
                float(given[name].value - 3.0),
                float(given[name].value + 3.0),
            )
        result = minimiser.minimize(method=task.method)
    else:
        result = minimiser.minimize(
            method="leastsq",
            col_deriv=False,
            ftol=1e-12,
            xtol=1e-10,
            max_nfev=400,
            Dfun=lambda p: np.vstack([model.jacobian(vector(p)), np.diag(weights)]),
        )
    return model.coordinates(model.physical(vector(result.params))), result


def _reweighted(task: Task, model: Model, u: np.ndarray) -> tuple[tuple[np.ndarray, ...], float]:
    """Noise of the curves without sigma from their residuals, and the largest relative change of
    it.
    """
    sigma, worst = [], 0.0
    shared = len(model.parameters) / len(task.curves)
    for c, s, signal, back in zip(
        task.curves, model.sigma, model.signals(u), model.backgrounds(u), strict=True
    ):
        if c.sigma is None:
            degrees = max(len(c.values) - len(task.background) - shared, 1.0)
            rms = float(np.sqrt(np.sum((c.values - signal - back) ** 2) / degrees))
            new = np.full(len(c.values), max(rms, 1e-12 * float(np.ptp(c.values)), 1e-300))
            worst, s = max(worst, abs(float(new[0] / s[0]) - 1.0)), new
        sigma.append(s)
    return tuple(sigma), worst


@dataclass(frozen=True, eq=False)
class Profile:
    """Intervals in u, and what :class:`Found` says of them; u is the minimum, which moves if a
    profile finds a lower one.
    """

    u: np.ndarray
    ends: tuple[tuple[float, float], ...]
    reach: Mapping[int, float]
    clipped: tuple[tuple[bool, bool], ...]


def _intervals(task: Task, model: Model, u: np.ndarray, others: Sequence[np.ndarray]) -> Profile:
    """Profile intervals of every parameter."""
    threshold, nothing = task.threshold, ((False, False),) * len(u)
    if task.intervals == "fisher":
        half = np.sqrt(
            threshold
            * np.diag(
                Valley.at(model.residual, model.jacobian, u, _weights(model, NUDGE)).covariance
            )
        )
        return Profile(
            u,
            tuple((float(x - h), float(x + h)) for x, h in zip(u, half, strict=True)),
            {},
            nothing,
        )
    for _ in range(4):
        good = [x for x in others if _chi2(model, x) - _chi2(model, u) < threshold]
        valleys = _valleys(task, model, u, good)
        try:
            errors = task.identify(model, u).errors
            walks = [
                widest(valleys, i, threshold, model.covered if i == task.length else None, good)
                if np.isfinite(errors[i])
                else (-np.inf, np.inf, [u, u])
                for i in range(len(u))
            ]
        except LowerMinimumError as better:
            u, _ = local(task, model, better.u)
            continue
        ends = tuple((low, high) for low, high, _ in walks)
        clipped = tuple(
            (not model.covered(points[0]), not model.covered(points[1])) for *_, points in walks
        )
        return Profile(u, ends, _reach(task, model, u, ends), clipped)
    return Profile(u, ((-np.inf, np.inf),) * len(u), {}, nothing)


def _valleys(task: Task, model: Model, u: np.ndarray, good: Sequence[np.ndarray]) -> list[Valley]:
    """The valley of the best fit, and the others that hold acceptable fits at another diffusion
    length.
    """
    weights = _weights(model, NUDGE)
    out = [Valley.at(model.residual, model.jacobian, u, weights)]
    for x in sorted(good, key=lambda x: _chi2(model, x)) if task.length is not None else ():
        if len(out) < MOST_VALLEYS and all(
            abs(x[task.length] - v.bottom[task.length]) > APART for v in out
        ):
            out.append(Valley.at(model.residual, model.jacobian, x, weights, out[0].lowest))
    return out


def _reach(
    task: Task, model: Model, u: np.ndarray, ends: Sequence[tuple[float, float]]
) -> dict[int, float]:
    """Standard error of ln(parameter) from its interval, where that calls fixed what the curvature
    at the minimum does not,
    or the other way round."""
    errors, out = task.identify(model, u).errors, {}
    for i, (p, (low, high)) in enumerate(zip(model.parameters, ends, strict=True)):
        size = max(high - u[i], u[i] - low) * abs(p.relative(float(u[i]))) / np.sqrt(task.threshold)
        if np.isfinite(errors[i]) and (errors[i] < task.limit) != (size < task.limit):
            out[i] = min(float(size), 1.0)
    return out
